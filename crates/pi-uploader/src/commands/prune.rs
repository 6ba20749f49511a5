//! `pi-uploader prune`: videos that the server has had for long leave the database.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context as _, Result};
use indicatif::HumanBytes;
use jiff::Zoned;
use rusqlite::{TransactionBehavior, params};
use sync_core::exit::Exit;
use sync_core::fault::Fault;

use crate::database;
use crate::settings::Settings;

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
    let before = Zoned::now().saturating_sub(jiff::SignedDuration::try_from(sent_before)?);
    let before = before.strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string();
    // A row under an id that was used again is not the one that was sent.
    let old = format!(
        "SELECT t.local_id FROM sync_tracking t JOIN sync_attempt a USING (table_name, local_id)
         JOIN {} ON {} = t.local_id
         WHERE t.table_name = 'media' AND t.sync_status = 'success' AND t.sync_date < ?1 AND a.fingerprint = {}",
        table.rows,
        table.id,
        table.fingerprint()
    );
    let video = table.video.as_deref().unwrap_or("NULL");
    let sum = format!(
        "SELECT count(*), coalesce(sum(octet_length({video})), 0) FROM {} WHERE {} IN ({old})",
        table.rows, table.id
    );
    let (n, n_bytes): (u32, i64) =
        database.db.query_row(&sum, [&before], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let n_bytes = u64::try_from(n_bytes)?;
    let what = settings.lang.of("vidéos envoyées avant", "videos sent before");
    let found = format!("{n} {what} {before}, {}", HumanBytes(n_bytes));
    if !yes {
        writeln!(io::stdout().lock(), "{found}")?;
        return Err(Fault::failed("nothing was deleted", "with --yes they are deleted from the database"));
    }
    let delete = format!(
        "DELETE FROM {} WHERE {} IN ({old} LIMIT ?2)",
        table.rows.trim_end_matches(" e"),
        table.id.trim_start_matches("e."),
    );
    loop {
        let tx = database.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let n_deleted = tx.execute(&delete, params![before, BATCH]).context("delete videos")?;
        tx.commit()?;
        if n_deleted == 0 {
            break;
        }
    }
    writeln!(io::stdout().lock(), "{found}: {}", settings.lang.of("supprimées", "deleted"))?;
    Ok(Exit::Done)
}
