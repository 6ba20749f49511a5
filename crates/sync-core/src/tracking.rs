//! What was sent to a server that keeps no cursor for us: row by row, in SQLite, beside the rows or in a file of its own.
//!
//! `sync_tracking` is for people, who query it and change it by hand; all else about a row is in `sync_attempt`. A row
//! counts as sent only while its fingerprint is the one that was sent: SQLite uses ids again after deletes. All functions
//! work in the caller's transaction, on the tables in the connection's `main` database.

use anyhow::{Context as _, Result};
use jiff::{Timestamp, Zoned};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

pub use self::conditions::{candidates, is_due, is_new, join};
pub use self::fingerprint::Fingerprint;
pub use self::tables::{copy_from, create, create_apart, exists, is_complete};

mod conditions;
mod fingerprint;
mod tables;

/// A due time further ahead than this, in seconds, is a clock's mistake, and means now.
const FURTHEST: i64 = 24 * 3600;

/// A row that is about to be sent, as it will be sent until the server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent<'a> {
    /// Name of its table, for people.
    pub table: &'a str,
    /// Its id in the source.
    pub local_id: i64,
    /// What tells it from another row under the same id.
    pub fingerprint: &'a Fingerprint,
    /// Idempotency key of all its deliveries.
    pub key: &'a str,
    /// What is sent.
    pub payload: &'a str,
}

/// What is known of a row's delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Fingerprint of the row that was to be sent.
    pub fingerprint: Fingerprint,
    /// Its idempotency key.
    pub key: String,
    /// What was to be sent; none when the server has it.
    pub payload: Option<String>,
    /// How often the server did not take it.
    pub n_attempts: u32,
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has it, under this id if it said one.
    Sent {
        /// Id on the server.
        remote_id: Option<i64>,
    },
    /// The server did not take it; it is tried again after the pause.
    Failed {
        /// HTTP status, when there was an answer.
        status: Option<u16>,
        /// Why, for people.
        reason: String,
        /// Pause before the next attempt, in seconds.
        pause: i64,
    },
    /// Nothing of it came to the server: it is due at once, and this was no attempt of its own.
    Untried {
        /// Why, for people.
        reason: String,
    },
}

/// A row that was not taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Name of its table.
    pub table: String,
    /// Its id in the source.
    pub local_id: i64,
    /// Why.
    pub reason: String,
    /// How often it was tried.
    pub n_attempts: u32,
    /// When it is due, in seconds since 1970-01-01 UTC; none means at once.
    pub due: Option<i64>,
}

/// A table of the recorder's, as SQL.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What the tracking calls it.
    pub table: &'a str,
    /// Its rows.
    pub rows: &'a str,
    /// Their id.
    pub id: &'a str,
    /// What tells a row from another one under the same id.
    pub fingerprint: &'a str,
}

/// Gives rows that an older program has sent the fingerprint that they have now, or none if they have gone, so that
/// another row under such an id is a new one.
///
/// It takes up to `limit` rows behind the id `after`, and gives their number and the id that it has come to, which is none
/// once it is through: then [`is_adopted`] holds, for the life of the tables.
pub fn adopt(db: &Connection, source: Source<'_>, after: i64, limit: i64) -> Result<(usize, Option<i64>)> {
    let Source { table, rows, id, fingerprint } = source;
    // An id that is no whole number is no row's.
    let part = "SELECT local_id, sync_status FROM sync_tracking
        WHERE table_name = ?1 AND local_id > ?2 AND typeof(local_id) = 'integer' ORDER BY local_id LIMIT ?3";
    let taking = "take over what was sent before";
    let reached = format!("SELECT nullif(count(*) = ?3, 0), max(local_id) FROM ({part})");
    let read = |row: &Row<'_>| Ok(row.get::<_, Option<bool>>(0)?.and(row.get(1)?));
    let last = db.query_row(&reached, params![table, after, limit], read).context(taking)?;
    let sql = format!(
        "INSERT OR IGNORE INTO sync_attempt (table_name, local_id, fingerprint, idempotency_key, attempts)
         SELECT ?1, t.local_id, iif({id} IS NULL, '', {fingerprint}), '', 0
         FROM ({part}) t LEFT JOIN {rows} ON {id} = t.local_id WHERE t.sync_status = 'success'"
    );
    let n = db.execute(&sql, params![table, after, limit]).context(taking)?;
    if last.is_none() {
        set_state(db, &adopted(table), &local_time())?;
    }
    Ok((n, last))
}

