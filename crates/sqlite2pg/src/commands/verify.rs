//! `sqlite2pg verify`: the files against PostgreSQL, row by row.

use std::io::{self, Write};

use anyhow::Result;
use jiff::civil::Date;
use sync_core::exit::Exit;
use sync_core::report::Report;
use sync_core::stop::Stop;

use crate::args::SyncArgs;
use crate::commands::sync::one_run;
use crate::session::{self, Session, State, TOOL};
use crate::settings::Settings;
use crate::source::files::{self, DayFile};
use crate::source::{open, tables};
use crate::sync::{self, Extra};
use crate::tablesync;
use crate::verify::{self, Side};

/// Compares every file; `repair` reads those whole that PostgreSQL lacks rows of.
pub(crate) fn run(
    settings: &Settings,
    options: &SyncArgs,
    stop: &Stop,
    since: Option<Date>,
    repair: bool,
) -> Result<Exit> {
    let differing = compare_all(settings, options, stop, since)?;
    if differing.is_empty() {
        return Ok(Exit::Done);
    }
    if !repair {
        log::info!("`sqlite2pg verify --repair` brings over what is missing and fits");
        return Ok(Exit::Partial);
    }
    let extra = Extra { whole: &differing, ..Extra::default() };
    Ok(one_run(settings, options, extra, stop))
}

/// Names of the files that differ.
fn compare_all(
    settings: &Settings,
    options: &SyncArgs,
    stop: &Stop,
    since: Option<Date>,
) -> Result<Vec<String>> {
    let lock = sync::take_lock(settings)?;
    let report = Report::new(TOOL, &settings.source_name);
    let mut state = State::default();
    let options = options.dry();
    let mut session = session::open(settings, &options, stop, &report, &mut state)?;
    let mut differing = Vec::new();
    for file in sync::between(files::list(&settings.db_dir)?, since, None) {
        if stop.asked() {
            break;
        }
        if !one_file(&mut session, &file)? {
            differing.push(file.name);
        }
    }
    lock.release();
    Ok(differing)
}

fn one_file(session: &mut Session<'_>, file: &DayFile) -> Result<bool> {
    let mut out = io::stdout().lock();
    let looked = open::open(&file.path).and_then(|source| {
        let tables = tables::list(&source.db, session.settings)?;
        Ok((source, tables))
    });
    let (mut source, tables) = match looked {
        Ok(found) => found,
        Err(err) => {
            writeln!(out, "{}  cannot be read: {err}", file.name)?;
            return Ok(false);
        }
    };
    let mut is_equal = true;
    for table in tables {
        if table.rowid.is_none() && !source.is_private() {
            source = open::copied(&file.path)?;
        }
        let Some(found) = tablesync::verify(session, &mut source, file, &table)? else {
            writeln!(out, "{} {}  not in PostgreSQL yet", file.name, table.name)?;
            is_equal = false;
            continue;
        };
        let verdict = verdict(&found);
        is_equal &= found.n_missing + found.n_misfits == 0;
        writeln!(
            out,
            "{} {}  file {}  PostgreSQL {}  {verdict}",
            file.name,
            table.name,
            side(&found.file),
            side(&found.postgres)
        )?;
    }
    Ok(is_equal)
}

fn side(side: &Side) -> String {
    format!("{} rows #{}", side.n_rows, side.hash)
}

fn verdict(found: &verify::Verified) -> String {
    let mut parts = Vec::new();
    if found.n_missing > 0 {
        parts.push(format!("MISSING {} rows", found.n_missing));
    }
    if found.n_misfits > 0 {
        parts.push(format!("{} rows that do not fit: see `sqlite2pg rejected`", found.n_misfits));
    }
    if found.n_extra > 0 {
        parts.push(format!("{} rows that the file no longer has", found.n_extra));
    }
    if parts.is_empty() { "equal".to_owned() } else { parts.join(", ") }
}
