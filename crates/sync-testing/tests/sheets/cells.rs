//! Writing cells.

use serde_json::{Value, json};
use sync_testing::sheets::Cell;

use crate::client::{Client, range, typed, write};

fn update(range: &Value, rows: &Value, fields: &str) -> Value {
    json!([{ "updateCells": { "range": range, "rows": rows, "fields": fields } }])
}

#[test]
fn values_keep_their_types() {
    let client = Client::new();
    client.batch(json!([write(0, 1, 1, &json!([[1.5, "=1+1", true, null, "x"], ["007", "2024-01-01"]]))]));
    client.batch(json!([write(0, 0, 0, &json!([[false]]))]));
    let book = client.book();
    let tab = book.tab("Sheet1");
    assert_eq!(tab.cell(0, 0), Cell::Bool(false));
    assert_eq!(tab.cell(1, 1), Cell::Number(1.5));
    assert_eq!(tab.cell(1, 2), Cell::Formula("=1+1".to_owned()));
    assert_eq!(tab.cell(1, 4), Cell::Empty);
    assert_eq!(tab.cell(2, 1), Cell::from("007"));
    assert_eq!(
        tab.rows(2),
        [
            vec![Cell::from(false), Cell::Empty],
            vec![Cell::Empty, Cell::from(1.5)],
            vec![Cell::Empty, Cell::from("007")],
        ]
    );
}

#[test]
fn text_stays_text() {
    let client = Client::new();
    let cell = json!({ "userEnteredValue": { "stringValue": "=IMPORTDATA(\"x\")" } });
    client.batch(update(&range(0, (0, 1), (0, 1)), &json!([{ "values": [cell] }]), "userEnteredValue"));
    assert_eq!(client.book().tab("Sheet1").cell(0, 0), Cell::from("=IMPORTDATA(\"x\")"));
}

