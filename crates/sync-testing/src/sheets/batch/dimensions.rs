//! Rows and columns that come and go.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::cell::Row;
use super::super::formula::Edit;
use super::super::grid::{Area, Dimension, GridRange};
use super::super::workbook::{Tab, Workbook};
use super::properties::{check_columns, check_frozen};
use super::{Who, guard, guard_tab};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Append {
    #[serde(default)]
    sheet_id: i64,
    dimension: Dimension,
    length: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Insert {
    range: Span,
    #[serde(default)]
    inherit_from_before: bool,
}

#[derive(Deserialize)]
pub(super) struct Delete {
    range: Span,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span {
    #[serde(default)]
    pub(super) sheet_id: i64,
    pub(super) dimension: Dimension,
    start_index: Option<i64>,
    end_index: Option<i64>,
}

impl Span {
    /// Start and end within a grid of this size; a missing end is open.
    pub(super) fn within(&self, size: usize) -> Result<(usize, usize), String> {
        let index = |i: i64| usize::try_from(i).map_err(|_| format!("range index [{i}] cannot be negative."));
        let (start, end) = (index(self.start_index.unwrap_or(0))?, self.end_index.map(index).transpose()?);
        let end = end.unwrap_or(size);
        if end <= start {
            return Err(format!("range.endIndex[{end}] must be greater than range.startIndex[{start}]."));
        }
        Ok((start, end))
    }
}

fn size(tab: &Tab, dimension: Dimension) -> usize {
    match dimension {
        Dimension::Rows => tab.n_rows,
        Dimension::Columns => tab.n_columns,
    }
}

pub(super) fn area(tab: &Tab, dimension: Dimension, from: usize, to: usize) -> Area {
    match dimension {
        Dimension::Rows => Area { top: from, bottom: to, left: 0, right: tab.n_columns },
        Dimension::Columns => Area { top: 0, bottom: tab.n_rows, left: from, right: to },
    }
}

pub(super) fn append(book: &mut Workbook, request: &Append, who: Who) -> Result<Value, String> {
    let tab = book.sheet_mut(request.sheet_id)?;
    guard_tab(tab, who)?;
    let n = usize::try_from(request.length).ok().filter(|n| *n > 0);
    let n = n.ok_or_else(|| format!("length must be > 0, was: {}.", request.length))?;
    match request.dimension {
        Dimension::Rows => tab.n_rows += n,
        Dimension::Columns => tab.n_columns += n,
    }
    check_columns(tab.n_columns)?;
    Ok(json!({}))
}

pub(super) fn insert(book: &mut Workbook, request: &Insert, who: Who) -> Result<Value, String> {
    let Insert { range, inherit_from_before } = request;
    let at = book.position(range.sheet_id)?;
    let tab = &mut book.tabs[at];
    let size = size(tab, range.dimension);
    let (start, end) = range.within(size)?;
    if *inherit_from_before && (start == 0 || start > size) {
        return Err(format!("range.startIndex[{start}] must be in 1..={size} if inheritFromBefore is true."));
    }
    if !inherit_from_before && start >= size {
        return Err(format!(
            "range.startIndex[{start}] must be less than the grid size ({size}) if inheritFromBefore is false."
        ));
    }
    guard_tab(tab, who)?;
    if start > 0 && start < size {
        // Between two cells of a protected range, not at its edge.
        let before = guard(tab, area(tab, range.dimension, start - 1, start), who);
        let after = guard(tab, area(tab, range.dimension, start, start + 1), who);
        before.or(after)?;
    }
    insert_at(book, at, range.dimension, (start, end - start), *inherit_from_before);
    check_columns(book.tabs[at].n_columns)?;
    Ok(json!({}))
}

fn insert_at(book: &mut Workbook, at: usize, dimension: Dimension, (start, n): (usize, usize), before: bool) {
    let tab = &mut book.tabs[at];
    let like = if before { start - 1 } else { start };
    match dimension {
        Dimension::Rows => {
            tab.n_rows += n;
            if start < tab.frozen_rows {
                tab.frozen_rows += n;
            }
            insert_rows(tab, start, n, like);
        }
        Dimension::Columns => {
            tab.n_columns += n;
            if start < tab.frozen_columns {
                tab.frozen_columns += n;
            }
            let is_short = |row: &Row| row.n_cells() <= start && row.looks(like).is_none();
            for row in Arc::make_mut(&mut tab.rows).iter_mut().filter(|r| !is_short(r)) {
                Arc::make_mut(row).insert_columns(start, n, Some(like));
            }
        }
    }
    shift(tab, |range| {
        range.after_insert(dimension, start, n);
        true
    });
    let title = tab.title.clone();
    book.follow(&Edit::Insert { tab: &title, dimension, at: start, n });
}

fn insert_rows(tab: &mut Tab, start: usize, n: usize, like: usize) {
    let heir = tab.rows.get(like).map(|r| r.heir()).unwrap_or_default();
    let rows = Arc::make_mut(&mut tab.rows);
    if start > rows.len() {
        return;
    }
    if start < rows.len() || heir.n_cells() > 0 {
        let heir = Arc::new(heir);
        rows.splice(start..start, (0..n).map(|_| Arc::clone(&heir)));
    }
}

pub(super) fn delete(book: &mut Workbook, request: &Delete, who: Who) -> Result<Value, String> {
    let range = &request.range;
    let at = book.position(range.sheet_id)?;
    let tab = &book.tabs[at];
    let size = size(tab, range.dimension);
    let (start, end) = range.within(size)?;
    if end > size {
        return Err(format!("range.endIndex[{end}] is after the last of the sheet ({size})."));
    }
    guard(tab, area(tab, range.dimension, start, end), who)?;
    let (what, n_frozen) = match range.dimension {
        Dimension::Rows => ("rows", tab.frozen_rows),
        Dimension::Columns => ("columns", tab.frozen_columns),
    };
    if end - start >= size {
        return Err(format!("You can't delete all the {what} on the sheet."));
    }
    if n_frozen > 0 && start <= n_frozen && end == size {
        return Err(format!("Sorry, it is not possible to delete all non-frozen {what}."));
    }
    delete_at(book, at, range.dimension, (start, end));
    check_frozen(&book.tabs[at])?;
    Ok(json!({}))
}

fn delete_at(book: &mut Workbook, at: usize, dimension: Dimension, (from, to): (usize, usize)) {
    let tab = &mut book.tabs[at];
    let frozen = |n: usize| n - (n.min(to) - n.min(from));
    match dimension {
        Dimension::Rows => {
            tab.n_rows -= to - from;
            tab.frozen_rows = frozen(tab.frozen_rows);
            let n = tab.rows.len();
            if from < n {
                Arc::make_mut(&mut tab.rows).drain(from..to.min(n));
            }
        }
        Dimension::Columns => {
            tab.n_columns -= to - from;
            tab.frozen_columns = frozen(tab.frozen_columns);
            for row in Arc::make_mut(&mut tab.rows).iter_mut().filter(|r| r.n_cells() > from) {
                Arc::make_mut(row).delete_columns(from, to);
            }
        }
    }
    tab.trim();
    shift(tab, |range| range.after_delete(dimension, from, to));
    let title = tab.title.clone();
    book.follow(&Edit::Delete { tab: &title, dimension, from, to });
}

/// Gives a grid this many rows or columns; what lies beyond them is gone.
pub(super) fn resize(
    book: &mut Workbook,
    at: usize,
    dimension: Dimension,
    n: usize,
    who: Who,
) -> Result<(), String> {
    let tab = &mut book.tabs[at];
    let size = size(tab, dimension);
    if n < size {
        guard(tab, area(tab, dimension, n, size), who)?;
        let frozen = (tab.frozen_rows, tab.frozen_columns);
        delete_at(book, at, dimension, (n, size));
        // What is frozen is looked at when the whole request is done.
        (book.tabs[at].frozen_rows, book.tabs[at].frozen_columns) = frozen;
    } else {
        match dimension {
            Dimension::Rows => tab.n_rows = n,
            Dimension::Columns => tab.n_columns = n,
        }
    }
    Ok(())
}

/// Moves the ranges that belong to a tab.
fn shift(tab: &mut Tab, mut moved: impl FnMut(&mut GridRange) -> bool) {
    tab.protected.retain_mut(|p| moved(&mut p.range));
    let mut json = |value: &mut Value| {
        let Ok(mut range) = serde_json::from_value::<GridRange>(value.clone()) else { return true };
        let stays = moved(&mut range);
        *value = range.to_json();
        stays
    };
    if tab.basic_filter.as_mut().and_then(|f| f.get_mut("range")).is_some_and(|r| !json(r)) {
        tab.basic_filter = None;
    }
    if let Some(Value::Array(merges)) = tab.others.get_mut("merges") {
        merges.retain_mut(json);
    }
}

#[derive(Deserialize)]
pub(super) struct UpdateProperties {
    range: Span,
    #[serde(default)]
    fields: String,
}

/// Widths and heights have no effect, but have to be asked for properly.
pub(super) fn update_properties(book: &mut Workbook, request: &UpdateProperties) -> Result<Value, String> {
    super::properties::mask(&request.fields, "DimensionProperties")?;
    let range = &request.range;
    let size = size(book.sheet(range.sheet_id)?, range.dimension);
    let (_, end) = range.within(size)?;
    if end > size {
        return Err(format!("range.endIndex[{end}] is after the last of the sheet ({size})."));
    }
    Ok(json!({}))
}
