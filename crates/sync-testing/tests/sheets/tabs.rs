//! Tabs that come, go and change.

use serde_json::{Value, json};
use sync_testing::sheets::{Cell, Google, Options};

use crate::client::{Client, FULL, range, write};

fn add(properties: Value) -> Value {
    json!({ "addSheet": { "properties": properties } })
}

fn set(properties: Value, fields: &str) -> Value {
    json!([{ "updateSheetProperties": { "properties": properties, "fields": fields } }])
}

#[test]
fn new_tabs() {
    let client = Client::new();
    let grid = json!({ "rowCount": 5, "columnCount": 3, "frozenRowCount": 1 });
    let replies = client.batch(json!([
        { "addSheet": {} },
        add(json!({ "sheetId": 77, "title": "Mine", "index": 0, "hidden": true, "gridProperties": grid })),
    ]));
    let first = &replies[0]["addSheet"]["properties"];
    assert_eq!((&first["title"], &first["gridProperties"]["rowCount"]), (&json!("Sheet2"), &json!(1000)));
    assert_eq!(
        replies[1]["addSheet"]["properties"],
        json!({
            "sheetId": 77, "title": "Mine", "index": 0, "hidden": true, "sheetType": "GRID",
            "gridProperties": { "rowCount": 5, "columnCount": 3, "frozenRowCount": 1 },
        })
    );
    let book = client.book();
    let titles: Vec<_> = book.tabs.iter().map(|t| t.title.as_str()).collect();
    assert_eq!(titles, ["Mine", "Sheet1", "Sheet2"]);
    assert_eq!(book.n_cells(), 15 + 2 * 26_000);
}

#[test]
fn ids_and_titles_are_unique() {
    let client = Client::new();
    client.refused(json!([add(json!({ "sheetId": 0 }))]));
    client.refused(json!([add(json!({ "sheetId": -1 }))]));
    let taken = client.refused(json!([add(json!({ "title": "sHEET1" }))]));
    assert_eq!(
        taken,
        "Invalid requests[0].addSheet: A sheet with the name \"sHEET1\" already exists. Please enter another name."
    );
    client.batch(json!([add(json!({ "sheetId": 5, "title": "É" }))]));
    client.refused(json!([add(json!({ "title": "é" }))]));
    client.refused(set(json!({ "sheetId": 5, "title": "SHEET1" }), "title"));
    // Its own name in other letters is free.
    client.batch(set(json!({ "sheetId": 0, "title": "SHEET1" }), "title"));
}

#[test]
fn titles_are_checked() {
    let client = Client::new();
    for title in ["a[b", "a]b", "a*b", "a?b", "a:b", "a/b", "a\\b", &"x".repeat(101), &"😀".repeat(51)] {
        client.refused(json!([add(json!({ "title": title }))]));
        client.refused(set(json!({ "title": title }), "title"));
    }
    client.refused(set(json!({ "title": "" }), "title"));
    client
        .batch(json!([add(json!({ "title": "x".repeat(100) })), add(json!({ "title": "it's a \"tab\"!" }))]));
}

#[test]
fn one_visible_tab_stays() {
    let client = Client::new();
    let last = client.refused(json!([{ "deleteSheet": { "sheetId": 0 } }]));
    assert!(last.contains("You can't remove all the visible sheets in a document."), "{last}");
    client.refused(set(json!({ "hidden": true }), "hidden"));
    client.batch(json!([add(json!({ "sheetId": 1, "hidden": true }))]));
    client.refused(json!([{ "deleteSheet": { "sheetId": 0 } }]));
    client.batch(
        json!([{ "deleteSheet": { "sheetId": 1 } }, { "addSheet": {} }, { "deleteSheet": { "sheetId": 0 } }]),
    );
    assert_eq!(client.book().tabs.len(), 1);
}

#[test]
fn only_masked_properties_change() {
    let client = Client::new();
    let all = json!({ "title": "New", "hidden": true, "gridProperties": { "rowCount": 9, "columnCount": 9, "frozenRowCount": 2 } });
    client.batch(set(all.clone(), "gridProperties.frozenRowCount"));
    let book = client.book();
    let tab = book.tab("Sheet1");
    assert_eq!((tab.frozen_rows, tab.n_rows, tab.n_columns, tab.hidden), (2, 1000, 26, false));
    client.batch(set(all, "title,gridProperties(rowCount,columnCount)"));
    let book = client.book();
    let tab = book.tab("New");
    assert_eq!((tab.sheet_id, tab.n_rows, tab.n_columns), (0, 9, 9));
    client.refused(set(json!({ "title": "x" }), ""));
    client.refused(set(json!({ "title": "x" }), "titel"));
    client.refused(set(json!({ "sheetId": 9, "title": "x" }), "title"));
}