#[test]
fn range_clears_what_the_rows_do_not_cover() {
    let client = Client::new();
    let full = json!([["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]]);
    client.batch(json!([write(0, 0, 0, &full)]));
    client.batch(update(&range(0, (0, 2), (0, 2)), &typed(&json!([["A"]])), "userEnteredValue"));
    let text = |t: &str| Cell::from(t);
    assert_eq!(
        client.book().tab("Sheet1").rows(3),
        [
            vec![text("A"), Cell::Empty, text("c")],
            vec![Cell::Empty, Cell::Empty, text("f")],
            vec![text("g"), text("h"), text("i")],
        ]
    );
    // Rows from a start leave everything else alone.
    client.batch(json!([write(0, 2, 0, &json!([["G"]]))]));
    assert_eq!(client.book().tab("Sheet1").cell(2, 1), text("h"));
}

#[test]
fn open_ranges_go_to_the_end_of_the_grid() {
    let client = Client::new();
    client.batch(json!([write(0, 0, 0, &json!([["a", "b"], ["c", "d"]]))]));
    let open = json!({ "sheetId": 0, "startRowIndex": 1, "startColumnIndex": 1 });
    client.batch(update(&open, &json!([]), "userEnteredValue"));
    let rows = client.book().tab("Sheet1").rows(2);
    assert_eq!(rows[1], [Cell::from("c"), Cell::Empty]);
    assert_eq!(rows[0][1], Cell::from("b"));
}

#[test]
fn only_what_the_mask_names_is_written() {
    let client = Client::new();
    let cell = |value: &str, bold: bool, pattern: &str| {
        json!([{ "values": [{
            "userEnteredValue": { "stringValue": value },
            "userEnteredFormat": { "textFormat": { "bold": bold }, "numberFormat": { "type": "DATE", "pattern": pattern } },
            "note": value,
        }] }])
    };
    let one = range(0, (0, 1), (0, 1));
    client.batch(update(&one, &cell("a", true, "yyyy"), "*"));
    client.batch(update(&one, &cell("b", false, "mm"), "userEnteredValue"));
    let book = client.book();
    let tab = book.tab("Sheet1");
    assert_eq!((tab.cell(0, 0), tab.is_bold(0, 0)), (Cell::from("b"), true));
    client.batch(update(&one, &cell("c", false, "mm"), "userEnteredFormat.numberFormat"));
    let book = client.book();
    let tab = book.tab("Sheet1");
    assert_eq!(
        (tab.cell(0, 0), tab.is_bold(0, 0), tab.format(0, 0)),
        (Cell::from("b"), true, Some("mm".into()))
    );
    assert_eq!(tab.looks_json(0, 0)["note"], "a");
    client.batch(update(&one, &json!([]), "userEnteredFormat(numberFormat,textFormat)"));
    let book = client.book();
    assert_eq!(book.tab("Sheet1").looks_json(0, 0), json!({ "note": "a" }));
    client.batch(update(&one, &json!([]), "*"));
    assert!(client.book().tab("Sheet1").rows(1).is_empty());
}

#[test]
fn rows_have_to_fit() {
    let client = Client::new();
    let one = range(0, (0, 1), (0, 1));
    let tall = client.refused(update(&one, &typed(&json!([["a"], ["b"]])), "userEnteredValue"));
    assert!(tall.contains("Attempting to write row: 1, beyond the last requested row of: 0"), "{tall}");
    let wide = client.refused(update(&one, &typed(&json!([["a", "b"]])), "userEnteredValue"));
    assert!(wide.contains("Attempting to write column: 1"), "{wide}");
    let outside = client.refused(update(&range(0, (0, 1001), (0, 1)), &json!([]), "userEnteredValue"));
    assert!(outside.contains("exceeds grid limits. Max rows: 1000, max columns: 26"), "{outside}");
    let outside = client.refused(json!([write(0, 1000, 0, &json!([["a"]]))]));
    assert!(outside.contains("GridCoordinate.rowIndex[1000] is after last row in grid[1000]"), "{outside}");
    let outside = client.refused(json!([write(0, 999, 25, &json!([["a", "b"]]))]));
    assert!(outside.contains("Attempting to write column"), "{outside}");
}

#[test]
fn long_texts_are_refused() {
    let client = Client::new();
    // Two units of UTF-16 each.
    client.batch(json!([write(0, 0, 0, &json!(["😀".repeat(25_000)].map(|t| json!([t]))))]));
    let long = client.refused(json!([write(0, 0, 0, &json!([["😀".repeat(25_000) + "x"]]))]));
    assert_eq!(
        long,
        "Invalid requests[0].updateCells: Your input contains more than the maximum of 50000 characters in a single \
         cell."
    );
}

#[test]
fn values_are_checked() {
    let client = Client::new();
    let set = |value: Value| {
        update(&range(0, (0, 1), (0, 1)), &json!([{ "values": [{ "userEnteredValue": value }] }]), "*")
    };
    client.refused(set(json!({ "formulaValue": "1+1" })));
    client.refused(set(json!({ "formulaValue": "=1", "stringValue": "x" })));
    client.refused(set(json!({ "errorValue": {} })));
    let wrong = client.refused(set(json!({ "numberValue": "x" })));
    assert!(wrong.starts_with("Invalid value at 'requests[0].update_cells.rows[0].values[0]"), "{wrong}");
    let unknown = client.refused(set(json!({ "numbrValue": 1 })));
    assert!(
        unknown.contains("Unknown name \"numbrValue\" at 'requests[0].update_cells.rows[0]"),
        "{unknown}"
    );
    client.refused(update(&range(0, (0, 1), (0, 1)), &json!([]), ""));
    client.refused(update(&range(0, (0, 1), (0, 1)), &json!([]), "userEnteredValu"));
    client.refused(json!([{ "updateCells": { "rows": [], "fields": "*" } }]));
    assert!(client.refused(json!([{ "addShet": {} }])).contains("Unknown name \"addShet\" at 'requests[0]'"));
    assert!(client.refused(json!([{}])).contains("requests[0]: No request set."));
    client.refused(json!([]));
}

#[test]
fn null_is_a_field_that_is_not_there() {
    let client = Client::new();
    client.batch(json!([{ "updateCells": {
        "range": range(0, (0, 1), (0, 2)), "start": null, "fields": "userEnteredValue",
        "rows": [{ "values": [{ "userEnteredValue": null }, { "userEnteredValue": { "boolValue": true, "stringValue": null } }] }],
    } }]));
    assert_eq!(client.book().tab("Sheet1").rows(2), [vec![Cell::Empty, Cell::Bool(true)]]);
}

#[test]
fn batch_is_applied_whole_or_not_at_all() {
    let client = Client::new();
    let refused =
        client.refused(json!([write(0, 0, 0, &json!([["a"]])), { "deleteSheet": { "sheetId": 7 } }]));
    assert_eq!(refused, "Invalid requests[1].deleteSheet: No sheet with id: 7");
    assert!(client.book().tab("Sheet1").rows(1).is_empty());
}

#[test]
fn repeat_cell_fills_a_range() {
    let client = Client::new();
    client.batch(json!([write(0, 0, 0, &json!([["a"]]))]));
    client.batch(json!([{ "repeatCell": {
        "range": range(0, (0, 1000), (1, 3)),
        "cell": { "userEnteredFormat": { "numberFormat": { "type": "DATE", "pattern": "yyyy-mm-dd" } } },
        "fields": "userEnteredFormat.numberFormat",
    } }]));
    let book = client.book();
    let tab = book.tab("Sheet1");
    assert_eq!((tab.format(0, 0), tab.format(999, 2)), (None, Some("yyyy-mm-dd".to_owned())));
    assert_eq!((tab.cell(0, 0), tab.rows(5).len()), (Cell::from("a"), 1));
    client.batch(json!([{ "repeatCell": {
        "range": range(0, (0, 2), (5, 6)), "cell": { "userEnteredValue": { "formulaValue": "=A1" } },
        "fields": "userEnteredValue",
    } }]));
    assert_eq!(client.book().tab("Sheet1").cell(1, 5), Cell::Formula("=A2".to_owned()));
}
