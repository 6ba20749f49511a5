//! What stands before and behind the cells of a change.

use jiff::Timestamp;

use super::body::Body;
use super::requests;
use crate::cell::{self, Cell, Kind};
use crate::google::workbook::{Range, Tab};
use crate::mark::Mark;
use crate::plan::{Job, Step};
use crate::source::survey::Survey;

/// Makes room: the tab itself, rows before columns; then the header, and formats that make new dates readable.
pub(super) fn begin(job: &Job, survey: &Survey, is_hidden: bool, body: &mut Body) {
    let id = job.sheet_id;
    match (&job.tab, &job.new_title) {
        (None, title) => {
            body.push(&requests::add_sheet(
                id,
                title.as_deref().unwrap_or_default(),
                job.mark.grid,
                is_hidden,
                1,
            ));
        }
        (Some(tab), _) => {
            let n_rows = job.mark.grid[0].saturating_sub(tab.grid[0]);
            if n_rows > 0 {
                body.push(&requests::append_rows(id, n_rows));
            }
            columns(job, tab, body);
            if job.mark_id.1 && tab.n_frozen == 0 {
                body.push(&requests::freeze(id));
            }
        }
    }
    if job.is_full {
        header(job, survey, body);
    }
    formats(job, survey, body);
}

/// Brings our columns together, or makes room for new ones behind our last one.
fn columns(job: &Job, tab: &Tab, body: &mut Body) {
    let id = job.sheet_id;
    let mut n_columns = tab.grid[1];
    for step in &job.steps {
        body.push(&match *step {
            Step::Move { from, to } => requests::move_column(id, from, to),
            Step::Insert { at } => requests::insert_columns(id, at, 1, n_columns),
        });
        n_columns += u64::from(matches!(step, Step::Insert { .. }));
    }
    let n_new = job.n_new_columns();
    if job.steps.is_empty() && n_new > 0 {
        let at = job.old.width().min(n_columns);
        body.push(&requests::insert_columns(id, at, n_new, n_columns));
    }
}

fn header(job: &Job, survey: &Survey, body: &mut Body) {
    let names = survey.columns.iter().map(|column| Cell::Text(column.name.as_str().into()));
    body.open_cells(job.sheet_id, 0, job.width());
    body.row(&cell::row(names));
    body.close_cells();
    // What the user has made of the other headers stays.
    let known = if job.mark_id.1 { 0 } else { job.old.width() };
    let inserted = job.old.kinds.bytes().enumerate().filter(|(_, kind)| *kind == b'?');
    let mut new: Vec<[u64; 2]> = inserted.map(|(n, _)| [n as u64, n as u64 + 1]).collect();
    new.extend((survey.width() > known).then_some([known, survey.width()]));
    for columns in new {
        body.push(&requests::bold(job.sheet_id, Range { rows: [0, 1], columns }));
    }
}

/// Empties what is left over, and notes what the tab holds now.
pub(super) fn finish(job: &Job, body: &mut Body) {
    body.clear(job.sheet_id, job.tail());
    protection(job, body);
    if job.unhide {
        body.push(&requests::set_hidden(job.sheet_id, false));
    }
    body.push(&mark(job, &job.mark, job.mark_id.1));
}

/// The request that notes this mark.
pub(super) fn mark(job: &Job, mark: &Mark, is_new: bool) -> google_sheets4::api::Request {
    match is_new {
        true => requests::create_mark(job.mark_id.0, mark),
        false => requests::update_mark(job.mark_id.0, mark),
    }
}

/// Number formats of columns that are of another kind than before, and of rows that are new.
fn formats(job: &Job, survey: &Survey, body: &mut Body) {
    let old: Vec<char> = job.old.kinds.chars().collect();
    let first_new = job.tab.as_ref().filter(|_| !job.mark_id.1).map_or(1, |tab| tab.grid[0]);
    let is_dated = |letter: char| [Kind::Date, Kind::Timestamp].iter().any(|kind| kind.letter() == letter);
    for (n, column) in survey.columns.iter().enumerate() {
        let before = old.get(n).copied();
        let is_new = before != Some(column.kind.letter());
        let was_dated = before.is_some_and(is_dated);
        let first = match column.kind.format() {
            Some(_) if is_new => 1,
            Some(_) => first_new,
            None if was_dated => 1,
            None => continue,
        };
        if first < job.mark.grid[0] {
            let n = n as u64;
            let range = Range { rows: [first, u64::MAX], columns: [n, n + 1] };
            body.push(&requests::number_format(job.sheet_id, range, column.kind));
        }
    }
}

fn protection(job: &Job, body: &mut Body) {
    let Some(is_wanted) = job.protect else { return };
    if let Some((id, _)) = job.tab.as_ref().and_then(|tab| tab.protection) {
        body.push(&requests::unprotect(id));
    }
    if is_wanted {
        let range = Range { rows: [0, u64::MAX], columns: [0, job.mark.width().max(1)] };
        body.push(&requests::protect(job.sheet_id, range));
    }
}

/// The mark of a tab whose table is missing from now on.
pub(super) fn absent(mark: &Mark) -> Mark {
    Mark { absent_since: Some(Timestamp::now().as_second()), ..mark.clone() }
}
