//! Killed at any instruction: readers see the old orders or the new ones, and the next runs make everything good.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]
#![cfg(feature = "failpoints")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::Setup;
use common::erp::{Accessory, Datum, Erp, Log, Order, Shape, Text, USUAL};
use common::oracle::Expected;
use fastrand::Rng;
use postgres::{Client, NoTls};
use sync_testing::matrix::{how_many, seed};

/// Points that every run passes, with the number of times: pages hold 2,000 orders.
const POINTS: [(&str, u64); 5] =
    [("page-staged", 3), ("staged", 1), ("merged", 1), ("before-commit", 1), ("after-commit", 1)];
const N_ORDERS: usize = 4_500;
const SIGKILL: Option<i32> = Some(9);
const CHANGED: [&str; 4] = ["--touch", "changed", "--report", "none"];

/// Every order in its state of this round: each has the round as its project, and one detail or two.
fn erp(shape: Shape, round: usize) -> Erp {
    let order = |n: usize| {
        let number = i32::try_from(n).unwrap();
        let accessory = |position| Accessory {
            position,
            kennung: 0,
            znr: 1,
            code: Some("VR1".to_owned()),
            text: Some(Text::clean("volet")),
        };
        let log = Log {
            id: number + 1,
            datum: Datum::At("2026-01-25 10:00:00".to_owned()),
            note: Some("cde Planifiée".to_owned()),
        };
        Order {
            project: Some(Text::clean(&round.to_string())),
            logs: vec![log],
            accessories: (0..=i16::try_from(round % 2).unwrap()).map(accessory).collect(),
            ..Order::new(&format!("{n:08x}"), number)
        }
    };
    Erp::of(shape, (0..N_ORDERS).map(order).collect())
}

/// Somebody who looks at both tables all the time, and must see one state each time.
struct Reader {
    stop: Arc<AtomicBool>,
    /// The latest round that the source has been in.
    round: Arc<AtomicUsize>,
    thread: JoinHandle<u64>,
}

impl Reader {
    fn start(setup: &Setup) -> Reader {
        let (stop, round) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut client = setup.client();
        let (asked, latest) = (Arc::clone(&stop), Arc::clone(&round));
        let thread = thread::spawn(move || {
            let (mut n_looks, mut last) = (0, 0);
            while !asked.load(SeqCst) {
                last = look(&mut client, last, &latest);
                n_looks += 1;
            }
            n_looks
        });
        Reader { stop, round, thread }
    }

    fn finish(self) {
        self.stop.store(true, SeqCst);
        let n_looks = self.thread.join().expect("the reader saw the old state or the new one");
        assert!(n_looks > 10, "it looked {n_looks} times");
    }
}

/// One look, which sees a single round, not before the last one seen.
fn look(client: &mut Client, last: usize, latest: &AtomicUsize) -> usize {
    let sql = "SELECT count(*), min(affaire), max(affaire), count(DISTINCT date_synchronisation),
                 (SELECT count(*) FROM commandes_volets_details),
                 (SELECT count(DISTINCT id_commande) FROM commandes_volets_details)
               FROM commandes_volets";
    let row = client.query_one(sql, &[]).unwrap();
    let (n_orders, least, most): (i64, String, String) = (row.get(0), row.get(1), row.get(2));
    let (n_times, n_details, n_detailed): (i64, i64, i64) = (row.get(3), row.get(4), row.get(5));
    let all = i64::try_from(N_ORDERS).unwrap();
    assert_eq!(least, most, "a mixture of states");
    let round: usize = most.parse().unwrap();
    assert!(last <= round && round <= latest.load(SeqCst), "round {round} after {last}");
    let per_order = i64::try_from(1 + round % 2).unwrap();
    assert_eq!(
        (n_orders, n_times, n_details, n_detailed),
        (all, 1, all * per_order, all),
        "orders, times, details and their orders in round {round}"
    );
    round
}

/// Runs until one comes to its end; a killed one's lock may be held for a moment.
fn run_until_done(setup: &Setup) {
    let began = Instant::now();
    loop {
        let run = setup.tool(&CHANGED).env("FAILPOINTS", "").run();
        match run.code {
            Some(0) => return,
            Some(75) => assert!(began.elapsed() < Duration::from_secs(30), "{run:?}"),
            _ => panic!("{run:?}"),
        }
    }
}

/// The destination equals the oracle, and a further run writes nothing.
fn assert_exact(setup: &Setup, erp: &Erp) {
    run_until_done(setup);
    Expected::of(erp).assert(setup);
    let versions = "SELECT md5(string_agg(xmin::text || ctid::text, ',' ORDER BY ctid)) FROM ";
    let before =
        ["commandes_volets", "commandes_volets_details"].map(|t| setup.one(&format!("{versions}{t}")));
    let outcome = setup.sync_to(0, &["--touch", "changed"]);
    assert_eq!(outcome.n("written"), 0, "{}", outcome.report);
    let after =
        ["commandes_volets", "commandes_volets_details"].map(|t| setup.one(&format!("{versions}{t}")));
    assert_eq!(before, after, "the second run wrote nothing");
    assert_eq!(setup.rejected(), [""; 0]);
}

