//! Reading workbooks.

use serde_json::{Value, json};

use crate::client::{Client, range, write};

#[test]
fn workbook_without_a_mask() {
    let client = Client::new();
    let reply = client.get("");
    assert_eq!(reply.json["spreadsheetId"], client.google.workbook());
    assert_eq!(reply.json["properties"]["locale"], "en_US");
    assert_eq!(reply.json["properties"]["timeZone"], "Europe/Paris");
    assert_eq!(
        reply.json["sheets"],
        json!([{ "properties": {
        "sheetId": 0, "title": "Sheet1", "index": 0, "sheetType": "GRID",
        "gridProperties": { "rowCount": 1000, "columnCount": 26 },
    } }])
    );
}

#[test]
fn masks_choose_fields() {
    let client = Client::new();
    let get = |fields: &str| client.get(&format!("?fields={fields}")).json;
    assert_eq!(
        get("properties(locale,timeZone)"),
        json!({ "properties": { "locale": "en_US", "timeZone": "Europe/Paris" } })
    );
    let title = json!({ "sheets": [{ "properties": { "title": "Sheet1" } }] });
    assert_eq!(get("sheets.properties.title"), title);
    assert_eq!(get("sheets/properties/title"), title);
    assert_eq!(get("sheets(properties/title)"), title);
    assert_eq!(get("sheets(properties(title),developerMetadata,protectedRanges)"), title);
    assert_eq!(
        get("sheets.properties(title,index),sheets.properties.sheetId"),
        json!({
            "sheets": [{ "properties": { "title": "Sheet1", "index": 0, "sheetId": 0 } }],
        })
    );
    assert_eq!(get("*")["spreadsheetId"], client.google.workbook());
    for wrong in ["sheets.nothing", "nothing", "sheets(properties", "sheets)", "spreadsheetId.x", "sheets(,)"]
    {
        let reply = client.get(&format!("?fields={wrong}"));
        assert_eq!(
            (reply.status, reply.message()),
            (400, "Request contains an invalid argument."),
            "{wrong}"
        );
    }
    assert_eq!(client.get("?nothing=1").status, 400);
    assert_eq!(client.get("?alt=json&prettyPrint=false&fields=spreadsheetId").status, 200);
}

#[test]
fn cells_come_only_if_asked_for() {
    let client = Client::new();
    client.batch(json!([write(0, 1, 1, &json!([["a", null, 2]]))]));
    assert!(client.get("").json["sheets"][0].get("data").is_none());
    let data = client.get("?includeGridData=true").json["sheets"][0]["data"][0].clone();
    assert_eq!(data["rowData"][1]["values"][1]["formattedValue"], "a");
    assert_eq!(data["rowMetadata"].as_array().unwrap().len(), 1000);
    let reply = client.get("?fields=sheets(data(rowData(values(userEnteredValue))))");
    assert_eq!(
        reply.json,
        json!({ "sheets": [{ "data": [{ "rowData": [
        {},
        { "values": [
            {}, { "userEnteredValue": { "stringValue": "a" } }, {}, { "userEnteredValue": { "numberValue": 2 } },
        ] },
    ] }] }] })
    );
}

#[test]
fn ranges_choose_tabs_and_cells() {
    let client = Client::new();
    client.batch(json!([
        { "addSheet": { "properties": { "sheetId": 1, "title": "it's" } } },
        write(1, 0, 0, &json!([["a", "b"], ["c", "d"], ["e", "f"]])),
    ]));
    let values = |data: &Value| -> Vec<String> {
        let rows = data["rowData"].as_array().into_iter().flatten();
        let cells = rows.flat_map(|r| r["values"].as_array().into_iter().flatten());
        cells.map(|c| c["formattedValue"].as_str().unwrap_or(".").to_owned()).collect()
    };
    for (name, expected) in [
        ("'it''s'!B2:B9", "df"),
        ("it's!A2", "c"),
        ("'it''s'", "abcdef"),
        ("'it''s'!2:3", "cdef"),
        ("'it''s'!B:B", "bdf"),
    ] {
        let name = name.replace('\'', "%27");
        let reply = client.get(&format!("?includeGridData=true&ranges={name}"));
        let sheets = reply.json["sheets"].as_array().unwrap_or_else(|| panic!("{name}: {reply:?}"));
        assert_eq!(
            (sheets.len(), values(&sheets[0]["data"][0]).concat()),
            (1, expected.to_owned()),
            "{name}"
        );
    }
    let two = client.get("?includeGridData=true&ranges=Sheet1!A1&ranges=it's!B2&ranges=it's!A1");
    assert_eq!(two.json["sheets"][1]["data"].as_array().unwrap().len(), 2);
    assert_eq!(two.json["sheets"][1]["data"][0]["startRow"], 1);
    for wrong in ["Nothing!A1", "Sheet1!", "Sheet1!A1:B2:C3", "Sheet1!A1001"] {
        assert_eq!(client.get(&format!("?ranges={wrong}")).status, 400, "{wrong}");
    }
}

#[test]
fn filters_choose_cells() {
    let client = Client::new();
    client.batch(json!([write(0, 0, 0, &json!([["a", "b"], ["c", "d"]]))]));
    let body = json!({ "dataFilters": [{ "gridRange": range(0, (1, 2), (0, 2)) }], "includeGridData": true });
    let reply = client.post(":getByDataFilter", &body);
    let data = &reply.json["sheets"][0]["data"][0];
    assert_eq!(
        (&data["startRow"], &data["rowData"][0]["values"][1]["formattedValue"]),
        (&json!(1), &json!("d"))
    );
    let masked = client.post(":getByDataFilter?fields=sheets.data.rowData.values.userEnteredValue", &body);
    assert_eq!(
        masked.json["sheets"][0]["data"][0]["rowData"][0]["values"][0]["userEnteredValue"]["stringValue"],
        "c"
    );
    assert_eq!(client.post(":getByDataFilter", &json!({ "dataFilter": [] })).status, 400);
}

#[test]
fn batch_can_answer_with_the_workbook() {
    let client = Client::new();
    let body = json!({ "requests": [{ "addSheet": {} }], "includeSpreadsheetInResponse": true });
    let reply = client.post(":batchUpdate?fields=updatedSpreadsheet.sheets.properties.title", &body);
    assert_eq!(reply.json["updatedSpreadsheet"]["sheets"][1]["properties"]["title"], "Sheet2");
    assert!(reply.json.get("replies").is_none());
}

#[test]
fn people_can_read_a_dump() {
    let client = Client::new();
    client.batch(json!([write(0, 0, 0, &json!([["id", "name"], [1, "x"], [2, "y"]]))]));
    client.google.forget_calls();
    let url = format!("{}dump?workbook={}&rows=2", client.google.url(), client.google.workbook());
    let text = crate::client::agent().get(url).call().unwrap().body_mut().read_to_string().unwrap();
    assert!(text.contains("Sheet1: 1000 rows × 26 columns\n  id │ name\n  1  │ x\n"), "{text}");
    assert!(!text.contains('y') && client.google.calls().is_empty());
}
