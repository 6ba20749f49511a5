//! Killed at any instruction, again and again, beside a machine that goes on writing: nothing lost, nothing doubled.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]
#![cfg(feature = "failpoints")]

mod common;
mod live;

use std::thread;
use std::time::Duration;

use common::{DAY, Setup, measurements, oracle};
use live::{Machine, Writer};
use sync_testing::matrix;
use sync_testing::tool::Run;

/// Points that every batch passes.
const POINTS: [&str; 3] = ["cursor-moved", "before-commit", "after-commit"];
const SIGKILL: Option<i32> = Some(9);
const SMALL_BATCHES: [&str; 4] = ["--batch-rows", "300", "--report", "none"];

/// One run that is killed when it passes `point` after `n_before` passes.
fn run_to(setup: &Setup, point: &str, n_before: usize) -> Run {
    let action = if n_before == 0 { "return".to_owned() } else { format!("{n_before}*off->return") };
    setup.tool(&SMALL_BATCHES).env("FAILPOINTS", format!("{point}={action}")).run()
}

/// Kills runs until `n` of them were killed; gives how often each point was where one died.
fn kill_at_points(setup: &Setup, rng: &mut fastrand::Rng, n: usize) -> [usize; POINTS.len()] {
    let mut n_killed = [0; POINTS.len()];
    for _ in 0..n * 6 {
        let which = rng.usize(..POINTS.len());
        let run = run_to(setup, POINTS[which], rng.usize(..6));
        assert!(run.signal == SIGKILL || matches!(run.code, Some(0 | 75)), "{run:?}");
        n_killed[which] += usize::from(run.signal == SIGKILL);
        if n_killed.iter().sum::<usize>() == n {
            return n_killed;
        }
    }
    panic!("only {n_killed:?} of {n} kills came about");
}

/// Kills runs after a random part of their life until `n` of them were killed.
fn kill_at_random(setup: &Setup, rng: &mut fastrand::Rng, n: usize) {
    let mut n_killed = 0;
    for _ in 0..n * 10 {
        let running = setup.tool(&SMALL_BATCHES).spawn();
        thread::sleep(Duration::from_micros(rng.u64(2_000..150_000)));
        running.kill9();
        let run = running.wait();
        assert!(run.signal == SIGKILL || matches!(run.code, Some(0 | 75)), "{run:?}");
        n_killed += usize::from(run.signal == SIGKILL);
        if n_killed == n {
            return;
        }
    }
    panic!("only {n_killed} of {n} kills came about");
}

