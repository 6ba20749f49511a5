//! The destination dropped, emptied, restored, rewritten or without its index, and our own tables
//! lost: what the files still hold arrives, and nothing twice.

mod common;

use common::oracle::{self, assert_exact};
use common::{DAY, Setup, measurements};
use sync_testing::outcome::Outcome;

const EVE: &str = "2026_01_24";

/// Two days of three rows each, synced.
fn two_days() -> Setup {
    let setup = Setup::new();
    let rows = [("10:00", 0.5), ("10:01", 1.5), ("10:01", 1.5)];
    setup.write(EVE, &measurements(&rows));
    setup.write(DAY, &measurements(&rows));
    setup.sync_to(0, &[]);
    setup
}

#[track_caller]
fn assert_all_there(setup: &Setup) {
    assert_exact(setup, EVE, "m", "m");
    assert_exact(setup, DAY, "m", "m");
    let n = setup.one("SELECT count(*) FROM m");
    let files = [EVE, DAY].map(|day| oracle::value(setup, day, "SELECT count(*) FROM m"));
    let expected: i64 = files
        .iter()
        .map(|n| match n {
            rusqlite::types::Value::Integer(n) => *n,
            other => panic!("no count: {other:?}"),
        })
        .sum();
    assert_eq!(n, expected.to_string());
    oracle::assert_second_run_writes_nothing(setup);
}

fn warned(outcome: &Outcome) -> bool {
    outcome.stderr.contains("was dropped, emptied, restored or rewritten")
}

#[test]
fn a_dropped_table_comes_back_with_all_rows() {
    let setup = two_days();
    setup.sql("DROP TABLE m");
    let outcome = setup.sync_to(0, &[]);
    assert_eq!(outcome.n("written"), 6);
    assert!(warned(&outcome), "{}", outcome.stderr);
    assert_all_there(&setup);
}

#[test]
fn a_truncated_table_is_filled_again() {
    let setup = two_days();
    setup.sql("TRUNCATE m");
    let outcome = setup.sync_to(0, &[]);
    assert_eq!(outcome.n("written"), 6);
    assert!(warned(&outcome), "{}", outcome.stderr);
    assert_all_there(&setup);
}

#[test]
fn a_table_dropped_while_the_files_grew_comes_back_complete() {
    let setup = two_days();
    setup.sql("DROP TABLE m");
    setup.write(DAY, &measurements(&[("10:05", 5.0)]));
    setup.write(EVE, "DELETE FROM m WHERE id = 1");
    setup.sync_to(0, &[]);
    assert_all_there(&setup);
}

#[test]
fn a_table_restored_to_an_older_state_gets_only_what_it_lacks() {
    let setup = two_days();
    setup.sql("CREATE TABLE backup AS SELECT * FROM m");
    setup.write(DAY, &measurements(&[("10:02", 2.5), ("10:03", 3.5)]));
    setup.sync_to(0, &[]);
    setup.sql("TRUNCATE m; INSERT INTO m SELECT * FROM backup; DROP TABLE backup");
    let outcome = setup.sync_to(0, &[]);
    assert_eq!(outcome.counts(), [8, 2, 6, 0, 0, 0]);
    assert!(warned(&outcome), "{}", outcome.stderr);
    assert_all_there(&setup);
}

#[test]
fn a_table_replaced_by_a_part_of_it_gets_the_rest() {
    let setup = two_days();
    setup.sql(
        "CREATE TABLE n AS SELECT * FROM m WHERE _source_rowid = 2; DROP TABLE m;
         ALTER TABLE n RENAME TO m; COMMENT ON TABLE m IS 'made by sqlite2pg'",
    );
    assert_eq!(setup.sync_to(0, &[]).counts(), [6, 4, 2, 0, 0, 0]);
    assert_all_there(&setup);
}

#[test]
fn vacuum_full_costs_one_comparison_and_no_row() {
    let setup = two_days();
    setup.sql("VACUUM FULL m");
    assert_eq!(setup.sync_to(0, &[]).counts(), [6, 0, 6, 0, 0, 0]);
    assert_eq!(setup.sync_to(0, &[]).counts(), [0; 6]);
    assert_all_there(&setup);
}

