//! Copied cells.

use serde_json::{Value, json};
use sync_testing::sheets::Cell;

use crate::client::{Client, range, write};

fn paste(from: &Value, to: &Value, kind: &str) -> Value {
    json!([{ "copyPaste": { "source": from, "destination": to, "pasteType": kind } }])
}

fn client() -> Client {
    let client = Client::new();
    client.batch(json!([
        { "addSheet": { "properties": { "sheetId": 1, "title": "To", "gridProperties": { "rowCount": 10, "columnCount": 5 } } } },
        write(0, 0, 0, &json!([["007", null, 1.5], [true, "=A1"]])),
        write(1, 0, 0, &json!([["x", "x", "x", "x"], ["x", "x", "x", "x"], ["x", "x", "x", "x"]])),
        { "repeatCell": {
            "range": range(0, (0, 1), (0, 1)), "fields": "userEnteredFormat",
            "cell": { "userEnteredFormat": { "textFormat": { "bold": true } } },
        } },
    ]));
    client
}

#[test]
fn values_keep_types_and_empty_cells_clear() {
    let client = client();
    client.batch(paste(&range(0, (0, 3), (0, 3)), &range(1, (0, 3), (0, 3)), "PASTE_VALUES"));
    let book = client.book();
    let (tab, x) = (book.tab("To"), || Cell::from("x"));
    assert_eq!(
        tab.rows(4),
        [
            vec![Cell::from("007"), Cell::Empty, Cell::from(1.5), x()],
            vec![Cell::from(true), Cell::from("007"), Cell::Empty, x()],
            vec![Cell::Empty, Cell::Empty, Cell::Empty, x()],
        ]
    );
    assert!(!tab.is_bold(0, 0));
}

#[test]
fn formulas_without_a_value_leave_what_they_show() {
    let client = client();
    client.batch(json!([write(0, 5, 0, &json!([["=Nothing!A1"]]))]));
    client.batch(paste(&range(0, (5, 6), (0, 1)), &range(1, (0, 1), (0, 1)), "PASTE_VALUES"));
    assert_eq!(client.book().tab("To").cell(0, 0), Cell::from("#REF!"));
}

#[test]
fn everything_is_pasted_with_formulas() {
    let client = client();
    client.batch(paste(&range(0, (0, 2), (0, 2)), &range(1, (5, 6), (1, 2)), "PASTE_NORMAL"));
    let book = client.book();
    let tab = book.tab("To");
    assert!(tab.is_bold(5, 1));
    assert_eq!((tab.cell(5, 1), tab.cell(6, 2)), (Cell::from("007"), Cell::Formula("=B6".to_owned())));
    assert_eq!(tab.cell(0, 0), Cell::from("x"));
}

#[test]
fn source_is_repeated_and_may_overlap() {
    let client = client();
    client.batch(paste(&range(0, (0, 1), (0, 1)), &range(1, (0, 4), (0, 2)), "PASTE_VALUES"));
    assert_eq!(client.book().tab("To").rows(2).len(), 4);
    assert_eq!(client.book().tab("To").cell(3, 1), Cell::from("007"));
    client.batch(paste(&range(0, (0, 2), (0, 3)), &range(0, (1, 3), (0, 3)), "PASTE_VALUES"));
    let book = client.book();
    assert_eq!(
        (book.tab("Sheet1").cell(1, 0), book.tab("Sheet1").cell(2, 0)),
        (Cell::from("007"), Cell::from(true))
    );
}

#[test]
fn paste_stays_in_the_grid() {
    let client = client();
    client.refused(paste(&range(0, (0, 2), (0, 2)), &range(1, (9, 10), (0, 1)), "PASTE_VALUES"));
    client.refused(paste(&range(0, (0, 2), (0, 2)), &range(1, (0, 11), (0, 1)), "PASTE_VALUES"));
    client.refused(paste(&range(7, (0, 2), (0, 2)), &range(1, (0, 1), (0, 1)), "PASTE_VALUES"));
}
