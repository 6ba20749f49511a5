//! Orders out of the source, a page at a time.
//!
//! Each page is a span of ids. Its parts are read one after the other, each result to its end, before anything is
//! written: a table that its engine locks for readers is free again at once.

mod parts;

use std::borrow::Cow;
use std::collections::HashMap;

use anyhow::{Context, Result};
use mysql::prelude::Queryable;
use mysql::{Conn, Statement, Value};

use self::parts::Parts;
use super::Wanted;
use super::choose::{Accessory, Head, Log, Operation, Order};
use super::log::ChosenLines;
use super::schema::Schema;
use super::sql::Statements;
use crate::cells::{self, Cells};
use crate::convert::{Options, Tally};
use crate::server;

/// Orders of a page where every part is found by an index.
const PAGE: usize = 2_000;
/// Where accessories or operations are not: every page then reads that table whole.
const UNINDEXED_PAGE: usize = 50_000;
/// Ids that are asked for at once.
const IDS: usize = 500;

/// What was read of one span of orders.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Every order of the span, by id.
    pub(crate) orders: Vec<Order>,
    /// What was mended on the way.
    pub(crate) tally: Tally,
    /// An id is not as the source has it, so that two orders may now share one.
    pub(crate) has_changed_ids: bool,
    /// Where each order stands, by its id as the source has it.
    places: HashMap<Vec<u8>, usize>,
}

/// Which orders are read.
#[derive(Debug)]
pub(crate) enum Span {
    /// All of them, from behind this id on.
    Behind(Option<Value>),
    /// Those with these ids.
    Ids(std::vec::IntoIter<Value>),
}

/// A reader of orders, page by page.
pub(crate) struct Reader {
    conn: Conn,
    schema: Schema,
    wanted: Wanted,
    options: Options,
    span: Span,
    n_orders: usize,
    prepared: Option<(usize, Prepared)>,
    /// The log, where no index leads from an order to its lines.
    chosen: Option<ChosenLines>,
}

/// The statements of one kind of span.
#[derive(Clone)]
struct Prepared {
    heads: Statement,
    logs: Parts,
    accessories: Parts,
    operations: Parts,
}

impl Reader {
    pub(crate) fn new(conn: Conn, schema: Schema, wanted: Wanted, options: Options, span: Span) -> Reader {
        let tables = [&schema.head, &schema.accessory, &schema.operation];
        let n_orders = if tables.iter().all(|table| table.index.is_some()) { PAGE } else { UNINDEXED_PAGE };
        Reader { conn, schema, wanted, options, span, n_orders, prepared: None, chosen: None }
    }

    /// The next page, `None` behind the last one.
    pub(crate) fn next(&mut self) -> Result<Option<Page>> {
        match &mut self.span {
            Span::Behind(after) => {
                let after = after.clone();
                self.page_behind(after)
            }
            Span::Ids(ids) => {
                let ids: Vec<Value> = ids.take(IDS).collect();
                self.page_of(ids)
            }
        }
    }

    fn page_behind(&mut self, after: Option<Value>) -> Result<Option<Page>> {
        let is_first = after.is_none();
        self.prepare(usize::from(is_first), |reader| {
            Statements::by_range(&reader.schema, &reader.wanted, is_first)
        })?;
        let mut limited: Vec<Value> = after.iter().cloned().collect();
        limited.push(Value::from(self.n_orders));
        let mut page = Page::default();
        let Some(last) = self.heads(&mut page, limited)? else {
            return Ok(None);
        };
        let span: Vec<Value> = after.into_iter().chain([last.clone()]).collect();
        self.parts(&mut page, &span)?;
        self.span = Span::Behind(Some(last));
        Ok(Some(page))
    }

    fn page_of(&mut self, ids: Vec<Value>) -> Result<Option<Page>> {
        if ids.is_empty() {
            return Ok(None);
        }
        self.prepare(ids.len() + 1, |reader| Statements::by_ids(&reader.schema, &reader.wanted, ids.len()))?;
        let mut page = Page::default();
        self.heads(&mut page, ids.clone())?;
        self.parts(&mut page, &ids)?;
        Ok(Some(page))
    }