/// Whether [`adopt`] has been at this table.
pub fn is_adopted(db: &Connection, table: &str) -> Result<bool> {
    Ok(state(db, &adopted(table))?.is_some())
}

fn adopted(table: &str) -> String {
    format!("adopted {table}")
}

/// What is known of a row's delivery.
pub fn attempt(db: &Connection, table: &str, local_id: i64) -> Result<Option<Attempt>> {
    let mut statement = db.prepare_cached(
        "SELECT fingerprint, idempotency_key, payload, attempts FROM sync_attempt
         WHERE table_name = ?1 AND local_id = ?2",
    )?;
    let read = |row: &Row<'_>| {
        Ok(Attempt {
            fingerprint: row.get(0)?,
            key: row.get(1)?,
            payload: row.get(2)?,
            n_attempts: row.get(3)?,
        })
    };
    Ok(statement.query_row(params![table, local_id], read).optional()?)
}

/// Notes what will be sent; what is known of another row under the same id, or of an earlier delivery, goes to
/// `sync_archive`.
///
/// `known` is what [`attempt`] gives for the row.
pub fn intend(db: &Connection, intent: &Intent<'_>, known: Option<&Attempt>) -> Result<()> {
    if known.is_some_and(|known| known.payload.is_none() || known.fingerprint != *intent.fingerprint) {
        archive(db, intent.table, intent.local_id)?;
    }
    let mut statement = db.prepare_cached(
        "INSERT INTO sync_attempt (table_name, local_id, fingerprint, idempotency_key, payload)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (table_name, local_id) DO UPDATE SET fingerprint = excluded.fingerprint,
           idempotency_key = excluded.idempotency_key, payload = excluded.payload, attempts = 0,
           next_attempt_at = NULL, last_status = NULL",
    )?;
    statement.execute(params![
        intent.table,
        intent.local_id,
        intent.fingerprint,
        intent.key,
        intent.payload
    ])?;
    Ok(())
}

fn archive(db: &Connection, table: &str, local_id: i64) -> Result<()> {
    let mut copy = db.prepare_cached(
        "INSERT INTO sync_archive (table_name, local_id, remote_id, sync_date, sync_status, error_message,
           fingerprint, idempotency_key, archived_at)
         SELECT t.table_name, t.local_id, t.remote_id, t.sync_date, t.sync_status, t.error_message, a.fingerprint,
           a.idempotency_key, ?3
         FROM sync_tracking t LEFT JOIN sync_attempt a USING (table_name, local_id)
         WHERE t.table_name = ?1 AND t.local_id = ?2 AND a.local_id IS NOT NULL",
    )?;
    if copy.execute(params![table, local_id, local_time()])? > 0 {
        let mut delete =
            db.prepare_cached("DELETE FROM sync_tracking WHERE table_name = ?1 AND local_id = ?2")?;
        delete.execute(params![table, local_id])?;
    }
    Ok(())
}

