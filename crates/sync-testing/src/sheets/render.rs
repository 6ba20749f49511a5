//! Workbooks as the API shows them.

use serde_json::{Map, Value, json};

use super::batch::{ACCOUNT, Who};
use super::cell::{Held, number};
use super::grid::{Area, GridRange};
use super::mask::Mask;
use super::workbook::{Metadata, Protected, Tab, Workbook};

/// What of a workbook is asked for.
pub(super) struct Wish {
    /// Which fields; without it all, and cells only if asked for by `has_cells`.
    pub(super) mask: Option<Mask>,
    pub(super) has_cells: bool,
    /// The tabs and the cells in them; all without it.
    pub(super) ranges: Option<Vec<GridRange>>,
}

/// A tab's properties.
pub(super) fn properties(tab: &Tab, index: usize) -> Value {
    let mut grid = json!({ "rowCount": tab.n_rows, "columnCount": tab.n_columns });
    if tab.frozen_rows > 0 {
        grid["frozenRowCount"] = tab.frozen_rows.into();
    }
    if tab.frozen_columns > 0 {
        grid["frozenColumnCount"] = tab.frozen_columns.into();
    }
    let mut properties = json!({
        "sheetId": tab.sheet_id,
        "title": tab.title,
        "index": index,
        "sheetType": "GRID",
        "gridProperties": grid,
    });
    if tab.hidden {
        properties["hidden"] = true.into();
    }
    for (name, value) in tab.others.iter().filter(|(n, _)| !of_sheet(n)) {
        properties[name] = value.clone();
    }
    properties
}

/// Whether this belongs to the sheet and not to its properties.
fn of_sheet(name: &str) -> bool {
    matches!(name, "merges" | "conditionalFormats")
}

/// Metadata with the place where it is.
pub(super) fn metadata(metadata: &Metadata, home: Option<i64>) -> Value {
    let location = match home {
        Some(id) => json!({ "locationType": "SHEET", "sheetId": id }),
        None => json!({ "locationType": "SPREADSHEET", "spreadsheet": true }),
    };
    let mut json = json!({
        "metadataId": metadata.id,
        "metadataKey": metadata.key,
        "location": location,
        "visibility": metadata.visibility,
    });
    if let Some(value) = &metadata.value {
        json["metadataValue"] = value.as_str().into();
    }
    json
}

/// A protected range as this user sees it.
pub(super) fn protected(protected: &Protected, who: Who) -> Value {
    let may = who == Who::Owner || protected.warning_only || protected.editors.iter().any(|e| e == ACCOUNT);
    let mut json = json!({ "protectedRangeId": protected.id, "range": protected.range.to_json() });
    if !protected.description.is_empty() {
        json["description"] = protected.description.as_str().into();
    }
    if protected.warning_only {
        json["warningOnly"] = true.into();
    }
    if may {
        json["requestingUserCanEdit"] = true.into();
        // Only editors see the editors.
        json["editors"] = json!({ "users": protected.editors });
    }
    json
}

/// The workbook, or what of it is asked for.
pub(super) fn spreadsheet(book: &Workbook, wish: &Wish) -> Value {
    let mask = wish.mask.as_ref().unwrap_or(&Mask::All);
    let mut json = json!({
        "spreadsheetId": book.id,
        "properties": {
            "title": book.title,
            "locale": book.locale,
            "autoRecalc": "ON_CHANGE",
            "timeZone": book.time_zone,
            "defaultFormat": {},
        },
        "spreadsheetUrl": format!("https://docs.google.com/spreadsheets/d/{}/edit", book.id),
    });
    if !book.metadata.is_empty() {
        json["developerMetadata"] = book.metadata.iter().map(|m| metadata(m, None)).collect();
    }
    for (name, value) in &book.others {
        json[name] = value.clone();
    }
    mask.filter(&mut json);
    if let Some(mask) = mask.field("sheets") {
        let sheets = book.tabs.iter().enumerate().filter_map(|(i, t)| sheet(book, (i, t), wish, mask));
        json["sheets"] = sheets.collect();
    }
    json
}

