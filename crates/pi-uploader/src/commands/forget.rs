//! `pi-uploader retry`, `resend` and `reset`: what people change about what was sent.

use std::io::{self, Write};

use anyhow::Result;
use rusqlite::TransactionBehavior::Immediate;
use sync_core::exit::Exit;
use sync_core::fault::Fault;
use sync_core::tracking;

use crate::args::RowArgs;
use crate::database;
use crate::settings::Settings;

/// Makes failed rows due now.
pub(crate) fn retry(settings: &Settings, row: Option<&RowArgs>) -> Result<Exit> {
    let mut database = database::open(settings)?;
    let tx = database.db.transaction_with_behavior(Immediate)?;
    let n = tracking::retry(&tx, row.map(|row| (row.table.as_str(), row.id)))?;
    tx.commit()?;
    if let (0, Some(row)) = (n, row) {
        let hint =
            "see `pi-uploader failures`; a row that the server has goes again with `pi-uploader resend`";
        return Err(Fault::failed(format!("{} {} has not failed", row.table, row.id), hint));
    }
    writeln!(io::stdout().lock(), "{n} {}", settings.lang.of("à envoyer maintenant", "due now"))?;
    Ok(Exit::Done)
}

/// Sends one row again.
pub(crate) fn resend(settings: &Settings, row: &RowArgs) -> Result<Exit> {
    let mut database = database::open(settings)?;
    if !database.has_row(&row.table, row.id)? {
        return Err(Fault::failed(
            format!("there is no {} {}", row.table, row.id),
            "it was deleted, or never there",
        ));
    }
    let tx = database.db.transaction_with_behavior(Immediate)?;
    tracking::forget(&tx, &row.table, row.id)?;
    tx.commit()?;
    let text =
        settings.lang.of("sera renvoyé à la prochaine synchronisation", "is sent again by the next run");
    writeln!(io::stdout().lock(), "{} {} {text}", row.table, row.id)?;
    Ok(Exit::Done)
}

/// Forgets all that was sent, or says how much that is.
pub(crate) fn reset(settings: &Settings, yes: bool) -> Result<Exit> {
    let mut database = database::open(settings)?;
    let tx = database.db.transaction_with_behavior(Immediate)?;
    let n: u32 =
        tx.query_row("SELECT count(*) FROM sync_tracking WHERE sync_status = 'success'", [], |row| {
            row.get(0)
        })?;
    let lang = settings.lang;
    let sent = lang.of("lignes envoyées", "rows were sent");
    if !yes {
        writeln!(io::stdout().lock(), "{n} {sent}")?;
        let hint = "with --yes they are forgotten, and sent again by the next run";
        return Err(Fault::failed("nothing was forgotten", hint));
    }
    tracking::forget_all(&tx)?;
    tx.commit()?;
    let forgotten =
        lang.of("oubliées : tout sera renvoyé", "and are forgotten: all is sent again by the next run");
    writeln!(io::stdout().lock(), "{n} {sent}, {forgotten}")?;
    Ok(Exit::Done)
}
