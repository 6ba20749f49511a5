//! Which orders a run reads: all of them, or those whose log has changed since a time.

use std::collections::HashMap;

use anyhow::{Context, Result};
use mysql::prelude::Queryable;
use mysql::{Conn, Value};
use pg_load::rejected::Origin;
use postgres::Transaction;
use postgres::types::Type;
use sync_core::fault::Fault;
use sync_core::watermark::{self, Key, Moved, Position, Relation, Watermark};

use super::destination::ID;
use super::log;
use super::reader::{self, Span};
use super::schema::Schema;
use super::sql;
use crate::load::rejects;
use crate::moment;
use crate::server;

/// How much of the log before the cursor is looked at again, in hours: clocks of the ERP's machines differ.
const OVERLAP_HOURS: u32 = 1;
/// SQL of the server's time by its own zone; our session's is UTC.
const NOW: &str = "CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', @@global.time_zone)";
/// A full read at least this often, in microseconds: what changes without a log line is seen only then.
const FULL_EVERY: i64 = 24 * 3_600_000_000;

/// Where a run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// With every order.
    Beginning,
    /// Behind the last run's newest log line.
    Auto,
    /// With log lines from this time on, in the ERP's local time: `YYYY-MM-DD HH:MM:SS`.
    Time(String),
}

/// The span of a run, and where the cursor goes with it.
pub(crate) struct Plan {
    pub(crate) span: Span,
    /// Every order is read.
    pub(crate) is_full: bool,
    /// The watermark as it was found.
    pub(crate) mark: Watermark,
    /// Where the cursor goes, in microseconds since 1970-01-01: the newest time in the log that is not in the future.
    cursor: Option<i64>,
    /// PostgreSQL's time, in microseconds since 1970-01-01 UTC.
    now: i64,
    relation: Relation,
}

/// Decides on the span of this run.
pub(crate) fn plan(
    conn: &mut Conn,
    tx: &mut Transaction<'_>,
    schema: &Schema,
    since: &Since,
    origin: &Origin<'_>,
    (destination, relation): (&str, Relation),
) -> Result<Plan> {
    let key = Key {
        file: origin.file.to_owned(),
        table: schema.log.info.name.clone(),
        destination: destination.to_owned(),
    };
    watermark::insert(tx, origin.schema, origin.source, &key, None, 0)?;
    let mark = watermark::load(tx, origin.schema, origin.source, &key)?.context("a watermark vanished")?;
    let sql = "SELECT (extract(epoch FROM now()) * 1000000)::bigint";
    let now: i64 = tx.query_typed_one(sql, &[] as &[(&(dyn postgres::types::ToSql + Sync), Type)])?.get(0);
    // A time that somebody chose may lie behind lines that no run has seen: the cursor stays.
    let newest = if matches!(since, Since::Time(_)) { None } else { newest_log_time(conn, schema)? };
    let cursor = mark.at.last_timestamp;
    // The ERP's clock was set back: lines that came since then lie before the cursor.
    let is_ahead = cursor > server_now(conn)?;
    // A destination that was dropped, emptied or restored since then may lack what the cursor has passed.
    let is_due = is_ahead
        || mark.at.relation != relation
        || mark.at.rowid.is_none_or(|last_full| now - last_full >= FULL_EVERY);
    let from = match (since, cursor) {
        (Since::Time(time), _) => Some((Value::from(time.as_str()), 0)),
        (Since::Auto, Some(cursor)) if !is_due => Some((moment::value(cursor), OVERLAP_HOURS)),
        _ => None,
    };
    let is_full = from.is_none();
    let span = match from {
        None => Span::Behind(None),
        Some((from, overlap)) => {
            let mut ids = changed(conn, schema, &from, overlap)?;
            for id in rejects::values_of(tx, origin, ID)? {
                ids.entry(id.clone().into_bytes()).or_insert(Value::from(id));
            }
            Span::Ids(ids.into_values().collect::<Vec<_>>().into_iter())
        }
    };
    let cursor = if is_ahead && is_full { newest } else { cursor.max(newest) };
    Ok(Plan { span, is_full, cursor, mark, now, relation })
}

impl Plan {
    /// The span, for the one who reads it.
    pub(crate) fn take_span(&mut self) -> Span {
        std::mem::replace(&mut self.span, Span::Ids(Vec::new().into_iter()))
    }

    /// Moves the watermark with the rows of the transaction.
    pub(crate) fn advance(&self, tx: &mut Transaction<'_>, schema: &str, n_wanted: u64) -> Result<()> {
        let at = &self.mark.at;
        let to = Position {
            last_timestamp: self.cursor,
            rowid: if self.is_full { Some(self.now) } else { at.rowid },
            relation: if self.is_full { self.relation } else { at.relation },
            n_rows: if self.is_full { i64::try_from(n_wanted)? } else { at.n_rows },
            ..at.clone()
        };
        match watermark::advance(tx, schema, &self.mark, &to)? {
            Moved::Yes { .. } => Ok(()),
            Moved::No => Err(Fault::temporary("another run has moved the watermark meanwhile", "")),
        }
    }
}

/// The server's clock, in microseconds since 1970-01-01 by its own zone.
fn server_now(conn: &mut Conn) -> Result<Option<i64>> {
    let now: Option<Value> = conn.exec_first(format!("SELECT {NOW}"), ()).map_err(server::explain)?;
    Ok(now.as_ref().and_then(moment::micros))
}

/// The newest time in the log that the server's clock has reached, in microseconds since 1970-01-01.
fn newest_log_time(conn: &mut Conn, schema: &Schema) -> Result<Option<i64>> {
    let at = schema.log.column("c", "datum");
    let mut newest = None;
    log::each_span(conn, schema, |conn, span, params| {
        let sql = format!(
            "SELECT MAX(CAST({at} AS DATETIME(6))) FROM {} c
             WHERE {span} AND {at} <= {NOW}",
            schema.log.sql()
        );
        // Prepared, since only then a time comes as one and not as text.
        let found: Option<Option<Value>> = conn.exec_first(sql, params).map_err(server::explain)?;
        newest = newest.max(found.flatten().as_ref().and_then(moment::micros));
        Ok(())
    })?;
    Ok(newest)
}

/// Ids of the orders whose log has a line from this time on, by their bytes in the source.
fn changed(conn: &mut Conn, schema: &Schema, from: &Value, overlap: u32) -> Result<HashMap<Vec<u8>, Value>> {
    let at = schema.log.column("c", "datum");
    let since = format!("{at} >= CAST(? AS DATETIME(6)) - INTERVAL {overlap} HOUR");
    let mut ids = HashMap::new();
    log::each_span(conn, schema, |conn, span, mut params| {
        params.push(from.clone());
        let sql = sql::orders_of_span(schema, span, &since);
        let found: Vec<Value> = conn.exec(sql, params).map_err(server::explain)?;
        ids.extend(found.into_iter().map(|id| (reader::raw_id(&id).into_owned(), id)));
        Ok(())
    })?;
    Ok(ids)
}
