//! SIGTERM ends a run soon, with nothing written; several runs at once; a schedule goes on whatever a run came to.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]
#![cfg(feature = "failpoints")]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::Setup;
use common::erp::{Accessory, Datum, Erp, Log, Order, Text, USUAL};
use common::oracle::Expected;
use fastrand::Rng;
use sync_testing::matrix::{how_many, seed};
use sync_testing::outcome::Outcome;
use sync_testing::proxy::Proxy;
use sync_testing::tool::{Run, Running};

const WAIT: Duration = Duration::from_secs(30);
/// The promise: a report and an end within 5 s.
const TERM_LIMIT: Duration = Duration::from_secs(5);
const N_ORDERS: usize = 6_500;

fn erp(n_orders: usize, project: &str) -> Erp {
    let order = |n: usize| {
        let number = i32::try_from(n).unwrap();
        let item = Accessory {
            position: 1,
            kennung: 0,
            znr: 1,
            code: Some("VR1".to_owned()),
            text: Some(Text::clean("volet")),
        };
        let datum = Datum::At("2026-01-25 10:00:00".to_owned());
        Order {
            project: Some(Text::clean(project)),
            logs: vec![Log { id: number + 1, datum, note: Some("cde Planifiée".to_owned()) }],
            accessories: vec![item],
            ..Order::new(&format!("{n:08x}"), number)
        }
    };
    Erp::of(USUAL, (0..n_orders).map(order).collect())
}

/// Names of our tables and the destination's in `public`.
fn tables(setup: &Setup) -> Vec<String> {
    setup.list("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1")
}

#[test]
fn sigterm_in_every_phase_ends_with_75_within_5_seconds_and_nothing_written() {
    let setup = Setup::new();
    let old = erp(N_ORDERS, "avant");
    old.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &[]);
    erp(N_ORDERS, "après").insert(&mut setup.conn(), 1);
    for failpoints in [
        "page-staged=sleep(700)",
        "page-staged=1*off->sleep(60000)",
        "staged=sleep(60000)",
        "merged=sleep(60000)",
        "before-commit=sleep(60000)",
    ] {
        let n_backends = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'
                          AND query LIKE '%' AND xact_start < now() - interval '0.4 s'";
        let running = setup.tool(&["--report", "json"]).env("FAILPOINTS", failpoints).spawn();
        wait_for(&setup, &format!("SELECT ({n_backends}) >= 2"));
        let asked = Instant::now();
        running.term();
        let outcome = Outcome::of(&running.wait());
        assert!(asked.elapsed() < TERM_LIMIT, "{failpoints}: {:?}", asked.elapsed());
        assert_eq!((outcome.code, outcome.n("exit_code")), (75, 75), "{failpoints}: {}", outcome.report);
        assert_eq!(outcome.counts(), [0; 6], "{failpoints}: {}", outcome.report);
        Expected::of(&old).assert(&setup);
    }
    wait_for(&setup, "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'");
    setup.sync_to(0, &[]);
    Expected::of(&erp(N_ORDERS, "après")).assert(&setup);
}

#[test]
fn sigterm_in_a_first_run_leaves_no_table_of_orders() {
    let setup = Setup::new();
    erp(N_ORDERS, "avant").insert(&mut setup.conn(), 1);
    let running = setup.tool(&[]).env("FAILPOINTS", "page-staged=sleep(300)").spawn();
    wait_for(&setup, "SELECT to_regclass('sync_watermark') IS NOT NULL");
    thread::sleep(Duration::from_millis(200));
    running.term();
    let run = running.wait();
    assert_eq!(run.code, Some(75), "{run:?}");
    assert_eq!(tables(&setup), ["sync_missing", "sync_rejected", "sync_run", "sync_watermark"]);
}

#[test]
fn sigterm_while_a_server_says_nothing_ends_with_75_within_5_seconds() {
    let setup = Setup::new();
    erp(N_ORDERS, "avant").insert(&mut setup.conn(), 1);
    for is_source in [true, false] {
        for in_the_middle in [false, true] {
            let proxy = Proxy::to(if is_source { setup.mariadb.port() } else { setup.server.port() });
            proxy.black_hole(!in_the_middle);
            let tool = setup.tool(&["--report", "json"]);
            let tool = match is_source {
                true => tool.env("MYSQL_PORT", proxy.port().to_string()),
                false => tool.env("DATABASE_URL", proxy.url(setup.url())),
            };
            let running = tool.spawn();
            while proxy.n_connections() == 0
                || in_the_middle && proxy.n_bytes_up() + proxy.n_bytes_down() < 200_000
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
            assert_eq!(setup.one("SELECT to_regclass('commandes_volets')"), "NULL");
            proxy.black_hole(false);
            proxy.cut_all();
        }
    }
}

