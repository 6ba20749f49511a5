//! What people change among our rows and columns is found, healed, warned of or left alone.

mod common;

use common::hands::{enter, id, orders, own_column};
use serde_json::json;
use sync_testing::sheets::Cell;

#[test]
fn rows_inserted_or_deleted_by_hand_heal() {
    let setup = orders(1200);
    let sheet = id(&setup, "orders");
    let before = setup.cells("orders", 3);
    for edit in [
        json!({"deleteDimension": {"range": {"sheetId": sheet, "dimension": "ROWS", "startIndex": 3, "endIndex": 7}}}),
        json!({"insertDimension": {"range": {"sheetId": sheet, "dimension": "ROWS", "startIndex": 600, "endIndex": 650}, "inheritFromBefore": true}}),
    ] {
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

#[test]
fn the_time_of_the_run_leaves_no_other_behind() {
    let setup = orders(2);
    let stamps = || -> Vec<(usize, usize)> {
        let rows = setup.workbook().tab("orders").rows(40);
        let cells =
            rows.iter().enumerate().flat_map(|(n, row)| row.iter().enumerate().map(move |(m, c)| (n, m, c)));
        let is_stamp =
            |m: usize, cell: &Cell| m > 2 && matches!(cell, Cell::Number(serial) if *serial > 45_000.0);
        cells.filter(|(_, m, cell)| is_stamp(*m, cell)).map(|(n, m, _)| (n, m)).collect()
    };
    for (place, expected) in
        [("Z1", Some((0, 25))), ("E2", Some((1, 4))), ("off", None), ("E1", Some((0, 4)))]
    {
        setup.sync_to(0, &["--last-synced", place]);
        assert_eq!(stamps(), Vec::from_iter(expected), "{place}");
    }
    setup.sql("ALTER TABLE orders ADD COLUMN piece text");
    setup.sync_to(0, &["--last-synced", "E1"]);
    assert_eq!(stamps(), [(0, 4)], "it moved with the column, and came back");
    setup.sql("UPDATE orders SET piece = 'x'");
    setup.sync_to(0, &[]);
    assert_eq!(stamps(), []);
    setup.assert_settled();
}

#[test]
fn the_time_of_the_run_stands_in_a_cell_that_is_asked_for() {
    let setup = orders(2);
    let reason = setup.sync_to(3, &["--last-synced", "A1"]).report["failed"][0]["reason"].to_string();
    assert!(reason.contains("--last-synced"), "{reason}");
    let sheet = id(&setup, "orders");
    own_column(&setup, sheet, 3);
    for _ in 0..2 {
        setup.sync_to(0, &["--last-synced", "H1"]);
        let book = setup.workbook();
        let Cell::Number(serial) = book.tab("orders").cell(0, 7) else { panic!("no time") };
        assert!(serial > 45_000.0);
        assert_eq!(book.tab("orders").cell(1, 3), Cell::Text("mine".into()));
    }
    setup.google.forget_calls();
    assert_eq!(setup.sync_to(0, &["--last-synced", "H1"]).n("written"), 0);
    assert_eq!(setup.calls().len(), 2);
}

#[test]
fn columns_moved_inserted_or_deleted_by_hand_heal_and_the_users_stay() {
    let setup = orders(3);
    let sheet = id(&setup, "orders");
    let before = setup.cells("orders", 3);
    own_column(&setup, sheet, 3);
    enter(&setup, sheet, 0, 3, json!({"stringValue": "Notes"}));
    setup.edit(json!([{"addSheet": {"properties": {"sheetId": 9, "title": "Mine"}}}]));
    enter(&setup, 9, 0, 0, json!({"formulaValue": "=orders!D2"}));
    setup.sync_to(0, &[]);
    let column = |start: u32| json!({"sheetId": sheet, "dimension": "COLUMNS", "startIndex": start, "endIndex": start + 1});
    for edits in [
        json!([{"insertDimension": {"range": column(1), "inheritFromBefore": true}}]),
        json!([{"deleteDimension": {"range": column(1)}}]),
        json!([{"deleteDimension": {"range": column(2)}}, {"deleteDimension": {"range": column(0)}}]),
    ] {
        setup.edit(edits.clone());
        setup.sync_to(0, &[]);
        assert_eq!(setup.cells("orders", 3), before, "{edits}");
        let book = setup.workbook();
        let tab = book.tab("orders");
        let Cell::Formula(formula) = book.tab("Mine").cell(0, 0) else { panic!("the formula is gone") };
        let column = (formula.as_bytes()[8] - b'A') as usize;
        assert_eq!(tab.cell(1, column), Cell::Text("mine".into()), "{edits} {formula}");
        assert_eq!(tab.cell(0, column), Cell::Text("Notes".into()), "{edits} {formula}");
        assert_eq!(tab.format(1, 2).as_deref(), Some("yyyy-mm-dd"));
        assert!(tab.is_bold(0, 0) && tab.is_bold(0, 1) && tab.is_bold(0, 2));
        setup.assert_settled();
    }
}

#[test]
fn a_column_put_among_ours_survives_a_whole_write_though_the_tab_is_as_wide_as_before() {
    let setup = orders(3);
    let sheet = id(&setup, "orders");
    let before = setup.cells("orders", 3);
    own_column(&setup, sheet, 4);
    setup.sync_to(0, &[]);
    let column =
        |n: u32| json!({"sheetId": sheet, "dimension": "COLUMNS", "startIndex": n, "endIndex": n + 1});
    setup.edit(json!([{"moveDimension": {"source": column(4), "destinationIndex": 1}}]));
    setup.sync_to(0, &["--force"]);
    assert_eq!(setup.cells("orders", 3), before);
    assert_eq!(setup.workbook().tab("orders").cell(1, 3), Cell::Text("mine".into()));
    setup.assert_settled();
}

#[test]
fn columns_that_are_no_longer_wanted_go_though_a_person_put_one_among_ours() {
    let setup = orders(3);
    let sheet = id(&setup, "orders");
    let column =
        |n: u32| json!({"sheetId": sheet, "dimension": "COLUMNS", "startIndex": n, "endIndex": n + 1});
    for (edit, is_dropped) in [
        (json!([{"insertDimension": {"range": column(1), "inheritFromBefore": true}}]), false),
        (json!([{"deleteDimension": {"range": column(0)}}]), false),
        (json!([{"insertDimension": {"range": column(1), "inheritFromBefore": true}}]), true),
    ] {
        setup.sync_to(0, &[]);
        setup.edit(edit.clone());
        if is_dropped {
            setup.sql("ALTER TABLE orders DROP COLUMN name");
        }
        setup.sync_to(0, &["--excluded-columns", "*.name"]);
        let rows = setup.cells("orders", 12);
        assert!(rows.iter().flatten().all(|cell| !cell.contains("name")), "{edit}: {rows:?}");
        assert_eq!(rows[1][..2], ["1", "45293"], "{edit}");
        setup.assert_settled_with(&["--excluded-columns", "*.name"]);
    }
}

#[test]
fn a_header_edited_by_hand_heals_in_its_place() {
    let setup = orders(3);
    let sheet = id(&setup, "orders");
    let before = setup.cells("orders", 6);
    own_column(&setup, sheet, 3);
    setup.sync_to(0, &[]);
    enter(&setup, sheet, 0, 1, json!({"stringValue": "Customer"}));
    setup.sync_to(0, &["--force"]);
    assert_eq!(setup.cells("orders", 3), before.iter().map(|row| row[..3].to_vec()).collect::<Vec<_>>());
    assert_eq!(setup.workbook().tab("orders").cell(1, 3), Cell::Text("mine".into()));
    setup.assert_settled();
}

#[test]
fn a_new_column_of_ours_does_not_take_a_persons_column_of_that_name() {
    let setup = orders(3);
    let sheet = id(&setup, "orders");
    own_column(&setup, sheet, 3);
    enter(&setup, sheet, 0, 3, json!({"stringValue": "margin"}));
    setup.sync_to(0, &[]);
    setup.edit(json!([{"insertDimension": {"range": {"sheetId": sheet, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}, "inheritFromBefore": true}}]));
    setup.sql("ALTER TABLE orders ADD COLUMN margin int; UPDATE orders SET margin = 7");
    setup.sync_to(0, &[]);
    let rows = setup.cells("orders", 6);
    assert_eq!(rows[0][..4], ["'id", "'name", "'due", "'margin"]);
    assert!(rows[1][4..].contains(&"'mine".to_owned()), "{rows:?}");
    setup.assert_settled();
}
