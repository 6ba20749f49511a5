//! The tables of the tracking, and what an older program left in its own.

use anyhow::{Context as _, Result};
use rusqlite::Connection;

use crate::fault::Fault;

/// Columns of `sync_tracking` but its own id.
const COLUMNS: &str = "table_name, local_id, remote_id, sync_date, sync_status, error_message";

/// Makes the tables that are missing.
///
/// A `sync_tracking` that is there is taken over as it is.
///
/// # Errors
/// A configuration fault when it lacks a column.
pub fn create(db: &Connection) -> Result<()> {
    let is_known = has(db, &["sync_attempt"])?;
    db.execute_batch(&tables("main")).context("make the tracking tables")?;
    if !is_known {
        // Somebody may have dropped it: what is tracked as sent has to be recognised anew.
        db.execute("DELETE FROM sync_state WHERE name LIKE ?1", [super::adopted("%")])?;
    }
    let sql = format!("SELECT {COLUMNS} FROM main.sync_tracking LIMIT 0");
    db.prepare(&sql).map(drop).map_err(|error| {
        Fault::config(
            format!("sync_tracking is not as it should be: {error}"),
            "add the column, or rename the table: a new one is made",
        )
    })
}

/// Makes them for this connection only, with what an older program has tracked: to look at a database without a change.
pub fn create_apart(db: &Connection) -> Result<()> {
    db.execute_batch(&tables("temp")).context("make the tracking tables apart")?;
    copy_from(db, "main")
}

/// Copies what an older program has tracked in the attached `database`, if it has.
pub fn copy_from(db: &Connection, database: &str) -> Result<()> {
    let sql = format!("SELECT count(*) FROM {database}.sqlite_schema WHERE name = 'sync_tracking'");
    if db.query_row(&sql, [], |row| row.get::<_, i64>(0))? > 0 {
        let copy = format!(
            "INSERT OR IGNORE INTO sync_tracking ({COLUMNS}) SELECT {COLUMNS} FROM {database}.sync_tracking"
        );
        db.execute_batch(&copy).context("take over what was tracked before")?;
    }
    Ok(())
}

fn tables(database: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {database}.sync_tracking(id INTEGER PRIMARY KEY AUTOINCREMENT,
           table_name TEXT NOT NULL, local_id INTEGER NOT NULL, remote_id INTEGER, sync_date TEXT NOT NULL,
           sync_status TEXT NOT NULL CHECK(sync_status IN ('pending','success','failed')), error_message TEXT,
           UNIQUE(table_name, local_id));
         CREATE INDEX IF NOT EXISTS {database}.idx_sync_status ON sync_tracking(sync_status, table_name);
         CREATE TABLE IF NOT EXISTS {database}.sync_attempt(table_name TEXT NOT NULL, local_id INTEGER NOT NULL,
           fingerprint TEXT NOT NULL, idempotency_key TEXT NOT NULL, payload TEXT, attempts INTEGER NOT NULL DEFAULT 0,
           next_attempt_at INTEGER, last_status INTEGER, PRIMARY KEY(table_name, local_id)) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS {database}.sync_archive(id INTEGER PRIMARY KEY, table_name TEXT NOT NULL,
           local_id INTEGER NOT NULL, remote_id INTEGER, sync_date TEXT, sync_status TEXT, error_message TEXT,
           fingerprint TEXT, idempotency_key TEXT, archived_at TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS {database}.sync_state(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    )
}

/// Whether the tables are there that say what was sent.
pub fn exists(db: &Connection) -> Result<bool> {
    has(db, &["sync_tracking", "sync_attempt", "sync_state"])
}

/// Whether all is there that [`create`] makes.
pub fn is_complete(db: &Connection) -> Result<bool> {
    Ok(exists(db)? && has(db, &["idx_sync_status", "sync_archive"])?)
}

fn has(db: &Connection, names: &[&str]) -> Result<bool> {
    let mut find = db.prepare_cached("SELECT 1 FROM main.sqlite_schema WHERE name = ?1")?;
    for name in names {
        if !find.exists([name])? {
            return Ok(false);
        }
    }
    Ok(true)
}