    /// Prepares the statements of this kind of span, unless those of the last page will do.
    fn prepare(&mut self, kind: usize, statements: impl FnOnce(&Reader) -> Statements) -> Result<()> {
        if self.prepared.as_ref().is_some_and(|(prepared, _)| *prepared == kind) {
            return Ok(());
        }
        let statements = statements(self);
        let conn = &mut self.conn;
        let prepared = Prepared {
            heads: conn.prep(&statements.heads).map_err(server::explain)?,
            logs: Parts::prepare(conn, "a_logbuch", statements.logs)?,
            accessories: Parts::prepare(conn, "p_zubeh", statements.accessories)?,
            operations: Parts::prepare(conn, "a_vorgang", statements.operations)?,
        };
        self.prepared = Some((kind, prepared));
        Ok(())
    }

    fn prepared(&self) -> Result<&Prepared> {
        Ok(&self.prepared.as_ref().context("a page is read after its statements are prepared")?.1)
    }

    /// Reads the orders' own columns; gives the id of the last one as the source has it.
    fn heads(&mut self, page: &mut Page, params: Vec<Value>) -> Result<Option<Value>> {
        let statement = self.prepared()?.heads.clone();
        let mut last = None;
        let Page { orders, places, tally, has_changed_ids } = page;
        cells::each_row(&mut self.conn, &statement, params, &self.options, tally, |row| {
            let id = row.raw(0).clone();
            let (head, misfit) = match head(row) {
                Ok(head) => (head, None),
                Err(misfit) => {
                    // Without its other columns; the id at least says which order it is.
                    (Head { id: row.text(0)?.unwrap_or_default(), ..Head::default() }, Some(misfit))
                }
            };
            let raw = raw_id(&id).into_owned();
            *has_changed_ids |= raw != head.id.as_bytes();
            if places.insert(raw, orders.len()).is_some() {
                return Err(format!("two orders have the id {}", head.id));
            }
            orders.push(Order { head, misfit, ..Order::default() });
            last = Some(id);
            Ok(())
        })
        .with_context(|| format!("read table {}", self.schema.head.info.name))?;
        Ok(last)
    }

    /// Reads the parts of the page's orders.
    fn parts(&mut self, page: &mut Page, span: &[Value]) -> Result<()> {
        let Prepared { logs, accessories, operations, .. } = self.prepared()?.clone();
        if self.schema.log.index.is_some() {
            self.take_parts(page, &logs, span, |order, row| order.take_line(log(row)))?;
        } else {
            self.chosen_lines(page)?;
        }
        self.take_parts(page, &accessories, span, |order, row| {
            let (accessory, misfit) = match accessory(row) {
                Ok(accessory) => (accessory, Ok(())),
                Err(misfit) => (Accessory::default(), Err(misfit)),
            };
            order.accessories.push(accessory);
            misfit
        })?;
        self.take_parts(page, &operations, span, |order, row| {
            order.operations.push(Operation { number: row.text(1)?, name: row.text(2)? });
            Ok(())
        })
    }

    /// Gives the page's orders their log lines, which are all read before the first page.
    fn chosen_lines(&mut self, page: &mut Page) -> Result<()> {
        let chosen = match self.chosen.take() {
            Some(chosen) => chosen,
            None => {
                let mut chosen =
                    ChosenLines::read(&mut self.conn, &self.schema, &self.wanted, &self.options)?;
                page.tally += std::mem::take(&mut chosen.tally);
                chosen
            }
        };
        for (id, place) in &page.places {
            if let Some(line) = chosen.of(id) {
                page.orders[*place].take("a_logbuch", |order| order.take_line(line.clone()));
            }
        }
        self.chosen = Some(chosen);
        Ok(())
    }
}

/// An id as the source has it.
pub(crate) fn raw_id(value: &Value) -> Cow<'_, [u8]> {
    match value {
        Value::Bytes(bytes) => Cow::Borrowed(bytes),
        other => Cow::Owned(other.as_sql(false).into_bytes()),
    }
}

fn head(row: &mut Cells<'_>) -> Result<Head, String> {
    Ok(Head {
        id: row.text(0)?.unwrap_or_default(),
        number: row.int(1)?,
        extension: row.text(2)?,
        status: row.text(3)?,
        name: row.text(4)?,
    })
}

/// A log line, whose columns are `order id, datum, id`.
pub(super) fn log(row: &mut Cells<'_>) -> Result<Log, String> {
    Ok(Log { at: row.moment(1)?, id: row.int(2)?.unwrap_or(i64::MIN) })
}

fn accessory(row: &mut Cells<'_>) -> Result<Accessory, String> {
    Ok(Accessory {
        code: row.text(1)?,
        position: row.int(2)?.unwrap_or_default(),
        kind: row.int(3)?.unwrap_or_default(),
        number: row.int(4)?.unwrap_or_default(),
        text: row.text(5)?,
    })
}
