//! Rows that were set aside leave the list when the cause is gone, and arrive.

mod common;

use common::{DAY, Setup, oracle};

/// A file with rows 1 (good), 2 ('bad' in an integer column) and 3 (good), synced once.
fn one_bad_row() -> Setup {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER, w TEXT);
         INSERT INTO t VALUES (1, 10, 'a'), (2, 'bad', 'b'), (3, 30, 'c');",
    );
    assert_eq!(setup.sync_to(3, &[]).counts(), [3, 2, 0, 0, 1, 0]);
    assert_eq!(setup.rejected(), ["2 v: text in an integer column"]);
    setup
}

#[track_caller]
fn assert_all_there(setup: &Setup) {
    assert!(setup.rejected().is_empty(), "{:?}", setup.rejected());
    oracle::assert_exact(setup, DAY, "t", "t");
    oracle::assert_second_run_writes_nothing(setup);
}

#[test]
fn while_a_row_is_set_aside_every_run_says_so() {
    let setup = one_bad_row();
    for _ in 0..2 {
        let outcome = setup.sync_to(3, &[]);
        assert_eq!((outcome.n("written"), outcome.n("set_aside")), (0, 1));
    }
    let since = "SELECT first_rejected_at::text || last_rejected_at FROM sync_rejected";
    let before = setup.one(since);
    setup.sync_to(3, &[]);
    assert_eq!(setup.one(since), before, "nothing changed, nothing tried");
}

#[test]
fn a_row_corrected_in_the_file_arrives() {
    let setup = one_bad_row();
    setup.write(DAY, "UPDATE t SET v = 20 WHERE id = 2");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
    assert_all_there(&setup);
}

#[test]
fn a_row_arrives_after_the_destinations_column_was_changed() {
    let setup = one_bad_row();
    setup.sql("ALTER TABLE t ALTER COLUMN v TYPE text");
    setup.sync_to(0, &[]);
    assert_all_there(&setup);
    assert_eq!(setup.list("SELECT v FROM t ORDER BY id"), ["10", "bad", "30"]);
}

#[test]
fn a_row_without_a_row_id_arrives_after_it_was_corrected() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER) WITHOUT ROWID;
         INSERT INTO t VALUES ('a', 1), ('b', 'bad'), ('c', 3);",
    );
    setup.sync_to(3, &[]);
    oracle::assert_exact(&setup, DAY, "t", "t");
    setup.write(DAY, "UPDATE t SET v = 2 WHERE k = 'b'");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
    assert_all_there(&setup);
}

#[test]
fn retry_brings_a_row_whose_constraint_is_gone() {
    let setup = Setup::new();
    setup.write(DAY, "CREATE TABLE t (v INTEGER); INSERT INTO t VALUES (1);");
    setup.sync_to(0, &[]);
    setup.sql("ALTER TABLE t ADD CONSTRAINT small CHECK (v < 10)");
    setup.write(DAY, "INSERT INTO t VALUES (2), (30), (4)");
    assert_eq!(setup.sync_to(3, &[]).n("written"), 2);
    assert_eq!(setup.rejected().len(), 1);
    assert!(setup.rejected()[0].starts_with("3 ") && setup.rejected()[0].contains("small"));
    assert_eq!(setup.run(&["rejected", "--retry"]).code, Some(3));
    setup.sql("ALTER TABLE t DROP CONSTRAINT small");
    let run = setup.run(&["rejected", "--retry"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_all_there(&setup);
}

#[test]
fn discarded_rows_stay_off_the_list() {
    let setup = one_bad_row();
    assert_eq!(setup.run(&["rejected", "--discard"]).code, Some(0));
    setup.sync_to(0, &[]);
    setup.write(DAY, "INSERT INTO t VALUES (4, 40, 'd')");
    assert_eq!(setup.sync_to(0, &[]).counts(), [1, 1, 0, 0, 0, 0]);
    assert_eq!(setup.list("SELECT id FROM t ORDER BY id"), ["1", "3", "4"]);
}

#[test]
fn the_list_shows_file_table_row_and_reason() {
    let setup = one_bad_row();
    let run = setup.run(&["rejected"]);
    assert_eq!(run.code, Some(3));
    let line = run.stdout.trim_end();
    assert!(
        line.starts_with("2026_01_25.db  t  row 2  since ")
            && line.contains("v: text in an integer column")
            && line.ends_with(r#"{"v": "bad", "w": "b", "id": 2}"#),
        "{line}"
    );
    let json = setup.run(&["rejected", "--json"]);
    let object: serde_json::Value = serde_json::from_str(json.stdout.trim()).unwrap();
    assert_eq!((&object["row_key"], &object["row"]["v"]), (&2.into(), &"bad".into()));
    setup.write(DAY, "UPDATE t SET v = 20 WHERE id = 2");
    setup.sync_to(0, &[]);
    let run = setup.run(&["rejected"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));
}

#[test]
fn rows_of_one_bad_table_do_not_hold_up_the_other_tables() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE a (v INTEGER); INSERT INTO a VALUES ('bad');
         CREATE TABLE b (v INTEGER); INSERT INTO b VALUES (1);",
    );
    setup.write("2026_01_26", "CREATE TABLE a (v INTEGER); INSERT INTO a VALUES (2);");
    setup.sync_to(3, &[]);
    for (day, table) in [(DAY, "a"), (DAY, "b"), ("2026_01_26", "a")] {
        oracle::assert_exact(&setup, day, table, table);
    }
    assert_eq!(setup.one("SELECT count(*) FROM a"), "1");
}

#[test]
fn a_list_of_many_rows_is_tried_again_to_its_end() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1501)
         INSERT INTO t SELECT i, 'bad' FROM n;",
    );
    setup.sync_to(3, &[]);
    setup.write(DAY, "UPDATE t SET v = id WHERE id <> 777");
    assert_eq!(setup.sync_to(3, &[]).n("written"), 1500);
    assert_eq!(setup.rejected(), ["777 v: text in an integer column"]);
    setup.write(DAY, "UPDATE t SET v = 0.5 WHERE id = 777");
    setup.sync_to(0, &[]);
    assert_all_there(&setup);
}
