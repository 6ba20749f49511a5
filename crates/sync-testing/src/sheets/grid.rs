//! Ranges of cells, as indexes and in A1 notation.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A range as requests have it; sides that are missing are open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GridRange {
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) sheet_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_row_index: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_row_index: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_column_index: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_column_index: Option<i64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// Rows or columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Dimension {
    Rows,
    Columns,
}

/// A rectangle within a grid; its ends are not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) top: usize,
    pub(super) bottom: usize,
    pub(super) left: usize,
    pub(super) right: usize,
}

impl Area {
    pub(super) fn n_rows(self) -> usize {
        self.bottom - self.top
    }

    pub(super) fn n_columns(self) -> usize {
        self.right - self.left
    }

    pub(super) fn touches(self, other: Area) -> bool {
        self.top < other.bottom
            && other.top < self.bottom
            && self.left < other.right
            && other.left < self.right
    }

    /// `A1:B2`, or one cell's name.
    pub(super) fn a1(self) -> String {
        let first = format!("{}{}", letters(self.left), self.top + 1);
        if self.n_rows() == 1 && self.n_columns() == 1 {
            return first;
        }
        format!("{first}:{}{}", letters(self.right - 1), self.bottom)
    }
}

impl GridRange {
    pub(super) fn sheet(sheet_id: i64) -> GridRange {
        GridRange { sheet_id, ..GridRange::default() }
    }

    /// The rectangle in a grid of this size, with what lies outside cut off.
    pub(super) fn within(&self, n_rows: usize, n_columns: usize) -> Area {
        let index = |i: Option<i64>, or: usize| i.map_or(or, |i| usize::try_from(i).unwrap_or(0).min(or));
        let start = |i: Option<i64>, most: usize| i.map_or(0, |_| index(i, most));
        Area {
            top: start(self.start_row_index, n_rows),
            bottom: index(self.end_row_index, n_rows),
            left: start(self.start_column_index, n_columns),
            right: index(self.end_column_index, n_columns),
        }
    }

    /// The rectangle, if it lies in a grid of this size and is not empty.
    pub(super) fn resolve(&self, title: &str, n_rows: usize, n_columns: usize) -> Result<Area, String> {
        let sides =
            [self.start_row_index, self.end_row_index, self.start_column_index, self.end_column_index];
        if sides.iter().flatten().any(|i| *i < 0) {
            return Err("GridRange indexes cannot be negative.".to_owned());
        }
        let whole = self.within(usize::MAX, usize::MAX);
        if whole.top >= whole.bottom || whole.left >= whole.right {
            return Err(format!(
                "Invalid GridRange: no cells between rows {} and {}, columns {} and {}.",
                whole.top, whole.bottom, whole.left, whole.right
            ));
        }
        let is_open = |end: Option<i64>| end.is_none();
        let is_outside = whole.top >= n_rows
            || whole.left >= n_columns
            || (whole.bottom > n_rows && !is_open(self.end_row_index))
            || (whole.right > n_columns && !is_open(self.end_column_index));
        if is_outside {
            let bottom = if is_open(self.end_row_index) { n_rows.max(whole.top + 1) } else { whole.bottom };
            let right =
                if is_open(self.end_column_index) { n_columns.max(whole.left + 1) } else { whole.right };
            let name = Area { bottom, right, ..whole }.a1();
            return Err(format!(
                "Range ({}!{name}) exceeds grid limits. Max rows: {n_rows}, max columns: {n_columns}",
                quoted(title)
            ));
        }
        Ok(self.within(n_rows, n_columns))
    }

    /// Moves with rows or columns that are inserted.
    pub(super) fn after_insert(&mut self, dimension: Dimension, at: usize, n: usize) {
        let (start, end) = self.sides(dimension);
        let (at, n) = (signed(at), signed(n));
        if let Some(start) = start.as_mut().filter(|s| **s >= at) {
            *start += n;
        }
        if let Some(end) = end.as_mut().filter(|e| **e > at) {
            *end += n;
        }
    }

    /// Moves with rows or columns that are deleted; `false` if nothing is left.
    pub(super) fn after_delete(&mut self, dimension: Dimension, from: usize, to: usize) -> bool {
        let (start, end) = self.sides(dimension);
        let (from, to) = (signed(from), signed(to));
        let moved = |i: i64| if i >= to { i - (to - from) } else { i.min(from) };
        *start = start.map(moved);
        *end = end.map(moved);
        end.is_none_or(|e| start.unwrap_or(0) < e)
    }

