//! Rows and columns that come and go.

use serde_json::{Value, json};
use sync_testing::sheets::{Cell, Tab};

use crate::client::{Client, range, write};

fn span(dimension: &str, start: usize, end: usize) -> Value {
    json!({ "sheetId": 0, "dimension": dimension, "startIndex": start, "endIndex": end })
}

fn insert(dimension: &str, start: usize, end: usize, before: bool) -> Value {
    json!([{ "insertDimension": { "range": span(dimension, start, end), "inheritFromBefore": before } }])
}

fn delete(dimension: &str, start: usize, end: usize) -> Value {
    json!([{ "deleteDimension": { "range": span(dimension, start, end) } }])
}

/// Three by three cells, the middle one with a format.
fn client() -> Client {
    let client = Client::new();
    client.batch(json!([
        write(0, 0, 0, &json!([["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]])),
        { "repeatCell": {
            "range": range(0, (1, 2), (1, 2)), "fields": "userEnteredFormat",
            "cell": { "userEnteredFormat": { "textFormat": { "bold": true } } },
        } },
    ]));
    client
}

fn text(tab: &Tab) -> String {
    let cell = |c: &Cell| match c {
        Cell::Text(t) => t.clone(),
        _ => ".".to_owned(),
    };
    let rows = tab.rows(5);
    rows.iter().map(|r| r.iter().map(cell).collect::<String>() + "/").collect()
}

#[test]
fn append_makes_the_grid_bigger() {
    let client = client();
    client.batch(json!([
        { "appendDimension": { "sheetId": 0, "dimension": "ROWS", "length": 5 } },
        { "appendDimension": { "sheetId": 0, "dimension": "COLUMNS", "length": 2 } },
    ]));
    let book = client.book();
    let tab = book.tab("Sheet1");
    assert_eq!((tab.n_rows, tab.n_columns), (1005, 28));
    client.refused(json!([{ "appendDimension": { "sheetId": 0, "dimension": "ROWS", "length": 0 } }]));
    client.refused(json!([{ "appendDimension": { "sheetId": 0, "dimension": "LINES", "length": 1 } }]));
}

#[test]
fn insert_moves_cells_and_inherits_formats() {
    let client = client();
    client.batch(insert("ROWS", 1, 2, false));
    let book = client.book();
    let tab = book.tab("Sheet1");
    assert_eq!((text(tab).as_str(), tab.n_rows), ("abc../...../def../ghi../", 1001));
    assert_eq!((tab.is_bold(0, 1), tab.is_bold(1, 1), tab.is_bold(2, 1)), (false, true, true));
    client.batch(insert("COLUMNS", 2, 4, true));
    let book = client.book();
    let tab = book.tab("Sheet1");
    assert_eq!((text(tab).as_str(), tab.n_columns), ("ab..c/...../de..f/gh..i/", 28));
    assert_eq!(
        (tab.is_bold(2, 2), tab.is_bold(2, 3), tab.is_bold(2, 4), tab.is_bold(0, 2)),
        (true, true, false, false)
    );
}

#[test]
fn insert_has_bounds() {
    let client = client();
    client.refused(insert("ROWS", 0, 1, true));
    client.refused(insert("ROWS", 1000, 1001, false));
    client.refused(insert("ROWS", 1001, 1002, true));
    client.refused(insert("ROWS", 3, 3, false));
    client.batch(insert("ROWS", 1000, 1001, true));
    client.batch(insert("COLUMNS", 26, 28, true));
    let book = client.book();
    let tab = book.tab("Sheet1");
    assert_eq!((tab.n_rows, tab.n_columns, text(tab).as_str()), (1001, 28, "abc../def../ghi../"));
}

#[test]
fn delete_moves_cells_back() {
    let client = client();
    client.batch(delete("ROWS", 1, 2));
    let book = client.book();
    assert_eq!((text(book.tab("Sheet1")).as_str(), book.tab("Sheet1").n_rows), ("abc../ghi../", 999));
    client.batch(delete("COLUMNS", 0, 2));
    assert_eq!(text(client.book().tab("Sheet1")), "c..../i..../");
    let all = client.refused(delete("ROWS", 0, 999));
    assert!(all.contains("You can't delete all the rows on the sheet."), "{all}");
    client.refused(delete("ROWS", 990, 1000));
}

#[test]
fn frozen_rows_move_too() {
    let client = client();
    let frozen = |n: usize| {
        client.batch(json!([{ "updateSheetProperties": {
            "properties": { "gridProperties": { "frozenRowCount": n } }, "fields": "gridProperties.frozenRowCount",
        } }]));
    };
    frozen(2);
    client.batch(insert("ROWS", 1, 3, false));
    assert_eq!(client.book().tab("Sheet1").frozen_rows, 4);
    client.batch(delete("ROWS", 0, 2));
    assert_eq!(client.book().tab("Sheet1").frozen_rows, 2);
    let refused = client.refused(delete("ROWS", 2, 1000));
    assert!(refused.contains("not possible to delete all non-frozen rows"), "{refused}");
}

#[test]
fn ranges_of_people_move() {
    let client = client();
    client.edit(json!([
        { "addProtectedRange": { "protectedRange": { "range": range(0, (5, 6), (0, 2)), "warningOnly": true } } },
        { "setBasicFilter": { "filter": { "range": range(0, (0, 10), (0, 3)) } } },
    ]));
    client.batch(insert("ROWS", 2, 4, true));
    let sheet = client.get("?fields=sheets(protectedRanges,basicFilter)").json["sheets"][0].clone();
    assert_eq!(sheet["protectedRanges"][0]["range"]["startRowIndex"], 7);
    assert_eq!(sheet["basicFilter"]["range"]["endRowIndex"], 12);
    client.batch(delete("ROWS", 7, 8));
    assert!(client.book().tab("Sheet1").protected.is_empty());
}

#[test]
fn moved_columns_take_their_cells_formats_and_references_with_them() {
    for (from, to, cells, reference) in [
        (0, 3, "bca/efd/hig/", "=Sheet1!C1"),
        (2, 0, "cab/fde/igh/", "=Sheet1!B1"),
        (1, 1, "abc/def/ghi/", "=Sheet1!A1"),
    ] {
        let client = client();
        client.batch(json!([
            { "addSheet": { "properties": { "sheetId": 5, "title": "Other" } } },
            { "updateCells": { "start": { "sheetId": 5, "rowIndex": 0, "columnIndex": 0 }, "fields": "userEnteredValue",
                "rows": [{ "values": [{ "userEnteredValue": { "formulaValue": "=Sheet1!A1" } }] }] } },
            { "moveDimension": { "source": span("COLUMNS", from, from + 1), "destinationIndex": to } },
        ]));
        let book = client.book();
        assert_eq!(text(book.tab("Sheet1")), cells.replace('/', "../"));
        assert_eq!(book.tab("Other").cell(0, 0), Cell::Formula(reference.into()));
        let bold = cells.find('e').expect("the middle one is there") - 4;
        assert!(book.tab("Sheet1").is_bold(1, bold), "{from} to {to}");
    }
    let client = client();
    let refused = client
        .refused(json!([{ "moveDimension": { "source": span("COLUMNS", 0, 2), "destinationIndex": 1 } }]));
    assert!(refused.contains("within the source"), "{refused}");
}
