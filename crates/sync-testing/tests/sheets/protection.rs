//! Protected ranges.

use serde_json::{Value, json};

use crate::client::{Client, range, write};

fn protect(range: &Value, more: &Value) -> Value {
    let mut protected = json!({ "range": range });
    protected.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    json!([{ "addProtectedRange": { "protectedRange": protected } }])
}

fn by_row(start: i64) -> Value {
    json!({ "sheetId": 0, "dimension": "ROWS", "startIndex": start, "endIndex": start + 1 })
}

#[test]
fn what_people_protect_is_held() {
    let client = Client::new();
    client.batch(json!([{ "addSheet": { "properties": { "sheetId": 1 } } }]));
    client.edit(protect(&range(0, (2, 4), (0, 2)), &json!({})));
    let refused = client.refused(json!([write(0, 3, 1, &json!([["x"]]))]));
    assert_eq!(
        refused,
        "Invalid requests[0].updateCells: You are trying to edit a protected cell or object. Please contact the \
         spreadsheet owner to remove protection if you need to edit."
    );
    let format = json!({ "userEnteredFormat": { "textFormat": { "bold": true } } });
    for request in [
        json!({ "repeatCell": { "range": range(0, (0, 10), (0, 1)), "cell": format, "fields": "userEnteredFormat" } }),
        json!({ "copyPaste": { "source": range(1, (0, 1), (0, 1)), "destination": range(0, (2, 3), (0, 1)), "pasteType": "PASTE_VALUES" } }),
        json!({ "insertDimension": { "range": by_row(3) } }),
        json!({ "deleteDimension": { "range": by_row(3) } }),
        json!({ "updateSheetProperties": {
            "properties": { "gridProperties": { "rowCount": 3 } }, "fields": "gridProperties.rowCount",
        } }),
        json!({ "deleteSheet": { "sheetId": 0 } }),
    ] {
        let refused = client.refused(json!([request]));
        assert!(refused.contains("protected cell or object"), "{refused}");
    }
    client.batch(json!([write(0, 0, 0, &json!([["x"]])), { "insertDimension": { "range": by_row(2) } }]));
    client.edit(json!([write(0, 3, 0, &json!([["by its owner"]]))]));
}

#[test]
fn warnings_and_editors_hold_nobody() {
    let client = Client::new();
    let account = "sheets@demo-project.iam.gserviceaccount.com";
    client.edit(protect(&range(0, (0, 1), (0, 1)), &json!({ "warningOnly": true })));
    client.edit(protect(&range(0, (0, 1), (0, 1)), &json!({ "editors": { "users": [account] } })));
    client.batch(protect(&json!({ "sheetId": 0 }), &json!({ "description": "ours", "warningOnly": true })));
    client.batch(json!([write(0, 0, 0, &json!([["x"]]))]));
    let ranges = client.get("?fields=sheets.protectedRanges").json["sheets"][0]["protectedRanges"].clone();
    let may: Vec<_> = ranges.as_array().unwrap().iter().map(|r| r["requestingUserCanEdit"] == true).collect();
    assert_eq!(may, [true, true, true]);
}

#[test]
fn whole_tabs_can_be_protected() {
    let client = Client::new();
    client.edit(protect(&json!({ "sheetId": 0 }), &json!({ "description": "hands off" })));
    client.refused(json!([write(0, 999, 25, &json!([["x"]]))]));
    client.refused(json!([{ "appendDimension": { "sheetId": 0, "dimension": "ROWS", "length": 1 } }]));
    let range = client.get("").json["sheets"][0]["protectedRanges"][0].clone();
    assert_eq!((range.get("requestingUserCanEdit"), range.get("editors")), (None, None));
    let id = range["protectedRangeId"].as_i64().unwrap();
    client.refused(json!([{ "deleteProtectedRange": { "protectedRangeId": id } }]));
    client.edit(json!([{ "deleteProtectedRange": { "protectedRangeId": id } }]));
    client.batch(json!([write(0, 999, 25, &json!([["x"]]))]));
}

#[test]
fn protection_can_be_changed() {
    let client = Client::new();
    let replies = client.batch(protect(&range(0, (0, 1), (0, 1)), &json!({})));
    let id = &replies[0]["addProtectedRange"]["protectedRange"]["protectedRangeId"];
    client.batch(json!([{ "updateProtectedRange": {
        "protectedRange": { "protectedRangeId": id, "description": "new", "warningOnly": true }, "fields": "warningOnly",
    } }]));
    let book = client.book();
    let protected = &book.tabs[0].protected[0];
    assert_eq!((protected.warning_only, protected.description.as_str()), (true, ""));
    client.batch(json!([{ "deleteProtectedRange": { "protectedRangeId": id } }]));
    assert!(client.book().tabs[0].protected.is_empty());
    client.refused(json!([{ "deleteProtectedRange": { "protectedRangeId": id } }]));
}
