//! Rows matched by a configured key: duplicates counted, conflicts set aside, corrections taken.

mod common;

use common::oracle;
use common::{DAY, Setup};
use sync_testing::outcome::Outcome;

const EVE: &str = "2026_01_24";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS r (key TEXT, timestamp REAL, type TEXT, value REAL);";
const KEEP: &str = "key_columns: [key, timestamp]\n";
const UPDATE: &str = "key_columns: [key, timestamp]\non_duplicate: update\n";

fn setup(config: &str) -> Setup {
    let setup = Setup::new();
    setup.config(config);
    setup
}

/// Adds registers `(key, timestamp, type, value)` to a day's file.
fn add(setup: &Setup, day: &str, rows: &str) {
    setup.write(day, &format!("{TABLE} INSERT INTO r VALUES {rows};"));
}

/// The destination as `key timestamp type value`, in order.
fn rows(setup: &Setup) -> Vec<String> {
    setup.list("SELECT concat_ws(' ', coalesce(key, '-'), timestamp, type, value) FROM r ORDER BY 1")
}

/// Every row that was read is counted once: read, written, unchanged, duplicates, rejected, skipped.
#[track_caller]
fn assert_counts(outcome: &Outcome, expected: [u64; 6]) {
    let counts = outcome.counts();
    assert_eq!(counts, expected, "{}", outcome.report);
    let superseded = outcome.n("superseded");
    assert_eq!(counts[0], counts[1..].iter().sum::<u64>() + superseded);
}

