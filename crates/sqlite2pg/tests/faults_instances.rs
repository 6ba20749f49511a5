//! Several instances at once: with the lock one works, without it rows are exact all the same.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]
#![cfg(feature = "failpoints")]

mod common;
mod live;

use std::thread;
use std::time::Duration;

use common::{DAY, Setup, measurements, oracle};
use live::Writer;
use sync_testing::matrix;
use sync_testing::tool::Running;

const UNLOCKED: [&str; 5] = ["--no-lock", "--batch-rows", "300", "--report", "none"];

#[test]
fn of_ten_instances_at_once_one_works_and_nine_end_with_75_within_a_second() {
    let setup = Setup::new();
    setup.write(DAY, &measurements(&[("2026-01-25T10:00:00", 1.5)]));
    // Whoever gets to commit takes its time, so that the others find it at work.
    let tool = setup.tool(&["--retry-for", "30s"]).env("FAILPOINTS", "before-commit=sleep(4000)");
    let all: Vec<Running> = (0..10).map(|_| tool.spawn()).collect();
    let runs: Vec<_> = all.into_iter().map(Running::wait).collect();
    let (working, waiting): (Vec<_>, Vec<_>) = runs.iter().partition(|run| run.code == Some(0));
    assert_eq!((working.len(), waiting.len()), (1, 9), "{runs:?}");
    for run in waiting {
        assert_eq!(run.code, Some(75), "{run:?}");
        assert!(run.elapsed < Duration::from_secs(1), "{run:?}");
        assert!(run.stderr.contains("another run holds the lock"), "{run:?}");
    }
    oracle::assert_exact(&setup, DAY, "m", "m");
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn the_lock_of_a_killed_run_is_free_again() {
    let setup = Setup::new();
    setup.write(DAY, &measurements(&[("2026-01-25T10:00:00", 1.5)]));
    for _ in 0..5 {
        let run = setup.tool(&[]).env("FAILPOINTS", "before-commit=return").run();
        assert_eq!(run.signal, Some(9), "{run:?}");
        live::run_until_done(&setup, &["--dry-run"]);
    }
    live::run_until_done(&setup, &[]);
    oracle::assert_exact(&setup, DAY, "m", "m");
}

#[test]
fn runs_of_different_sources_do_not_hold_each_other_up() {
    let setup = Setup::new();
    setup.write(DAY, &measurements(&[("2026-01-25T10:00:00", 1.5)]));
    setup.sync_to(0, &[]);
    let slow = setup.tool(&["--source-name", "slow"]).env("FAILPOINTS", "before-commit=sleep(3000)").spawn();
    while setup.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0" {
        assert!(!slow.has_ended(), "{}", slow.stderr());
        thread::sleep(Duration::from_millis(2));
    }
    let run = setup.run(&["--source-name", "quick", "--retry-for", "500ms"]);
    assert!(run.code == Some(0) && !slow.has_ended(), "{run:?}");
    assert_eq!(slow.wait().code, Some(0));
    assert_eq!(setup.one("SELECT count(*) FROM m"), "3", "a row of each source");
}

/// Two instances without the lock beside a live writer, one or both of them killed each time.
fn two_at_once(config: &str, assert_all: fn(&Setup)) {
    let seed = matrix::seed();
    let mut rng = fastrand::Rng::with_seed(seed);
    let setup = Setup::new();
    setup.config(config);
    let writer = Writer::start(&setup.dir().join("days"), seed);
    for _ in 0..matrix::how_many(12, 60) {
        let pair = [setup.tool(&UNLOCKED).spawn(), setup.tool(&UNLOCKED).spawn()];
        thread::sleep(Duration::from_millis(rng.u64(5..250)));
        let victims = rng.u8(..4);
        for (n, running) in pair.into_iter().enumerate() {
            let is_victim = victims & (1 << n) != 0;
            if is_victim {
                running.kill9();
            }
            let run = running.wait();
            assert!(run.code == Some(0) || is_victim && run.signal == Some(9), "{run:?}");
        }
    }
    let n_rows = writer.finish();
    live::run_until_done(&setup, &[]);
    oracle::assert_second_run_writes_nothing(&setup);
    assert_all(&setup);
    assert_eq!(live::n_in_postgres(&setup), n_rows);
}

#[test]
fn two_instances_without_a_lock_lose_and_double_nothing() {
    two_at_once("", live::assert_all_exact);
}

#[test]
fn two_instances_without_a_lock_and_with_a_key_lose_and_double_nothing() {
    two_at_once(
        "key_columns: {mesures: [id, timestamp], pc-test: [timestamp, temperature, humidity, status]}",
        live::assert_all_there,
    );
}

#[test]
fn two_instances_that_read_the_same_table_whole_insert_its_rows_once() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE t(timestamp TEXT, v REAL);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO t SELECT '2026-01-25T10:00:00', i / 7.0 FROM n",
    );
    setup.sync_to(0, &[]);
    for _ in 0..matrix::how_many(4, 20) {
        setup.write(
            DAY,
            "UPDATE t SET rowid = rowid + 1000000;
             INSERT INTO t(timestamp, v) VALUES ('2026-01-25T11:00:00', 1), ('2026-01-25T11:00:00', 1)",
        );
        let tool = setup.tool(&UNLOCKED).env("FAILPOINTS", "whole-compared=sleep(100)");
        let pair = [tool.spawn(), tool.spawn()];
        for run in pair.map(Running::wait) {
            assert_eq!(run.code, Some(0), "{run:?}");
        }
        oracle::assert_exact(&setup, DAY, "t", "t");
    }
    oracle::assert_second_run_writes_nothing(&setup);
}
