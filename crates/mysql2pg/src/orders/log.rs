//! The log of orders, read by its own key.
//!
//! Where no index leads from an order to its log lines, every page of orders would read the whole log. It is then read
//! once, ahead of the orders, and each order's chosen line is kept.

use std::collections::HashMap;

use anyhow::{Context, Result};
use mysql::prelude::Queryable;
use mysql::{Conn, Value};

use super::Wanted;
use super::choose::Log;
use super::reader::{log, raw_id};
use super::schema::Schema;
use super::sql;
use crate::cells;
use crate::convert::{Options, Tally};
use crate::server;

/// Log lines that are asked for at once where a reader keeps writers waiting.
const LINES: u32 = 20_000;

/// The chosen log line of every order that has a wanted one.
#[derive(Debug, Default)]
pub(crate) struct ChosenLines {
    /// By the order's id as the source has it; the line, or why one of them cannot be read.
    of: HashMap<Box<[u8]>, Result<Log, String>>,
    /// What was mended on the way.
    pub(crate) tally: Tally,
}

impl ChosenLines {
    /// Reads the log once.
    pub(crate) fn read(
        conn: &mut Conn,
        schema: &Schema,
        wanted: &Wanted,
        options: &Options,
    ) -> Result<ChosenLines> {
        let (noted, notes) = sql::wanted_notes(schema, wanted);
        let mut chosen = ChosenLines::default();
        each_span(conn, schema, |conn, span, mut params| {
            let sql = sql::lines_of_span(schema, span, &noted);
            let statement = conn.prep(sql).map_err(server::explain)?;
            params.extend(notes.iter().cloned());
            let ChosenLines { of, tally } = &mut chosen;
            cells::each_row(conn, &statement, params, options, tally, |row| {
                let line = log(row);
                let id = raw_id(row.raw(0)).into();
                of.entry(id).and_modify(|taken| better(taken, &line)).or_insert(line);
                Ok(())
            })
        })?;
        Ok(chosen)
    }

    /// The chosen line of the order with this id as the source has it.
    pub(crate) fn of(&self, id: &[u8]) -> Option<&Result<Log, String>> {
        self.of.get(id)
    }
}

/// A line that cannot be read might have been the chosen one, so it stands.
fn better(taken: &mut Result<Log, String>, line: &Result<Log, String>) {
    match (&taken, line) {
        (Err(_), _) => {}
        (Ok(_), Err(_)) => taken.clone_from(line),
        (Ok(before), Ok(now)) => {
            if now.goes_before(before) {
                taken.clone_from(line);
            }
        }
    }
}

/// Calls `read` with conditions on the log as `c`, each with its parameters, that together cover it.
///
/// Where a reader keeps writers waiting, each condition spans only so many lines that they wait for a moment.
pub(super) fn each_span(
    conn: &mut Conn,
    schema: &Schema,
    mut read: impl FnMut(&mut Conn, &str, Vec<Value>) -> Result<()>,
) -> Result<()> {
    if schema.log.info.is_transactional() || !schema.log.has_own_key {
        return read(conn, "1 = 1", Vec::new()).context("read table a_logbuch");
    }
    let id = schema.log.column("c", "id");
    let behind = format!("{id} > ?");
    let mut after: Vec<Value> = Vec::new();
    loop {
        let begin = if after.is_empty() { "1 = 1" } else { behind.as_str() };
        let next = format!(
            "SELECT {id} FROM {} c WHERE {begin} ORDER BY {id} LIMIT 1 OFFSET {LINES}",
            schema.log.sql()
        );
        let last: Option<Value> = conn.exec_first(next, after.clone()).map_err(server::explain)?;
        let end = if last.is_some() { format!("{id} <= ?") } else { "1 = 1".to_owned() };
        let params = after.iter().chain(&last).cloned().collect();
        read(conn, &format!("{begin} AND {end}"), params).context("read table a_logbuch")?;
        match last {
            Some(last) => after = vec![last],
            None => return Ok(()),
        }
    }
}
