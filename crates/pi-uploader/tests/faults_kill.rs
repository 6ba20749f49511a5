//! Killed at any instruction, and served by a backend in any trouble: every row is there once in the end, and all
//! deliveries of a row had the same bytes.
#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::Setup;
use fastrand::Rng;
use sync_testing::backend::{Fault, Schedule};
use sync_testing::matrix::{how_many, seed};

const SIGKILL: Option<i32> = Some(9);
/// Points that the backlog passes six times at least.
const POINTS: [&str; 3] = ["intended", "acknowledging", "acknowledged"];

fn backlog() -> Setup {
    let setup = Setup::new();
    setup.events(650);
    setup.media(1, 1_200_000);
    setup.media(2, 3_000);
    setup
}

/// Sensors change all the time, and what was frozen of them must not.
fn change_sensors(setup: &Setup, n: u64) {
    setup.sql(&format!("UPDATE capteur SET etat_capteur = {n}, nom_capteur = 'capteur {n}'"));
}

/// Further runs, all rows being due, until one says that all is sent.
#[track_caller]
fn finish(setup: &Setup) {
    for n in 1000..1200 {
        setup.make_due();
        change_sensors(setup, n);
        let outcome = setup.once(&[]);
        assert!(matches!(outcome.code, 0 | 3 | 75), "{}\n{}", outcome.report, outcome.stderr);
        if outcome.code == 0 {
            return setup.assert_all_served_once();
        }
    }
    panic!(
        "200 runs were not enough: {:?}",
        setup.list("SELECT * FROM sync_tracking WHERE sync_status <> 'success'")
    );
}

#[test]
fn a_kill_at_any_point_loses_and_doubles_nothing() {
    for point in POINTS {
        let mut n_repeated = 0;
        for n_passes in 0..6 {
            let setup = backlog();
            // The second kill comes upon what the first one has left.
            for (round, n_passes) in [(0, n_passes), (1, n_passes / 4)] {
                // A slow commit: what was handed out before it reaches the server, and is not acknowledged by the kill.
                let slow = if point == "intended" { ";acknowledging=sleep(150)" } else { "" };
                let failpoints = format!("{point}={n_passes}*off->return{slow}");
                let run = setup.tool(&["--once"]).env("FAILPOINTS", failpoints).run();
                assert_eq!(run.signal, SIGKILL, "{point} {n_passes}: {run:?}");
                change_sensors(&setup, round);
            }
            finish(&setup);
            n_repeated += setup.assert_same_bytes();
        }
        assert!(point == "acknowledged" || n_repeated > 40, "{point}: {n_repeated} rows were sent again");
    }
}

#[test]
fn a_kill_before_every_commit_gets_nowhere_and_harms_nothing() {
    let setup = backlog();
    for round in 0..5 {
        // The first commit has the intents; the one that would acknowledge never comes.
        let run = setup.tool(&["--once"]).env("FAILPOINTS", "acknowledging=1*off->return").run();
        assert_eq!(run.signal, SIGKILL, "{run:?}");
        assert_eq!(setup.tracked(), [""; 0]);
        change_sensors(&setup, round);
    }
    finish(&setup);
    let n_repeated = setup.assert_same_bytes();
    assert!((80..=200).contains(&n_repeated), "{n_repeated} rows were sent again");
}

/// Every fault there is, one request in `one_in` having one.
fn any_fault(seed: u64, one_in: u32, is_patient: bool) -> Schedule {
    let ms = Duration::from_millis;
    let mut faults = vec![
        Fault::Slow(ms(30)),
        Fault::SlowReply { bytes_per_s: 3_000 },
        Fault::SlowRead { bytes_per_s: 10_000_000 },
        Fault::LoseReply,
        Fault::CutRequest { after_bytes: 50 },
        Fault::CutRequest { after_bytes: 1_400_000 },
        Fault::CutReply { after_bytes: 10 },
        Fault::CutReply { after_bytes: 120 },
        Fault::retry_after(429, 60),
        Fault::unavailable(5),
        Fault::status(500),
        Fault::status(408),
        Fault::status(422),
        Fault::status(409),
        Fault::Garbage,
        Fault::Html,
        Fault::Redirect("http://portal.example/".to_owned()),
        Fault::IdAsText,
        Fault::NoId,
        Fault::JsonArray,
        Fault::CloseAfter,
        Fault::Reset,
    ];
    // Costs 10 s, unless a kill comes first.
    if !is_patient {
        faults.push(Fault::Silent);
    }
    let rng = Mutex::new(Rng::with_seed(seed));
    Box::new(move |_| {
        let mut rng = rng.lock().unwrap();
        (rng.u32(..one_in) == 0).then(|| faults[rng.usize(..faults.len())].clone())
    })
}

#[test]
fn kills_at_random_moments_under_all_faults_lose_and_double_nothing() {
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    let setup = Arc::new(backlog());
    // The tables of ours are there from here on.
    setup.backend.script([Some(Fault::Html)]);
    setup.once_to(75);
    setup.backend.script_fn(any_fault(seed, 8, false));
    let stop = Arc::new(AtomicBool::new(false));
    let (restless, over) = (Arc::clone(&setup), Arc::clone(&stop));
    let sensors = thread::spawn(move || {
        for n in 0.. {
            if over.load(SeqCst) {
                return;
            }
            change_sensors(&restless, n);
            thread::sleep(Duration::from_millis(3));
        }
    });
    let n_kills = how_many(25, 300);
    let (mut n_killed, mut next_video) = (0, 10);
    let began = Instant::now();
    while n_killed < n_kills {
        assert!(began.elapsed() < Duration::from_secs(900), "{n_killed} kills");
        setup.events(rng.i64(1..40));
        if rng.u8(..4) == 0 {
            next_video += 1;
            setup.media(next_video, [10, 50_000, 1_000_001][rng.usize(..3)]);
        }
        if rng.bool() {
            setup.make_due();
        }
        let running = setup.tool(&["--once", "--concurrency", ["1", "4"][rng.usize(..2)]]).spawn();
        thread::sleep(Duration::from_secs_f64(0.4 * rng.f64()));
        running.kill9();
        let run = running.wait();
        assert!(run.signal == SIGKILL || matches!(run.code, Some(0 | 3 | 75)), "{run:?}");
        n_killed += u64::from(run.signal == SIGKILL);
    }
    stop.store(true, SeqCst);
    sensors.join().unwrap();
    setup.backend.no_faults();
    setup.backend.script_fn(any_fault(seed + 1, 40, true));
    finish(&setup);
    assert!(setup.assert_same_bytes() > 0, "no row was ever sent twice");
}
