//! `pi-uploader prune`: videos that the server has had for long leave the database.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context as _, Result};
use indicatif::HumanBytes;
use jiff::Zoned;
use rusqlite::{Connection, TransactionBehavior, params};
use sync_core::exit::Exit;
use sync_core::fault::Fault;

use crate::database;
use crate::settings::Settings;
use crate::source::references::{delete_trigger, references};
use crate::source::schema::Table;

/// Videos that are deleted in one transaction: the recorder waits for it.
const BATCH: u32 = 20;

/// Deletes them, or says how many that would be.
pub(crate) fn run(settings: &Settings, sent_before: Duration, yes: bool) -> Result<Exit> {
    if settings.state.is_some() {
        let hint = "delete in the recorder's database by its own means";
        return Err(Fault::config("with --state the recorder's database is only read", hint));
    }
    let mut database = database::open(settings)?;
    let Some(table) = database.schema.media.clone() else {
        return Err(Fault::config("there is no table of media", "nothing to prune"));
    };
    if let Some(trigger) = delete_trigger(&database.db, &table)? {
        return Err(Fault::config(
            format!("the trigger {trigger} of table {} may act on every row that is deleted", table.plain.0),
            "nothing but videos is deleted here: delete by the recorder's own means",
        ));
    }
    let before = Zoned::now().saturating_sub(jiff::SignedDuration::try_from(sent_before)?);
    let before = before.strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string();
    let references = references(&database.db, &table)?;
    let old = old(&table);
    let (n_old, _) = count(&database.db, &table, &old, &before)?;
    let free = references.iter().fold(old, |old, reference| format!("{old} AND NOT {}", reference.condition));
    let (n, n_bytes) = count(&database.db, &table, &free, &before)?;
    let what = settings.lang.of("vidéos envoyées avant", "videos sent before");
    let found = format!("{n} {what} {before}, {}", HumanBytes(n_bytes));
    let mut out = io::stdout().lock();
    if n_old > n {
        let kept = settings.lang.of("restent, car s'y réfère", "stay, being referred to by");
        let tables: BTreeSet<&str> = references.iter().map(|reference| reference.table.as_str()).collect();
        let tables: Vec<&str> = tables.into_iter().collect();
        writeln!(out, "{} {kept} {}", n_old - n, tables.join(", "))?;
    }
    if !yes {
        writeln!(out, "{found}")?;
        return Err(Fault::failed("nothing was deleted", "with --yes they are deleted from the database"));
    }
    delete(&mut database.db, &table, &free, &before)?;
    writeln!(out, "{found}: {}", settings.lang.of("supprimées", "deleted"))?;
    Ok(Exit::Done)
}

/// SQL of the ids of what was sent before the parameter `?1`; further conditions may follow.
fn old(table: &Table) -> String {
    // A row under an id that was used again is not the one that was sent.
    format!(
        "SELECT t.local_id FROM sync_tracking t JOIN sync_attempt a USING (table_name, local_id)
         JOIN {} ON {} = t.local_id
         WHERE t.table_name = 'media' AND t.sync_status = 'success' AND t.sync_date < ?1 AND a.fingerprint = {}",
        table.rows,
        table.id,
        table.fingerprint()
    )
}

/// How many rows these ids are, and the bytes of their videos.
fn count(db: &Connection, table: &Table, ids: &str, before: &str) -> Result<(u32, u64)> {
    let video = table.video.as_deref().unwrap_or("NULL");
    let sum = format!(
        "SELECT count(*), coalesce(sum(octet_length({video})), 0) FROM {} WHERE {} IN ({ids})",
        table.rows, table.id
    );
    let (n, n_bytes): (u32, i64) =
        db.query_row(&sum, [before], |row| Ok((row.get(0)?, row.get(1)?))).context("count videos")?;
    Ok((n, u64::try_from(n_bytes)?))
}

fn delete(db: &mut Connection, table: &Table, ids: &str, before: &str) -> Result<()> {
    let delete = format!(
        "DELETE FROM {} WHERE {} IN ({ids} LIMIT ?2)",
        table.rows.trim_end_matches(" e"),
        table.id.trim_start_matches("e."),
    );
    loop {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let n_deleted = tx.execute(&delete, params![before, BATCH]).context("delete videos")?;
        tx.commit()?;
        if n_deleted == 0 {
            return Ok(());
        }
    }
}
