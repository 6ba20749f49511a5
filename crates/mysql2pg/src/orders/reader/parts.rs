//! One table's rows of a page of orders, each given to its order.

use std::collections::HashSet;

use anyhow::{Context, Result, ensure};
use mysql::prelude::Queryable;
use mysql::{Conn, Statement, Value};

use super::super::choose::Order;
use super::super::sql;
use super::{IDS, Page, Reader, raw_id};
use crate::cells::{self, Cells};
use crate::server;

/// The prepared statements that read one table's rows of a span of orders.
#[derive(Clone)]
pub(super) struct Parts {
    table: &'static str,
    alone: Option<Statement>,
    joined: Statement,
    params: Vec<Value>,
}

/// Ids as the source has them.
type Ids = HashSet<Vec<u8>>;

impl Parts {
    /// `table` is its name for people.
    pub(super) fn prepare(conn: &mut Conn, table: &'static str, statements: sql::Parts) -> Result<Parts> {
        let sql::Parts { alone, joined, params } = statements;
        let mut prepare = |sql: String| conn.prep(sql).map_err(server::explain);
        Ok(Parts { table, alone: alone.map(&mut prepare).transpose()?, joined: prepare(joined)?, params })
    }
}

impl Reader {
    /// Reads one table's rows of the page's orders.
    ///
    /// Whose a row is, the orders' collation decides, which may hold two spellings of an id for equal. That is seldom
    /// asked: ids that are the same byte by byte need no join.
    pub(super) fn take_parts(
        &mut self,
        page: &mut Page,
        parts: &Parts,
        span: &[Value],
        take: impl Fn(&mut Order, &mut Cells<'_>) -> Result<(), String>,
    ) -> Result<()> {
        let table = parts.table;
        let mut read = |reader: &mut Reader, statement: &Statement| {
            let params = span.iter().chain(&parts.params).cloned().collect();
            reader.rows(page, table, statement, params, &take).with_context(|| format!("read table {table}"))
        };
        if let Some(alone) = &parts.alone {
            let strangers = read(self, alone)?;
            if !self.has_order_of(&strangers)? {
                return Ok(());
            }
        }
        let strangers = read(self, &parts.joined)?;
        // Without a snapshot the order may have come after its page was read: the next run has it.
        ensure!(
            strangers.is_empty() || !self.schema.has_snapshot(),
            "{table} has parts of an order outside of its page"
        );
        Ok(())
    }

    /// Gives each row to its order; gives the ids for which the page has no order.
    fn rows(
        &mut self,
        page: &mut Page,
        table: &str,
        statement: &Statement,
        params: Vec<Value>,
        take: impl Fn(&mut Order, &mut Cells<'_>) -> Result<(), String>,
    ) -> Result<Ids> {
        let Page { orders, places, tally, .. } = page;
        let mut strangers = Ids::new();
        cells::each_row(&mut self.conn, statement, params, &self.options, tally, |row| {
            let id = raw_id(row.raw(0));
            match places.get(id.as_ref()).and_then(|place| orders.get_mut(*place)) {
                Some(order) => order.take(table, |order| take(order, row)),
                None if strangers.contains(id.as_ref()) => {}
                None => drop(strangers.insert(id.into_owned())),
            }
            Ok(())
        })?;
        Ok(strangers)
    }

    /// Whether one of these ids is an order's, only spelled otherwise; else they are of no order at all.
    fn has_order_of(&mut self, ids: &Ids) -> Result<bool> {
        let ids: Vec<&Vec<u8>> = ids.iter().collect();
        let sql = sql::has_order(&self.schema, IDS);
        for ids in ids.chunks(IDS) {
            // Always as many, so that it stays one statement: the driver keeps few, and forgets those of the pages.
            let params: Vec<Value> =
                ids.iter().cycle().take(IDS).map(|id| Value::Bytes(id.to_vec())).collect();
            let found: Option<u8> = self.conn.exec_first(&sql, params).map_err(server::explain)?;
            if found.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
