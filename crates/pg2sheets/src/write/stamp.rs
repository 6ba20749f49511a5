//! The time of the run, in a cell of every tab of ours.

use std::collections::BTreeMap;

use anyhow::Result;
use google_sheets4::hyper::body::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sync_core::fault::Fault;

use super::body::Body;
use super::{Tally, requests, send};
use crate::cell::{self, Kind};
use crate::google::Google;
use crate::google::cells::Value;
use crate::google::workbook::{Range, Tab};
use crate::mark::Mark;
use crate::plan::owned;
use crate::run::Sight;
use crate::serial;
use crate::settings::Settings;

/// A cell: row and column, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    row: u64,
    column: u64,
}

impl Place {
    /// What `--last-synced` says; `None` for `off`.
    ///
    /// # Errors
    /// A configuration fault for what is no cell.
    pub(crate) fn read(text: &str) -> Result<Option<Place>> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(None);
        }
        let wrong = || Fault::config(format!("--last-synced {text}: this is no cell"), "e.g. Z1, or off");
        let split = text.find(|c: char| !c.is_ascii_alphabetic()).ok_or_else(wrong)?;
        let (letters, digits) = text.split_at(split);
        let digit = |letter: u8| u64::from(letter.to_ascii_uppercase() - b'A') + 1;
        let column = letters.bytes().take(4).fold(0, |sum, letter| sum * 26 + digit(letter));
        let row: u64 = digits.parse().map_err(|_| wrong())?;
        if !(1..=3).contains(&letters.len()) || !(1..=10_000_000).contains(&row) {
            return Err(wrong());
        }
        Ok(Some(Place { row: row - 1, column: column - 1 }))
    }
}

/// A tab's stamp: where it is to be, and where one may be.
struct Stamp<'w> {
    table: &'w str,
    tab: &'w Tab,
    mark_id: i32,
    mark: &'w Mark,
    wanted: Option<Cell>,
    /// Where an earlier one may stand.
    suspects: Vec<Cell>,
    /// Whether the cells have to be looked at first.
    is_unsure: bool,
}

/// Row and column, from 0.
type Cell = [u64; 2];

/// Writes the time right of the tables that were looked after, and takes it away where it stood before; what else stands
/// there is a person's, and is left and named.
pub(crate) fn write(
    sight: &mut Sight,
    place: Option<&Place>,
    tally: &mut Tally,
    settings: &Settings,
) -> Result<()> {
    let is_stamped = |tab: &&Tab| tab.mark.as_ref().is_some_and(|(_, mark)| mark.stamp.is_some());
    if place.is_none() && !owned(&sight.workbook, &sight.me).tables.values().any(is_stamped) {
        return Ok(());
    }
    let shifts = shifts(sight);
    // New tabs, and sizes that have changed.
    if !tally.sent.is_empty() {
        sight.workbook = sight.google.read()?;
    }
    let Sight { google, workbook, surveys, me, .. } = sight;
    let is_done = |table: &str| {
        surveys.iter().any(|survey| survey.table.name == table) && !tally.failed.contains_key(table)
    };
    let tabs = owned(workbook, me).tables.into_iter().filter(|(table, _)| is_done(table));
    let stamps: Vec<Stamp<'_>> = tabs
        .filter_map(|(table, tab)| {
            Stamp::of(table, tab, place, shifts.get(table).copied().unwrap_or_default())
        })
        .collect();
    let looks: Vec<_> = stamps.iter().filter_map(Stamp::look).collect();
    let found = if looks.is_empty() { Vec::new() } else { google.parts(&looks)? };
    let zone = TimeZone::get(&settings.source.time_zone)?;
    let now = Timestamp::now().to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let json = cell::row([cell::Cell::Serial(serial::timestamp(&now).unwrap_or_default(), &now)]);
    let mut body = Body::default();
    for stamp in stamps {
        let range = looks.iter().find(|(id, _)| *id == stamp.tab.sheet_id).map(|(_, range)| *range);
        let rows = found.iter().find(|(id, _)| *id == stamp.tab.sheet_id).map_or(&[][..], |(_, rows)| rows);
        let value = |cell: Cell| value(rows, range, cell);
        if let Some(reason) = stamp.push(&value, place.is_some(), &json, &mut body) {
            tally.failed.entry(stamp.table.to_owned()).or_insert_with(|| reason.to_owned());
        }
    }
    send_all(google, &mut body)
}

/// By how many rows and columns each tab differs from what we left.
fn shifts(sight: &Sight) -> BTreeMap<String, [i64; 2]> {
    let shift = |tab: &Tab, mark: &Mark| {
        [0, 1].map(|side| tab.grid[side].cast_signed() - mark.grid[side].cast_signed())
    };
    let tabs = owned(&sight.workbook, &sight.me).tables.into_iter();
    tabs.filter_map(|(table, tab)| Some((table.to_owned(), shift(tab, &tab.mark.as_ref()?.1)))).collect()
}

