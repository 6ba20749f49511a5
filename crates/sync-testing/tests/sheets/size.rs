//! Big workbooks.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::json;
use sync_testing::sheets::{Cell, Google, Options};

use crate::client::{Client, FULL, range};

/// A batch that writes so many rows of 10 cells, as one would send it.
fn body(n_rows: usize) -> String {
    let mut body = String::from(
        r#"{"requests":[{"updateCells":{"start":{"sheetId":0},"fields":"userEnteredValue","rows":["#,
    );
    for row in 0..n_rows {
        body.push_str(if row == 0 { r#"{"values":["# } else { r#",{"values":["# });
        for column in 0..10 {
            let comma = if column == 0 { "" } else { "," };
            let _ = if column % 2 == 0 {
                write!(body, r#"{comma}{{"userEnteredValue":{{"numberValue":{}}}}}"#, row * 10 + column)
            } else {
                write!(body, r#"{comma}{{"userEnteredValue":{{"stringValue":"row {row} column {column}"}}}}"#)
            };
        }
        body.push_str("]}");
    }
    body.push_str("]}}]}");
    body
}

fn client(n_rows: usize) -> Client {
    let client = Client::of(Google::start_with(Options { quota: None, ..Options::default() }), FULL);
    // Columns first: rows of the usual width may be too many.
    let set = |name: &str, n: usize| {
        json!({ "updateSheetProperties": {
            "properties": { "gridProperties": { name: n } }, "fields": format!("gridProperties.{name}"),
        } })
    };
    client.batch(json!([set("columnCount", 10), set("rowCount", n_rows)]));
    client
}

#[test]
fn batch_of_2_mb_is_quick() {
    let client = client(10_000);
    let body = body(4_000);
    assert!(body.len() > 2_000_000, "{}", body.len());
    let best = (0..3).map(|_| {
        let began = Instant::now();
        assert_eq!(client.try_post(":batchUpdate", &body).unwrap().status, 200);
        began.elapsed()
    });
    let best = best.min().unwrap();
    eprintln!("{} bytes in {best:?}", body.len());
    // Far less on an idle machine.
    assert!(best < Duration::from_secs(3), "{best:?}");
    assert_eq!(client.book().tab("Sheet1").cell(3_999, 9), Cell::from("row 3999 column 9"));
}

#[test]
fn batch_of_10_mb_is_taken() {
    let client = client(20_000);
    let body = body(20_000);
    assert!(body.len() > 10_000_000, "{}", body.len());
    assert_eq!(client.try_post(":batchUpdate", &body).unwrap().status, 200);
    assert_eq!(client.book().tab("Sheet1").rows(10).len(), 20_000);
}

#[test]
fn a_million_rows_are_cheap_to_look_at() {
    let client = client(1_000_000);
    let fill = json!({ "userEnteredValue": { "stringValue": "x" } });
    client.edit(json!([
        { "repeatCell": { "range": range(0, (0, 1_000_000), (0, 6)), "cell": fill, "fields": "userEnteredValue" } },
    ]));
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(client.book().tab("Sheet1").cell(999_999, 5), Cell::from("x"));
    }
    assert!(began.elapsed() < Duration::from_secs(1));
}
