//! What makes a cursor on time or on row ids lose or double rows: late rows, clocks set back, row
//! ids that move or come back.

mod common;

use common::oracle::{self, assert_exact, assert_kept};
use common::{DAY, Setup, measurements};

/// A file with four measurements, the last at 10:00:03, synced.
fn four_rows() -> Setup {
    let setup = Setup::new();
    let rows = [
        ("2026-01-25T10:00:00", 0.5),
        ("2026-01-25T10:00:01", 1.5),
        ("2026-01-25T10:00:02", 2.5),
        ("2026-01-25T10:00:03", 3.5),
    ];
    setup.write(DAY, &measurements(&rows));
    assert_eq!(setup.sync_to(0, &[]).counts(), [4, 4, 0, 0, 0, 0]);
    setup
}

/// The same without a key of its own: VACUUM numbers its rows anew.
fn four_rows_without_key() -> Setup {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE m (timestamp TEXT, value REAL);
         INSERT INTO m VALUES ('t1', 1), ('t2', 2), ('t2', 2), ('t3', 3);",
    );
    setup.sync_to(0, &[]);
    setup
}

/// Changes the file, syncs, and expects this many new rows while `n_extra` remain of old ones.
#[track_caller]
fn after(setup: &Setup, sql: &str, n_written: u64, n_extra: usize) {
    setup.write(DAY, sql);
    let outcome = setup.sync_to(0, &[]);
    assert_eq!(outcome.n("written"), n_written, "{}", outcome.report);
    assert_kept(setup, DAY, "m", n_extra);
    oracle::assert_second_run_writes_nothing(setup);
}

#[test]
fn a_row_at_the_timestamp_last_sent_arrives() {
    let again = measurements(&[("2026-01-25T10:00:03", 3.5), ("2026-01-25T10:00:03", 9.5)]);
    after(&four_rows(), &again, 2, 0);
}

#[test]
fn a_late_row_arrives() {
    let late = measurements(&[("2026-01-25T09:00:00", 0.1), ("2025-12-31T23:59:59", 0.2)]);
    after(&four_rows(), &late, 2, 0);
}

#[test]
fn a_clock_set_back_loses_nothing() {
    let setup = four_rows();
    after(&setup, &measurements(&[("2026-01-25T12:00:00", 1.0)]), 1, 0);
    after(&setup, &measurements(&[("2026-01-25T02:59:59", 2.0)]), 1, 0);
    after(&setup, &measurements(&[("2026-01-25T03:00:00", 3.0)]), 1, 0);
}

#[test]
fn rows_without_a_timestamp_arrive() {
    after(
        &four_rows(),
        "INSERT INTO m (timestamp, value) VALUES (NULL, 1), ('', 2), ('soon', 3), (5, 4)",
        4,
        0,
    );
}

#[test]
fn equal_rows_arrive_as_often_as_they_are_there() {
    let setup = four_rows_without_key();
    after(&setup, "INSERT INTO m VALUES ('t2', 2), ('t2', 2)", 2, 0);
    assert_eq!(setup.one("SELECT count(*) FROM m WHERE timestamp = 't2'"), "4");
}

#[test]
fn deletes_then_vacuum_double_nothing() {
    let setup = four_rows_without_key();
    after(&setup, "DELETE FROM m WHERE timestamp = 't1'; VACUUM;", 0, 1);
    after(&setup, "INSERT INTO m VALUES ('t4', 4), ('t2', 2)", 2, 1);
}

#[test]
fn vacuum_and_new_rows_between_two_runs_lose_nothing() {
    after(
        &four_rows_without_key(),
        "DELETE FROM m WHERE rowid IN (1, 2); VACUUM;
         INSERT INTO m VALUES ('t3', 3), ('t4', 4), ('t5', 5);",
        3,
        2,
    );
}

#[test]
fn a_reused_row_id_is_a_new_row() {
    after(
        &four_rows(),
        "DELETE FROM m WHERE id = 4; INSERT INTO m (timestamp, value) VALUES ('new', 9)",
        1,
        1,
    );
}

#[test]
fn a_reused_row_id_with_later_rows_behind_it_is_noticed() {
    after(
        &four_rows(),
        "DELETE FROM m WHERE id >= 3;
         INSERT INTO m (timestamp, value) VALUES ('n1', 1), ('n2', 2), ('n3', 3), ('n4', 4)",
        4,
        2,
    );
}