/// Notes how an attempt went.
pub fn record(db: &Connection, table: &str, local_id: i64, outcome: &Outcome) -> Result<()> {
    let (status_word, remote_id, message) = match outcome {
        Outcome::Sent { remote_id } => ("success", *remote_id, None),
        Outcome::Failed { reason, .. } | Outcome::Untried { reason } => ("failed", None, Some(reason)),
    };
    let mut track = db.prepare_cached(
        "INSERT INTO sync_tracking (table_name, local_id, remote_id, sync_date, sync_status, error_message)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (table_name, local_id) DO UPDATE SET remote_id = excluded.remote_id,
           sync_date = excluded.sync_date, sync_status = excluded.sync_status, error_message = excluded.error_message",
    )?;
    track.execute(params![table, local_id, remote_id, local_time(), status_word, message])?;
    let (is_sent, status, pause) = match outcome {
        Outcome::Sent { .. } => (true, None, None),
        Outcome::Failed { status, pause, .. } => (false, *status, Some(*pause)),
        Outcome::Untried { .. } => (false, None, None),
    };
    let mut attempt = db.prepare_cached(
        "UPDATE sync_attempt SET payload = iif(?3, NULL, payload), attempts = iif(?3, 0, attempts + (?5 IS NOT NULL)),
           last_status = ?4, next_attempt_at = ?5
         WHERE table_name = ?1 AND local_id = ?2",
    )?;
    let due = pause.map(|pause| now() + pause);
    attempt.execute(params![table, local_id, is_sent, status, due])?;
    Ok(())
}

/// The rows that were not taken yet, those that are due first at the top.
pub fn failures(db: &Connection) -> Result<Vec<Failure>> {
    let mut statement = db.prepare(
        "SELECT t.table_name, t.local_id, coalesce(t.error_message, ''), coalesce(a.attempts, 0),
           CASE WHEN t.sync_status = 'failed' THEN a.next_attempt_at END
         FROM sync_tracking t LEFT JOIN sync_attempt a USING (table_name, local_id)
         WHERE t.sync_status IN ('failed', 'pending') ORDER BY 5, 1, 2",
    )?;
    let read = |row: &Row<'_>| {
        let due: Option<i64> = row.get(4)?;
        let due = due.filter(|due| (now()..=now() + FURTHEST).contains(due));
        Ok(Failure {
            table: row.get(0)?,
            local_id: row.get(1)?,
            reason: row.get(2)?,
            n_attempts: row.get(3)?,
            due,
        })
    };
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}

/// Makes failed rows due now, all of them or one; gives their number.
pub fn retry(db: &Connection, row: Option<(&str, i64)>) -> Result<usize> {
    let (table, id) = row.unzip();
    Ok(db.execute(
        "UPDATE sync_tracking SET sync_status = 'pending' WHERE sync_status <> 'success'
         AND (:table IS NULL OR (table_name = :table AND local_id = :id))",
        named_params! {":table": table, ":id": id},
    )?)
}

/// Forgets that a row was sent or failed, so that it is sent again; gives whether it was known. What was known is archived.
///
/// Its key stays, so that a server's answer that it has the row is understood.
pub fn forget(db: &Connection, table: &str, local_id: i64) -> Result<bool> {
    archive(db, table, local_id)?;
    let row = params![table, local_id];
    db.execute("DELETE FROM sync_tracking WHERE table_name = ?1 AND local_id = ?2", row)?;
    let again = "UPDATE sync_attempt SET attempts = 0, next_attempt_at = NULL WHERE table_name = ?1 AND local_id = ?2";
    Ok(db.execute(again, row)? > 0)
}

/// The same for every row, without the archive.
pub fn forget_all(db: &Connection) -> Result<()> {
    db.execute_batch(
        "DELETE FROM sync_tracking; UPDATE sync_attempt SET attempts = 0, next_attempt_at = NULL",
    )?;
    Ok(())
}

/// A value that was kept under this name.
pub fn state(db: &Connection, name: &str) -> Result<Option<String>> {
    let sql = "SELECT value FROM sync_state WHERE name = ?1";
    Ok(db.query_row(sql, [name], |row| row.get(0)).optional()?)
}

/// Keeps a value under this name.
pub fn set_state(db: &Connection, name: &str, value: &str) -> Result<()> {
    let sql = "INSERT INTO sync_state (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    db.execute(sql, [name, value])?;
    Ok(())
}

/// Seconds since 1970-01-01 UTC.
pub fn now() -> i64 {
    Timestamp::now().as_second()
}

fn local_time() -> String {
    Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

#[cfg(test)]
mod tests;
