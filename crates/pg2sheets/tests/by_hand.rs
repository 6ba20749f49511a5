//! What people change among our rows and columns is found, healed, warned of or left alone.

mod common;

use common::hands::{delete, enter, id, insert, orders, span};
use serde_json::json;
use sync_testing::sheets::Cell;

#[test]
fn rows_inserted_or_deleted_by_hand_heal() {
    let setup = orders(1200);
    let sheet = id(&setup, "orders");
    let before = setup.cells("orders", 3);
    for edit in [delete(&span(sheet, "ROWS", 3, 7)), insert(&span(sheet, "ROWS", 600, 650))] {
        setup.edit(json!([edit]));
        assert_ne!(setup.cells("orders", 3), before);
        setup.sync_to(0, &[]);
        assert_eq!(setup.cells("orders", 3), before);
        setup.assert_settled();
    }
}

#[test]
fn cells_edited_by_hand_are_found_and_healed() {
    let setup = orders(5);
    let sheet = id(&setup, "orders");
    enter(&setup, sheet, 2, 1, json!({"stringValue": "by hand"}));
    enter(&setup, sheet, 3, 0, json!({"formulaValue": "=A2"}));
    let diff = setup.run(&["diff"]);
    assert_eq!(diff.code, Some(3), "{}", diff.stderr);
    let lines: Vec<&str> = diff.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "orders!B3\tdatabase: \"name 2\"\tworkbook: \"by hand\"",
            "orders!A4\tdatabase: \"3\"\tworkbook: \"=A2\""
        ]
    );
    setup.assert_settled();
    setup.sync_to(0, &["--force"]);
    assert_eq!(setup.run(&["diff"]).code, Some(0));
    enter(&setup, sheet, 2, 1, json!({"stringValue": "again"}));
    setup.sync_to(0, &["--full-every", "1ms"]);
    assert_eq!(setup.run(&["diff"]).stdout, "");
}

#[test]
fn a_deleted_tab_comes_back_and_one_without_its_mark_is_left_alone() {
    let setup = orders(3);
    let sheet = id(&setup, "orders");
    setup.edit(json!([{"deleteSheet": {"sheetId": sheet}}]));
    setup.sync_to(0, &[]);
    assert_eq!(setup.cells("orders", 1).len(), 4);
    let sheet = id(&setup, "orders");
    setup.edit(json!([{"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": {"metadataKey": "pg2sheets"}}}}]));
    enter(&setup, sheet, 1, 0, json!({"stringValue": "mine now"}));
    setup.sync_to(0, &[]);
    let book = setup.workbook();
    assert_eq!(book.tab("orders").cell(1, 0), Cell::Text("mine now".into()));
    assert_eq!(book.tabs.len(), 3);
}

#[test]
fn a_protected_tab_is_named_and_the_others_are_written() {
    let setup = orders(2);
    setup.sql("CREATE TABLE other (id int)");
    let sheet = id(&setup, "orders");
    setup.edit(json!([{"addProtectedRange": {"protectedRange": {"range": {"sheetId": sheet}, "editors": {"users": ["boss@example.org"]}}}}]));
    setup.sql("UPDATE orders SET name = 'x'; INSERT INTO other VALUES (1)");
    let outcome = setup.sync_to(3, &[]);
    let failed = &outcome.report["failed"][0];
    assert_eq!(failed["source"], "public.orders");
    assert!(failed["reason"].as_str().unwrap().contains("protect"), "{failed}");
    assert_eq!(setup.cells("other", 1), [["'id"], ["1"]]);
    assert_eq!(setup.cells("orders", 2)[1], ["1", "'name 1"]);
}

#[test]
fn edits_are_warned_of_when_that_is_asked_for() {
    let setup = orders(2);
    setup.sync_to(0, &["--protect"]);
    let protected = |n| assert_eq!(setup.workbook().tab("orders").protected.len(), n);
    protected(1);
    setup.assert_settled_with(&["--protect"]);
    setup.sql("UPDATE orders SET name = 'x'");
    setup.sync_to(0, &[]);
    protected(1);
    setup.sync_to(0, &["--no-protect"]);
    protected(0);
    setup.assert_settled();
}