#[test]
fn indexes_count_as_before_the_move() {
    let client = Client::new();
    client.batch(json!([
        add(json!({ "sheetId": 1, "title": "b" })),
        add(json!({ "sheetId": 2, "title": "c" }))
    ]));
    let order = || client.book().tabs.iter().map(|t| t.sheet_id).collect::<Vec<_>>();
    client.batch(set(json!({ "sheetId": 0, "index": 1 }), "index"));
    assert_eq!(order(), [0, 1, 2]);
    client.batch(set(json!({ "sheetId": 0, "index": 2 }), "index"));
    assert_eq!(order(), [1, 0, 2]);
    client.batch(set(json!({ "sheetId": 2, "index": 0 }), "index"));
    assert_eq!(order(), [2, 1, 0]);
}

#[test]
fn grids_keep_a_row_that_moves() {
    let client = Client::new();
    client.refused(set(json!({ "gridProperties": { "rowCount": 0 } }), "gridProperties.rowCount"));
    client.refused(set(json!({}), "gridProperties.columnCount"));
    let frozen = client.refused(set(
        json!({ "gridProperties": { "frozenRowCount": 1000 } }),
        "gridProperties.frozenRowCount",
    ));
    assert!(frozen.contains("You can't freeze all visible rows on the sheet."), "{frozen}");
    client.batch(set(json!({ "gridProperties": { "frozenRowCount": 2 } }), "gridProperties.frozenRowCount"));
    client.refused(set(json!({ "gridProperties": { "rowCount": 2 } }), "gridProperties.rowCount"));
    let both = json!({ "gridProperties": { "rowCount": 2, "frozenRowCount": 1 } });
    client.batch(set(both, "gridProperties(rowCount,frozenRowCount)"));
    client.refused(json!([add(json!({ "gridProperties": { "rowCount": 1, "frozenRowCount": 1 } }))]));
}

#[test]
fn smaller_grids_lose_cells() {
    let client = Client::new();
    client.batch(json!([write(0, 0, 0, &json!([["a", "b"], ["c", "d"]]))]));
    let small = json!({ "gridProperties": { "rowCount": 1, "columnCount": 1 } });
    client.batch(set(small, "gridProperties.rowCount,gridProperties.columnCount"));
    let large = json!({ "gridProperties": { "rowCount": 2, "columnCount": 2 } });
    client.batch(set(large, "gridProperties"));
    assert_eq!(client.book().tab("Sheet1").rows(2), [vec![Cell::from("a"), Cell::Empty]]);
}

#[test]
fn limits_of_tabs_and_columns() {
    let options = Options { tab_limit: 2, ..Options::default() };
    let client = Client::of(Google::start_with(options), FULL);
    client.batch(json!([{ "addSheet": {} }]));
    client.refused(json!([{ "addSheet": {} }]));
    client.refused(json!([{ "duplicateSheet": { "sourceSheetId": 0 } }]));
    client.refused(set(json!({ "gridProperties": { "columnCount": 18_279 } }), "gridProperties.columnCount"));
    let wide = json!({ "gridProperties": { "rowCount": 5, "columnCount": 18_278 } });
    client.batch(set(wide, "gridProperties(rowCount,columnCount)"));
    client.refused(json!([{ "appendDimension": { "sheetId": 0, "dimension": "COLUMNS", "length": 1 } }]));
}

#[test]
fn cell_limit_is_checked_step_by_step() {
    let options = Options { cell_limit: 30_000, ..Options::default() };
    let client = Client::of(Google::start_with(options), FULL);
    let refused =
        client.refused(json!([{ "appendDimension": { "sheetId": 0, "dimension": "ROWS", "length": 154 } }]));
    assert_eq!(
        refused,
        "Invalid requests[0].appendDimension: This action would increase the number of cells in the workbook above the \
         limit of 30000 cells."
    );
    // The end would fit, but rows come before columns.
    let shape = json!({ "gridProperties": { "rowCount": 10_000, "columnCount": 3 } });
    client.refused(set(shape.clone(), "gridProperties(rowCount,columnCount)"));
    let narrow = json!({ "gridProperties": { "columnCount": 3 } });
    let mut requests = set(narrow, "gridProperties.columnCount");
    requests.as_array_mut().unwrap().extend(set(shape, "gridProperties").as_array().unwrap().clone());
    client.batch(requests);
    assert_eq!(client.book().n_cells(), 30_000);
    // What is freed later does not help.
    let small = add(json!({ "sheetId": 1, "gridProperties": { "rowCount": 1, "columnCount": 1 } }));
    client.refused(json!([small, { "deleteSheet": { "sheetId": 0 } }]));
}

