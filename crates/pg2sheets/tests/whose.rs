//! What users own survives: their tabs, columns, formats, names, and copies.

mod common;

use common::Setup;
use common::hands::{enter, id, orders, own_column};
use serde_json::json;
use sync_testing::sheets::Cell;

#[test]
fn fewer_rows_and_columns_leave_nothing_over() {
    let setup = Setup::new();
    let columns: Vec<String> = (0..10).map(|n| format!("c{n} int DEFAULT {n}")).collect();
    setup.sql(&format!(
        "CREATE TABLE t (id int PRIMARY KEY, {}); INSERT INTO t SELECT generate_series(1, 500)",
        columns[..9].join(", ")
    ));
    setup.sync_to(0, &[]);
    let sheet = id(&setup, "t");
    own_column(&setup, sheet, 10);
    setup.edit(json!([{"addSheet": {"properties": {"sheetId": 99, "title": "Mine"}}}]));
    enter(&setup, 99, 0, 0, json!({"formulaValue": "=t!K2"}));
    setup.sync_to(0, &[]);

    setup.sql("DELETE FROM t WHERE id > 3");
    setup.sync_to(0, &[]);
    assert_eq!(setup.cells("t", 10).len(), 4);
    setup.assert_settled();

    setup.sql("ALTER TABLE t DROP COLUMN c3, DROP COLUMN c4, DROP COLUMN c5, DROP COLUMN c6, DROP COLUMN c7, DROP COLUMN c8");
    setup.sync_to(0, &[]);
    assert_eq!(setup.cells("t", 10)[1], ["1", "0", "1", "2", "", "", "", "", "", ""]);
    setup.assert_settled();

    setup.sql("ALTER TABLE t ADD d0 date DEFAULT '2024-01-01', ADD d1 int DEFAULT 1, ADD d2 int DEFAULT 2, ADD d3 int, ADD d4 int, ADD d5 int");
    setup.sync_to(0, &[]);
    let book = setup.workbook();
    let tab = book.tab("t");
    assert_eq!(setup.cells("t", 7)[1], ["1", "0", "1", "2", "45292", "1", "2"]);
    assert_eq!(tab.format(1, 4).as_deref(), Some("yyyy-mm-dd"));
    // The user's column has moved to the right, and whatever points at it has followed.
    assert_eq!(tab.cell(1, 16), Cell::Text("mine".into()));
    assert_eq!(book.tab("Mine").cell(0, 0), Cell::Formula("=t!Q2".into()));
    assert_eq!(tab.sheet_id, sheet);
    setup.assert_settled();
}

#[test]
fn a_column_that_is_no_date_any_more_is_shown_as_what_it_is() {
    let setup = orders(3);
    setup.sql("ALTER TABLE orders DROP COLUMN name, ADD n int DEFAULT 5");
    setup.sync_to(0, &[]);
    let book = setup.workbook();
    let tab = book.tab("orders");
    assert_eq!(setup.cells("orders", 3)[1], ["1", "45293", "5"]);
    assert_eq!((tab.format(1, 1).as_deref(), tab.format(1, 2)), (Some("yyyy-mm-dd"), None));
}

#[test]
fn new_rows_of_a_date_are_readable_too() {
    let setup = orders(3);
    setup.sql("INSERT INTO orders VALUES (4, 'x', '2024-05-05')");
    setup.sync_to(0, &[]);
    assert_eq!(setup.workbook().tab("orders").format(4, 2).as_deref(), Some("yyyy-mm-dd"));
}

