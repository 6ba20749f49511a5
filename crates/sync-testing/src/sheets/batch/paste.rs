//! Cells that are copied from one place to others.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::cell::{Held, Row};
use super::super::formula::{self, Edit};
use super::super::grid::{self, Area, GridRange};
use super::super::render;
use super::super::workbook::{Tab, Workbook};
use super::{Who, guard};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CopyPaste {
    source: GridRange,
    destination: GridRange,
    #[serde(default)]
    paste_type: PasteType,
    paste_orientation: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum PasteType {
    #[default]
    PasteNormal,
    PasteValues,
    PasteFormat,
    PasteNoBorders,
    PasteFormula,
    #[serde(other)]
    Other,
}

impl PasteType {
    fn has_values(self) -> bool {
        !matches!(self, PasteType::PasteFormat | PasteType::Other)
    }

    fn has_looks(self) -> bool {
        matches!(self, PasteType::PasteNormal | PasteType::PasteFormat | PasteType::PasteNoBorders)
    }
}

pub(super) fn copy(book: &mut Workbook, request: &CopyPaste, who: Who) -> Result<Value, String> {
    if request.paste_orientation.as_deref() == Some("TRANSPOSE") {
        return Err("this server does not transpose.".to_owned());
    }
    let kind = request.paste_type;
    if kind == PasteType::Other {
        return Err("this server does not know this pasteType.".to_owned());
    }
    let source = book.sheet(request.source.sheet_id)?;
    let from = request.source.resolve(&source.title, source.n_rows, source.n_columns)?;
    let target = book.sheet(request.destination.sheet_id)?;
    let to = request.destination.resolve(&target.title, target.n_rows, target.n_columns)?;
    let to = filled(to, from);
    if to.bottom > target.n_rows || to.right > target.n_columns {
        let name = format!("{}!{}", grid::quoted(&target.title), to.a1());
        let (rows, columns) = (target.n_rows, target.n_columns);
        return Err(format!("Range ({name}) exceeds grid limits. Max rows: {rows}, max columns: {columns}"));
    }
    guard(target, to, who)?;
    // Source and target may be the same tab, and overlap: what is read is as it was before.
    let source = source.clone();
    let reader = if source.has_formulas { Some(book.clone()) } else { None };
    let target = book.sheet_mut(request.destination.sheet_id)?;
    let n_read = source.rows.len();
    for number in to.top..to.bottom {
        let offset = (number - to.top) % from.n_rows();
        let row = (from.top + offset < n_read).then(|| &*source.rows[from.top + offset]);
        let stored = target.rows.get(number).map_or(0, |r| r.n_cells());
        if stored <= to.left && row.is_none_or(|r| r.n_cells() <= from.left) {
            continue;
        }
        let nothing = Row::default();
        let places = Places { from, to, row: number };
        let reader = reader.as_ref().map(|book| (book, &source));
        paste_row(target, row.unwrap_or(&nothing), &places, kind, reader);
    }
    target.has_formulas |= source.has_formulas && kind != PasteType::PasteValues;
    target.trim();
    Ok(json!({}))
}

/// The area that is pasted over: whole copies of the source, one at least.
fn filled(to: Area, from: Area) -> Area {
    let fill = |n: usize, size: usize| (n / size).max(1) * size;
    Area {
        bottom: to.top + fill(to.n_rows(), from.n_rows()),
        right: to.left + fill(to.n_columns(), from.n_columns()),
        ..to
    }
}

struct Places {
    from: Area,
    to: Area,
    row: usize,
}

fn paste_row(
    target: &mut Tab,
    source: &Row,
    at: &Places,
    kind: PasteType,
    reader: Option<(&Workbook, &Tab)>,
) {
    let Places { from, to, .. } = *at;
    let title = target.title.clone();
    let row = target.row_mut(at.row);
    // Behind the last cell of both there is nothing to paste and nothing to clear.
    let n_copies = to.n_columns() / from.n_columns();
    let end = if n_copies > 1 {
        to.right
    } else {
        let last = source.n_cells().saturating_sub(from.left) + to.left;
        to.right.min(last.max(row.n_cells()))
    };
    for column in to.left..end {
        let read = from.left + (column - to.left) % from.n_columns();
        if kind.has_values() {
            let value = match (source.value(read), reader) {
                (Held::Formula(text), Some((book, tab))) if kind == PasteType::PasteValues => {
                    effective(book, tab, text)
                }
                (Held::Formula(text), _) => moved(text, &title, at, column - to.left),
                (value, _) => value.clone(),
            };
            row.set_value(column, value);
        }
        if kind.has_looks() {
            row.set_looks(column, source.looks(read).map(Arc::clone));
        }
    }
    row.trim();
}

fn effective(book: &Workbook, tab: &Tab, text: &str) -> Held {
    let value = book.effective(tab, &Held::Formula(text.into()));
    let shown = render::formatted(&value);
    value.unwrap_or(Held::Text(shown.into()))
}

fn moved(text: &str, title: &str, at: &Places, column: usize) -> Held {
    let signed = |n: usize| isize::try_from(n).expect("a grid is smaller than this");
    let (from, to) = (at.from, at.to);
    let down = signed(at.row) - signed(from.top + (at.row - to.top) % from.n_rows());
    let right = signed(to.left + column) - signed(from.left + column % from.n_columns());
    let new = formula::follow(text, title, &Edit::Paste { down, right });
    Held::Formula(new.map_or_else(|| text.into(), Into::into))
}
