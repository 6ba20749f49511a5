//! `pg2sheets diff`: cells in our columns that are not what the database says.

use std::io::{self, Write as _};

use anyhow::Result;
use sync_core::exit::Exit;
use sync_core::fault;
use sync_core::report::Report;
use sync_core::stop::Stop;

use super::looking;
use crate::TOOL;
use crate::cell::Cell;
use crate::google::Google;
use crate::google::cells::Value;
use crate::google::workbook::{Range, Tab, letters};
use crate::plan::owned;
use crate::run::{Sight, look};
use crate::settings::Settings;
use crate::source::Snapshot;
use crate::source::rows::{self, Reader};
use crate::source::snapshot::Failure;
use crate::source::survey::Survey;

/// Cells that one call asks for.
const CELLS: u64 = 50_000;

/// Compares every tab of ours cell by cell; changes nothing. Ends with 3 when something differs.
pub(crate) fn run(settings: &Settings, stop: &Stop) -> Result<Exit> {
    let report = Report::new(TOOL, &settings.source.name);
    let sight = look(&looking(settings), stop, &report)?;
    let Sight { mut google, workbook, mut snapshot, surveys, me, .. } = sight;
    let tabs = owned(&workbook, &me).tables;
    let mut n_differences = 0;
    for survey in &surveys {
        let name = survey.table.name.as_str();
        let Some(tab) = tabs.get(name) else {
            log::warn!("{name} has no tab yet");
            continue;
        };
        if tab.mark.as_ref().is_some_and(|(_, mark)| mark.whole != survey.digest.whole) {
            log::warn!("{name} has changed since its tab was written: some of this is not done by hand");
        }
        match snapshot.apart(|snapshot| one(&mut google, snapshot, survey, tab)) {
            Ok(n) => n_differences += n,
            Err(Failure::Table(error)) => report.fail_source(name, &fault::describe(&error)),
            Err(Failure::All(error)) => return Err(error),
        }
    }
    for (name, reason) in report.failed_sources() {
        log::error!("{name}: {reason}");
    }
    match n_differences {
        0 => Ok(report.exit()),
        _ => Ok(Exit::Partial),
    }
}

fn one(google: &mut Google, snapshot: &mut Snapshot, survey: &Survey, tab: &Tab) -> Result<u64> {
    let width = survey.width();
    if width == 0 {
        return Ok(0);
    }
    let n_rows = (CELLS / width).max(1);
    let mut reader = Reader::open(snapshot, &survey.select)?;
    let mut n_differences = 0;
    let header = survey.columns.iter().map(|column| text_value(&column.name)).collect();
    let mut expected: Vec<Vec<Value>> = vec![header];
    let mut row = 0;
    while row < tab.grid[0] {
        let end = (row + n_rows).min(tab.grid[0]);
        reader.read(end - row - expected.len() as u64, |values| {
            let cells = rows::cells(&survey.columns, values).map(|cell| Ok(value(&cell?)));
            expected.push(cells.collect::<Result<_>>()?);
            Ok(())
        })?;
        let found = google.cells(tab.sheet_id, Range { rows: [row, end], columns: [0, width] })?;
        n_differences += compare(&tab.title, row, &expected, &found)?;
        expected.clear();
        row = end;
    }
    Ok(n_differences)
}

fn compare(title: &str, first: u64, expected: &[Vec<Value>], found: &[Vec<Value>]) -> Result<u64> {
    let mut n_differences = 0;
    let none = Vec::new();
    for n in 0..expected.len().max(found.len()) {
        let (expected, found) = (expected.get(n).unwrap_or(&none), found.get(n).unwrap_or(&none));
        for column in 0..expected.len().max(found.len()) {
            let at = |values: &[Value]| values.get(column).cloned().unwrap_or_default();
            let (expected, found) = (at(expected), at(found));
            if is_empty(&expected) && is_empty(&found) || is_same(&expected, &found) {
                continue;
            }
            n_differences += 1;
            let place = format!("{}{}", letters(column), first + n as u64 + 1);
            let (expected, found) = (expected.as_text(), found.as_text());
            writeln!(io::stdout().lock(), "{title}!{place}\tdatabase: {expected:?}\tworkbook: {found:?}")?;
        }
    }
    Ok(n_differences)
}

/// Whether they are the same, but for the last bits of a number.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a.number_value, b.number_value) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-15 * a.abs().max(b.abs()),
        _ => a == b,
    }
}

/// An empty text is an empty cell.
fn is_empty(value: &Value) -> bool {
    *value == Value::default() || value.string_value.as_deref() == Some("")
}

fn text_value(text: &str) -> Value {
    Value { string_value: Some(text.to_owned()), ..Value::default() }
}

fn value(cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Empty => Value::default(),
        Cell::Bool(value) => Value { bool_value: Some(*value), ..Value::default() },
        Cell::Number(text) => Value { number_value: text.parse().ok(), ..Value::default() },
        Cell::Serial(n, _) => Value { number_value: Some(*n), ..Value::default() },
        Cell::Text(text) => text_value(text),
        Cell::Cut(text) => text_value(text),
    }
}