#[test]
fn kills_at_named_points_beside_a_live_writer_lose_and_double_nothing() {
    let seed = matrix::seed();
    let setup = Setup::new();
    let writer = Writer::start(&setup.dir().join("days"), seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    let n_killed = kill_at_points(&setup, &mut rng, matrix::how_many(24, 170));
    assert!(n_killed.iter().all(|n| *n > 0), "every point was reached: {n_killed:?}");
    let n_rows = writer.finish();
    live::run_until_done(&setup, &[]);
    oracle::assert_second_run_writes_nothing(&setup);
    live::assert_all_exact(&setup);
    assert_eq!(live::n_in_postgres(&setup), n_rows);
}

#[test]
fn kills_at_random_moments_beside_a_live_writer_lose_and_double_nothing() {
    let seed = matrix::seed();
    let setup = Setup::new();
    let writer = Writer::start(&setup.dir().join("days"), seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    kill_at_random(&setup, &mut rng, matrix::how_many(24, 130));
    let n_rows = writer.finish();
    live::run_until_done(&setup, &[]);
    oracle::assert_second_run_writes_nothing(&setup);
    live::assert_all_exact(&setup);
    assert_eq!(live::n_in_postgres(&setup), n_rows);
}

#[test]
fn kills_with_a_configured_key_lose_and_double_nothing() {
    let seed = matrix::seed();
    for on_duplicate in ["keep", "update"] {
        let setup = Setup::new();
        setup.config(&format!(
            "on_duplicate: {on_duplicate}
key_columns: {{mesures: [id, timestamp], pc-test: [timestamp, temperature, humidity, status]}}"
        ));
        let writer = Writer::start(&setup.dir().join("days"), seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        kill_at_points(&setup, &mut rng, matrix::how_many(8, 40));
        kill_at_random(&setup, &mut rng, matrix::how_many(8, 40));
        let n_rows = writer.finish();
        live::run_until_done(&setup, &[]);
        oracle::assert_second_run_writes_nothing(&setup);
        live::assert_all_there(&setup);
        assert_eq!(live::n_in_postgres(&setup), n_rows);
    }
}

#[test]
fn a_kill_inside_a_whole_read_leaves_it_to_the_next_run() {
    let setup = Setup::new();
    // Row ids with gaps, which VACUUM closes: every row id moves, no row does.
    setup.write(
        DAY,
        "CREATE TABLE t(timestamp TEXT, v REAL);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO t(rowid, timestamp, v) SELECT i * 3, '2026-01-25T10:00:00', i / 7.0 FROM n",
    );
    setup.sync_to(0, &[]);
    for point in ["whole-compared", "before-commit", "after-commit"] {
        setup.write(
            DAY,
            "DELETE FROM t WHERE rowid = (SELECT max(rowid) FROM t);
             VACUUM;
             INSERT INTO t(rowid, timestamp, v)
               SELECT max(rowid) * 3, '2026-01-25T11:00:00', random() FROM t;
             UPDATE t SET rowid = rowid + 1000000;",
        );
        let run = run_to(&setup, point, 0);
        assert_eq!(run.signal, SIGKILL, "{point}: {run:?}");
        live::run_until_done(&setup, &[]);
        oracle::assert_second_run_writes_nothing(&setup);
    }
    // Deleted from the file, kept in PostgreSQL: one row of each round.
    oracle::assert_kept(&setup, DAY, "t", 3);
}

#[test]
fn a_kill_inside_a_whole_read_beside_a_live_writer_loses_nothing() {
    let seed = matrix::seed();
    let setup = Setup::new();
    let mut machine = Machine::new(&setup.dir().join("days"), seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..matrix::how_many(6, 40) {
        (0..rng.usize(1..20)).for_each(|_| machine.tie());
        live::run_until_done(&setup, &[]);
        let day = live::days(&setup).pop().expect("the machine has begun");
        (0..rng.usize(1..20)).for_each(|_| machine.tie());
        // The table without a key is renumbered: its row ids move under the cursor.
        setup.write(&day, "PRAGMA busy_timeout = 1000; UPDATE \"pc-test\" SET rowid = rowid + 7919;");
        let run = run_to(&setup, "whole-compared", 0);
        assert_eq!(run.signal, SIGKILL, "{run:?}");
    }
    drop(machine);
    live::run_until_done(&setup, &[]);
    oracle::assert_second_run_writes_nothing(&setup);
    live::assert_all_exact(&setup);
}

#[test]
fn a_kill_right_after_the_table_was_made_is_made_good_by_the_next_run() {
    let setup = Setup::new();
    let mut machine = Machine::new(&setup.dir().join("days"), 1);
    (0..30).for_each(|_| machine.tie());
    drop(machine);
    for n_before in [0, 0] {
        let run = run_to(&setup, "table-created", n_before);
        assert_eq!(run.signal, SIGKILL, "{run:?}");
    }
    live::run_until_done(&setup, &[]);
    oracle::assert_second_run_writes_nothing(&setup);
    live::assert_all_exact(&setup);
    assert_has_index(&setup, "mesures");
    assert_has_index(&setup, "pc-test");
}

#[test]
fn a_kill_before_the_index_is_built_leaves_it_to_the_next_run() {
    let setup = Setup::new();
    setup.write(DAY, &measurements(&[("2026-01-25T10:00:00", 1.5), ("2026-01-25T10:00:00", 1.5)]));
    let run = run_to(&setup, "before-index", 0);
    assert_eq!(run.signal, SIGKILL, "{run:?}");
    setup.write(DAY, &measurements(&[("2026-01-25T10:00:01", 2.5)]));
    setup.sync_to(0, &[]);
    assert_has_index(&setup, "m");
    oracle::assert_exact(&setup, DAY, "m", "m");
    oracle::assert_second_run_writes_nothing(&setup);
}

/// The destination has a valid unique index on its two identity columns.
#[track_caller]
fn assert_has_index(setup: &Setup, table: &str) {
    let n = setup.one(&format!(
        "SELECT count(*) FROM pg_index WHERE indrelid = '\"{table}\"'::regclass AND indisunique AND indisvalid"
    ));
    assert_eq!(n, "1", "{table}");
}
