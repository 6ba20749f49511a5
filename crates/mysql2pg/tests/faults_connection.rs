//! Either server fails under a run, or the network to it: the run goes on by itself where it can, and its report stays right.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

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
use sync_testing::tool::{Running, Tool};

const N_ORDERS: usize = 9_000;

fn erp(project: &str) -> Erp {
    erp_of(N_ORDERS, project)
}

/// Planned orders of about 200 bytes, one detail each.
fn erp_of(n_orders: usize, project: &str) -> Erp {
    let order = |n: usize| {
        let number = i32::try_from(n).unwrap();
        let item = Accessory {
            position: 1,
            kennung: 0,
            znr: 1,
            code: Some("VR1".to_owned()),
            text: Some(Text::clean("volet roulant à lames")),
        };
        let note = Some("cde Planifiée".to_owned());
        let datum = Datum::At("2026-01-25 10:00:00".to_owned());
        Order {
            project: Some(Text::clean(project)),
            logs: vec![Log { id: number + 1, datum, note }],
            accessories: vec![item],
            ..Order::new(&format!("{n:032x}"), number)
        }
    };
    Erp::of(USUAL, (0..n_orders).map(order).collect())
}

/// Both servers behind a proxy each.
struct Net {
    setup: Setup,
    my: Proxy,
    pg: Proxy,
}

impl Net {
    fn new() -> Net {
        let setup = Setup::new();
        let (my, pg) = (Proxy::to(setup.mariadb.port()), Proxy::to(setup.server.port()));
        Net { setup, my, pg }
    }

    fn tool(&self, args: &[&str]) -> Tool {
        self.setup
            .tool(&["--report", "json", "--touch", "changed"])
            .args(args)
            .env("MYSQL_PORT", self.my.port().to_string())
            .env("DATABASE_URL", self.pg.url(self.setup.url()))
    }
}

/// Waits until so many bytes have gone through, from now on.
#[track_caller]
fn wait_for_bytes(n_bytes: impl Fn() -> u64, running: &Running, n_more: u64) {
    let before = n_bytes();
    while n_bytes() < before + n_more {
        assert!(!running.has_ended(), "ended before {n_more} bytes: {}", running.stderr());
        thread::sleep(Duration::from_millis(1));
    }
}

/// All there, each once, and the report of the only run says exactly that; a further run writes nothing.
#[track_caller]
fn assert_whole(setup: &Setup, erp: &Erp, outcome: &Outcome) {
    let n = erp.orders.len() as u64;
    assert_eq!(outcome.code, 0, "{}\n{}", outcome.report, outcome.stderr);
    assert_eq!(outcome.counts(), [n, n, 0, 0, 0, 0], "{}", outcome.report);
    assert_eq!(outcome.n("wanted"), n, "{}", outcome.report);
    Expected::of(erp).assert(setup);
    assert_eq!(setup.rejected(), [""; 0]);
    let again = setup.sync_to(0, &["--touch", "changed"]);
    assert_eq!((again.n("written"), again.n("details_written")), (0, 0), "{}", again.report);
}

#[test]
fn a_source_killed_and_restarted_in_the_middle_is_read_again_by_the_same_run() {
    let mut rng = Rng::with_seed(seed());
    let mut net = Net::new();
    for round in 0..how_many(2, 15) {
        let erp = erp(&format!("tour {round}"));
        erp.insert(&mut net.setup.conn(), 1);
        let running = net.tool(&[]).spawn();
        wait_for_bytes(|| net.my.n_bytes_down(), &running, rng.u64(10_000..700_000));
        net.setup.mariadb.kill9();
        running.wait_stderr("next attempt in", Duration::from_secs(30));
        net.setup.mariadb.start_again();
        let outcome = Outcome::of(&running.wait());
        assert_whole(&net.setup, &erp, &outcome);
    }
}

#[test]
fn a_source_cut_off_in_the_middle_of_a_page_is_read_again_by_the_same_run() {
    let mut rng = Rng::with_seed(seed());
    let net = Net::new();
    for round in 0..how_many(3, 30) {
        let erp = erp(&format!("tour {round}"));
        erp.insert(&mut net.setup.conn(), 1);
        let running = net.tool(&[]).spawn();
        wait_for_bytes(|| net.my.n_bytes_down(), &running, rng.u64(5_000..900_000));
        net.my.cut_all();
        let outcome = Outcome::of(&running.wait());
        assert_whole(&net.setup, &erp, &outcome);
    }
}

#[test]
fn a_query_killed_by_an_administrator_is_asked_again() {
    let net = Net::new();
    let erp = erp("tour");
    erp.insert(&mut net.setup.conn(), 1);
    let running = net.tool(&[]).spawn();
    wait_for_bytes(|| net.my.n_bytes_down(), &running, 200_000);
    net.setup.mariadb.sql("", "KILL HARD CONNECTION USER erp_reader");
    let outcome = Outcome::of(&running.wait());
    assert_whole(&net.setup, &erp, &outcome);
}

