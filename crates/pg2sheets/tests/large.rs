//! Tables that take many requests: few calls, little memory, and nothing half to be seen.
#![allow(clippy::print_stdout, reason = "how much a run took is for people")]

mod common;

use std::time::Duration;

use common::Setup;
use serde_json::json;
use sync_testing::matrix;
use sync_testing::outcome::Outcome;
use sync_testing::sheets::{CallKind, Fault, On, Options};

/// Most memory that a run may hold, in kB.
const LIMIT_KB: u64 = 60 * 1024;

/// Ten columns and so many rows.
fn ten_columns(setup: &Setup, table: &str, n_rows: u64) {
    setup.sql(&format!(
        "CREATE TABLE {table} (id int PRIMARY KEY, a text, b text, c int, d int, e numeric, f date, g bool, h int, i int);
         INSERT INTO {table} SELECT n, 'text '||n, 'b', n, n, n / 4.0, date '2024-01-01' + n % 1000, n % 2 = 0, n, n
         FROM generate_series(1, {n_rows}) n"
    ));
}

/// Rows of a kilobyte each.
fn wide(setup: &Setup, table: &str, n_rows: u32) {
    setup.sql(&format!(
        "CREATE TABLE {table} (id int PRIMARY KEY, v text);
         INSERT INTO {table} SELECT n, 'old '||repeat('x', 1000) FROM generate_series(1, {n_rows}) n"
    ));
}

/// What stands before the first space of each cell of the second column.
fn words(setup: &Setup, title: &str) -> Vec<String> {
    let mut words: Vec<String> = setup.cells(title, 2)[1..]
        .iter()
        .map(|row| row[1].split(' ').next().unwrap_or_default().to_owned())
        .collect();
    words.dedup();
    words
}

#[test]
fn a_million_cells_take_few_calls_and_little_memory() {
    let setup = Setup::new();
    let n_rows = matrix::how_many(100_000, 600_000);
    ten_columns(&setup, "big", n_rows);
    ten_columns(&setup, "small", 10);
    let mut n_runs = 0;
    let peak = loop {
        n_runs += 1;
        let run = setup.tool(&["--report", "json", "--deadline", "100s"]).run();
        let (peak, outcome) = (run.peak_rss_kb.unwrap(), Outcome::of(&run));
        println!("run {n_runs}: {} calls so far, {peak} kB: {}", setup.calls().len(), outcome.report);
        if outcome.code != 75 || n_runs == 10 {
            outcome.ended_with(0);
            break peak;
        }
    };
    let calls = setup.calls();
    assert!((calls.len() as u64) < 40 * n_rows / 100_000 + n_runs, "{} calls", calls.len());
    assert!(calls.iter().all(|call| call.n_bytes <= 2_000_000));
    assert!(peak <= LIMIT_KB, "{peak} kB");
    let book = setup.workbook();
    let tab = book.tab("big");
    assert_eq!(tab.n_rows as u64, n_rows + 1);
    assert!(!tab.hidden);
    assert_eq!(tab.cell(n_rows as usize, 0), sync_testing::sheets::Cell::Number(n_rows as f64));
    assert_eq!(
        calls[1].requests.iter().filter(|name| *name == "addSheet").count(),
        1,
        "the small one goes first"
    );
    setup.assert_settled();
    // One row of it.
    setup.sql("UPDATE big SET a = 'other' WHERE id = 77777");
    setup.google.forget_calls();
    assert_eq!(setup.sync_to(0, &[]).n("written"), 500 * n_rows.div_ceil(500_000).next_power_of_two());
    assert_eq!(setup.calls().len(), 2);
}

#[test]
fn a_large_change_is_seen_at_once_or_not_at_all() {
    let setup = Setup::new();
    wide(&setup, "t", 6000);
    setup.sync_to(0, &[]);
    let sheet = setup.workbook().tab("t").sheet_id;
    setup.edit(json!([{"addSheet": {"properties": {"sheetId": 9, "title": "Mine"}}},
        {"updateCells": {"start": {"sheetId": 9, "rowIndex": 0, "columnIndex": 0}, "fields": "userEnteredValue",
            "rows": [{"values": [{"userEnteredValue": {"formulaValue": "=t!B2"}}]}]}}]));
    setup.sql("UPDATE t SET v = 'new '||repeat('y', 1000); DELETE FROM t WHERE id > 5500");
    setup.google.forget_calls();
    setup.google.always(On::Write, Some(Fault::Slow(Duration::from_millis(100))));
    let running = setup.tool(&[]).spawn();
    let mut seen = Vec::new();
    let mut n_calls = 1;
    while !running.has_ended() {
        if setup.calls().len() > n_calls {
            n_calls = setup.calls().len();
            seen.push(words(&setup, "t"));
        }
    }
    assert_eq!(running.wait().code, Some(0));
    assert!(seen.len() >= 3, "{seen:?}");
    assert!(seen.iter().all(|words| words.len() == 1), "{seen:?}");
    assert_eq!(words(&setup, "t"), ["'new"]);
    let book = setup.workbook();
    assert_eq!((book.tab("t").sheet_id, book.tabs.len()), (sheet, 3));
    assert_eq!(setup.cells("t", 1).len(), 5501);
    assert_eq!(book.tab("Mine").cell(0, 0), sync_testing::sheets::Cell::Formula("=t!B2".into()));
    setup.google.always(On::Write, None);
    setup.assert_settled();
}

