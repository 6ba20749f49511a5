//! SIGTERM ends a run soon and says what remains; a schedule goes on whatever a run came to.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;
mod live;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use common::{DAY, Setup, measurements, oracle};
use sync_testing::outcome::Outcome;
use sync_testing::proxy::Proxy;
use sync_testing::tool::Running;

const WAIT: Duration = Duration::from_secs(30);
/// The promise: a report and an end within 5 s.
const TERM_LIMIT: Duration = Duration::from_secs(5);

fn one_row(setup: &Setup, day: &str) {
    setup.write(day, &measurements(&[("2026-01-25T10:00:00", 1.5)]));
}

fn many_rows(setup: &Setup, n: u32) {
    setup.write(
        DAY,
        &format!(
            "CREATE TABLE m(id INTEGER PRIMARY KEY, timestamp TEXT, value REAL);
             WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {n})
             INSERT INTO m SELECT i, '2026-01-25T10:00:00', i / 7.0 FROM c"
        ),
    );
}

/// Waits until `sql` gives `t`.
#[track_caller]
fn wait_for(setup: &Setup, sql: &str) {
    let began = Instant::now();
    let mut client = setup.client();
    // Until the first run has made the tables, a query fails.
    while !client.query_one(sql, &[]).is_ok_and(|row| row.get(0)) {
        assert!(began.elapsed() < WAIT, "never: {sql}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the process has taken every signal sent to it.
fn wait_signal_taken(running: &Running) {
    let path = format!("/proc/{}/status", running.pid());
    let is_pending = |status: &str| {
        let mut lines =
            status.lines().filter(|line| line.starts_with("ShdPnd:") || line.starts_with("SigPnd:"));
        lines.any(|line| line.contains(|c: char| c.is_ascii_hexdigit() && c != '0' && !c.is_alphabetic()))
    };
    while fs::read_to_string(&path).is_ok_and(|status| is_pending(&status)) {
        thread::yield_now();
    }
}

#[test]
fn sigterm_in_a_long_load_ends_with_75_and_an_exact_report() {
    let setup = Setup::new();
    many_rows(&setup, 400_000);
    let running = setup.tool(&["--report", "json", "--batch-rows", "1000"]).spawn();
    wait_for(&setup, "SELECT EXISTS (SELECT 1 FROM m)");
    let asked = Instant::now();
    running.term();
    let outcome = Outcome::of(&running.wait());
    assert!(asked.elapsed() < TERM_LIMIT, "{:?}", asked.elapsed());
    assert_eq!((outcome.code, outcome.n("exit_code")), (75, 75), "{}", outcome.report);
    assert_eq!(outcome.n("written").to_string(), setup.one("SELECT count(*) FROM m"));
    setup.sync_to(0, &[]);
    oracle::assert_exact(&setup, DAY, "m", "m");
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn sigterm_while_the_server_says_nothing_ends_with_75_and_one_report() {
    let setup = Setup::new();
    many_rows(&setup, 300_000);
    let proxy = Proxy::to(setup.server.port());
    for in_the_middle in [false, true] {
        proxy.black_hole(!in_the_middle);
        let tool = setup.tool(&["--report", "json", "--batch-rows", "1000"]);
        let running = tool.env("DATABASE_URL", proxy.url(setup.url())).spawn();
        let (n_connections, n_bytes) = (proxy.n_connections(), proxy.n_bytes_up());
        while proxy.n_connections() == n_connections
            || (in_the_middle && proxy.n_bytes_up() < n_bytes + 300_000)
        {
            assert!(!running.has_ended(), "{}", running.stderr());
            thread::sleep(Duration::from_millis(1));
        }
        proxy.black_hole(true);
        let asked = Instant::now();
        running.term();
        let outcome = Outcome::of(&running.wait());
        assert!(asked.elapsed() < TERM_LIMIT, "{:?}", asked.elapsed());
        assert_eq!(outcome.code, 75, "{}", outcome.report);
        proxy.black_hole(false);
        proxy.cut_all();
    }
}

#[test]
fn a_second_signal_ends_a_run_at_once() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    let proxy = Proxy::to(setup.server.port());
    proxy.black_hole(true);
    let running = setup.tool(&[]).env("DATABASE_URL", proxy.url(setup.url())).spawn();
    while proxy.n_connections() == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    running.term();
    wait_signal_taken(&running);
    let asked = Instant::now();
    running.term();
    let run = running.wait();
    assert_eq!(run.code, Some(75), "{run:?}");
    assert!(asked.elapsed() < Duration::from_secs(2), "sooner than the first alone: {:?}", asked.elapsed());
}

#[test]
fn sigterm_between_two_runs_ends_the_loop_with_0_at_once() {
    for schedule in [["--every", "1h"], ["--cron", "0 0 1 1 *"]] {
        let setup = Setup::new();
        one_row(&setup, DAY);
        let running = setup.tool(&schedule).spawn();
        if schedule[0] == "--every" {
            running.wait_stderr("done in", WAIT);
        } else {
            wait_is_idle(&running);
        }
        let asked = Instant::now();
        running.term();
        let run = running.wait();
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    }
}

/// Waits until the process catches SIGTERM, which is when it has begun.
fn wait_is_idle(running: &Running) {
    let path = format!("/proc/{}/status", running.pid());
    let caught = |status: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
        Some(u64::from_str_radix(line.trim(), 16).ok()? & (1 << 14) != 0)
    };
    while !fs::read_to_string(&path).is_ok_and(|status| caught(&status) == Some(true)) {
        assert!(!running.has_ended(), "{}", running.stderr());
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_loop_goes_on_after_partial_and_failed_runs_and_ends_with_78() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    fs::write(setup.file("2026_01_24"), "this is no database").unwrap();
    let proxy = Proxy::to(setup.server.port());
    let running = setup
        .tool(&["--every", "100ms", "--retry-for", "500ms"])
        .env("DATABASE_URL", proxy.url(setup.url()))
        .spawn();
    running.wait_stderr("done with exceptions in", WAIT);
    proxy.refuse(true);
    proxy.cut_all();
    running.wait_stderr("not finished after", WAIT);
    fs::remove_file(setup.file("2026_01_24")).unwrap();
    proxy.refuse(false);
    running.wait_stderr("done in", WAIT);
    fs::rename(setup.dir().join("days"), setup.dir().join("elsewhere")).unwrap();
    let run = running.wait();
    assert_eq!(run.code, Some(78), "{run:?}");
}

#[test]
fn cron_runs_with_seconds() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    let running = setup.tool(&["--cron", "* * * * * *"]).spawn();
    wait_for(&setup, "SELECT coalesce(sum(n_runs), 0) >= 3 FROM sync_run");
    running.term();
    assert_eq!(running.wait().code, Some(0));
    oracle::assert_exact(&setup, DAY, "m", "m");
}

#[test]
fn once_wins_over_a_schedule() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    for schedule in [["--every", "1h"], ["--cron", "0 0 1 1 *"]] {
        let run = setup.run(&["--once", schedule[0], schedule[1]]);
        assert_eq!(run.code, Some(0), "{run:?}");
    }
}

#[test]
fn a_loop_of_many_runs_does_not_grow() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    let running = setup.tool(&["--every", "1ms", "-q"]).spawn();
    let status = format!("/proc/{}/status", running.pid());
    let n_threads = || {
        let text = fs::read_to_string(&status).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap();
        line.trim().parse::<u32>().unwrap()
    };
    wait_for(&setup, "SELECT coalesce(sum(n_runs), 0) >= 40 FROM sync_run");
    assert!(n_threads() < 20, "{} threads after 40 runs", n_threads());
    running.term();
    assert_eq!(running.wait().stdout, "");
}