fn sheet(book: &Workbook, (index, tab): (usize, &Tab), wish: &Wish, mask: &Mask) -> Option<Value> {
    let ranges = match &wish.ranges {
        None => vec![GridRange::sheet(tab.sheet_id)],
        Some(ranges) => ranges.iter().filter(|r| r.sheet_id == tab.sheet_id).cloned().collect(),
    };
    if ranges.is_empty() {
        return None;
    }
    let mut json = json!({ "properties": properties(tab, index) });
    if !tab.metadata.is_empty() {
        json["developerMetadata"] = tab.metadata.iter().map(|m| metadata(m, Some(tab.sheet_id))).collect();
    }
    if !tab.protected.is_empty() {
        json["protectedRanges"] = tab.protected.iter().map(|p| protected(p, Who::Account)).collect();
    }
    if let Some(filter) = &tab.basic_filter {
        json["basicFilter"] = filter.clone();
    }
    for (name, value) in tab.others.iter().filter(|(n, _)| of_sheet(n)) {
        json[name] = value.clone();
    }
    mask.filter(&mut json);
    let wants_cells = wish.has_cells || wish.mask.is_some();
    if let Some(mask) = mask.field("data").filter(|_| wants_cells) {
        let area = |r: &GridRange| r.within(tab.n_rows, tab.n_columns);
        json["data"] = ranges.iter().map(|r| grid_data(book, tab, area(r), mask)).collect();
    }
    Some(json)
}

fn grid_data(book: &Workbook, tab: &Tab, area: Area, mask: &Mask) -> Value {
    let mut json = Map::new();
    let mut set = |name: &str, value: &dyn Fn(&Mask) -> Value| {
        if let Some(mask) = mask.field(name) {
            json.insert(name.to_owned(), value(mask));
        }
    };
    if area.top > 0 {
        set("startRow", &|_| area.top.into());
    }
    if area.left > 0 {
        set("startColumn", &|_| area.left.into());
    }
    set("rowMetadata", &|_| (area.top..area.bottom).map(|_| json!({ "pixelSize": 21 })).collect());
    set("columnMetadata", &|_| (area.left..area.right).map(|_| json!({ "pixelSize": 100 })).collect());
    let last = area.bottom.min(tab.rows.len());
    let holds = |row: &usize| tab.rows[*row].n_cells() > area.left;
    let last = (area.top..last).rev().find(holds).map_or(area.top, |r| r + 1);
    if last > area.top {
        set("rowData", &|mask| (area.top..last).map(|row| row_data(book, tab, row, area, mask)).collect());
    }
    Value::Object(json)
}

fn row_data(book: &Workbook, tab: &Tab, row: usize, area: Area, mask: &Mask) -> Value {
    let end = tab.rows[row].n_cells().min(area.right);
    match mask.field("values") {
        Some(mask) if end > area.left => {
            let cells = (area.left..end).map(|column| cell(book, tab, row, column, mask));
            json!({ "values": cells.collect::<Vec<_>>() })
        }
        _ => json!({}),
    }
}

fn cell(book: &Workbook, tab: &Tab, row: usize, column: usize, mask: &Mask) -> Value {
    let mut json = Map::new();
    let held = tab.value(row, column);
    let is_meant = |name: &str| mask.field(name).is_some();
    if let Some(value) = held.to_json().filter(|_| is_meant("userEnteredValue")) {
        json.insert("userEnteredValue".to_owned(), value);
    }
    if !held.is_empty() && (is_meant("effectiveValue") || is_meant("formattedValue")) {
        let effective = book.effective(tab, held);
        if is_meant("formattedValue") {
            json.insert("formattedValue".to_owned(), formatted(&effective).into());
        }
        if let Some(value) = effective_json(&effective).filter(|_| is_meant("effectiveValue")) {
            json.insert("effectiveValue".to_owned(), value);
        }
    }
    if let Some(looks) = tab.looks(row, column) {
        for (name, value) in looks.iter().filter(|(n, _)| is_meant(n)) {
            json.insert(name.clone(), value.clone());
        }
        if let Some(format) = looks.get("userEnteredFormat").filter(|_| is_meant("effectiveFormat")) {
            json.insert("effectiveFormat".to_owned(), format.clone());
        }
    }
    let mut json = Value::Object(json);
    if *mask != Mask::All {
        mask.filter(&mut json);
    }
    json
}

fn effective_json(value: &Result<Held, &'static str>) -> Option<Value> {
    match value {
        Ok(value) => value.to_json(),
        Err(kind) => Some(json!({ "errorValue": { "type": kind, "message": "This formula has no value." } })),
    }
}

/// What a person sees in a cell.
pub(super) fn formatted(value: &Result<Held, &'static str>) -> String {
    match value {
        Ok(value) => value.shown(),
        Err("REF") => "#REF!".to_owned(),
        Err(kind) => format!("#{kind}?"),
    }
}

/// A cell in an answer of the values endpoints, which have no types of their own.
pub(super) fn plain(value: &Result<Held, &'static str>) -> Value {
    match value {
        Ok(Held::Empty) => "".into(),
        Ok(Held::Number(n)) => number(*n),
        Ok(Held::Bool(b)) => (*b).into(),
        Ok(Held::Text(t) | Held::Formula(t)) => (**t).into(),
        Err(_) => formatted(value).into(),
    }
}
