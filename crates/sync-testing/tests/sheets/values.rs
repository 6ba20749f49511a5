//! The values endpoints.

use serde_json::{Value, json};
use sync_testing::sheets::Cell;

use crate::client::{Client, range, write};

fn put(client: &Client, range: &str, option: &str, values: &Value) -> Value {
    let reply =
        client.put(&format!("/values/{range}?valueInputOption={option}"), &json!({ "values": values }));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json
}

#[test]
fn raw_values_are_not_read() {
    let client = Client::new();
    let reply = put(&client, "Sheet1!B2", "RAW", &json!([["=1+1", "1", true, 2.5], ["2024-01-01"]]));
    assert_eq!(reply["updatedRange"], "Sheet1!B2:E3");
    assert_eq!(
        (&reply["updatedRows"], &reply["updatedColumns"], &reply["updatedCells"]),
        (&json!(2), &json!(4), &json!(5))
    );
    let rows = client.book().tab("Sheet1").rows(5);
    assert_eq!(rows[1][1..], [Cell::from("=1+1"), Cell::from("1"), Cell::from(true), Cell::from(2.5)]);
    assert_eq!(rows[2][1], Cell::from("2024-01-01"));
}

#[test]
fn entered_values_are_read() {
    let client = Client::new();
    let values = json!([[
        "=A1",
        "1.5",
        "TRUE",
        "'007",
        "007",
        "2024-01-02",
        "2024-01-02 12:00:00",
        "50%",
        "x-1",
        "1,234"
    ]]);
    put(&client, "A1", "USER_ENTERED", &values);
    let book = client.book();
    let tab = book.tab("Sheet1");
    assert_eq!(
        tab.rows(10)[0],
        [
            Cell::Formula("=A1".to_owned()),
            Cell::from(1.5),
            Cell::from(true),
            Cell::from("007"),
            Cell::from(7.0),
            Cell::from(45_293.0),
            Cell::from(45_293.5),
            Cell::from(0.5),
            Cell::from("x-1"),
            Cell::from(1234.0),
        ]
    );
    assert_eq!(tab.format(0, 5).as_deref(), Some("yyyy-mm-dd"));
}

#[test]
fn null_skips_and_empty_text_clears() {
    let client = Client::new();
    put(&client, "A1", "RAW", &json!([["a", "b", "c"]]));
    put(&client, "A1", "RAW", &json!([[null, "", "C"]]));
    assert_eq!(client.book().tab("Sheet1").rows(3)[0], [Cell::from("a"), Cell::Empty, Cell::from("C")]);
}

#[test]
fn values_are_shown_in_three_ways() {
    let client = Client::new();
    client.batch(json!([write(0, 0, 0, &json!([["a", null, 1], [], [true, "=C1"]]))]));
    let get = |query: &str| client.get(&format!("/values/Sheet1!A1:D9{query}")).json;
    assert_eq!(
        get(""),
        json!({
            "range": "Sheet1!A1:D9", "majorDimension": "ROWS", "values": [["a", "", "1"], [], ["TRUE", "1"]],
        })
    );
    assert_eq!(get("?valueRenderOption=UNFORMATTED_VALUE")["values"], json!([["a", "", 1], [], [true, 1]]));
    assert_eq!(get("?valueRenderOption=FORMULA")["values"][2], json!([true, "=C1"]));
    assert_eq!(get("?majorDimension=COLUMNS")["values"], json!([["a", "", "TRUE"], ["", "", "1"], ["1"]]));
    assert_eq!(get("?fields=range"), json!({ "range": "Sheet1!A1:D9" }));
    assert!(client.get("/values/Sheet1!F:G").json.get("values").is_none());
    assert_eq!(client.get("/values/Sheet1").json["range"], "Sheet1!A1:Z1000");
    assert_eq!(client.get("/values/%27Sheet1%27%21A1%3AB2").json["range"], "Sheet1!A1:B2");
    let reply = client.get("/values:batchGet?ranges=A1&ranges=Sheet1!C1");
    assert_eq!(reply.json["valueRanges"][1]["values"], json!([["1"]]));
    assert_eq!(client.get("/values/Nothing!A1").message(), "Unable to parse range: Nothing!A1");
    assert_eq!(client.get("/values/A1?valueRenderOption=X").status, 400);
}

