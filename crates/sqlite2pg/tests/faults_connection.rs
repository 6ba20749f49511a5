//! The network and the server fail under a run: it goes on by itself where it can, and its report stays right.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;
mod live;

use std::thread;
use std::time::{Duration, Instant};

use common::{DAY, Setup, oracle};
use sync_testing::matrix;
use sync_testing::outcome::Outcome;
use sync_testing::proxy::Proxy;
use sync_testing::tool::{Running, Tool};

const N_ROWS: u64 = 20_000;
const WAIT: Duration = Duration::from_secs(30);

/// A table of `n` rows.
fn write_rows(setup: &Setup, day: &str, n: u64) {
    setup.write(
        day,
        &format!(
            "CREATE TABLE IF NOT EXISTS t(timestamp TEXT, machine TEXT, v REAL, i INTEGER);
             WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {n})
             INSERT INTO t SELECT '2026-01-25T10:00:00', 'machine-' || (i % 7), i / 7.0, i FROM c"
        ),
    );
}

/// The tool behind a proxy, with small batches and a JSON report.
fn behind(setup: &Setup, proxy: &Proxy, args: &[&str]) -> Tool {
    setup
        .tool(&["--report", "json", "--batch-rows", "1000"])
        .args(args)
        .env("DATABASE_URL", proxy.url(setup.url()))
}

/// Waits until the run has sent this much.
#[track_caller]
fn wait_for_bytes(proxy: &Proxy, running: &Running, n_bytes: u64) {
    while proxy.n_bytes_up() < n_bytes {
        assert!(!running.has_ended(), "ended before it sent {n_bytes} bytes: {}", running.stderr());
        thread::sleep(Duration::from_millis(1));
    }
}

/// All rows there, each once, and the report of the only run says exactly that.
#[track_caller]
fn assert_whole(setup: &Setup, outcome: &Outcome, n_rows: u64) {
    assert_eq!(outcome.code, 0, "{}\n{}", outcome.report, outcome.stderr);
    assert_eq!(outcome.counts(), [n_rows, n_rows, 0, 0, 0, 0], "{}", outcome.report);
    oracle::assert_exact(setup, DAY, "t", "t");
    oracle::assert_second_run_writes_nothing(setup);
}

fn cut_at(needle: &[u8], nth: usize, deliver: bool) {
    let setup = Setup::new();
    write_rows(&setup, DAY, N_ROWS);
    let proxy = Proxy::to(setup.server.port());
    proxy.cut_when_client_sends(needle, nth, deliver);
    let outcome = Outcome::of(&behind(&setup, &proxy, &[]).run());
    assert!(proxy.has_cut(), "the cut came about");
    assert_whole(&setup, &outcome, N_ROWS);
}

#[test]
fn a_cut_in_the_middle_of_copy_is_made_good_by_the_same_run() {
    cut_at(b"machine-5", 2_345, false);
}

#[test]
fn a_cut_before_commit_arrives_is_made_good_by_the_same_run() {
    for nth in [1, 13, 21] {
        cut_at(b"COMMIT", nth, false);
    }
}

#[test]
fn a_commit_whose_answer_is_lost_is_counted_once() {
    for nth in [1, 13, 21] {
        cut_at(b"COMMIT", nth, true);
    }
}

#[test]
fn a_commit_whose_answer_is_lost_is_counted_once_with_a_configured_key() {
    for (nth, deliver) in [(3, true), (3, false)] {
        let setup = Setup::new();
        setup.config("key_columns: [machine, i]");
        write_rows(&setup, DAY, N_ROWS);
        let proxy = Proxy::to(setup.server.port());
        proxy.cut_when_client_sends(b"COMMIT", nth, deliver);
        let outcome = Outcome::of(&behind(&setup, &proxy, &[]).run());
        assert!(proxy.has_cut());
        assert_whole(&setup, &outcome, N_ROWS);
    }
}

#[test]
fn a_commit_whose_answer_is_lost_is_counted_once_in_a_whole_read() {
    for deliver in [true, false] {
        let setup = Setup::new();
        write_rows(&setup, DAY, 500);
        setup.sync_to(0, &[]);
        setup.write(DAY, "UPDATE t SET rowid = rowid + 1000; INSERT INTO t(i) VALUES (-1)");
        let proxy = Proxy::to(setup.server.port());
        proxy.cut_when_client_sends(b"COMMIT", 1, deliver);
        let outcome = Outcome::of(&behind(&setup, &proxy, &[]).run());
        assert!(proxy.has_cut());
        assert_eq!(outcome.code, 0, "{}\n{}", outcome.report, outcome.stderr);
        assert_eq!((outcome.n("written"), outcome.n("unchanged")), (1, 500), "{}", outcome.report);
        oracle::assert_exact(&setup, DAY, "t", "t");
        oracle::assert_second_run_writes_nothing(&setup);
    }
}

#[test]
fn connections_cut_again_and_again_lose_and_double_nothing() {
    let seed = matrix::seed();
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..matrix::how_many(2, 30) {
        cut_at(b"COMMIT", rng.usize(1..22), rng.bool());
        cut_at(b"machine-3", rng.usize(1..2_800), false);
    }
}

