//! What a person does to a workbook.

use serde_json::{Value, json};

use super::Setup;

/// A setup with a table of so many rows, synchronised.
pub(crate) fn orders(n_rows: u32) -> Setup {
    let setup = Setup::new();
    setup.sql(&format!(
        "CREATE TABLE orders (id int PRIMARY KEY, name text, due date);
         INSERT INTO orders SELECT n, 'name '||n, date '2024-01-01' + n FROM generate_series(1, {n_rows}) n"
    ));
    setup.sync_to(0, &[]);
    setup
}

pub(crate) fn id(setup: &Setup, title: &str) -> i64 {
    setup.workbook().tab(title).sheet_id
}

/// Rows or columns of a tab, as `DimensionRange`.
pub(crate) fn span(sheet: i64, dimension: &str, start: u32, end: u32) -> Value {
    json!({"sheetId": sheet, "dimension": dimension, "startIndex": start, "endIndex": end})
}

/// One column of a tab.
pub(crate) fn column(sheet: i64, n: u32) -> Value {
    span(sheet, "COLUMNS", n, n + 1)
}

/// The request that inserts rows or columns.
pub(crate) fn insert(range: &Value) -> Value {
    json!({"insertDimension": {"range": range, "inheritFromBefore": true}})
}

/// The request that deletes them.
pub(crate) fn delete(range: &Value) -> Value {
    json!({"deleteDimension": {"range": range}})
}

/// Enters text into a cell by hand.
pub(crate) fn enter(setup: &Setup, sheet: i64, row: u32, column: u32, value: Value) {
    setup.edit(json!([{"updateCells": {"start": {"sheetId": sheet, "rowIndex": row, "columnIndex": column},
        "fields": "userEnteredValue", "rows": [{"values": [{"userEnteredValue": value}]}]}}]));
}

/// Appends columns and enters a text into the first of them.
pub(crate) fn own_column(setup: &Setup, sheet: i64, column: u32) {
    setup.edit(json!([{"appendDimension": {"sheetId": sheet, "dimension": "COLUMNS", "length": 2}}]));
    enter(setup, sheet, 1, column, json!({"stringValue": "mine"}));
}
