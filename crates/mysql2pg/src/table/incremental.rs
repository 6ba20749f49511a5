//! Only rows that changed: those whose column is not below its highest value of the last run.

use anyhow::{Context, Result};
use mysql::prelude::Queryable;
use mysql::{Conn, Value};
use pg_load::rejected::Origin;
use postgres::Transaction;
use sync_core::fault::Fault;
use sync_core::schedule;
use sync_core::watermark::{self, Key, Moved, Position, Watermark};

use super::job::Incremental;
use super::plan::Plan;
use crate::column::{Order, SourceColumn};
use crate::load::target::Target;
use crate::moment;
use crate::server::{self, quote_ident};

/// How much of a time is read again unless told otherwise, in seconds: transactions end after they took their time.
const OVERLAP: i64 = 3_600;

/// Which rows are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// A condition; none reads everything.
    pub(crate) sql: Option<String>,
    pub(crate) params: Vec<Value>,
}

/// A cursor that moves with the run's rows.
pub(crate) struct Cursor {
    mark: Watermark,
    to: Position,
    /// Where it stands while rows are set aside: below all of them.
    stay: Position,
}

/// Decides which rows to read, and where the cursor will stand.
pub(crate) fn plan(
    conn: &mut Conn,
    tx: &mut Transaction<'_>,
    plan: &Plan,
    incremental: &Incremental,
    origin: &Origin<'_>,
    target: &Target,
    is_new: bool,
) -> Result<(Filter, Cursor)> {
    let column = plan.source.iter().find(|column| column.name.eq_ignore_ascii_case(&incremental.column));
    let Some(column) = column else {
        let message = format!("incremental: {} is no column that is read", incremental.column);
        return Err(Fault::config(message, "name a column of the source that grows with every change"));
    };
    if plan.keys.is_empty() {
        return Err(Fault::config(
            format!("incremental: {} has no key by which a changed row replaces its former self", plan.table),
            "name it in a job's file: destination: {key: [COLUMN]}",
        ));
    }
    let (order, overlap) = (order(column)?, overlap(column, incremental)?);
    let key = Key {
        file: origin.file.to_owned(),
        table: format!("{}.{}", origin.table, column.name),
        destination: target.table.sql(),
    };
    watermark::insert(tx, origin.schema, origin.source, &key, None, 0)?;
    let mark = watermark::load(tx, origin.schema, origin.source, &key)?.context("a watermark vanished")?;
    let highest = highest(conn, plan, column, order)?;
    // One that was dropped, emptied or restored since then lacks what the cursor has passed.
    let relation = target.table.relation;
    // A job that reads or changes rows otherwise than it did lacks them as well.
    let shape = shape(plan);
    let is_same =
        |columns: &String| serde_json::from_str(columns).is_ok_and(|was: serde_json::Value| was == shape);
    let is_as_it_was = mark.at.relation == relation && mark.at.columns.as_ref().is_some_and(is_same);
    let is_new = is_new || !is_as_it_was;
    let start = Position { relation, columns: Some(shape.to_string()), ..Position::default() };
    let mut to = if is_as_it_was { mark.at.clone() } else { start.clone() };
    let last = match order {
        Order::Number => {
            to.rowid = to.rowid.max(highest);
            mark.at.rowid
        }
        _ => {
            to.last_timestamp = to.last_timestamp.max(highest);
            mark.at.last_timestamp
        }
    };
    let filter = match last.filter(|_| !is_new) {
        None => Filter::default(),
        Some(last) => Filter {
            // Rows without a value cannot be told apart from changed ones; a zero date is none.
            sql: Some(match order {
                Order::Number => format!("{0} >= ? OR {0} IS NULL", quote_ident(&column.name)),
                _ => format!(
                    "{0} >= ? OR {0} IS NULL OR {0} < '0001-01-01 00:00:00'",
                    quote_ident(&column.name)
                ),
            }),
            params: vec![match order {
                Order::Number => Value::from(last.saturating_sub(overlap)),
                _ => moment::value(last.saturating_sub(overlap.saturating_mul(1_000_000))),
            }],
        },
    };
    // A new table has nothing of what the cursor has passed.
    let stay = if is_new { start } else { mark.at.clone() };
    Ok((filter, Cursor { mark, to, stay }))
}

impl Cursor {
    /// Moves the cursor with the rows of the transaction. While rows are set aside it stays, or goes back to the
    /// beginning when all was read: they are read again.
    pub(crate) fn advance(self, tx: &mut Transaction<'_>, schema: &str, n_set_aside: u64) -> Result<()> {
        let to = if n_set_aside == 0 { &self.to } else { &self.stay };
        match watermark::advance(tx, schema, &self.mark, to)? {
            Moved::Yes { .. } => Ok(()),
            Moved::No => Err(Fault::temporary("another run has moved the watermark meanwhile", "")),
        }
    }
}

/// What decides about a row on its way: where it is read, its columns, and what is done to them.
fn shape(plan: &Plan) -> serde_json::Value {
    let columns = plan.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>();
    serde_json::json!([plan.from, plan.select(), columns, format!("{:?}", plan.transforms)])
}

fn order(column: &SourceColumn) -> Result<Order> {
    match column.order() {
        Some(order) => Ok(order),
        None => Err(Fault::config(
            format!("incremental: column {} is neither a time nor a whole number", column.name),
            "name a column that grows with every change",
        )),
    }
}

/// In seconds, or in whole numbers.
fn overlap(column: &SourceColumn, incremental: &Incremental) -> Result<i64> {
    let is_number = column.order() == Some(Order::Number);
    let wrong = |text: &str| {
        Fault::config(
            format!("incremental.overlap: {text:?} does not suit column {}", column.name),
            if is_number { "e.g. 1000" } else { "e.g. 1h" },
        )
    };
    match &incremental.overlap {
        None => Ok(if is_number { 0 } else { OVERLAP }),
        // Below zero it would leave rows out.
        Some(text) if is_number => {
            let overlap = text.trim().parse().ok().filter(|overlap| *overlap >= 0);
            overlap.ok_or_else(|| wrong(text))
        }
        Some(text) => {
            let overlap = schedule::parse_duration(text).map_err(|_| wrong(text))?;
            Ok(i64::try_from(overlap.as_secs())?)
        }
    }
}

/// The column's highest value; of times the highest that the server's clock has reached, in microseconds.
fn highest(conn: &mut Conn, plan: &Plan, column: &SourceColumn, order: Order) -> Result<Option<i64>> {
    let name = quote_ident(&column.name);
    let now = match order {
        Order::Number => String::new(),
        Order::LocalTime => {
            format!("WHERE {name} <= CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', @@global.time_zone)")
        }
        Order::UtcTime => format!("WHERE {name} <= UTC_TIMESTAMP()"),
    };
    let value = match order {
        Order::Number => format!("CAST(MAX({name}) AS CHAR)"),
        _ => format!("MAX(CAST({name} AS DATETIME(6)))"),
    };
    let sql = format!("SELECT {value} FROM {} {now}", plan.from);
    let found: Option<Value> = conn.exec_first(sql, ()).map_err(server::explain)?;
    match found {
        None | Some(Value::NULL) => Ok(None),
        Some(Value::Bytes(digits)) if order == Order::Number => {
            let parsed = std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok());
            parsed.map(Some).ok_or_else(|| {
                Fault::config(
                    format!(
                        "{} of {} has passed 9223372036854775807, which a cursor cannot hold",
                        column.name, plan.table
                    ),
                    "copy the table without --incremental, or by another column",
                )
            })
        }
        Some(value) => Ok(moment::micros(&value)),
    }
}
