//! `pg2sheets check`: database, key, workbook, rights and limits, and what to do about them; changes nothing.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::Result;
use sync_core::exit::Exit;
use sync_core::fault::{self, Fault};
use sync_core::pg_check;
use sync_core::stop::Stop;

use super::looking;
use crate::google::Google;
use crate::google::workbook::Workbook;
use crate::plan::{Me, owned};
use crate::settings::Settings;
use crate::source::survey::{self, Survey};
use crate::source::{Snapshot, Table, catalog, secrets};
use crate::write::{self, CELL_LIMIT};

/// Checks in the order in which a person sets things up; what can be checked in spite of a failure is.
pub(crate) fn run(settings: &Settings, stop: &Stop) -> Result<Exit> {
    let mut worst = Vec::new();
    let (lines, surveys, exit) = tables(settings);
    worst.extend([say("database", lines)?, exit]);
    let project = settings.key.project_id.as_deref().unwrap_or("?");
    say("key", Ok(vec![format!("{}, project {project}", settings.key.client_email)]))?;
    match workbook(settings, stop) {
        Err(error) => worst.push(say("workbook", Err(error))?),
        Ok((mut google, workbook)) => {
            worst.push(say("workbook", Ok(vec![about(&workbook, settings)]))?);
            worst.push(say("rights", write::probe(&mut google).map(|()| vec!["may change it".to_owned()]))?);
            worst.push(say("size", size(&workbook, &surveys, settings))?);
        }
    }
    let suspects = surveys.iter().flat_map(|survey| {
        let columns = secrets::suspects(&survey.columns);
        columns.into_iter().map(|column| format!("{}.{column}", survey.table.name))
    });
    let suspects: Vec<String> = suspects.collect();
    if !suspects.is_empty() {
        let line = format!(
            "these may hold secrets, and whoever sees the workbook sees them: {}; see DB_SYNC_EXCLUDED_COLUMNS",
            suspects.join(", ")
        );
        say("secrets", Ok(vec![line]))?;
    }
    Ok(worst.into_iter().max_by_key(|exit| exit.code()).unwrap_or(Exit::Done))
}

/// Says each finding, or what is wrong.
fn say(what: &str, found: Result<Vec<String>>) -> Result<Exit> {
    let mut out = io::stdout().lock();
    let (lines, exit) = match found {
        Ok(lines) => (lines, Exit::Done),
        Err(error) => (vec![fault::describe(&error)], fault::verdict(&error).exit),
    };
    for line in lines {
        writeln!(out, "{what:<9} {line}")?;
    }
    Ok(exit)
}

/// The database, and what each table would become.
fn tables(settings: &Settings) -> (Result<Vec<String>>, Vec<Survey>, Exit) {
    let mut surveys = Vec::new();
    let mut exit = Exit::Done;
    let lines = survey_all(settings, &mut surveys, &mut exit);
    (lines, surveys, exit)
}

fn survey_all(settings: &Settings, surveys: &mut Vec<Survey>, exit: &mut Exit) -> Result<Vec<String>> {
    let source = &settings.source;
    let mut snapshot = Snapshot::open(source, Instant::now() + super::PATIENCE)?;
    let about = pg_check::about(&mut snapshot.client)?;
    let mut lines = vec![format!("{}, {about}", source.pg.display())];
    let catalog = catalog::read(&mut snapshot, source)?;
    let take = |snapshot: &mut Snapshot, table: &Table| survey::take(snapshot, table, source, 0);
    catalog.each(&mut snapshot, take, |name, taken| {
        lines.push(match &taken {
            Ok(survey) => about_table(survey),
            Err(reason) => format!("{name}: {reason}"),
        });
        match taken {
            Ok(survey) => surveys.push(survey),
            Err(_) => *exit = Exit::Partial,
        }
        Ok(())
    })?;
    Ok(lines)
}

fn about_table(survey: &Survey) -> String {
    let Survey { table, digest, n_cut, .. } = survey;
    let mut line = format!("{}: {} rows, {} columns", table.name, digest.n_rows, survey.width());
    if table.key.is_empty() {
        line += "; no key: sorted as text, which is slow when it is large";
    }
    if *n_cut > 0 {
        line += &format!("; {n_cut} texts are longer than a cell and will be cut");
    }
    line
}

fn workbook(settings: &Settings, stop: &Stop) -> Result<(Google, Workbook)> {
    let mut google = Google::new(settings, looking(settings).deadline, stop)?;
    let workbook = google.read()?;
    Ok((google, workbook))
}

fn about(workbook: &Workbook, settings: &Settings) -> String {
    let zone = match workbook.time_zone == settings.source.time_zone {
        true => String::new(),
        false => format!(" (timestamps are written in {})", settings.source.time_zone),
    };
    format!(
        "{:?}, {} tabs, locale {}, time zone {}{zone}",
        workbook.title,
        workbook.tabs.len(),
        workbook.locale,
        workbook.time_zone
    )
}

/// What the workbook would hold with every table in it.
fn size(workbook: &Workbook, surveys: &[Survey], settings: &Settings) -> Result<Vec<String>> {
    let me = Me { source: settings.source.name.clone(), spreadsheet: settings.spreadsheet.clone() };
    let tabs = owned(workbook, &me).tables;
    let there =
        |survey: &Survey| tabs.get(survey.table.name.as_str()).map_or(0, |tab| tab.grid[0] * tab.grid[1]);
    let needed = |survey: &Survey| survey.grid()[0] * survey.grid()[1];
    let growth: u64 = surveys.iter().map(|survey| needed(survey).saturating_sub(there(survey))).sum();
    let sum = workbook.n_cells() + growth;
    if sum > CELL_LIMIT {
        let largest = surveys.iter().max_by_key(|survey| needed(survey));
        let largest = largest.map_or("", |survey| survey.table.name.as_str());
        return Err(Fault::config(
            format!("{sum} cells are needed, and Google allows {CELL_LIMIT}"),
            format!("leave columns or tables out; the largest is {largest}"),
        ));
    }
    Ok(vec![format!("{sum} of {CELL_LIMIT} cells with every table")])
}