#[test]
fn rows_are_recognised_after_the_watermarks_were_lost() {
    let setup = two_days();
    setup.sql("DROP TABLE sync_watermark");
    let outcome = setup.sync_to(0, &[]);
    assert_eq!(outcome.n("written"), 0, "{}", outcome.report);
    assert_all_there(&setup);
    setup.write(DAY, &measurements(&[("10:06", 6.0)]));
    assert_eq!(setup.sync_to(0, &[]).counts(), [1, 1, 0, 0, 0, 0]);
    assert_all_there(&setup);
}

#[test]
fn rows_are_recognised_after_all_our_tables_were_lost_and_the_file_grew() {
    let setup = two_days();
    setup.sql("DROP TABLE sync_watermark, sync_rejected, sync_run");
    setup.write(DAY, &measurements(&[("10:06", 6.0), ("10:01", 1.5)]));
    assert_eq!(setup.sync_to(0, &[]).n("written"), 2);
    assert_all_there(&setup);
}

#[test]
fn rows_are_recognised_when_single_watermarks_were_deleted() {
    let setup = two_days();
    setup.sql(&format!("DELETE FROM sync_watermark WHERE file = '{EVE}.db'"));
    assert_eq!(setup.sync_to(0, &[]).n("written"), 0);
    assert_all_there(&setup);
}

#[test]
fn a_cursor_set_back_by_hand_doubles_nothing() {
    let setup = two_days();
    setup.sql("UPDATE sync_watermark SET position = NULL, anchor = NULL, n_rows = 0, stamp = NULL");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 0);
    assert_all_there(&setup);
}

const INDEXES: &str = "SELECT count(*) FROM pg_index WHERE indrelid = 'm'::regclass
    AND indisunique AND indisvalid AND indisready";

#[test]
fn a_missing_index_is_built_before_anything_is_written() {
    let setup = two_days();
    assert_eq!(setup.one(INDEXES), "1");
    setup.sql("DROP INDEX m__source_id__source_rowid_idx");
    setup.write(DAY, &measurements(&[("10:07", 7.0)]));
    setup.sync_to(0, &[]);
    assert_eq!(setup.one(INDEXES), "1");
    assert_all_there(&setup);
}

#[test]
fn an_invalid_index_is_no_index() {
    let setup = two_days();
    setup.sql("UPDATE pg_index SET indisvalid = false WHERE indrelid = 'm'::regclass AND indisunique");
    setup.write(DAY, &measurements(&[("10:07", 7.0)]));
    setup.sync_to(0, &[]);
    assert_eq!(setup.one(INDEXES), "1");
    assert_all_there(&setup);
}

#[test]
fn a_column_dropped_in_postgresql_comes_back() {
    let setup = two_days();
    setup.sql("ALTER TABLE m DROP COLUMN value");
    setup.write(DAY, &measurements(&[("10:08", 8.0)]));
    setup.sync_to(0, &[]);
    assert_eq!(setup.one("SELECT value FROM m WHERE timestamp = '10:08'"), "8");
    assert_eq!(setup.one("SELECT count(*) FROM m"), "7");
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_table_moved_to_another_schema_is_made_anew() {
    let setup = two_days();
    setup.sql("CREATE SCHEMA archive; ALTER TABLE m SET SCHEMA archive");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 6);
    assert_all_there_in_public(&setup);
    assert_eq!(setup.one("SELECT count(*) FROM archive.m"), "6");
}

#[track_caller]
fn assert_all_there_in_public(setup: &Setup) {
    assert_exact(setup, EVE, "m", "m");
    assert_exact(setup, DAY, "m", "m");
}

#[test]
fn another_schema_in_the_settings_is_another_destination() {
    let setup = two_days();
    setup.config("destination: { schema: measured, table: \"{source}_{table}\" }");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 6);
    assert_eq!(setup.one("SELECT count(*) FROM measured.main_m"), "6");
    assert_eq!(setup.sync_to(0, &[]).counts(), [0; 6]);
}
