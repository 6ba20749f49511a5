//! A stop in the middle of the work: 0 when nothing was cut short, 75 when something was.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]
#![cfg(feature = "failpoints")]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::{DAY, Setup, measurements, oracle};
use sync_testing::tool::Run;

/// Asks a run to stop while it sleeps behind its first commit.
fn stop_behind_the_first_commit(setup: &Setup) -> Run {
    let running =
        setup.tool(&["--batch-rows", "1"]).env("FAILPOINTS", "after-commit=1*sleep(1500)->off").spawn();
    let mut client = setup.client();
    let began = Instant::now();
    while !client.query_one("SELECT EXISTS (SELECT 1 FROM m)", &[]).is_ok_and(|row| row.get(0)) {
        assert!(began.elapsed() < Duration::from_secs(30), "no row arrives");
        thread::sleep(Duration::from_millis(2));
    }
    running.term();
    running.wait()
}

#[test]
fn a_stop_that_cuts_nothing_short_ends_with_0() {
    let setup = Setup::new();
    setup.write(DAY, &measurements(&[("2026-01-25T10:00:00", 1.5)]));
    // The table and its index are there already: that one row is all that is left to do.
    setup.sync_to(0, &[]);
    setup.sql("TRUNCATE m");
    let run = stop_behind_the_first_commit(&setup);
    assert_eq!(run.code, Some(0), "{run:?}");
    oracle::assert_exact(&setup, DAY, "m", "m");
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_stop_that_leaves_a_file_unread_ends_with_75() {
    let setup = Setup::new();
    for day in ["2026_01_24", DAY] {
        setup.write(day, &measurements(&[("2026-01-25T10:00:00", 1.5)]));
    }
    let run = stop_behind_the_first_commit(&setup);
    assert_eq!(run.code, Some(75), "{run:?}");
    assert_eq!(setup.one("SELECT count(*) FROM m"), "1");
    setup.sync_to(0, &[]);
    for day in ["2026_01_24", DAY] {
        oracle::assert_exact(&setup, day, "m", "m");
    }
    oracle::assert_second_run_writes_nothing(&setup);
}
