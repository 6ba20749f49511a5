//! Properties of tabs and of the workbook.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::grid::Dimension;
use super::super::mask::Mask;
use super::super::workbook::{Tab, Workbook};
use super::{Who, check_cells, dimensions, guard_tab, tabs};

/// Most columns of a grid.
const MAX_COLUMNS: usize = 18_278;

/// Properties as a request has them.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Properties {
    pub(super) sheet_id: Option<i64>,
    pub(super) title: Option<String>,
    pub(super) index: Option<usize>,
    pub(super) hidden: Option<bool>,
    grid_properties: Grid,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Grid {
    row_count: Option<i64>,
    column_count: Option<i64>,
    frozen_row_count: Option<i64>,
    frozen_column_count: Option<i64>,
}

impl Properties {
    /// What nothing depends on, such as colours.
    pub(super) fn others(self) -> Map<String, Value> {
        self.rest
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Update {
    properties: Properties,
    fields: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct UpdateWorkbook {
    properties: Map<String, Value>,
    fields: String,
}

/// A mask that has to name something.
pub(super) fn mask(fields: &str, message: &str) -> Result<Mask, String> {
    if fields.trim().is_empty() {
        return Err(
            "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)".to_owned()
        );
    }
    Mask::parse(fields, message).map_err(|path| format!("Invalid field: {path}"))
}

/// The grid of a new tab.
pub(super) fn new_grid(tab: &mut Tab, wanted: &Properties) -> Result<(), String> {
    let grid = &wanted.grid_properties;
    tab.n_rows = size(grid.row_count.unwrap_or(1000), "rowCount")?;
    tab.n_columns = size(grid.column_count.unwrap_or(26), "columnCount")?;
    check_columns(tab.n_columns)?;
    tab.frozen_rows = count(grid.frozen_row_count)?;
    tab.frozen_columns = count(grid.frozen_column_count)?;
    check_frozen(tab)
}

fn size(n: i64, name: &str) -> Result<usize, String> {
    usize::try_from(n)
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| format!("gridProperties.{name} must be > 0, was: {n}."))
}

fn count(n: Option<i64>) -> Result<usize, String> {
    usize::try_from(n.unwrap_or(0)).map_err(|_| "You can't freeze a negative number of rows.".to_owned())
}

pub(super) fn check_columns(n: usize) -> Result<(), String> {
    if n > MAX_COLUMNS {
        return Err(format!(
            "This action would increase the number of columns in the sheet above the limit of {MAX_COLUMNS} columns."
        ));
    }
    Ok(())
}

/// Refuses a grid of which nothing would move.
pub(super) fn check_frozen(tab: &Tab) -> Result<(), String> {
    if tab.frozen_rows > 0 && tab.frozen_rows >= tab.n_rows {
        return Err("You can't freeze all visible rows on the sheet.".to_owned());
    }
    if tab.frozen_columns > 0 && tab.frozen_columns >= tab.n_columns {
        return Err("You can't freeze all visible columns on the sheet.".to_owned());
    }
    Ok(())
}

pub(super) fn update(book: &mut Workbook, request: Update, who: Who) -> Result<Value, String> {
    let mask = mask(&request.fields, "SheetProperties")?;
    let wanted = request.properties;
    let at = book.position(wanted.sheet_id.unwrap_or(0))?;
    guard_tab(&book.tabs[at], who)?;
    let is_meant = |name: &str| mask.field(name).is_some();
    match &wanted.title {
        Some(title) if is_meant("title") => tabs::rename(book, at, title, who)?,
        None if is_meant("title") && mask != Mask::All => {
            return Err("The sheet name cannot be empty.".to_owned());
        }
        _ => {}
    }
    if let Some(grid) = mask.field("gridProperties") {
        resize(book, at, &wanted.grid_properties, grid, who)?;
    }
    if is_meant("hidden") {
        book.tabs[at].hidden = wanted.hidden.unwrap_or(false);
        if book.tabs.iter().all(|t| t.hidden) {
            return Err("You can't hide all the sheets in a document.".to_owned());
        }
    }
    let index = wanted.index;
    let own = ["title", "hidden", "index", "gridProperties", "sheetId", "sheetType"];
    if let Mask::Some(fields) = &mask {
        let others = fields.iter().filter(|(n, _)| !own.contains(&n.as_str()));
        let others = Mask::Some(others.map(|(n, m)| (n.clone(), m.clone())).collect());
        others.copy(&mut book.tabs[at].others, &wanted.rest);
    } else {
        book.tabs[at].others.extend(wanted.rest);
    }
    if let Some(index) = index.filter(|_| is_meant("index")) {
        move_to(book, at, index)?;
    }
    Ok(json!({}))
}

/// Rows first, then columns, and the limit of cells is checked in between.
fn resize(book: &mut Workbook, at: usize, wanted: &Grid, mask: &Mask, who: Who) -> Result<(), String> {
    let is_named = |name: &str| matches!(mask, Mask::Some(fields) if fields.contains_key(name));
    let wish = |n: Option<i64>, name: &str| match (n, mask.field(name)) {
        (Some(n), Some(_)) => size(n, name).map(Some),
        (None, Some(_)) if is_named(name) => size(0, name).map(Some),
        _ => Ok(None),
    };
    let n_before = book.n_cells();
    if let Some(n) = wish(wanted.row_count, "rowCount")? {
        dimensions::resize(book, at, Dimension::Rows, n, who)?;
        check_cells(book, n_before)?;
    }
    let n_before = book.n_cells();
    if let Some(n) = wish(wanted.column_count, "columnCount")? {
        check_columns(n)?;
        dimensions::resize(book, at, Dimension::Columns, n, who)?;
        check_cells(book, n_before)?;
    }
    let tab = &mut book.tabs[at];
    if mask.field("frozenRowCount").is_some() {
        tab.frozen_rows = count(wanted.frozen_row_count)?;
    }
    if mask.field("frozenColumnCount").is_some() {
        tab.frozen_columns = count(wanted.frozen_column_count)?;
    }
    check_frozen(tab)
}

/// Indexes count as they were before the move.
fn move_to(book: &mut Workbook, at: usize, index: usize) -> Result<(), String> {
    if index > book.tabs.len() {
        return Err(format!("Sheet index {index} is too high: there are {} sheets.", book.tabs.len()));
    }
    if index != at && index != at + 1 {
        let tab = book.tabs.remove(at);
        book.tabs.insert(if index > at { index - 1 } else { index }, tab);
    }
    Ok(())
}

pub(super) fn update_workbook(book: &mut Workbook, request: &UpdateWorkbook) -> Result<Value, String> {
    let mask = mask(&request.fields, "SpreadsheetProperties")?;
    let text = |name: &str| request.properties.get(name).and_then(Value::as_str);
    let set = |name: &str, to: &mut String| {
        if let (Some(_), Some(value)) = (mask.field(name), text(name)) {
            value.clone_into(to);
        }
    };
    set("title", &mut book.title);
    set("locale", &mut book.locale);
    set("timeZone", &mut book.time_zone);
    Ok(json!({}))
}
