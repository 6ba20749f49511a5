//! `sqlite2pg check`: every connection, right and setting, and what to do about it.

use std::io::{self, Write};

use anyhow::{Context, Result};
use sync_core::exit::Exit;
use sync_core::{fault, pg, pg_check};

use crate::session::TOOL;
use crate::settings::Settings;
use crate::source::files::{self, DayFile};
use crate::source::{open, tables};

/// Checks in the order in which a run would need things; the first failure ends it.
pub(crate) fn run(settings: &Settings) -> Result<Exit> {
    let files = files::list(&settings.db_dir)?;
    say("folder", &format!("{}, {} day files", settings.db_dir.display(), files.len()))?;
    let mut exit = Exit::Done;
    for file in files.iter().rev().take(settings.rescan_days.max(1)) {
        match look(settings, file) {
            Ok(found) => say("file", &format!("{}: {found}", file.name))?,
            Err(err) => {
                say("file", &format!("{}: {err:#}", file.name))?;
                exit = Exit::Partial;
            }
        }
    }
    let mut client =
        pg::connect(&settings.pg, TOOL).with_context(|| format!("connect to {}", settings.pg.display()))?;
    say("server", &format!("{}, {}", settings.pg.display(), pg_check::about(&mut client)?))?;
    // A run works on one connection and holds its lock on another.
    let _second = pg::connect(&settings.pg, TOOL)
        .context("open a second connection, which a run needs for its lock")?;
    match pg_check::may_create(&mut client, TOOL, &settings.schema) {
        Ok(()) => say("rights", &format!("may create tables in schema {}", settings.schema))?,
        Err(err) => {
            say("rights", &fault::describe(&err))?;
            exit = Exit::Failed;
        }
    }
    if let Some(path) = &settings.timestamp_file {
        let state = if path.exists() { "is there" } else { "is missing: see `sqlite2pg init`" };
        say("timestamp file", &format!("{} {state}", path.display()))?;
    }
    say("source", &settings.source_name)?;
    Ok(exit)
}

fn say(what: &str, found: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{what:<15} {found}")
}

fn look(settings: &Settings, file: &DayFile) -> Result<String> {
    let source = open::open(&file.path)?;
    let tables = tables::list(&source.db, settings)?;
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let copied = if source.is_private() { " (read through a copy)" } else { "" };
    let left_out = tables::left_out(&source.db, settings)?;
    let left_out =
        if left_out.is_empty() { String::new() } else { format!("; not copied: {}", left_out.join(", ")) };
    Ok(match names.as_slice() {
        [] => format!("no tables yet{copied}{left_out}"),
        names => format!("{}{copied}{left_out}", names.join(", ")),
    })
}
