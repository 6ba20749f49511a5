//! Columns that people move, insert, delete and name anew among ours.

mod common;

use common::Setup;
use common::hands::{column, delete, enter, id, insert, orders, own_column};
use serde_json::json;
use sync_testing::sheets::Cell;

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
    for edits in [
        json!([insert(&column(sheet, 1))]),
        json!([delete(&column(sheet, 1))]),
        json!([delete(&column(sheet, 2)), delete(&column(sheet, 0))]),
    ] {
        setup.edit(edits.clone());
        setup.sync_to(0, &[]);
        assert_eq!(setup.cells("orders", 3), before, "{edits}");
        let book = setup.workbook();
        let tab = book.tab("orders");
        let Cell::Formula(formula) = book.tab("Mine").cell(0, 0) else { panic!("the formula is gone") };
        let place = (formula.as_bytes()[8] - b'A') as usize;
        assert_eq!(tab.cell(1, place), Cell::Text("mine".into()), "{edits} {formula}");
        assert_eq!(tab.cell(0, place), Cell::Text("Notes".into()), "{edits} {formula}");
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
    setup.edit(json!([{"moveDimension": {"source": column(sheet, 4), "destinationIndex": 1}}]));
    setup.sync_to(0, &["--force"]);
    assert_eq!(setup.cells("orders", 3), before);
    assert_eq!(setup.workbook().tab("orders").cell(1, 3), Cell::Text("mine".into()));
    setup.assert_settled();
}

#[test]
fn columns_that_are_no_longer_wanted_go_though_a_person_put_one_among_ours() {
    let setup = orders(3);
    let sheet = id(&setup, "orders");
    for (edit, is_dropped) in [
        (json!([insert(&column(sheet, 1))]), false),
        (json!([delete(&column(sheet, 0))]), false),
        (json!([insert(&column(sheet, 1))]), true),
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
    setup.edit(json!([insert(&column(sheet, 1))]));
    setup.sql("ALTER TABLE orders ADD COLUMN margin int; UPDATE orders SET margin = 7");
    setup.sync_to(0, &[]);
    let rows = setup.cells("orders", 6);
    assert_eq!(rows[0][..4], ["'id", "'name", "'due", "'margin"]);
    assert!(rows[1][4..].contains(&"'mine".to_owned()), "{rows:?}");
    setup.assert_settled();
}

/// Enters a header by hand.
fn head(setup: &Setup, column: u32, text: &str) {
    enter(setup, id(setup, "orders"), 0, column, json!({"stringValue": text}));
}

#[test]
fn an_edited_header_is_ours_though_a_person_has_added_columns() {
    let excluding = ["--excluded-columns", "*.name"];
    for (n, headers) in
        [vec![(1, "Customer")], vec![(0, "Number"), (2, "Due")], vec![(0, "a"), (1, "b"), (2, "c")]]
            .into_iter()
            .enumerate()
    {
        let setup = orders(3);
        setup.edit(json!([{"addSheet": {"properties": {"sheetId": 9, "title": "Mine"}}}]));
        enter(&setup, 9, 0, 0, json!({"formulaValue": "=orders!B3"}));
        for (column, text) in headers {
            head(&setup, column, text);
        }
        own_column(&setup, id(&setup, "orders"), 3);
        setup.sync_to(0, &[]);
        let rows = setup.cells("orders", 5);
        assert_eq!(rows[0], ["'id", "'name", "'due", "", ""], "{n}");
        assert_eq!(rows[1], ["1", "'name 1", "45293", "'mine", ""], "{n}");
        assert_eq!(setup.workbook().tab("Mine").cell(0, 0), Cell::Formula("=orders!B3".into()));
        setup.assert_settled();
        // With the same edit before it, an excluded column goes as well.
        head(&setup, 1, "Customer");
        setup.edit(json!([{"appendDimension": {"sheetId": id(&setup, "orders"), "dimension": "COLUMNS", "length": 1}}]));
        setup.sync_to(0, &excluding);
        let rows = setup.cells("orders", 8);
        assert!(rows.iter().flatten().all(|cell| !cell.contains("name")), "{n}: {rows:?}");
        setup.assert_settled_with(&excluding);
    }
}

#[test]
fn a_header_that_bears_the_name_of_another_column_is_the_one_in_its_place() {
    let setup = orders(3);
    head(&setup, 0, "name");
    setup.sync_to(0, &["--excluded-columns", "*.name"]);
    let rows = setup.cells("orders", 6);
    assert_eq!(rows[1][..2], ["1", "45293"]);
    assert!(rows.iter().flatten().all(|cell| !cell.contains("name")), "{rows:?}");
}

#[test]
fn where_ours_cannot_be_told_from_others_nothing_is_guessed() {
    let setup = orders(3);
    setup.sql("CREATE TABLE other (id int)");
    setup.edit(json!([insert(&column(id(&setup, "orders"), 1))]));
    head(&setup, 1, "My remarks");
    head(&setup, 2, "Customer");
    let before = setup.cells("orders", 6);
    let outcome = setup.sync_to(3, &["--excluded-columns", "*.name"]);
    let reason = outcome.report["failed"][0]["reason"].to_string();
    assert!(reason.contains("cannot be told from others"), "{reason}");
    assert_eq!(setup.cells("orders", 6), before);
    assert_eq!(setup.cells("other", 1), [["'id"]]);
    head(&setup, 2, "name");
    setup.sync_to(0, &[]);
    assert_eq!(setup.cells("orders", 4)[0], ["'id", "'name", "'due", "'My remarks"]);
    setup.assert_settled();
}
