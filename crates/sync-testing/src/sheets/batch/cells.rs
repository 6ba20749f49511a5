//! Values and formats of cells.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::cell::{Held, Looks, Row};
use super::super::formula::{self, Edit};
use super::super::grid::{Area, GridRange};
use super::super::mask::Mask;
use super::super::workbook::{Tab, Workbook};
use super::{Who, guard, parsed, properties};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Update {
    range: Option<GridRange>,
    start: Option<Coordinate>,
    fields: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Coordinate {
    sheet_id: i64,
    row_index: usize,
    column_index: usize,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Repeat {
    range: GridRange,
    cell: Value,
    fields: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Validation {
    range: GridRange,
    rule: Option<Value>,
}

/// Which parts of a cell are written.
struct Meant {
    value: bool,
    /// Of all but the value.
    looks: Option<Mask>,
    /// Formats met of late: equal ones share their memory.
    recent: Vec<Looks>,
}

const VALUE: &str = "userEnteredValue";
/// The value, and what a cell has of its own accord.
const NOT_LOOKS: [&str; 5] = [VALUE, "effectiveValue", "effectiveFormat", "formattedValue", "hyperlink"];

impl Meant {
    fn new(fields: &str) -> Result<Meant, String> {
        let looks = match properties::mask(fields, "CellData")? {
            Mask::All => return Ok(Meant { value: true, looks: Some(Mask::All), recent: Vec::new() }),
            Mask::Some(mut fields) => {
                let value = fields.remove(VALUE).is_some();
                NOT_LOOKS.iter().for_each(|name| drop(fields.remove(*name)));
                (value, (!fields.is_empty()).then_some(Mask::Some(fields)))
            }
        };
        Ok(Meant { value: looks.0, looks: looks.1, recent: Vec::new() })
    }

    /// Writes a cell with its `CellData`, which loses its value.
    fn write(&mut self, row: &mut Row, column: usize, data: &mut Value) -> Result<(), String> {
        if self.value {
            let value = data.get_mut(VALUE).map_or(Ok(Held::Empty), Held::take)?;
            row.set_value(column, value);
        }
        if self.looks.is_some() {
            let nothing = Map::new();
            let looks = self.new_looks(row.looks(column), data.as_object().unwrap_or(&nothing));
            row.set_looks(column, looks);
        }
        Ok(())
    }

    /// Empties a cell.
    fn clear(&mut self, row: &mut Row, column: usize) {
        if self.value {
            row.set_value(column, Held::Empty);
        }
        if self.looks.is_some() {
            let looks = self.new_looks(row.looks(column), &Map::new());
            row.set_looks(column, looks);
        }
    }

    fn new_looks(&mut self, old: Option<&Looks>, data: &Map<String, Value>) -> Option<Looks> {
        let mask = self.looks.as_ref()?;
        let mut map = old.map(|l| (**l).clone()).unwrap_or_default();
        mask.copy(&mut map, data);
        NOT_LOOKS.iter().for_each(|name| drop(map.remove(*name)));
        if map.is_empty() {
            return None;
        }
        if let Some(same) = self.recent.iter().find(|l| ***l == map) {
            return Some(Arc::clone(same));
        }
        let looks = Arc::new(map);
        self.recent.truncate(15);
        self.recent.insert(0, Arc::clone(&looks));
        Some(looks)
    }
}

pub(super) fn update(book: &mut Workbook, mut body: Value, who: Who) -> Result<Value, String> {
    let rows = match body.get_mut("rows").map(Value::take) {
        Some(Value::Array(rows)) => rows,
        _ => Vec::new(),
    };
    let rows: Vec<_> = rows.into_iter().map(cells_of).collect();
    let Update { range, start, fields } = parsed(body)?;
    let mut meant = Meant::new(&fields)?;
    let (id, area, clears) = match (range, start) {
        (Some(range), None) => {
            let tab = book.sheet(range.sheet_id)?;
            let area = range.resolve(&tab.title, tab.n_rows, tab.n_columns)?;
            check_fits(area, &rows)?;
            (range.sheet_id, area, true)
        }
        (None, Some(start)) => {
            (start.sheet_id, from_start(book.sheet(start.sheet_id)?, &start, &rows)?, false)
        }
        _ => return Err("Exactly one of 'start' and 'range' must be set.".to_owned()),
    };
    let tab = book.sheet_mut(id)?;
    guard(tab, area, who)?;
    let n_given = rows.len();
    for (i, cells) in rows.into_iter().enumerate() {
        write_row(tab, area.top + i, area, cells, &mut meant, clears)?;
    }
    if clears {
        // Below what is stored there is nothing to clear.
        for row in area.top + n_given..area.bottom.min(tab.rows.len()) {
            write_row(tab, row, area, Vec::new(), &mut meant, true)?;
        }
    }
    tab.trim();
    Ok(json!({}))
}

fn cells_of(mut row: Value) -> Vec<Value> {
    match row.get_mut("values").map(Value::take) {
        Some(Value::Array(cells)) => cells,
        _ => Vec::new(),
    }
}

fn check_fits(area: Area, rows: &[Vec<Value>]) -> Result<(), String> {
    if rows.len() > area.n_rows() {
        let (row, last) = (area.bottom, area.bottom - 1);
        return Err(format!("Attempting to write row: {row}, beyond the last requested row of: {last}"));
    }
    if rows.iter().any(|r| r.len() > area.n_columns()) {
        let (column, last) = (area.right, area.right - 1);
        return Err(format!(
            "Attempting to write column: {column}, beyond the last requested column of: {last}"
        ));
    }
    Ok(())
}

fn from_start(tab: &Tab, start: &Coordinate, rows: &[Vec<Value>]) -> Result<Area, String> {
    let (top, left) = (start.row_index, start.column_index);
    if top >= tab.n_rows {
        return Err(format!("GridCoordinate.rowIndex[{top}] is after last row in grid[{}]", tab.n_rows));
    }
    if left >= tab.n_columns {
        return Err(format!(
            "GridCoordinate.columnIndex[{left}] is after last column in grid[{}]",
            tab.n_columns
        ));
    }
    let widest = rows.iter().map(Vec::len).max().unwrap_or(0);
    let grid = Area { top, left, bottom: tab.n_rows, right: tab.n_columns };
    check_fits(grid, rows)?;
    Ok(Area { bottom: top + rows.len(), right: left + widest, ..grid })
}

/// Writes the cells that are given; with `clears` those behind them in the area lose what is meant.
fn write_row(
    tab: &mut Tab,
    number: usize,
    area: Area,
    mut cells: Vec<Value>,
    meant: &mut Meant,
    clears: bool,
) -> Result<(), String> {
    let stored = tab.rows.get(number).map_or(0, |r| r.n_cells());
    let end =
        if clears { area.right.min(stored.max(area.left + cells.len())) } else { area.left + cells.len() };
    if end <= area.left || (cells.is_empty() && stored == 0) {
        return Ok(());
    }
    let row = tab.row_mut(number);
    if meant.value {
        row.values.reserve_exact(end.saturating_sub(row.values.len()));
    }
    for (i, data) in cells.iter_mut().enumerate() {
        meant.write(row, area.left + i, data)?;
    }
    for column in area.left + cells.len()..end {
        meant.clear(row, column);
    }
    row.trim();
    let has_formula = row.has_formula();
    tab.has_formulas |= has_formula;
    Ok(())
}

pub(super) fn repeat(book: &mut Workbook, request: Repeat, who: Who) -> Result<Value, String> {
    let tab = book.sheet_mut(request.range.sheet_id)?;
    let area = request.range.resolve(&tab.title, tab.n_rows, tab.n_columns)?;
    guard(tab, area, who)?;
    let mut meant = Meant::new(&request.fields)?;
    let is_formula = request.cell[VALUE].get("formulaValue").is_some() && meant.value;
    let n_stored = tab.rows.len();
    for number in area.top..area.bottom.min(n_stored) {
        write_all(tab, number, area, &request.cell, &mut meant)?;
    }
    if n_stored < area.bottom {
        let first = n_stored.max(area.top);
        write_all(tab, first, area, &request.cell, &mut meant)?;
        if tab.rows.get(first).is_some_and(|r| r.n_cells() > 0) {
            let rows = Arc::make_mut(&mut tab.rows);
            let like = Arc::clone(&rows[first]);
            rows.resize_with(area.bottom, || Arc::clone(&like));
        }
    }
    if is_formula {
        spread(tab, area);
    }
    tab.trim();
    Ok(json!({}))
}

fn write_all(
    tab: &mut Tab,
    number: usize,
    area: Area,
    cell: &Value,
    meant: &mut Meant,
) -> Result<(), String> {
    let row = tab.row_mut(number);
    for column in area.left..area.right {
        meant.write(row, column, &mut cell.clone())?;
    }
    row.trim();
    Ok(())
}

/// Lets a formula that stands everywhere look as if it had been dragged from the first cell.
fn spread(tab: &mut Tab, area: Area) {
    tab.has_formulas = true;
    let title = tab.title.clone();
    let signed = |n: usize| isize::try_from(n).expect("a grid is smaller than this");
    for number in area.top..area.bottom {
        for column in area.left..area.right {
            let Held::Formula(text) = tab.value(number, column) else { continue };
            let edit = Edit::Paste { down: signed(number - area.top), right: signed(column - area.left) };
            if let Some(new) = formula::follow(text, &title, &edit) {
                tab.row_mut(number).set_value(column, Held::Formula(new.into()));
            }
        }
    }
}

pub(super) fn set_validation(book: &mut Workbook, request: Validation, who: Who) -> Result<Value, String> {
    let cell = request.rule.map_or_else(|| json!({}), |rule| json!({ "dataValidation": rule }));
    repeat(book, Repeat { range: request.range, cell, fields: "dataValidation".to_owned() }, who)
}
