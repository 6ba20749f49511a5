//! Developer metadata.

use serde_json::{Value, json};

use crate::client::Client;

fn create(id: Option<i64>, key: &str, value: &str, location: Value) -> Value {
    json!({ "createDeveloperMetadata": { "developerMetadata": {
        "metadataId": id, "metadataKey": key, "metadataValue": value, "location": location, "visibility": "DOCUMENT",
    } } })
}

fn lookup(lookup: Value) -> Value {
    json!({ "developerMetadataLookup": lookup })
}

#[test]
fn metadata_comes_and_goes() {
    let client = Client::new();
    let tab = json!({ "sheetId": 0 });
    let replies = client.batch(json!([
        create(Some(5), "a", "1", tab.clone()),
        create(None, "a", "2", tab.clone()),
        create(None, "b", "3", json!({ "spreadsheet": true })),
    ]));
    assert_eq!(
        replies[0]["createDeveloperMetadata"]["developerMetadata"],
        json!({
            "metadataId": 5, "metadataKey": "a", "metadataValue": "1", "visibility": "DOCUMENT",
            "location": { "locationType": "SHEET", "sheetId": 0 },
        })
    );
    assert!(replies[1]["createDeveloperMetadata"]["developerMetadata"]["metadataId"].as_i64().unwrap() > 0);
    let read = client
        .get("?fields=developerMetadata.metadataKey,sheets.developerMetadata(metadataKey,metadataValue)")
        .json;
    assert_eq!(
        read,
        json!({
            "developerMetadata": [{ "metadataKey": "b" }],
            "sheets": [{ "developerMetadata": [
                { "metadataKey": "a", "metadataValue": "1" }, { "metadataKey": "a", "metadataValue": "2" },
            ] }],
        })
    );
    let update = |filter: Value, value: &str| {
        json!([{ "updateDeveloperMetadata": {
        "dataFilters": [filter], "developerMetadata": { "metadataValue": value }, "fields": "metadataValue",
    } }])
    };
    let replies = client.batch(update(lookup(json!({ "metadataId": 5 })), "new"));
    assert_eq!(replies[0]["updateDeveloperMetadata"]["developerMetadata"][0]["metadataValue"], "new");
    let replies =
        client.batch(update(lookup(json!({ "metadataKey": "a", "metadataLocation": tab })), "both"));
    assert_eq!(replies[0]["updateDeveloperMetadata"]["developerMetadata"].as_array().unwrap().len(), 2);
    assert_eq!(client.book().tabs[0].metadata_value("a"), Some("both"));
    let gone = client.batch(
        json!([{ "deleteDeveloperMetadata": { "dataFilter": lookup(json!({ "metadataKey": "a" })) } }]),
    );
    assert_eq!(gone[0]["deleteDeveloperMetadata"]["deletedDeveloperMetadata"].as_array().unwrap().len(), 2);
    assert!(client.book().tabs[0].metadata.is_empty());
    assert_eq!(client.book().metadata.len(), 1);
}

#[test]
fn metadata_is_checked() {
    let client = Client::new();
    let tab = json!({ "sheetId": 0 });
    client.batch(json!([create(Some(5), "a", "1", tab.clone())]));
    client.refused(json!([create(Some(5), "b", "1", tab.clone())]));
    client.refused(json!([create(None, "", "1", tab.clone())]));
    client.refused(json!([create(None, "b", "1", json!({ "sheetId": 9 }))]));
    client.refused(json!([create(None, "b", "1", json!({}))]));
    let without = json!({ "metadataKey": "b", "location": tab });
    let refused = client.refused(json!([{ "createDeveloperMetadata": { "developerMetadata": without } }]));
    assert!(refused.contains("visibility"), "{refused}");
}

#[test]
fn each_tab_has_30_000_characters() {
    let client = Client::new();
    let tab = json!({ "sheetId": 0 });
    client.batch(json!([create(Some(1), "k", &"x".repeat(29_999), tab.clone())]));
    client.refused(json!([create(None, "k", "", tab.clone())]));
    client.refused(json!([{ "updateDeveloperMetadata": {
        "dataFilters": [lookup(json!({ "metadataId": 1 }))], "fields": "metadataValue",
        "developerMetadata": { "metadataValue": "x".repeat(30_000) },
    } }]));
    client.batch(json!([
        { "addSheet": { "properties": { "sheetId": 1 } } },
        create(None, "k", &"x".repeat(29_999), json!({ "sheetId": 1 })),
        create(None, "k", &"x".repeat(29_999), json!({ "spreadsheet": true })),
    ]));
}

#[test]
fn tabs_are_found_by_metadata() {
    let client = Client::new();
    client.batch(json!([
        { "addSheet": { "properties": { "sheetId": 1, "title": "found" } } },
        create(None, "k", "v", json!({ "sheetId": 1 })),
    ]));
    let body = json!({ "dataFilters": [lookup(json!({ "metadataKey": "k" }))] });
    let reply = client.post(":getByDataFilter?fields=sheets.properties.title", &body);
    assert_eq!(reply.json, json!({ "sheets": [{ "properties": { "title": "found" } }] }));
}