#[test]
fn names_formats_filters_and_hidden_tabs_stay() {
    let setup = orders(3);
    let sheet = id(&setup, "orders");
    let range = json!({"sheetId": sheet, "startRowIndex": 0, "endRowIndex": 4, "startColumnIndex": 0, "endColumnIndex": 3});
    setup.edit(json!([
        {"updateSheetProperties": {"properties": {"sheetId": sheet, "title": "Bestellungen", "hidden": true}, "fields": "title,hidden"}},
        {"repeatCell": {"range": range, "cell": {"userEnteredFormat": {"backgroundColor": {"red": 1}}}, "fields": "userEnteredFormat.backgroundColor"}},
        {"repeatCell": {"range": {"sheetId": sheet, "startRowIndex": 1, "startColumnIndex": 2, "endColumnIndex": 3},
            "cell": {"userEnteredFormat": {"numberFormat": {"type": "DATE", "pattern": "dd/mm/yy"}}}, "fields": "userEnteredFormat.numberFormat"}},
        {"setBasicFilter": {"filter": {"range": range}}},
    ]));
    let looks = setup.workbook().tab("Bestellungen").looks_json(1, 0);
    setup.sql("UPDATE orders SET name = 'other' WHERE id = 2");
    setup.sync_to(0, &[]);
    let book = setup.workbook();
    let tab = book.tab("Bestellungen");
    assert_eq!(setup.cells("Bestellungen", 2)[2], ["2", "'other"]);
    assert!(tab.hidden && book.find("orders").is_none());
    assert_eq!(tab.looks_json(1, 0), looks);
    assert_eq!(tab.format(1, 2).as_deref(), Some("dd/mm/yy"));
    setup.assert_settled();
    // A whole write leaves them alone as well.
    setup.sync_to(0, &["--force"]);
    let book = setup.workbook();
    assert_eq!(book.tab("Bestellungen").looks_json(1, 0), looks);
    assert_eq!(book.tab("Bestellungen").format(1, 2).as_deref(), Some("dd/mm/yy"));
}

#[test]
fn a_tab_with_the_title_of_a_table_is_the_users() {
    let setup = Setup::new();
    setup.edit(json!([{"addSheet": {"properties": {"sheetId": 7, "title": "Orders"}}}]));
    enter(&setup, 7, 0, 0, json!({"stringValue": "my own"}));
    setup.sql("CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1)");
    setup.sync_to(0, &[]);
    let book = setup.workbook();
    assert_eq!(book.tab("Orders").cell(0, 0), Cell::Text("my own".into()));
    assert_eq!(book.tabs.len(), 3);
    setup.assert_settled();
}

#[test]
fn adopt_takes_a_tab_over() {
    let setup = Setup::new();
    setup.edit(json!([{"addSheet": {"properties": {"sheetId": 7, "title": "Orders"}}}]));
    enter(&setup, 7, 5, 0, json!({"stringValue": "left over"}));
    setup.sql("CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1)");
    setup.sync_to(0, &["--adopt"]);
    assert_eq!(setup.cells("Orders", 3), [["'id", "", ""], ["1", "", ""]]);
    assert_eq!(setup.workbook().tab("Orders").sheet_id, 7);
    setup.assert_settled();
}

#[test]
fn a_duplicated_tab_is_the_users() {
    let setup = orders(3);
    let sheet = id(&setup, "orders");
    setup.edit(json!([{"duplicateSheet": {"sourceSheetId": sheet, "newSheetId": 55, "insertSheetIndex": 0, "newSheetName": "before"}}]));
    setup.assert_settled();
    setup.sql("UPDATE orders SET name = 'after' WHERE id = 1");
    setup.sync_to(0, &[]);
    assert_eq!(setup.cells("before", 2)[1], ["1", "'name 1"]);
    assert_eq!(setup.cells("orders", 2)[1], ["1", "'after"]);
}

#[test]
fn a_copied_workbook_is_written_whole_once() {
    let setup = orders(3);
    let copy = "1CopyOfTheWorkbook_0123456789";
    setup.google.copy_workbook(&setup.google.workbook(), copy);
    enter(&setup, id(&setup, "orders"), 1, 1, json!({"stringValue": "by hand"}));
    setup.google.forget_calls();
    let run = || setup.tool(&["--spreadsheet-id", copy, "--report", "json"]).run();
    let written =
        |run: sync_testing::tool::Run| sync_testing::outcome::Outcome::of(&run).ended_with(0).n("written");
    assert_eq!(written(run()), 3);
    assert_eq!(written(run()), 0);
    assert_eq!(setup.google.read(copy).tabs.len(), 2, "no second tab for the table");
    setup.assert_settled();
}