#[test]
fn a_destination_restarted_in_immediate_mode_gets_every_order_once() {
    let mut rng = Rng::with_seed(seed());
    let mut net = Net::new();
    for round in 0..how_many(3, 25) {
        let erp = erp(&format!("tour {round}"));
        erp.insert(&mut net.setup.conn(), 1);
        let running = net.tool(&[]).spawn();
        wait_for_bytes(|| net.pg.n_bytes_up(), &running, rng.u64(1_000..900_000));
        net.setup.server.restart_immediate();
        let outcome = Outcome::of(&running.wait());
        assert_whole(&net.setup, &erp, &outcome);
    }
}

/// Runs again and again, each time with the next commit cut off, until a run has no further one; gives how many it had.
fn cut_every_commit(deliver: bool, args: &[&str], check: impl Fn(&Net, Outcome)) -> usize {
    for n_cut in 0.. {
        let net = Net::new();
        erp_of(1_500, "tour").insert(&mut net.setup.conn(), 1);
        net.pg.cut_when_client_sends(b"COMMIT", n_cut + 1, deliver);
        let outcome = Outcome::of(&net.tool(args).run());
        check(&net, outcome);
        if !net.pg.has_cut() {
            return n_cut;
        }
    }
    unreachable!("a run ends")
}

#[test]
fn a_commit_that_is_cut_off_is_counted_once_whether_or_not_it_was_carried_out() {
    for deliver in [true, false] {
        let n_cut = cut_every_commit(deliver, &[], |net, outcome| {
            assert_whole(&net.setup, &erp_of(1_500, "tour"), &outcome);
            assert_eq!(outcome.n("details_written"), 1_500, "{}", outcome.report);
        });
        assert!(n_cut >= 1, "{n_cut} commits");
    }
}

#[test]
fn a_lost_answer_leaves_warnings_and_exit_code_as_they_are() {
    let n_cut = cut_every_commit(true, &["--min-rows", "10000", "--strict"], |_, outcome| {
        assert_eq!(outcome.code, 3, "{}\n{}", outcome.report, outcome.stderr);
        assert!(outcome.stderr.contains("fewer than --min-rows 10000"), "{}", outcome.stderr);
    });
    assert!(n_cut >= 1, "{n_cut} commits");
}

#[test]
fn a_server_that_says_nothing_is_given_up_within_30_seconds() {
    for is_source in [true, false] {
        let net = Net::new();
        erp("tour").insert(&mut net.setup.conn(), 1);
        let proxy = if is_source { &net.my } else { &net.pg };
        proxy.black_hole(true);
        let run = net.tool(&["--retry-for", "500ms"]).run();
        assert_eq!(run.code, Some(75), "{}", run.stderr);
        assert!(run.stderr.contains("hint:"), "{}", run.stderr);
        assert!(run.elapsed < Duration::from_secs(30), "{:?}", run.elapsed);
    }
}

#[test]
fn a_server_that_falls_silent_in_the_middle_is_given_up_within_30_seconds() {
    for is_source in [true, false] {
        let net = Net::new();
        let erp = erp("tour");
        erp.insert(&mut net.setup.conn(), 1);
        let proxy = if is_source { &net.my } else { &net.pg };
        let running = net.tool(&["--retry-for", "500ms"]).spawn();
        let bytes = || if is_source { proxy.n_bytes_down() } else { proxy.n_bytes_up() };
        wait_for_bytes(bytes, &running, 300_000);
        proxy.black_hole(true);
        let silent = Instant::now();
        let run = running.wait();
        assert_eq!(run.code, Some(75), "source: {is_source}: {}", run.stderr);
        assert!(run.stderr.contains(&proxy.port().to_string()), "{}", run.stderr);
        assert!(silent.elapsed() < Duration::from_secs(30), "source: {is_source}: {:?}", silent.elapsed());
        proxy.black_hole(false);
        proxy.cut_all();
        let outcome = Outcome::of(&net.tool(&["--retry-for", "60s"]).run());
        assert_whole(&net.setup, &erp, &outcome);
    }
}

#[test]
fn a_server_that_is_down_for_good_is_given_up_with_75_and_a_hint() {
    for is_source in [true, false] {
        let net = Net::new();
        erp("tour").insert(&mut net.setup.conn(), 1);
        let proxy = if is_source { &net.my } else { &net.pg };
        proxy.refuse(true);
        let run = net.tool(&["--retry-for", "2s"]).run();
        assert_eq!(run.code, Some(75), "{}", run.stderr);
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
        assert!(run.stderr.contains(&proxy.port().to_string()), "{}", run.stderr);
        assert!(run.elapsed < Duration::from_secs(15), "given up after --retry-for: {:?}", run.elapsed);
    }
}
