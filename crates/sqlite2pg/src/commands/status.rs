//! `sqlite2pg status`: cursors, backlog, the last run, and which files are safe to delete.

use std::io::{self, Write};

use anyhow::Result;
use comfy_table::{Table, presets};
use pg_load::{rejected, timestamp};
use sync_core::exit::Exit;
use sync_core::history;
use sync_core::report::Report;
use sync_core::stop::Stop;
use sync_core::watermark::Stamped;

use crate::args::SyncArgs;
use crate::commands::deletable;
use crate::dryrun::count_behind;
use crate::session::{self, Session, State, TOOL, own_tables_exist};
use crate::settings::Settings;
use crate::source::files::{self, DayFile};
use crate::source::place::{self, Look, Place};
use crate::source::{SourceFault, open, tables};
use crate::sync::by_file;
use crate::target;

/// What is known of one table of one file.
pub(super) struct Line {
    table: String,
    position: String,
    newest: String,
    /// Rows behind the cursor.
    pub(super) backlog: i64,
    /// Row ids are not what they were.
    pub(super) moved: bool,
}

/// Shows where everything stands; writes nothing.
pub(crate) fn run(settings: &Settings, options: &SyncArgs, stop: &Stop, by_files: bool) -> Result<Exit> {
    let report = Report::new(TOOL, &settings.source_name);
    let mut state = State::default();
    let options = options.dry();
    let mut session = session::open(settings, &options, stop, &report, &mut state)?;
    let files = files::list(&settings.db_dir)?;
    let marks = session.watermarks()?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "source {}: {} day files in {}",
        settings.source_name,
        files.len(),
        settings.db_dir.display()
    )?;
    last_run(&mut session, &mut out)?;
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if by_files {
        table.set_header(["file", "in PostgreSQL", ""]);
    } else {
        table.set_header(["file", "table", "cursor", "newest", "waiting"]);
    }
    let by_file = by_file(&marks);
    for file in &files {
        let known = by_file.get(file.name.as_str()).map_or(&[][..], Vec::as_slice);
        add_file(&mut session, known, file, by_files, &mut table)?;
    }
    writeln!(out, "{table}")?;
    Ok(Exit::Done)
}

fn last_run(session: &mut Session<'_>, out: &mut impl Write) -> Result<()> {
    let settings = session.settings;
    if !own_tables_exist(&mut session.client, &settings.schema)? {
        return Ok(writeln!(out, "no run yet")?);
    }
    match history::last(&mut session.client, &settings.schema, TOOL, &settings.source_name)? {
        None => writeln!(out, "no run yet")?,
        Some(run) => writeln!(
            out,
            "last run {:.0}: {}{}",
            run.finished_at,
            run.status,
            run.error.map(|error| format!(": {error}")).unwrap_or_default()
        )?,
    }
    let rejected = rejected::counts(&mut session.client, &settings.schema, TOOL, &settings.source_name)?;
    let n: u64 = rejected.iter().map(|(_, _, n)| n).sum();
    if n > 0 {
        writeln!(out, "{n} rows set aside: see `sqlite2pg rejected`")?;
    }
    Ok(())
}

fn add_file(
    session: &mut Session<'_>,
    known: &[&Stamped],
    file: &DayFile,
    by_files: bool,
    table: &mut Table,
) -> Result<()> {
    let lines = lines(session, file, known);
    if !by_files {
        match lines {
            Err(err) => {
                table.add_row([&file.name, "", "", "", &err.to_string()]);
            }
            Ok(lines) => {
                for line in lines {
                    let waiting =
                        if line.moved { "read whole next time".to_owned() } else { line.backlog.to_string() };
                    table.add_row([&file.name, &line.table, &line.position, &line.newest, &waiting]);
                }
            }
        }
        return Ok(());
    }
    let (there, why) = deletable::verdict(session, file, known, lines)?;
    table.add_row([file.name.as_str(), if there { "all" } else { "not all" }, &why]);
    Ok(())
}

fn lines(session: &Session<'_>, file: &DayFile, known: &[&Stamped]) -> Result<Vec<Line>, SourceFault> {
    let source = open::open(&file.path)?;
    let mut lines = Vec::new();
    for table in tables::list(&source.db, session.settings)? {
        let key = target::key_of(session, file, &table.name);
        let mark = known.iter().find(|(mark, _)| mark.key == key).map(|(mark, _)| mark);
        let place = mark.map(|mark| Place::of(&mark.at)).unwrap_or_default();
        let moved = mark.is_some() && !place::is_unmoved(&source.db, &table, &place, Look::EveryId)?;
        let backlog = match (table.rowid, mark) {
            (None, Some(_)) if !moved => 0,
            _ => count_behind(&source.db, &table, place.rowid)?,
        };
        lines.push(Line {
            table: table.name,
            position: place.rowid.map_or_else(|| "-".to_owned(), |rowid| rowid.to_string()),
            newest: mark
                .and_then(|mark| mark.at.last_timestamp)
                .map_or_else(|| "-".to_owned(), timestamp::to_iso),
            backlog,
            moved,
        });
    }
    Ok(lines)
}
