//! The time of the run in a cell: where it stood before it is taken away, and what a person has entered stays.

mod common;

use common::Setup;
use common::hands::{column, delete, enter, id, insert, orders, own_column, span};
use serde_json::json;
use sync_testing::sheets::Cell;

/// The cells right of our three columns that hold a time.
fn stamps(setup: &Setup, title: &str) -> Vec<(usize, usize)> {
    let rows = setup.workbook().tab(title).rows(40);
    let cells =
        rows.iter().enumerate().flat_map(|(n, row)| row.iter().enumerate().map(move |(m, c)| (n, m, c)));
    let is_stamp =
        |m: usize, cell: &Cell| m > 2 && matches!(cell, Cell::Number(serial) if *serial > 45_000.0);
    cells.filter(|(_, m, cell)| is_stamp(*m, cell)).map(|(n, m, _)| (n, m)).collect()
}

#[test]
fn the_time_of_the_run_leaves_no_other_behind() {
    let setup = orders(2);
    for (place, expected) in
        [("Z1", Some((0, 25))), ("E2", Some((1, 4))), ("off", None), ("E1", Some((0, 4)))]
    {
        setup.sync_to(0, &["--last-synced", place]);
        assert_eq!(stamps(&setup, "orders"), Vec::from_iter(expected), "{place}");
    }
    setup.sql("ALTER TABLE orders ADD COLUMN piece text");
    setup.sync_to(0, &["--last-synced", "E1"]);
    assert_eq!(stamps(&setup, "orders"), [(0, 4)], "it moved with the column, and came back");
    setup.sql("UPDATE orders SET piece = 'x'");
    setup.sync_to(0, &[]);
    assert_eq!(stamps(&setup, "orders"), []);
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
fn the_time_of_the_run_is_found_where_a_person_has_moved_it() {
    let setup = orders(3);
    let sheet = id(&setup, "orders");
    setup.sync_to(0, &["--last-synced", "F3"]);
    for edit in [
        insert(&column(sheet, 1)),
        delete(&span(sheet, "ROWS", 1, 2)),
        delete(&column(sheet, 3)),
        delete(&column(sheet, 1)),
    ] {
        setup.edit(json!([edit]));
        setup.sync_to(0, &["--last-synced", "F3"]);
        assert_eq!(stamps(&setup, "orders"), [(2, 5)], "{edit}");
    }
    setup.edit(json!([delete(&span(sheet, "COLUMNS", 3, 6))]));
    setup.sync_to(0, &["--last-synced", "off"]);
    assert_eq!(stamps(&setup, "orders"), []);
    setup.assert_settled();
}

#[test]
fn what_a_person_has_entered_is_not_written_over_by_the_time() {
    let setup = orders(3);
    let sheet = id(&setup, "orders");
    own_column(&setup, sheet, 3);
    enter(&setup, sheet, 0, 3, json!({"stringValue": "Notes"}));
    let notes =
        |column| assert_eq!(setup.workbook().tab("orders").cell(0, column), Cell::Text("Notes".into()));
    let named = |place: &str| {
        let outcome = setup.sync_to(3, &["--last-synced", place]);
        let reason = outcome.report["failed"][0]["reason"].to_string();
        assert!(reason.contains("something of yours"), "{reason}");
    };
    named("D1");
    setup.sync_to(0, &["--last-synced", "E1"]);
    // The column moves to where the time was, which goes.
    setup.sql("ALTER TABLE orders ADD COLUMN pieces int");
    named("E1");
    notes(4);
    assert_eq!(stamps(&setup, "orders"), []);
    setup.sync_to(0, &["--last-synced", "F1"]);
    setup.edit(json!([insert(&column(sheet, 1))]));
    setup.sync_to(0, &["--last-synced", "off"]);
    assert_eq!(stamps(&setup, "orders"), []);
    assert!(setup.cells("orders", 8)[0].contains(&"'Notes".to_owned()));
    setup.assert_settled();
}

#[test]
fn a_table_that_was_not_looked_after_keeps_its_time() {
    let setup = orders(3);
    setup.sql("CREATE TABLE other (id int); CREATE TABLE gone (id int)");
    setup.sync_to(0, &["--last-synced", "F1"]);
    let time = |title: &str| setup.workbook().tab(title).cell(0, 5);
    // Another time than this run's, which would come within the same second.
    for title in ["orders", "other", "gone"] {
        enter(&setup, id(&setup, title), 0, 5, json!({"numberValue": 45_000.5}));
    }
    let before = ["orders", "other", "gone"].map(time);
    setup.sql("DROP TABLE gone");
    let file = setup.file("pg2sheets.yaml", "tables: {orders: {where: nosuch = 1}}");
    setup.sync_to(3, &["--last-synced", "F1", "--config", &file]);
    let after = ["orders", "other", "gone"].map(time);
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    assert_ne!(after[1], before[1]);
}
