//! Writing values.

use serde_json::{Value, json};

use super::super::api::{self, Request};
use super::super::batch::{Who, guard};
use super::super::cell::Held;
use super::super::grid::{Area, letters};
use super::super::input;
use super::super::refusal::Refusal;
use super::super::workbook::{Tab, Workbook};
use super::{Manner, Place, is_by_column, name, option, place, value_range};

const WRITING: [&str; 4] = [
    "valueInputOption",
    "includeValuesInResponse",
    "responseValueRenderOption",
    "responseDateTimeRenderOption",
];

/// How values are read, and whether the answer repeats them.
struct How<'a> {
    /// Whether texts are read as if somebody had typed them.
    is_typed: bool,
    repeats: bool,
    option: &'a str,
}

impl How<'_> {
    fn new<'a>(input: Option<&str>, repeats: bool, render: Option<&'a str>) -> Result<How<'a>, Refusal> {
        let is_typed = match input {
            Some("RAW") => false,
            Some("USER_ENTERED") => true,
            None | Some("" | "INPUT_VALUE_OPTION_UNSPECIFIED") => {
                return Err(Refusal::invalid("'valueInputOption' is required but not specified"));
            }
            Some(other) => {
                let why = format!("Invalid value at 'value_input_option' (TYPE_ENUM), \"{other}\"");
                return Err(Refusal::payload(why));
            }
        };
        Ok(How { is_typed, repeats, option: option(render)? })
    }

    fn of(request: &Request) -> Result<How<'_>, Refusal> {
        let repeats = request.flag("includeValuesInResponse");
        How::new(request.param("valueInputOption"), repeats, request.param("responseValueRenderOption"))
    }
}

pub(super) fn put(book: &mut Workbook, range: &str, mut request: Request) -> Result<Value, Refusal> {
    api::response_mask(&request, "UpdateValuesResponse", &WRITING)?;
    let body = request.message("ValueRange")?;
    let how = How::of(&request)?;
    let target = place(book, range)?;
    check_same(book, target, &body)?;
    let mut new = book.clone();
    let json = write(&mut new, target, &body, &how)?;
    *book = new;
    Ok(json)
}

/// The body may name the range as well, but not another one.
fn check_same(book: &Workbook, target: Place, body: &Value) -> Result<(), Refusal> {
    let Some(range) = body["range"].as_str().filter(|r| !r.is_empty()) else { return Ok(()) };
    if place(book, range)? != target {
        let wanted = name(&book.tabs[target.0], target.1);
        let why = format!("Requested range [{wanted}] does not match value range [{range}]");
        return Err(Refusal::invalid(why));
    }
    Ok(())
}

pub(super) fn batch_put(book: &mut Workbook, mut request: Request) -> Result<Value, Refusal> {
    api::response_mask(&request, "BatchUpdateValuesResponse", &[])?;
    let body = request.message("BatchUpdateValuesRequest")?;
    let render = body["responseValueRenderOption"].as_str();
    let how = How::new(body["valueInputOption"].as_str(), body["includeValuesInResponse"] == true, render)?;
    let mut new = book.clone();
    let mut responses = Vec::new();
    let mut sheets = Vec::new();
    for data in body["data"].as_array().into_iter().flatten() {
        let target = place(&new, data["range"].as_str().unwrap_or_default())?;
        responses.push(write(&mut new, target, data, &how)?);
        sheets.push(target.0);
    }
    *book = new;
    sheets.sort_unstable();
    sheets.dedup();
    let total = |name: &str| responses.iter().filter_map(|r| r[name].as_u64()).sum::<u64>();
    Ok(json!({
        "spreadsheetId": book.id,
        "totalUpdatedRows": total("updatedRows"),
        "totalUpdatedColumns": total("updatedColumns"),
        "totalUpdatedCells": total("updatedCells"),
        "totalUpdatedSheets": sheets.len(),
        "responses": responses,
    }))
}

pub(super) fn append(book: &mut Workbook, range: &str, mut request: Request) -> Result<Value, Refusal> {
    let own = [&WRITING[..], &["insertDataOption"]].concat();
    api::response_mask(&request, "AppendValuesResponse", &own)?;
    let body = request.message("ValueRange")?;
    let how = How::of(&request)?;
    let mut new = book.clone();
    let (at, area) = place(&new, range)?;
    let table = table(&new.tabs[at], area);
    let (top, left) = table.map_or((area.top, area.left), |t| (t.bottom, t.left));
    let (n_rows, n_columns) = size(&body)?;
    let tab = &mut new.tabs[at];
    tab.n_rows = tab.n_rows.max(top + n_rows);
    tab.n_columns = tab.n_columns.max(left + n_columns);
    if new.n_cells() > new.limits.n_cells {
        let limit = new.limits.n_cells;
        return Err(Refusal::invalid(format!(
            "This action would increase the number of cells in the workbook above the limit of {limit} cells."
        )));
    }
    let start = Area { top, left, bottom: top + 1, right: left + 1 };
    let updates = write(&mut new, (at, start), &body, &how)?;
    *book = new;
    let mut json = json!({ "spreadsheetId": book.id, "updates": updates });
    if let Some(table) = table {
        json["tableRange"] = name(&book.tabs[at], table).into();
    }
    Ok(json)
}

