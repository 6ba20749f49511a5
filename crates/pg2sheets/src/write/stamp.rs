//! The time of the run, in a cell of every tab of ours.

use anyhow::Result;
use google_sheets4::hyper::body::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sync_core::fault::Fault;

use super::body::Body;
use super::{Tally, requests, send};
use crate::cell::{self, Cell, Kind};
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

/// Writes the time right of the tables, and takes it away where it stood before; tabs where it would be in the table, or
/// below it, are named.
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
    // New tabs, and sizes that have changed.
    if !tally.sent.is_empty() {
        sight.workbook = sight.google.read()?;
    }
    let zone = TimeZone::get(&settings.source.time_zone)?;
    let now = Timestamp::now().to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let json = cell::row([Cell::Serial(serial::timestamp(&now).unwrap_or_default(), &now)]);
    let mut body = Body::default();
    for (table, tab) in owned(&sight.workbook, &sight.me).tables {
        let Some((mark_id, mark)) = &tab.mark else { continue };
        let fitting = place.filter(|place| place.column >= mark.width() && place.row < tab.grid[0]);
        if place.is_some() && fitting.is_none() {
            let reason = "the cell of --last-synced holds the table, or is below it: name one right of it";
            tally.failed.entry(table.to_owned()).or_insert_with(|| reason.to_owned());
        }
        let wanted = fitting.map(|place| [place.row, place.column]);
        let mut new = Mark { stamp: wanted, ..mark.clone() };
        let stale = mark.stamp.filter(|there| wanted != Some(*there));
        // In a grid that a person has changed it may be another cell by now.
        if let Some([row, column]) = stale.filter(|_| mark.grid == tab.grid)
            && column >= mark.width()
        {
            body.clear(tab.sheet_id, one_cell(row, column));
        }
        if let Some(Place { row, column }) = fitting {
            stamp(tab, *row, *column, &json, &mut body);
            // A grid that was as we left it is so still.
            if mark.grid == tab.grid {
                new.grid[1] = new.grid[1].max(column + 1);
            }
        }
        if new != *mark {
            body.push(&requests::update_mark(*mark_id, &new));
        }
    }
    send_all(sight, &mut body)
}

/// Writes one tab's stamp, behind a column that may have to be made.
fn stamp(tab: &Tab, row: u64, column: u64, json: &[u8], body: &mut Body) {
    if column >= tab.grid[1] {
        let n = column + 1 - tab.grid[1];
        body.push(&requests::insert_columns(tab.sheet_id, tab.grid[1], n, tab.grid[1]));
    }
    body.cell(tab.sheet_id, one_cell(row, column), json);
    body.push(&requests::number_format(tab.sheet_id, one_cell(row, column), Kind::Timestamp));
}

fn one_cell(row: u64, column: u64) -> Range {
    Range { rows: [row, row + 1], columns: [column, column + 1] }
}

fn send_all(sight: &mut Sight, body: &mut Body) -> Result<()> {
    if body.is_empty() {
        return Ok(());
    }
    let bytes: Bytes = body.take();
    match send(&mut sight.google, &bytes) {
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