#[test]
fn a_run_that_has_no_time_left_is_gone_on_with() {
    for is_new in [true, false] {
        let setup = Setup::new();
        wide(&setup, "t", 12_000);
        if !is_new {
            setup.sync_to(0, &[]);
            setup.sql("UPDATE t SET v = 'new '||repeat('y', 1000)");
        }
        setup.google.always(On::Write, Some(Fault::Slow(Duration::from_millis(800))));
        setup.google.forget_calls();
        let mut n_runs = 0;
        while setup.sync(&["--deadline", "3s"]).code == 75 {
            n_runs += 1;
            assert!(n_runs < 20, "it never ends");
            if !is_new {
                // The last request may have been served after its run was over.
                assert_eq!(words(&setup, "t").len(), 1);
            }
        }
        assert!(n_runs > 1, "{n_runs} runs");
        let n_bytes: usize = setup.calls().iter().map(|call| call.n_bytes).sum();
        assert!(n_bytes < 25_000_000, "what was written once is not written again: {n_bytes} bytes");
        assert_eq!(words(&setup, "t"), [if is_new { "'old" } else { "'new" }]);
        assert_eq!(setup.workbook().tabs.len(), 2);
        setup.google.always(On::Write, None);
        setup.assert_settled();
    }
}

#[test]
fn dates_of_a_table_that_took_several_runs_are_readable() {
    let setup = Setup::new();
    wide(&setup, "t", 6000);
    setup.sql("ALTER TABLE t ADD due date DEFAULT '2024-01-01'");
    setup.google.plan(On::Write, Fault::Slow(Duration::ZERO));
    setup.google.plan(On::Write, Fault::Hang);
    setup.sync_to(75, &["--deadline", "3s"]);
    assert!(setup.workbook().tab("t").hidden);
    setup.sync_to(0, &[]);
    let book = setup.workbook();
    let tab = book.tab("t");
    assert!(!tab.hidden);
    for row in [1, 6000] {
        assert_eq!(tab.format(row, 2).as_deref(), Some("yyyy-mm-dd"));
    }
    setup.assert_settled();
}

#[test]
fn where_cells_are_short_blocks_are_written_one_after_the_other() {
    let setup = Setup::with(Options { quota: None, cell_limit: 26_000 + 12_100, ..Options::default() });
    wide(&setup, "t", 6000);
    setup.sync_to(0, &[]);
    setup.sql("UPDATE t SET v = 'new '||repeat('y', 1000)");
    setup.sync_to(0, &[]);
    assert_eq!(words(&setup, "t"), ["'new"]);
    setup.assert_settled();
}

#[test]
fn a_large_change_that_is_taken_back_leaves_no_tab_behind() {
    let setup = Setup::new();
    wide(&setup, "t", 6000);
    setup.sync_to(0, &[]);
    setup.sql("UPDATE t SET v = 'new '||repeat('y', 1000)");
    setup.google.plan(On::Write, Fault::Slow(Duration::ZERO));
    setup.google.plan(On::Write, Fault::Hang);
    setup.sync_to(75, &["--deadline", "3s"]);
    assert_eq!(setup.workbook().tabs.len(), 3);
    setup.sql("UPDATE t SET v = 'old '||repeat('x', 1000)");
    setup.sync_to(0, &[]);
    assert_eq!(setup.workbook().tabs.len(), 2);
    setup.assert_settled();
}

#[test]
fn a_row_larger_than_a_request_still_arrives() {
    let setup = Setup::new();
    let columns: Vec<String> = (0..60).map(|n| format!("c{n} text DEFAULT repeat('x', 49000)")).collect();
    setup.sql(&format!(
        "CREATE TABLE t (id int PRIMARY KEY, {}); INSERT INTO t VALUES (1), (2), (3)",
        columns.join(", ")
    ));
    setup.sync_to(0, &[]);
    assert_eq!(setup.cells("t", 61).len(), 4);
    let n_writes = setup.calls().iter().filter(|call| call.kind == CallKind::Write).count();
    assert!(n_writes >= 3, "{n_writes}");
    setup.assert_settled();
}