#[test]
fn delete_all_then_insert_keeps_the_old_rows_and_brings_the_new() {
    for n in [2, 4, 9] {
        let new: Vec<String> = (0..n).map(|i| format!("('n{i}', {i})")).collect();
        after(
            &four_rows(),
            &format!("DELETE FROM m; INSERT INTO m (timestamp, value) VALUES {}", new.join(", ")),
            n,
            4,
        );
    }
}

#[test]
fn delete_all_then_the_same_rows_again_doubles_nothing() {
    after(
        &four_rows(),
        "CREATE TEMP TABLE c AS SELECT timestamp, value FROM m ORDER BY id DESC; DELETE FROM m;
         INSERT INTO m (id, timestamp, value) SELECT rowid + 100, timestamp, value FROM c;
         DELETE FROM m WHERE id = 104; UPDATE m SET id = id - 100;",
        3,
        4,
    );
}

#[test]
fn an_emptied_table_keeps_its_rows_in_postgresql() {
    let setup = four_rows();
    after(&setup, "DELETE FROM m", 0, 4);
    after(&setup, &measurements(&[("2026-01-25T11:00:00", 7.5)]), 1, 4);
}

#[test]
fn a_replaced_last_row_arrives_beside_the_old_one() {
    after(&four_rows(), "REPLACE INTO m VALUES (4, '2026-01-25T10:00:03', 99)", 1, 1);
}

#[test]
fn a_row_replaced_below_the_cursor_is_found_by_verify() {
    let setup = four_rows();
    setup.write(DAY, "REPLACE INTO m VALUES (2, 'corrected', 99)");
    setup.sync_to(0, &[]);
    let run = setup.run(&["verify"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stdout.contains("MISSING 1 rows"), "{}", run.stdout);
    assert_eq!(setup.run(&["verify", "--repair"]).code, Some(0));
    assert_kept(&setup, DAY, "m", 1);
    assert_eq!(setup.run(&["verify"]).code, Some(0));
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn edited_rows_arrive_as_additional_rows_and_are_counted() {
    let setup = four_rows();
    setup.write(DAY, "UPDATE m SET value = value + 100 WHERE id IN (1, 4)");
    let outcome = setup.sync_to(0, &[]);
    assert_eq!(outcome.counts(), [4, 2, 2, 0, 0, 0]);
    assert_eq!(outcome.n("rows_after_ids_moved"), 2);
    assert_kept(&setup, DAY, "m", 2);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn rows_inserted_below_the_cursor_arrive() {
    let setup = four_rows();
    after(&setup, "INSERT INTO m VALUES (-5, 'below', 1), (0, 'zero', 2)", 2, 0);
    after(&setup, "INSERT INTO m VALUES (-6, 'b', 1), (9, 'above', 2)", 2, 0);
}

#[test]
fn random_row_ids_lose_nothing() {
    let setup = Setup::new();
    setup.write(DAY, "CREATE TABLE m (id INTEGER PRIMARY KEY, v TEXT)");
    let ids: [i64; 7] = [500, 7, 90_000, -3, 12_345, 501, 6];
    for id in ids {
        setup.write(DAY, &format!("INSERT INTO m VALUES ({id}, 'row {id}')"));
        assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
        assert_exact(&setup, DAY, "m", "m");
    }
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_retention_job_takes_nothing_from_postgresql() {
    let setup = four_rows();
    after(&setup, "DELETE FROM m WHERE id <= 2; INSERT INTO m (timestamp, value) VALUES ('n5', 5)", 1, 2);
    after(
        &setup,
        "DELETE FROM m WHERE id <= 4; INSERT INTO m (timestamp, value) VALUES ('n6', 6), ('n7', 7)",
        2,
        4,
    );
}

#[test]
fn ids_that_restart_every_day_are_no_duplicates() {
    let setup = Setup::new();
    let same = measurements(&[("10:00:00", 1.5), ("10:00:01", 2.5)]);
    let days = ["2026_01_24", DAY, "2026_01_26"];
    for day in days {
        setup.write(day, &same);
        setup.sync_to(0, &[]);
    }
    for day in days {
        assert_exact(&setup, day, "m", "m");
    }
    assert_eq!(setup.one("SELECT count(*) FROM m"), "6");
    oracle::assert_second_run_writes_nothing(&setup);
}