/// A destination in the state of round 0, and a reader of it.
fn begin(shape: Shape) -> (Setup, Reader) {
    let setup = Setup::new();
    erp(shape, 0).insert(&mut setup.conn(), 1);
    setup.sync_to(0, &[]);
    let reader = Reader::start(&setup);
    (setup, reader)
}

/// The source goes to the next round.
fn next_round(setup: &Setup, reader: &Reader, shape: Shape) -> Erp {
    let round = reader.round.fetch_add(1, SeqCst) + 1;
    let erp = erp(shape, round);
    erp.insert(&mut setup.conn(), round as u64);
    erp
}

#[test]
fn kills_at_named_points_show_readers_the_old_or_the_new_orders() {
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    let (setup, reader) = begin(USUAL);
    for _ in 0..how_many(1, 12) {
        for (point, n_passes) in POINTS {
            let erp = next_round(&setup, &reader, USUAL);
            let n_before = rng.u64(..n_passes);
            let action = if n_before == 0 { "return".to_owned() } else { format!("{n_before}*off->return") };
            let run = setup.tool(&CHANGED).env("FAILPOINTS", format!("{point}={action}")).run();
            assert_eq!(run.signal, SIGKILL, "{point} {action}: {run:?}");
            assert_exact(&setup, &erp);
        }
    }
    reader.finish();
}

#[test]
fn kills_at_random_moments_show_readers_the_old_or_the_new_orders() {
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    for engine in ["InnoDB", "MyISAM"] {
        let shape = Shape { engine, ..USUAL };
        let (setup, reader) = begin(shape);
        let whole = setup.tool(&[]).run().elapsed;
        let n_kills = how_many(5, 60);
        let mut n_killed = 0;
        for _ in 0..n_kills * 10 {
            let erp = next_round(&setup, &reader, shape);
            let running = setup.tool(&CHANGED).spawn();
            thread::sleep(whole.mul_f64(rng.f64()));
            running.kill9();
            let run = running.wait();
            assert!(run.signal == SIGKILL || matches!(run.code, Some(0 | 75)), "{run:?}");
            n_killed += u64::from(run.signal == SIGKILL);
            // Now and then the next kill comes before anything was made good.
            if rng.bool() || n_killed == n_kills {
                assert_exact(&setup, &erp);
            }
            if n_killed == n_kills {
                break;
            }
        }
        assert_eq!(n_killed, n_kills, "so many kills came about");
        reader.finish();
    }
}

#[test]
fn a_kill_in_the_first_run_leaves_all_of_it_or_nothing() {
    let mut setup = Setup::new();
    for (point, _) in POINTS {
        let erp = erp(USUAL, 1);
        erp.insert(&mut setup.conn(), 1);
        let run = setup.tool(&CHANGED).env("FAILPOINTS", format!("{point}=return")).run();
        assert_eq!(run.signal, SIGKILL, "{point}: {run:?}");
        let table = setup.one("SELECT to_regclass('commandes_volets')");
        assert_eq!(table == "commandes_volets", point == "after-commit", "{point}: {table}");
        assert_exact(&setup, &erp);
        setup.renew();
    }
}

#[test]
fn a_kill_while_details_go_with_their_order_leaves_none_behind() {
    let mut setup = Setup::new();
    for (point, _) in POINTS {
        let mut erp = erp(USUAL, 1);
        erp.insert(&mut setup.conn(), 1);
        setup.sync_to(0, &[]);
        erp.orders.truncate(N_ORDERS - 40);
        erp.insert(&mut setup.conn(), 1);
        setup.sync_to(0, &["--missing", "delete"]);
        let args = ["--missing", "delete", "--touch", "changed"];
        let run = setup.tool(&args).env("FAILPOINTS", format!("{point}=return")).run();
        assert_eq!(run.signal, SIGKILL, "{point}: {run:?}");
        let n_orders: usize = setup.one("SELECT count(*) FROM commandes_volets").parse().unwrap();
        let n_details: usize = setup.one("SELECT count(*) FROM commandes_volets_details").parse().unwrap();
        let n_left = if point == "after-commit" { N_ORDERS - 40 } else { N_ORDERS };
        assert_eq!((n_orders, n_details), (n_left, 2 * n_left), "{point}");
        wait_until_free(&setup);
        setup.sync_to(0, &args);
        Expected::of(&erp).assert(&setup);
        setup.renew();
    }
}

/// Waits until the server has noticed that a killed run is gone.
fn wait_until_free(setup: &Setup) {
    let began = Instant::now();
    let mut client = Client::connect(setup.url(), NoTls).unwrap();
    let sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
    while client.query_one(sql, &[]).unwrap().get::<_, i64>(0) > 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "the lock is still held");
        thread::sleep(Duration::from_millis(5));
    }
}