#[test]
fn a_server_that_refuses_for_a_while_is_waited_for() {
    let setup = Setup::new();
    write_rows(&setup, DAY, N_ROWS);
    let proxy = Proxy::to(setup.server.port());
    proxy.refuse(true);
    let running = behind(&setup, &proxy, &["--retry-for", "30s"]).spawn();
    running.wait_stderr("next attempt in", WAIT);
    proxy.refuse(false);
    let outcome = Outcome::of(&running.wait());
    assert_whole(&setup, &outcome, N_ROWS);
}

#[test]
fn a_server_that_is_down_for_good_is_given_up_with_75_and_a_hint() {
    let setup = Setup::new();
    write_rows(&setup, DAY, 10);
    let proxy = Proxy::to(setup.server.port());
    proxy.refuse(true);
    let run = behind(&setup, &proxy, &["--retry-for", "2s"]).run();
    assert_eq!(run.code, Some(75), "{}", run.stderr);
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    assert!(run.stderr.contains(&proxy.port().to_string()), "{}", run.stderr);
    assert!(run.elapsed < Duration::from_secs(10), "given up after --retry-for: {:?}", run.elapsed);
}

#[test]
fn the_connection_is_checked_when_there_is_nothing_to_send() {
    let setup = Setup::new();
    let proxy = Proxy::to(setup.server.port());
    let outcome = Outcome::of(&behind(&setup, &proxy, &[]).run());
    assert_eq!(outcome.code, 0, "no file, a server: nothing to do");
    proxy.refuse(true);
    let run = behind(&setup, &proxy, &["--retry-for", "500ms"]).run();
    assert_eq!(run.code, Some(75), "{}", run.stderr);
}

#[test]
fn a_server_restarted_in_immediate_mode_loses_and_doubles_nothing() {
    let seed = matrix::seed();
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut setup = Setup::new();
    let n_rounds = matrix::how_many(4, 25);
    for round in 1..=n_rounds as u64 {
        write_rows(&setup, DAY, N_ROWS);
        let proxy = Proxy::to(setup.server.port());
        let running = behind(&setup, &proxy, &[]).spawn();
        // Somewhere in the load, which sends about 1.5 MB.
        let n_bytes = rng.u64(1_000..1_200_000);
        wait_for_bytes(&proxy, &running, n_bytes);
        setup.server.restart_immediate();
        let outcome = Outcome::of(&running.wait());
        assert_eq!(outcome.code, 0, "{}\n{}", outcome.report, outcome.stderr);
        assert_eq!(setup.one("SELECT count(*) FROM t"), (round * N_ROWS).to_string());
        assert_eq!(outcome.counts(), [N_ROWS, N_ROWS, 0, 0, 0, 0], "{}", outcome.report);
    }
    oracle::assert_exact(&setup, DAY, "t", "t");
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_black_hole_is_given_up_within_30_seconds() {
    let setup = Setup::new();
    write_rows(&setup, DAY, 10);
    let proxy = Proxy::to(setup.server.port());
    proxy.black_hole(true);
    let run = behind(&setup, &proxy, &["--retry-for", "500ms"]).run();
    assert_eq!(run.code, Some(75), "{}", run.stderr);
    assert!(run.elapsed < Duration::from_secs(30), "{:?}", run.elapsed);
}
#[test]
fn a_server_that_falls_silent_in_the_middle_is_given_up_within_30_seconds() {
    let setup = Setup::new();
    write_rows(&setup, DAY, 300_000);
    let proxy = Proxy::to(setup.server.port());
    let running = behind(&setup, &proxy, &["--retry-for", "500ms"]).spawn();
    wait_for_bytes(&proxy, &running, 500_000);
    proxy.black_hole(true);
    let silent = Instant::now();
    let run = running.wait();
    assert_eq!(run.code, Some(75), "{}", run.stderr);
    assert!(silent.elapsed() < Duration::from_secs(30), "{:?}", silent.elapsed());
    proxy.black_hole(false);
    proxy.cut_all();
    live::run_until_done(&setup, &[]);
    oracle::assert_exact(&setup, DAY, "t", "t");
}

#[test]
fn a_loop_goes_on_after_its_server_fell_silent() {
    let setup = Setup::new();
    write_rows(&setup, DAY, 10);
    let proxy = Proxy::to(setup.server.port());
    let tool = setup.tool(&["--every", "200ms", "--retry-for", "500ms"]);
    let running = tool.env("DATABASE_URL", proxy.url(setup.url())).spawn();
    running.wait_stderr("done in", WAIT);
    proxy.black_hole(true);
    running.wait_stderr("not finished after", WAIT);
    proxy.black_hole(false);
    proxy.cut_all();
    write_rows(&setup, DAY, 10);
    let began = Instant::now();
    while setup.one("SELECT count(*) FROM t") != "20" {
        assert!(began.elapsed() < WAIT && !running.has_ended(), "{}", running.stderr());
        thread::sleep(Duration::from_millis(20));
    }
    running.term();
    assert_eq!(running.wait().code, Some(0));
}

#[test]
fn the_server_takes_our_wish_to_notice_a_client_that_has_gone() {
    let setup = Setup::new();
    let run = setup.run(&["-vv"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!run.stderr.contains("left alone"), "{}", run.stderr);
}