#[test]
fn sigterm_between_two_runs_ends_the_loop_with_0_at_once() {
    let setup = Setup::new();
    erp(10, "avant").insert(&mut setup.conn(), 1);
    let running = setup.tool(&["--every", "1h"]).spawn();
    running.wait_stderr("done in", WAIT);
    let asked = Instant::now();
    running.term();
    let run = running.wait();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[test]
fn a_loop_goes_on_after_partial_and_failed_runs_and_ends_with_78() {
    let mut setup = Setup::new();
    let mut orders = erp(10, "avant");
    orders.orders[3].number = None;
    orders.insert(&mut setup.conn(), 1);
    let running = setup.tool(&["--every", "100ms", "--retry-for", "500ms"]).spawn();
    running.wait_stderr("done with exceptions in", WAIT);
    setup.mariadb.kill9();
    running.wait_stderr("not finished after", WAIT);
    setup.mariadb.start_again();
    setup.my("UPDATE a_kopf SET aunummer = 3 WHERE aunummer IS NULL");
    running.wait_stderr("done in", WAIT);
    setup.my("DROP TABLE a_vorgang");
    let run = running.wait();
    assert_eq!(run.code, Some(78), "{run:?}");
    assert!(run.stderr.contains("a_vorgang"), "{}", run.stderr);
    Expected::of(&erp(10, "avant")).assert(&setup);
}

#[test]
fn of_ten_at_once_one_works_and_nine_end_with_75_quickly() {
    let setup = Setup::new();
    let erp = erp(10, "avant");
    erp.insert(&mut setup.conn(), 1);
    let tool = setup.tool(&["--retry-for", "30s"]).env("FAILPOINTS", "before-commit=sleep(6000)");
    let all: Vec<Running> = (0..10).map(|_| tool.spawn()).collect();
    let runs: Vec<Run> = all.into_iter().map(Running::wait).collect();
    let (working, waiting): (Vec<&Run>, Vec<&Run>) = runs.iter().partition(|run| run.code == Some(0));
    assert_eq!((working.len(), waiting.len()), (1, 9), "{runs:?}");
    for run in waiting {
        assert_eq!(run.code, Some(75), "{run:?}");
        assert!(run.elapsed < Duration::from_secs(4), "{run:?}");
        assert!(run.stderr.contains("another run holds the lock"), "{run:?}");
    }
    Expected::of(&erp).assert(&setup);
}

#[test]
fn two_at_once_without_a_lock_are_exact_all_the_same() {
    let mut rng = Rng::with_seed(seed());
    let setup = Setup::new();
    for round in 0..how_many(4, 30) {
        let erp = erp(2_500, &format!("tour {round}"));
        erp.insert(&mut setup.conn(), round);
        let args = ["--no-lock", "--touch", "changed", "--report", "json"];
        let slow = format!("staged=sleep({})", rng.u64(0..400));
        let pair = [setup.tool(&args).env("FAILPOINTS", slow).spawn(), setup.tool(&args).spawn()];
        for run in pair.map(Running::wait) {
            let outcome = Outcome::of(&run);
            assert_eq!(outcome.code, 0, "{run:?}");
            assert_eq!(outcome.n("read"), 2_500, "{run:?}");
            assert_eq!(outcome.n("rejected"), 0, "{run:?}");
        }
        Expected::of(&erp).assert(&setup);
        assert_eq!(setup.rejected(), [""; 0]);
    }
    assert_eq!(setup.sync_to(0, &["--touch", "changed"]).n("written"), 0);
}

/// Waits until `sql` gives true.
#[track_caller]
fn wait_for(setup: &Setup, sql: &str) {
    let began = Instant::now();
    let mut client = setup.client();
    while !client.query_one(sql, &[]).is_ok_and(|row| row.get(0)) {
        assert!(began.elapsed() < WAIT, "never: {sql}");
        thread::sleep(Duration::from_millis(5));
    }
}
