//! Which rows the server does not have yet.

use anyhow::{Context as _, Result};
use rusqlite::{Connection, named_params};
use sync_core::tracking;

use super::schema::{Schema, Table};

/// Ids that are looked up at once: a longer backlog is looked up in parts.
pub(crate) const MAX_IDS: usize = 100_000;

/// Rows to be sent, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unsent {
    /// Never tried, in the order of their ids, at most [`MAX_IDS`].
    pub(crate) new: Vec<i64>,
    /// Tried before, and due.
    pub(crate) due: Vec<i64>,
}

/// Rows of the table behind this id, or all, that were never tried.
pub(crate) fn new(db: &Connection, table: &Table, after: Option<i64>) -> Result<Vec<i64>> {
    let (Table { rows, id, .. }, name, fingerprint) = (table, table.kind.table(), table.fingerprint());
    let sql = format!(
        "SELECT {id} FROM {rows} {known} WHERE {id} IN ({candidates}) AND {is_new} ORDER BY {id} LIMIT {MAX_IDS}",
        known = tracking::join(name, id),
        candidates = tracking::candidates(name, rows, id, &fingerprint),
        is_new = tracking::is_new(&fingerprint),
    );
    ids(db, &sql, named_params! {":from": after.map_or(i64::MIN, |after| after.saturating_add(1))}, table)
}

/// Rows of the table that were tried before and are due at this time, in seconds since 1970-01-01 UTC.
pub(crate) fn due(db: &Connection, table: &Table, now: i64) -> Result<Vec<i64>> {
    let is_due = tracking::is_due(&table.fingerprint());
    let sql = format!("SELECT t.local_id {} AND {is_due} ORDER BY t.local_id", marked(table));
    ids(db, &sql, named_params! {":now": now}, table)
}

/// The highest id of the table.
pub(crate) fn highest(db: &Connection, table: &Table) -> Result<Option<i64>> {
    let sql = format!("SELECT max({}) FROM {}", table.id, table.rows);
    Ok(db.query_row(&sql, [], |row| row.get(0))?)
}

/// How many rows of the table no attempt of their own has failed.
pub(crate) fn n_new(db: &Connection, table: &Table) -> Result<u64> {
    let known = tracking::join(table.kind.table(), &table.id);
    let is_new = tracking::is_new(&table.fingerprint());
    n(db, &format!("SELECT count(*) FROM {} {known} WHERE {is_new}", table.rows))
}

/// How many rows of the table failed, and have not arrived since.
pub(crate) fn n_failed(db: &Connection, table: &Table) -> Result<u64> {
    n(
        db,
        &format!(
            "SELECT count(*) {} AND a.fingerprint = {} AND a.attempts > 0",
            marked(table),
            table.fingerprint()
        ),
    )
}

/// The same with those that were put off, which counts as no attempt.
pub(crate) fn n_marked(db: &Connection, table: &Table) -> Result<u64> {
    n(db, &format!("SELECT count(*) {} AND a.fingerprint = {}", marked(table), table.fingerprint()))
}

/// The rows that are marked as not sent, joined in this order: they are few, as a rule, which SQLite
/// cannot know.
fn marked(table: &Table) -> String {
    format!(
        "FROM sync_tracking t CROSS JOIN sync_attempt a USING (table_name, local_id) CROSS JOIN {} ON {} = t.local_id
         WHERE t.sync_status IN ('failed', 'pending') AND t.table_name = '{}'",
        table.rows,
        table.id,
        table.kind.table(),
    )
}

/// How many rows the server does not have.
pub(crate) fn count(db: &Connection, table: &Table) -> Result<u64> {
    Ok(n_new(db, table)? + n_failed(db, table)?)
}

/// One of these counts over all tables.
pub(crate) fn sum(
    db: &Connection,
    schema: &Schema,
    count: fn(&Connection, &Table) -> Result<u64>,
) -> Result<u64> {
    schema.tables().map(|table| count(db, table)).sum()
}

fn n(db: &Connection, sql: &str) -> Result<u64> {
    let n: i64 = db.query_row(sql, [], |row| row.get(0)).context("count what waits")?;
    Ok(u64::try_from(n)?)
}

fn ids(db: &Connection, sql: &str, params: impl rusqlite::Params, table: &Table) -> Result<Vec<i64>> {
    let looking = || format!("look for unsent rows of {}", table.plain.0);
    let mut statement = db.prepare_cached(sql).with_context(looking)?;
    let ids = statement.query_map(params, |row| row.get(0)).with_context(looking)?;
    ids.collect::<Result<_, _>>().with_context(looking)
}