/// The cells within an area that hold something, as one rectangle.
fn table(tab: &Tab, area: Area) -> Option<Area> {
    let rows = area.top..area.bottom.min(tab.rows.len());
    let cells = rows.flat_map(|r| (area.left..area.right.min(tab.rows[r].values.len())).map(move |c| (r, c)));
    let mut found: Option<Area> = None;
    for (row, column) in cells.filter(|(r, c)| !tab.value(*r, *c).is_empty()) {
        let one = Area { top: row, bottom: row + 1, left: column, right: column + 1 };
        found = Some(found.map_or(one, |f| Area {
            top: f.top,
            bottom: row + 1,
            left: f.left.min(column),
            right: f.right.max(column + 1),
        }));
    }
    found
}

/// Rows and columns of the values given.
fn size(body: &Value) -> Result<(usize, usize), Refusal> {
    let lists = body["values"].as_array().map(Vec::as_slice).unwrap_or_default();
    let longest = lists.iter().filter_map(Value::as_array).map(Vec::len).max().unwrap_or(0);
    let is_by_column = is_by_column(body["majorDimension"].as_str())?;
    Ok(if is_by_column { (longest, lists.len()) } else { (lists.len(), longest) })
}

fn write(book: &mut Workbook, (at, area): Place, body: &Value, how: &How) -> Result<Value, Refusal> {
    let is_by_column = is_by_column(body["majorDimension"].as_str())?;
    let (n_rows, n_columns) = size(body)?;
    let tab = &mut book.tabs[at];
    let area = fitting(tab, area, n_rows, n_columns).map_err(Refusal::invalid)?;
    if area.n_rows() > 0 && area.n_columns() > 0 {
        guard(tab, area, Who::Account).map_err(Refusal::invalid)?;
    }
    let mut n_cells = 0;
    for (o, list) in body["values"].as_array().into_iter().flatten().enumerate() {
        for (i, value) in list.as_array().into_iter().flatten().enumerate() {
            let entered = input::read(value, how.is_typed);
            let entered =
                entered.map_err(|why| Refusal::invalid(format!("Invalid values[{o}][{i}]: {why}")))?;
            let Some((held, looks)) = entered else { continue };
            let (row, column) = if is_by_column { (i, o) } else { (o, i) };
            let (row, column) = (area.top + row, area.left + column);
            tab.has_formulas |= matches!(held, Held::Formula(_));
            let row = tab.row_mut(row);
            row.set_value(column, held);
            // A format of one's own is better than the one that comes with a date.
            if row.looks(column).is_none() {
                row.set_looks(column, looks);
            }
            row.trim();
            n_cells += 1;
        }
    }
    tab.trim();
    let mut json = json!({ "spreadsheetId": book.id, "updatedRange": name_of(&book.tabs[at], area) });
    if n_cells > 0 {
        json["updatedRows"] = n_rows.into();
        json["updatedColumns"] = n_columns.into();
        json["updatedCells"] = n_cells.into();
    }
    if how.repeats {
        json["updatedData"] = value_range(book, at, area, Manner { option: how.option, is_by_column });
    }
    Ok(json)
}

fn name_of(tab: &Tab, area: Area) -> String {
    let (bottom, right) = (area.bottom.max(area.top + 1), area.right.max(area.left + 1));
    name(tab, Area { bottom, right, ..area })
}

/// The area that is written: a range of one cell grows, others do not.
fn fitting(tab: &Tab, area: Area, n_rows: usize, n_columns: usize) -> Result<Area, String> {
    let written = Area { bottom: area.top + n_rows, right: area.left + n_columns, ..area };
    let is_cell = area.n_rows() == 1 && area.n_columns() == 1;
    let (rows, columns) = (tab.n_rows, tab.n_columns);
    if is_cell && (written.bottom > rows || written.right > columns) {
        let name = name_of(tab, written);
        return Err(format!("Range ({name}) exceeds grid limits. Max rows: {rows}, max columns: {columns}"));
    }
    if !is_cell && written.bottom > area.bottom {
        let (name, row) = (name(tab, area), area.bottom + 1);
        return Err(format!("Requested writing within range [{name}], but tried writing to row [{row}]"));
    }
    if !is_cell && written.right > area.right {
        let (name, column) = (name(tab, area), letters(area.right));
        return Err(format!(
            "Requested writing within range [{name}], but tried writing to column [{column}]"
        ));
    }
    Ok(written)
}