#[test]
fn two_databases_feed_one_workbook() {
    let setup = orders(2);
    let other = |args: &[&str]| {
        let args: Vec<&str> = args.iter().copied().chain(["--source-name", "warehouse"]).collect();
        setup.sync_to(0, &args)
    };
    other(&[]);
    let book = setup.workbook();
    let tabs: Vec<_> = book.tabs.iter().filter(|tab| tab.title.starts_with("orders")).collect();
    assert_eq!(tabs.len(), 2);
    setup.assert_settled();
    assert_eq!(other(&["--orphans", "delete"]).n("written"), 0);
    setup.sql("DROP TABLE orders; CREATE TABLE things (id int)");
    setup.sync_to(0, &["--orphans", "delete"]);
    setup.sync_to(0, &["--orphans", "delete"]);
    let left = setup.workbook();
    assert_eq!(
        left.tabs.iter().filter(|tab| tab.title.starts_with("orders")).count(),
        1,
        "the other's stays"
    );
}

#[test]
fn orphans_are_kept_hidden_or_deleted_from_the_second_run_on() {
    for (policy, n_tabs) in [("keep", 3), ("hide", 3), ("delete", 2)] {
        let setup = orders(2);
        setup.sql("CREATE TABLE other (id int)");
        setup.sync_to(0, &["--orphans", policy]);
        setup.sql("DROP TABLE orders");
        setup.sync_to(0, &["--orphans", policy]);
        assert!(!setup.workbook().tab("orders").hidden, "once is not enough");
        setup.sync_to(0, &["--orphans", policy]);
        let book = setup.workbook();
        assert_eq!(book.tabs.len(), n_tabs, "{policy}");
        assert_eq!(book.find("orders").is_some_and(|tab| tab.hidden), policy == "hide");
        setup.assert_settled_with(&["--orphans", policy]);
        setup.sql("CREATE TABLE orders (id int); INSERT INTO orders VALUES (9)");
        // Whatever is to become of orphans by then, this is none any more.
        setup.sync_to(0, &[]);
        assert_eq!(setup.cells("orders", 1), [["'id"], ["9"]]);
        assert!(!setup.workbook().tab("orders").hidden);
        setup.assert_settled_with(&["--orphans", policy]);
    }
}

#[test]
fn an_orphan_that_cannot_be_deleted_keeps_no_table_back() {
    let setup = orders(2);
    setup.sql("CREATE TABLE other (id int)");
    // Of the visible tabs only the orphan is left, which Google keeps therefore.
    setup.edit(json!([{"deleteSheet": {"sheetId": 0}}]));
    setup.sql("DROP TABLE orders");
    let args = ["--orphans", "delete"];
    setup.sync_to(0, &args);
    let hidden = setup.workbook().tab("other").sheet_id;
    setup.edit(json!([{"updateSheetProperties": {"properties": {"sheetId": hidden, "hidden": true}, "fields": "hidden"}}]));
    setup.sql("INSERT INTO other VALUES (7)");
    let outcome = setup.sync_to(3, &args);
    assert_eq!(outcome.report["failed"][0]["source"], "tabs without a table", "{}", outcome.report);
    assert_eq!(setup.cells("other", 1), [["'id"], ["7"]]);
    assert!(setup.workbook().find("orders").is_some());
}

#[test]
fn an_excluded_table_is_no_orphan() {
    let setup = orders(2);
    setup.sql("CREATE TABLE other (id int)");
    for args in [
        ["--orphans", "delete", "--tables", "other"],
        ["--orphans", "delete", "--excluded-table-prefixes", "ord"],
    ] {
        setup.sync_to(0, &args);
        setup.sync_to(0, &args);
    }
    assert_eq!(setup.cells("orders", 1).len(), 3);
}