#[test]
fn duplicates_have_ids_of_their_own() {
    let client = Client::new();
    let location = json!({ "sheetId": 0 });
    let replies = client.batch(json!([
        write(0, 0, 0, &json!([["a"]])),
        { "createDeveloperMetadata": { "developerMetadata": {
            "metadataKey": "k", "metadataValue": "v", "location": location, "visibility": "DOCUMENT",
        } } },
        { "duplicateSheet": { "sourceSheetId": 0, "newSheetId": 9, "insertSheetIndex": 1 } },
        { "duplicateSheet": { "sourceSheetId": 0, "newSheetName": "Third" } },
    ]));
    assert_eq!(replies[2]["duplicateSheet"]["properties"]["title"], "Copy of Sheet1");
    let book = client.book();
    let copy = book.tab("Copy of Sheet1");
    assert_eq!((copy.sheet_id, copy.cell(0, 0)), (9, Cell::from("a")));
    assert_eq!((copy.metadata_value("k"), book.tab("Third").metadata_value("k")), (Some("v"), Some("v")));
    let mut ids: Vec<_> = book.tabs.iter().map(|t| t.metadata[0].id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    client.refused(json!([{ "duplicateSheet": { "sourceSheetId": 0, "newSheetId": 9 } }]));
}

#[test]
fn copied_workbooks_keep_ids_and_metadata() {
    let client = Client::new();
    client.batch(json!([
        add(json!({ "sheetId": 4, "title": "x" })),
        { "createDeveloperMetadata": { "developerMetadata": {
            "metadataKey": "k", "location": { "sheetId": 4 }, "visibility": "DOCUMENT",
        } } },
    ]));
    client.google.copy_workbook(&client.google.workbook(), "copy");
    let copy = client.google.read("copy");
    assert_eq!((copy.tab("x").sheet_id, copy.tab("x").metadata[0].key.as_str()), (4, "k"));
    client.batch(json!([write(4, 0, 0, &json!([["a"]]))]));
    assert!(client.google.read("copy").tab("x").rows(1).is_empty());
}

#[test]
fn what_people_set_up_survives() {
    let client = Client::new();
    let filter = json!({ "range": range(0, (0, 10), (0, 3)), "sortSpecs": [{ "dimensionIndex": 1, "sortOrder": "ASCENDING" }] });
    let rule = json!({ "condition": { "type": "BOOLEAN" }, "strict": true });
    client.edit(json!([
        { "setBasicFilter": { "filter": filter } },
        { "setDataValidation": { "range": range(0, (0, 5), (4, 5)), "rule": rule } },
        { "addNamedRange": { "namedRange": { "name": "mine", "range": range(0, (0, 1), (0, 1)) } } },
        { "mergeCells": { "range": range(0, (0, 1), (5, 7)), "mergeType": "MERGE_ALL" } },
        { "updateDimensionProperties": {
            "range": { "sheetId": 0, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1 },
            "properties": { "pixelSize": 50 }, "fields": "pixelSize",
        } },
        { "autoResizeDimensions": { "dimensions": { "sheetId": 0, "dimension": "COLUMNS" } } },
    ]));
    client.batch(json!([write(0, 0, 0, &json!([["a", "b", "c", "d", "e"]]))]));
    let sheet = client.get("").json["sheets"][0].clone();
    assert_eq!(sheet["basicFilter"]["sortSpecs"], filter["sortSpecs"]);
    assert_eq!(sheet["merges"][0]["endColumnIndex"], 7);
    assert_eq!(client.get("").json["namedRanges"][0]["name"], "mine");
    assert_eq!(client.book().tab("Sheet1").looks_json(0, 4)["dataValidation"], rule);
    client.edit(json!([{ "clearBasicFilter": { "sheetId": 0 } }]));
    assert!(client.book().tab("Sheet1").basic_filter.is_none());
}