/// What a cell of a range holds.
fn value(rows: &[Vec<Value>], range: Option<Range>, [row, column]: Cell) -> Value {
    let at = |n: u64, begin: u64| usize::try_from(n.checked_sub(begin)?).ok();
    let found = range
        .and_then(|range| rows.get(at(row, range.rows[0])?)?.get(at(column, range.columns[0])?).cloned());
    found.unwrap_or_default()
}

/// Whether it looks like a time of these years.
fn is_time(value: &Value) -> bool {
    value.number_value.is_some_and(|serial| (40_000.0..100_000.0).contains(&serial))
}

impl<'w> Stamp<'w> {
    fn of(table: &'w str, tab: &'w Tab, place: Option<&Place>, shift: [i64; 2]) -> Option<Stamp<'w>> {
        let (mark_id, mark) = tab.mark.as_ref()?;
        let wanted = place.filter(|place| place.column >= mark.width() && place.row < tab.grid[0]);
        let wanted = wanted.map(|place| [place.row, place.column]);
        let mut suspects = Vec::new();
        for shift in [[0, 0], [shift[0], 0], [0, shift[1]], shift] {
            let moved = mark.stamp.and_then(|[row, column]| {
                Some([row.checked_add_signed(shift[0])?, column.checked_add_signed(shift[1])?])
            });
            let is_there = |cell: &Cell| {
                cell[0] < tab.grid[0]
                    && (mark.width()..tab.grid[1]).contains(&cell[1])
                    && Some(*cell) != wanted
            };
            suspects.extend(moved.filter(is_there).filter(|cell| !suspects.contains(cell)));
        }
        let is_unsure = mark.stamp != wanted || shift != [0, 0];
        Some(Stamp { table, tab, mark_id: *mark_id, mark, wanted, suspects, is_unsure })
    }

    /// The part of the tab that has to be looked at.
    fn look(&self) -> Option<(i32, Range)> {
        let is_there = |cell: &&Cell| cell[1] < self.tab.grid[1];
        let cells = || self.suspects.iter().chain(&self.wanted).filter(is_there);
        let span = |side: usize| Some([cells().map(|c| c[side]).min()?, cells().map(|c| c[side]).max()? + 1]);
        let range = Range { rows: span(0)?, columns: span(1)? };
        self.is_unsure.then_some((self.tab.sheet_id, range))
    }

    /// Adds the requests, and gives what keeps the stamp from being written.
    fn push(
        &self,
        value: &dyn Fn(Cell) -> Value,
        is_asked_for: bool,
        json: &[u8],
        body: &mut Body,
    ) -> Option<&'static str> {
        let Stamp { tab, mark, .. } = self;
        for cell in self.suspects.iter().filter(|cell| is_time(&value(**cell))) {
            body.clear(tab.sheet_id, one_cell(*cell));
        }
        let is_free = |cell: &Cell| {
            let there = value(*cell);
            there == Value::default() || is_time(&there)
        };
        let writable = self.wanted.filter(|cell| !self.is_unsure || is_free(cell));
        let mut new = Mark { stamp: writable, ..(*mark).clone() };
        if let Some([row, column]) = writable {
            if column >= tab.grid[1] {
                let n = column + 1 - tab.grid[1];
                body.push(&requests::insert_columns(tab.sheet_id, tab.grid[1], n, tab.grid[1]));
            }
            body.cell(tab.sheet_id, one_cell([row, column]), json);
            body.push(&requests::number_format(tab.sheet_id, one_cell([row, column]), Kind::Timestamp));
            // A grid that was as we left it is so still.
            if mark.grid == tab.grid {
                new.grid[1] = new.grid[1].max(column + 1);
            }
        }
        if new != **mark {
            body.push(&requests::update_mark(self.mark_id, &new));
        }
        match (self.wanted, writable) {
            (None, _) if is_asked_for => {
                Some("the cell of --last-synced holds the table, or is below it: name one right of it")
            }
            (Some(_), None) => Some("the cell of --last-synced holds something of yours: name another"),
            _ => None,
        }
    }
}

fn one_cell([row, column]: Cell) -> Range {
    Range { rows: [row, row + 1], columns: [column, column + 1] }
}

fn send_all(google: &mut Google, body: &mut Body) -> Result<()> {
    if body.is_empty() {
        return Ok(());
    }
    let bytes: Bytes = body.take();
    match send(google, &bytes) {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(Fault::failed(format!("write the time of the run: {reason}"), "")),
        // It will be written by the next run.
        Err(error) if error.downcast_ref::<super::Unclear>().is_some() => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        let place = |text| Place::read(text).ok();
        assert_eq!(place("off"), Some(None));
        assert_eq!(place("A1"), Some(Some(Place { row: 0, column: 0 })));
        assert_eq!(place("z10"), Some(Some(Place { row: 9, column: 25 })));
        assert_eq!(place("AA2"), Some(Some(Place { row: 1, column: 26 })));
        for text in ["", "A", "1", "A0", "A-1", "AAAA1", "é1", "A1:B2"] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}