#[test]
fn writes_stay_in_their_range() {
    let client = Client::new();
    let put = |range: &str, query: &str, body: Value| client.put(&format!("/values/{range}{query}"), &body);
    let raw = "?valueInputOption=RAW";
    let values = json!({ "values": [["a", "b"], ["c", "d"]] });
    assert!(put("A1:B1", raw, values.clone()).message().contains("tried writing to row [2]"));
    assert!(put("A1:A2", raw, values.clone()).message().contains("tried writing to column [B]"));
    assert!(put("Z1000", raw, values.clone()).message().contains("exceeds grid limits"));
    assert_eq!(put("A1", "", values.clone()).message(), "'valueInputOption' is required but not specified");
    assert_eq!(put("A1", "?valueInputOption=COOKED", values).status, 400);
    assert!(
        put("A1", raw, json!({ "values": [[["a"]]] }))
            .message()
            .starts_with("Invalid values[0][0]: list_value")
    );
    assert_eq!(put("A1", raw, json!({ "valeus": [] })).status, 400);
    assert_eq!(put("A1", raw, json!({ "range": "B1", "values": [] })).status, 400);
    assert!(
        put("A1", raw, json!({ "values": [["x".repeat(50_001)]] })).message().contains("50000 characters")
    );
    assert!(client.book().tab("Sheet1").rows(5).is_empty());
    client
        .edit(json!([{ "addProtectedRange": { "protectedRange": { "range": range(0, (0, 1), (0, 1)) } } }]));
    assert!(put("A1", raw, json!({ "values": [[1]] })).message().contains("protected cell"));
}

#[test]
fn rows_are_appended_to_the_table() {
    let client = Client::new();
    let append = |values: Value| {
        let body = json!({ "values": values, "majorDimension": "ROWS" });
        client.post("/values/Sheet1:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS", &body).json
    };
    let first = append(json!([["a", "b"]]));
    assert_eq!((&first["updates"]["updatedRange"], first.get("tableRange")), (&json!("Sheet1!A1:B1"), None));
    let second = append(json!([["c"], ["d"]]));
    assert_eq!(
        (&second["updates"]["updatedRange"], &second["tableRange"]),
        (&json!("Sheet1!A2:A3"), &json!("Sheet1!A1:B1"))
    );
    let many: Vec<_> = (0..1000).map(|n| json!([n])).collect();
    append(many.into());
    let book = client.book();
    assert_eq!((book.tab("Sheet1").n_rows, book.tab("Sheet1").cell(1002, 0)), (1003, Cell::from(999.0)));
}

#[test]
fn values_are_cleared_without_their_formats() {
    let client = Client::new();
    put(&client, "A1", "USER_ENTERED", &json!([["2024-01-01", "b"], ["c", "d"]]));
    assert_eq!(client.post("/values/A1:A2:clear", &json!({})).json["clearedRange"], "Sheet1!A1:A2");
    let book = client.book();
    assert_eq!(
        (book.tab("Sheet1").cell(0, 0), book.tab("Sheet1").cell(0, 1)),
        (Cell::Empty, Cell::from("b"))
    );
    assert!(book.tab("Sheet1").format(0, 0).is_some());
    let reply = client.post("/values:batchClear", &json!({ "ranges": ["B1", "Sheet1!B2"] }));
    assert_eq!(reply.json["clearedRanges"], json!(["Sheet1!B1", "Sheet1!B2"]));
    assert!(client.book().tab("Sheet1").rows(2).is_empty());
}

#[test]
fn several_ranges_are_written_at_once() {
    let client = Client::new();
    let body = json!({ "valueInputOption": "RAW", "data": [
        { "range": "A1", "values": [["a"]] },
        { "range": "Sheet1!B1:B2", "majorDimension": "COLUMNS", "values": [["b", "c"]] },
    ] });
    let reply = client.post("/values:batchUpdate", &body);
    assert_eq!((&reply.json["totalUpdatedCells"], &reply.json["totalUpdatedSheets"]), (&json!(3), &json!(1)));
    let mut wrong = body;
    wrong["data"][0]["values"] = json!([["A"]]);
    wrong["data"][1]["range"] = json!("Nothing!A1");
    assert_eq!(client.post("/values:batchUpdate", &wrong).status, 400);
    assert_eq!(
        client.book().tab("Sheet1").rows(2),
        [vec![Cell::from("a"), Cell::from("b")], vec![Cell::Empty, Cell::from("c")],]
    );
}
