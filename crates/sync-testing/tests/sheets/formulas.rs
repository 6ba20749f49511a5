//! Formulas that point somewhere.

use serde_json::{Value, json};
use sync_testing::sheets::Cell;

use crate::client::{Client, write};

/// Formulas in the tab `F`, about the tab `My Data`, whose id is 1.
fn client(formulas: &[&str]) -> Client {
    let client = Client::new();
    client.batch(json!([
        { "addSheet": { "properties": { "sheetId": 1, "title": "My Data" } } },
        { "addSheet": { "properties": { "sheetId": 2, "title": "F" } } },
        write(1, 0, 0, &json!([["a", "b"], [1, 2], [true, "=A2"]])),
        write(2, 0, 0, &json!([formulas])),
    ]));
    client
}

fn formulas(client: &Client) -> Vec<String> {
    let book = client.book();
    let formula = |c: Cell| if let Cell::Formula(f) = c { Some(f) } else { None };
    (0..26).map_while(|c| formula(book.tab("F").cell(0, c))).collect()
}

fn span(dimension: &str, start: usize, end: usize) -> Value {
    json!({ "range": { "sheetId": 1, "dimension": dimension, "startIndex": start, "endIndex": end } })
}

const POINTING: [&str; 7] = [
    "='My Data'!A1",
    "='My Data'!$B$2",
    "=SUM('my data'!A1:B3)",
    "=B2",
    "=Sheet1!A2",
    "=\"'My Data'!A2\"&'My Data'!A2",
    "='My Data'!A:A+'My Data'!2:2",
];

#[test]
fn references_follow_inserted_rows_and_columns() {
    let client = client(&POINTING);
    client.batch(json!([{ "insertDimension": span("ROWS", 1, 3) }]));
    assert_eq!(
        formulas(&client),
        [
            "='My Data'!A1",
            "='My Data'!$B$4",
            "=SUM('my data'!A1:B5)",
            "=B2",
            "=Sheet1!A2",
            "=\"'My Data'!A2\"&'My Data'!A4",
            "='My Data'!A:A+'My Data'!4:4",
        ]
    );
    assert_eq!(client.book().tab("My Data").cell(4, 1), Cell::Formula("=A4".to_owned()));
    client.batch(json!([{ "insertDimension": span("COLUMNS", 0, 1) }]));
    assert_eq!(formulas(&client)[1..3], ["='My Data'!$C$4", "=SUM('my data'!B1:C5)"]);
    // Right behind a range is not within it.
    client.batch(json!([{ "insertDimension": span("ROWS", 5, 6) }]));
    assert_eq!(formulas(&client)[2], "=SUM('my data'!B1:C5)");
}

#[test]
fn references_to_deleted_cells_are_lost() {
    let client = client(&POINTING);
    client.batch(json!([{ "deleteDimension": span("ROWS", 1, 2) }]));
    assert_eq!(
        formulas(&client),
        [
            "='My Data'!A1",
            "=#REF!",
            "=SUM('my data'!A1:B2)",
            "=B2",
            "=Sheet1!A2",
            "=\"'My Data'!A2\"&#REF!",
            "='My Data'!A:A+#REF!",
        ]
    );
    client.batch(json!([{ "updateSheetProperties": {
        "properties": { "sheetId": 1, "gridProperties": { "rowCount": 1 } }, "fields": "gridProperties.rowCount",
    } }]));
    assert_eq!(formulas(&client)[2], "=SUM('my data'!A1:B1)");
}

#[test]
fn references_follow_titles() {
    let client = client(&POINTING);
    let rename = |title: &str| {
        json!([{ "updateSheetProperties": {
        "properties": { "sheetId": 1, "title": title }, "fields": "title",
    } }])
    };
    client.batch(rename("Plain"));
    assert_eq!(formulas(&client)[..3], ["=Plain!A1", "=Plain!$B$2", "=SUM(Plain!A1:B3)"]);
    client.batch(rename("it's"));
    assert_eq!(formulas(&client)[0], "='it''s'!A1");
    client.batch(rename("CO2"));
    assert_eq!(formulas(&client)[0], "='CO2'!A1");
    client.batch(json!([{ "deleteSheet": { "sheetId": 1 } }]));
    assert_eq!(formulas(&client)[..4], ["=#REF!", "=#REF!", "=SUM(#REF!)", "=B2"]);
}

#[test]
fn formula_of_one_cell_has_its_value() {
    let client = client(&["='My Data'!B1", "='My Data'!B3", "=Sheet9!A1", "=SUM(A1)"]);
    let fields = "fields=sheets.data.rowData.values(effectiveValue,formattedValue)";
    let reply = client.get(&format!("?ranges=F&{fields}"));
    let cells = &reply.json["sheets"][0]["data"][0]["rowData"][0]["values"];
    assert_eq!(cells[0]["effectiveValue"], json!({ "stringValue": "b" }));
    assert_eq!(
        (&cells[1]["effectiveValue"], &cells[1]["formattedValue"]),
        (&json!({ "numberValue": 1 }), &json!("1"))
    );
    assert_eq!(
        (&cells[2]["formattedValue"], &cells[2]["effectiveValue"]["errorValue"]["type"]),
        (&json!("#REF!"), &json!("REF"))
    );
    client.batch(json!([{ "deleteDimension": span("ROWS", 1, 2) }]));
    let reply = client.get(&format!("?ranges=F&{fields}"));
    assert_eq!(reply.json["sheets"][0]["data"][0]["rowData"][0]["values"][1]["formattedValue"], "#REF!");
}