    fn sides(&mut self, dimension: Dimension) -> (&mut Option<i64>, &mut Option<i64>) {
        match dimension {
            Dimension::Rows => (&mut self.start_row_index, &mut self.end_row_index),
            Dimension::Columns => (&mut self.start_column_index, &mut self.end_column_index),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!(self)
    }
}

fn signed(n: usize) -> i64 {
    i64::try_from(n).expect("a grid is smaller than this")
}

/// A column's letters, from 0 = A.
pub(super) fn letters(column: usize) -> String {
    let mut letters = Vec::new();
    let mut n = column + 1;
    while n > 0 {
        let digit = u8::try_from((n - 1) % 26).expect("a digit of 26");
        letters.push(char::from(b'A' + digit));
        n = (n - 1) / 26;
    }
    letters.iter().rev().collect()
}

/// The column with these letters; `None` if they are none, or too many.
pub(super) fn column(letters: &str) -> Option<usize> {
    if letters.is_empty() || letters.len() > 4 || !letters.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    let digit = |b: u8| usize::from(b.to_ascii_uppercase() - b'A') + 1;
    Some(letters.bytes().fold(0, |n, b| n * 26 + digit(b)) - 1)
}

/// Where a column is after `n` columns from `from` on went to where `to` was.
pub(super) fn moved(column: usize, from: usize, n: usize, to: usize) -> usize {
    let start = if to > from { to - n } else { to };
    match column {
        c if (from..from + n).contains(&c) => start + c - from,
        c => {
            let without = if c >= from + n { c - n } else { c };
            if without >= start { without + n } else { without }
        }
    }
}

/// A title as formulas and ranges have it: in quotes where it needs them.
pub(super) fn quoted(title: &str) -> String {
    let is_plain = title.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && title.chars().all(|c| c.is_alphanumeric() || c == '_')
        && ends(title).is_none();
    if is_plain { title.to_owned() } else { format!("'{}'", title.replace('\'', "''")) }
}

/// A range's rows and columns without a title: `A1`, `A1:B2`, `A:B`, `1:2`, `A2:B`.
pub(super) fn ends(text: &str) -> Option<GridRange> {
    let (first, last) = text.split_once(':').map_or((text, None), |(a, b)| (a, Some(b)));
    let (c1, r1) = corner(first)?;
    let Some(last) = last else {
        let (c, r) = (signed(c1?), signed(r1?));
        return Some(GridRange {
            sheet_id: 0,
            start_row_index: Some(r),
            end_row_index: Some(r + 1),
            start_column_index: Some(c),
            end_column_index: Some(c + 1),
        });
    };
    let (c2, r2) = corner(last)?;
    let order = |a: Option<usize>, b: Option<usize>| match (a, b) {
        (Some(a), Some(b)) => (Some(signed(a.min(b))), Some(signed(a.max(b)) + 1)),
        (a, b) => (a.map(signed), b.map(|b| signed(b) + 1)),
    };
    let ((start_row_index, end_row_index), (start_column_index, end_column_index)) =
        (order(r1, r2), order(c1, c2));
    Some(GridRange { sheet_id: 0, start_row_index, end_row_index, start_column_index, end_column_index })
}

/// Column and row of `$B$3`; either may be missing.
fn corner(text: &str) -> Option<(Option<usize>, Option<usize>)> {
    let text = text.strip_prefix('$').unwrap_or(text);
    let n = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (letters, row) = text.split_at(n);
    let row = row.strip_prefix('$').unwrap_or(row);
    if letters.is_empty() && row.is_empty() {
        return None;
    }
    let column = if letters.is_empty() { None } else { Some(column(letters)?) };
    let row = if row.is_empty() {
        None
    } else {
        let n: usize = row.bytes().all(|b| b.is_ascii_digit()).then(|| row.parse().ok())??;
        Some(n.checked_sub(1)?)
    };
    Some((column, row))
}

/// Title and range of `'My tab'!A1:B2`; a title alone, or a range alone, has no other part.
pub(super) fn split_title(text: &str) -> (Option<String>, Option<&str>) {
    if let Some(rest) = text.strip_prefix('\'') {
        let mut title = String::new();
        let mut chars = rest.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if c != '\'' {
                title.push(c);
            } else if chars.next_if(|(_, c)| *c == '\'').is_some() {
                title.push('\'');
            } else {
                return (Some(title), rest[i + 1..].strip_prefix('!'));
            }
        }
        return (Some(text.to_owned()), None);
    }
    match text.rsplit_once('!') {
        Some((title, range)) => (Some(title.to_owned()), Some(range)),
        None if ends(text).is_some() => (None, Some(text)),
        None => (Some(text.to_owned()), None),
    }
}