#[test]
fn equal_rows_of_one_key_are_duplicates_across_batches() {
    let setup = setup(KEEP);
    let values: Vec<String> = (0..30).map(|n| format!("('k{}', {}, 'int', 1.5)", n % 10, n % 10)).collect();
    add(&setup, DAY, &values.join(", "));
    assert_counts(&setup.sync_to(0, &["--batch-rows", "7"]), [30, 10, 0, 20, 0, 0]);
    add(&setup, EVE, &values[..15].join(", "));
    assert_counts(&setup.sync_to(0, &["--batch-rows", "4"]), [15, 0, 0, 15, 0, 0]);
    assert_eq!(rows(&setup).len(), 10);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn the_order_of_days_does_not_matter_for_duplicates() {
    let setup = setup(KEEP);
    add(&setup, EVE, "('a', 1, 'x', 1), ('b', 1, 'x', 2)");
    add(&setup, DAY, "('b', 1, 'x', 2), ('c', 1, 'x', 3)");
    assert_counts(&setup.sync_to(0, &[]), [4, 3, 0, 1, 0, 0]);
    assert_eq!(rows(&setup), ["a 1 x 1", "b 1 x 2", "c 1 x 3"]);
}

#[test]
fn a_known_key_with_other_values_is_set_aside_and_the_first_stays() {
    for batch in ["1", "2", "1000"] {
        let setup = setup(KEEP);
        add(&setup, DAY, "('a', 1, 'x', 1), ('b', 1, 'x', 2), ('a', 1, 'x', 9), ('a', 1, 'x', 1)");
        let outcome = setup.sync_to(3, &["--batch-rows", batch]);
        assert_counts(&outcome, [4, 2, 0, 1, 1, 0]);
        assert_eq!(setup.rejected(), ["3 its key is in the destination with other values"]);
        assert_eq!(rows(&setup), ["a 1 x 1", "b 1 x 2"]);
        oracle::assert_second_run_writes_nothing(&setup);
        assert_eq!(setup.rejected().len(), 1);
    }
}

#[test]
fn a_conflict_leaves_the_list_when_the_file_was_corrected() {
    let setup = setup(KEEP);
    add(&setup, DAY, "('a', 1, 'x', 1), ('a', 1, 'x', 9), ('b', 1, NULL, 1), ('b', 1, '', 1)");
    setup.sync_to(3, &[]);
    assert_eq!(setup.rejected().len(), 2, "NULL is not ''");
    setup.write(DAY, "UPDATE r SET value = 1 WHERE rowid = 2; UPDATE r SET key = 'c' WHERE rowid = 4");
    setup.sync_to(0, &[]);
    assert_eq!(rows(&setup), ["a 1 x 1", "b 1 1", "c 1  1"]);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_conflict_leaves_the_list_when_the_destination_was_corrected() {
    let setup = setup(KEEP);
    add(&setup, DAY, "('a', 1, 'x', 1), ('a', 1, 'x', 9)");
    setup.sync_to(3, &[]);
    setup.sql("UPDATE r SET value = 9");
    assert_eq!(setup.run(&["rejected", "--retry"]).code, Some(0));
    assert!(setup.rejected().is_empty());
    assert_eq!(rows(&setup), ["a 1 x 9"]);
}

#[test]
fn a_null_in_a_key_compares_as_equal() {
    let setup = setup(KEEP);
    let rows_with_null = "(NULL, 1, 'x', 1), (NULL, 1, 'x', 1), (NULL, NULL, 'x', 1), ('a', NULL, 'x', 1),
        (NULL, 1, 'x', 2), ('a', NULL, 'x', 1), (NULL, NULL, 'x', 1)";
    add(&setup, DAY, rows_with_null);
    assert_counts(&setup.sync_to(3, &["--batch-rows", "3"]), [7, 3, 0, 3, 1, 0]);
    assert_eq!(rows(&setup), ["- 1 x 1", "- x 1", "a x 1"]);
    add(&setup, EVE, rows_with_null);
    assert_counts(&setup.sync_to(3, &[]), [7, 0, 0, 6, 1, 0]);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_null_in_a_key_is_updated_like_any_other() {
    let setup = setup(UPDATE);
    add(&setup, EVE, "(NULL, 1, 'x', 1), (NULL, NULL, 'x', 1)");
    setup.sync_to(0, &[]);
    add(&setup, DAY, "(NULL, 1, 'x', 2), (NULL, NULL, NULL, NULL)");
    assert_counts(&setup.sync_to(0, &[]), [2, 2, 0, 0, 0, 0]);
    assert_eq!(rows(&setup), ["-", "- 1 x 2"]);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn with_update_the_newest_row_of_a_key_wins() {
    for batch in ["1", "2", "1000"] {
        let setup = setup(UPDATE);
        add(&setup, DAY, "('a', 1, 'x', 1), ('a', 1, 'x', 2), ('b', 1, 'x', 5), ('a', 1, 'x', 3)");
        setup.sync_to(0, &["--batch-rows", batch]);
        assert_eq!(rows(&setup), ["a 1 x 3", "b 1 x 5"]);
        add(&setup, "2026_01_26", "('a', 1, NULL, NULL)");
        setup.sync_to(0, &[]);
        assert_eq!(rows(&setup), ["a 1", "b 1 x 5"]);
        oracle::assert_second_run_writes_nothing(&setup);
        assert_eq!(rows(&setup), ["a 1", "b 1 x 5"]);
    }
}

#[test]
fn an_older_file_does_not_overwrite_a_newer_one() {
    let setup = setup(UPDATE);
    add(&setup, DAY, "('a', 1, 'today', 1), ('b', 1, 'today', 1)");
    setup.sync_to(0, &[]);
    add(&setup, EVE, "('a', 1, 'eve', 2), ('c', 1, 'eve', 3)");
    let outcome = setup.sync_to(0, &[]);
    assert_counts(&outcome, [2, 1, 0, 0, 0, 0]);
    assert_eq!(outcome.n("superseded"), 1);
    assert_eq!(rows(&setup), ["a 1 today 1", "b 1 today 1", "c 1 eve 3"]);
    assert_eq!(
        setup.list("SELECT _source_file FROM r ORDER BY key"),
        ["2026-01-25", "2026-01-25", "2026-01-24"]
    );
}

#[test]
fn rows_corrected_in_the_newest_files_arrive_and_others_are_not_written() {
    let setup = setup(UPDATE);
    add(&setup, EVE, "('a', 1, 'x', 1), ('b', 1, 'x', 1), ('c', 1, 'x', 1)");
    add(&setup, DAY, "('d', 1, 'x', 1), ('e', 1, 'x', 1)");
    setup.sync_to(0, &[]);
    let of_b = "SELECT xmin::text || ctid FROM r WHERE key = 'b'";
    let before = setup.one(of_b);
    setup.write(EVE, "UPDATE r SET value = 7 WHERE key = 'a'");
    setup.write(DAY, "UPDATE r SET type = NULL WHERE key = 'd'");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 2);
    assert_eq!(rows(&setup), ["a 1 x 7", "b 1 x 1", "c 1 x 1", "d 1 1", "e 1 x 1"]);
    assert_eq!(setup.one(of_b), before);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn keys_may_be_given_for_single_tables() {
    let setup = setup("key_columns: { r: [KEY, Timestamp] }");
    add(&setup, DAY, "('a', 1, 'x', 1), ('a', 1, 'x', 1)");
    setup.write(
        DAY,
        "CREATE TABLE other (key TEXT, timestamp REAL); INSERT INTO other VALUES ('a', 1), ('a', 1)",
    );
    assert_counts(&setup.sync_to(0, &[]), [4, 3, 0, 1, 0, 0]);
    oracle::assert_exact(&setup, DAY, "other", "other");
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_table_without_the_key_is_set_aside_and_the_others_arrive() {
    let setup = setup(KEEP);
    add(&setup, DAY, "('a', 1, 'x', 1)");
    setup.write(DAY, "CREATE TABLE other (v TEXT); INSERT INTO other VALUES ('x')");
    let outcome = setup.sync_to(3, &[]);
    assert_eq!(rows(&setup), ["a 1 x 1"]);
    let failed = &outcome.report["failed"][0];
    assert_eq!(failed["source"], "2026_01_25.db other");
    assert!(failed["reason"].as_str().unwrap().contains("no column key"), "{failed}");
}

#[test]
fn moved_row_ids_double_nothing_with_a_key() {
    for config in [KEEP, UPDATE] {
        let setup = setup(config);
        add(&setup, DAY, "('a', 1, 'x', 1), ('b', 1, 'x', 1), ('c', 1, 'x', 1)");
        setup.sync_to(0, &[]);
        setup.write(DAY, "DELETE FROM r WHERE key = 'a'; VACUUM; INSERT INTO r VALUES ('d', 1, 'x', 1)");
        assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
        setup.write(DAY, "DELETE FROM r; INSERT INTO r VALUES ('e', 1, 'x', 1), ('b', 1, 'x', 1)");
        assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
        assert_eq!(rows(&setup), ["a 1 x 1", "b 1 x 1", "c 1 x 1", "d 1 x 1", "e 1 x 1"]);
        oracle::assert_second_run_writes_nothing(&setup);
    }
}

#[test]
fn an_emptied_or_dropped_table_is_filled_again_by_key() {
    for lost in ["TRUNCATE r", "DROP TABLE r", "DROP TABLE sync_watermark"] {
        let setup = setup(KEEP);
        add(&setup, EVE, "('a', 1, 'x', 1), ('a', 1, 'x', 1)");
        add(&setup, DAY, "('b', 1, 'x', 1), (NULL, 1, 'x', 1)");
        setup.sync_to(0, &[]);
        setup.sql(lost);
        setup.sync_to(0, &[]);
        assert_eq!(rows(&setup), ["- 1 x 1", "a 1 x 1", "b 1 x 1"], "{lost}");
        oracle::assert_second_run_writes_nothing(&setup);
    }
}

#[test]
fn a_column_added_in_the_source_reaches_rows_matched_by_key() {
    let setup = setup(UPDATE);
    add(&setup, DAY, "('a', 1, 'x', 1), ('b', 1, 'x', 1)");
    setup.sync_to(0, &[]);
    setup.write(DAY, "ALTER TABLE r ADD COLUMN unit TEXT DEFAULT 'bar'");
    setup.sync_to(0, &[]);
    assert_eq!(setup.list("SELECT unit FROM r"), ["bar", "bar"]);
    oracle::assert_second_run_writes_nothing(&setup);
}
