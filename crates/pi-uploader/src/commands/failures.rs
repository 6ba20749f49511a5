//! `pi-uploader failures`: what the server did not take, why, and when it is tried again.

use std::io::{self, Write};

use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use sync_core::exit::Exit;
use sync_core::tracking::{self, Failure};

use crate::database;
use crate::lang::Lang;
use crate::settings::Settings;

/// Lists them; ends with 3 while there are any.
pub(crate) fn run(settings: &Settings, as_json: bool) -> Result<Exit> {
    let database = database::look(settings)?;
    let mut failures = Vec::new();
    for failure in tracking::failures(&database.db)? {
        // Nothing waits for a row that has gone.
        if database.has_row(&failure.table, failure.local_id)? {
            failures.push(failure);
        }
    }
    let mut out = io::stdout().lock();
    for failure in &failures {
        let line = if as_json { json_line(failure) } else { line(failure, settings.lang) };
        writeln!(out, "{line}")?;
    }
    Ok(if failures.is_empty() { Exit::Done } else { Exit::Partial })
}

fn due(failure: &Failure) -> Option<Timestamp> {
    failure.due.and_then(|due| Timestamp::from_second(due).ok())
}

fn json_line(failure: &Failure) -> String {
    let Failure { table, local_id, reason, n_attempts, .. } = failure;
    let due = due(failure).map(|due| due.to_string());
    json!({"table": table, "id": local_id, "reason": reason, "attempts": n_attempts, "next_attempt": due})
        .to_string()
}

fn line(failure: &Failure, lang: Lang) -> String {
    let Failure { table, local_id, reason, n_attempts, .. } = failure;
    let due = due(failure).map_or(lang.of("prochaine fois", "next run").to_owned(), |due| {
        due.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
    });
    match lang {
        Lang::Fr => format!("{table} {local_id}  essais {n_attempts}  prochain essai {due}  {reason}"),
        Lang::En => format!("{table} {local_id}  attempts {n_attempts}  next attempt {due}  {reason}"),
    }
}
