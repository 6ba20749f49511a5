//! What a run writes, and in how many calls.

mod common;

use common::Setup;
use sync_testing::sheets::CallKind;

#[test]
fn tables_become_tabs_in_few_calls_and_a_second_run_changes_nothing() {
    let setup = Setup::new();
    setup.sql(
        "CREATE TABLE orders (id int PRIMARY KEY, customer text, total numeric, paid boolean, due date);
        INSERT INTO orders VALUES (2, 'Zoë', 12.50, true, '2024-02-29'), (1, NULL, 3, false, NULL);
        CREATE TABLE notes (note text); INSERT INTO notes VALUES ('b'), ('a');",
    );
    let outcome = setup.sync_to(0, &[]);
    assert_eq!(outcome.counts()[..3], [4, 4, 0]);
    assert_eq!(
        setup.cells("orders", 5),
        [
            ["'id", "'customer", "'total", "'paid", "'due"],
            ["1", "", "3", "false", ""],
            ["2", "'Zoë", "12.5", "true", "45351"],
        ]
    );
    assert_eq!(setup.cells("notes", 1), [["'note"], ["'a"], ["'b"]]);
    let book = setup.workbook();
    let tab = book.tab("orders");
    assert!(tab.is_bold(0, 0) && tab.is_bold(0, 4) && !tab.is_bold(1, 0));
    assert_eq!((tab.frozen_rows, tab.n_rows, tab.n_columns, tab.hidden), (1, 3, 5, false));
    assert_eq!(tab.format(1, 4).as_deref(), Some("yyyy-mm-dd"));
    assert_eq!(tab.format(1, 2), None);
    assert_eq!(setup.calls().len(), 2, "one read and one write");
    setup.assert_settled();
}

#[test]
fn one_changed_row_of_twenty_tables_sends_one_block() {
    let setup = Setup::new();
    for n in 0..20 {
        setup.sql(&format!(
            "CREATE TABLE t{n} (id int PRIMARY KEY, a text, b text, c text, d text, e int, f int, g int, h int, i int);
             INSERT INTO t{n} SELECT x, 'text '||x, 'b', 'c', 'd', x, x, x, x, x FROM generate_series(1, 500) x"
        ));
    }
    let outcome = setup.sync_to(0, &[]);
    assert_eq!(outcome.n("cells"), 20 * 501 * 10);
    let calls = setup.calls();
    assert!(calls.len() <= 4, "{} calls", calls.len());
    assert!(calls.iter().all(|call| call.n_bytes <= 2_000_000));
    setup.assert_settled();
    setup.sql(
        "INSERT INTO t7 SELECT x, 'new', 'b', 'c', 'd', x, x, x, x, x FROM generate_series(501, 1200) x",
    );
    setup.sync_to(0, &[]);
    setup.sql("UPDATE t7 SET a = 'changed' WHERE id = 700");
    setup.google.forget_calls();
    let outcome = setup.sync_to(0, &[]);
    assert_eq!((outcome.n("written"), outcome.n("unchanged")), (500, 10_200));
    let calls = setup.calls();
    assert_eq!(calls.iter().filter(|call| call.kind == CallKind::Write).count(), 1);
    assert_eq!(calls.len(), 2);
    assert_eq!(setup.cells("t7", 2)[700], ["700", "'changed"]);
    setup.assert_settled();
}
