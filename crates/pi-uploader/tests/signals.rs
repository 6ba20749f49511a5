//! SIGTERM ends a run soon with all acknowledgements kept; a second instance stays away; a loop lives through outages.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::time::{Duration, Instant};

use common::{Setup, wait_until};
use sync_testing::backend::Fault;
use sync_testing::tool::{Run, Running};

/// The promise: an end within 5 s.
const TERM_LIMIT: Duration = Duration::from_secs(5);
const WAIT: Duration = Duration::from_secs(20);

/// Asks for the end, which must come in time and with 75.
#[track_caller]
fn term(running: Running) -> Run {
    assert!(!running.has_ended(), "{}", running.stderr());
    let asked = Instant::now();
    running.term();
    let run = running.wait();
    assert!(asked.elapsed() < TERM_LIMIT, "{:?}: {}", asked.elapsed(), run.stderr);
    assert_eq!(run.code, Some(75), "{}", run.stderr);
    run
}

fn n_sent(setup: &Setup) -> usize {
    setup.one("SELECT count(*) FROM sync_tracking WHERE sync_status = 'success'").parse().unwrap()
}

#[test]
fn sigterm_in_the_middle_keeps_every_acknowledgement() {
    for concurrency in [1, 8] {
        let setup = Setup::new();
        setup.events(3_000);
        setup.backend.always(Some(Fault::Slow(Duration::from_millis(3))));
        let args = ["--once", "--concurrency", &concurrency.to_string()];
        let running = setup.tool(&args).spawn();
        setup.backend.wait_requests(250);
        term(running);
        let n_there = setup.backend.rows().len();
        assert!((250..3_000).contains(&n_there), "{n_there}");
        assert_eq!(n_sent(&setup), n_there, "those on their way were waited for");
        setup.backend.no_faults();
        setup.once_to(0);
        setup.assert_all_served_once();
        assert_eq!(setup.assert_same_bytes(), 0, "sent again");
    }
}

#[test]
fn sigterm_while_the_server_says_nothing_keeps_every_acknowledgement() {
    let setup = Setup::new();
    setup.events(50);
    setup.media(1, 1_000);
    for (n_before, fault) in [(20, Fault::Silent), (20, Fault::Slow(Duration::from_secs(60)))] {
        let n_sent_before = n_sent_or_none(&setup);
        setup.backend.reset_log();
        setup.backend.script((0..n_before).map(|_| None).chain([Some(fault.clone())]));
        let running = setup.tool(&["--once"]).spawn();
        wait_until("the call that hangs", || setup.backend.n_requests() == n_before + 1);
        term(running);
        assert_eq!(n_sent(&setup) as u64, n_sent_before + n_before, "{fault:?}");
        // Broken off by ourselves, it is no failure.
        assert_eq!(setup.one("SELECT count(*) FROM sync_tracking WHERE sync_status <> 'success'"), "0");
    }
    setup.once_to(0);
    setup.assert_all_served_once();
    assert_eq!(setup.assert_same_bytes(), 1, "the event whose answer was slow");
}

fn n_sent_or_none(setup: &Setup) -> u64 {
    match setup.one("SELECT count(*) FROM sqlite_schema WHERE name = 'sync_tracking'").as_str() {
        "0" => 0,
        _ => n_sent(setup) as u64,
    }
}

#[test]
fn sigterm_during_a_big_upload_ends_it() {
    let setup = Setup::new();
    setup.events(10);
    setup.media(1, 12_000_000);
    setup.backend.script((0..10).map(|_| None).chain([Some(Fault::SlowRead { bytes_per_s: 100_000 })]));
    let running = setup.tool(&["--once"]).spawn();
    wait_until("the video's request", || setup.backend.n_requests() == 11);
    term(running);
    assert_eq!(n_sent(&setup), 10);
    // What the backend had read of the broken request is on its list then.
    setup.backend.down();
    setup.backend.up();
    setup.once_to(0);
    setup.assert_all_served_once();
    let keys: Vec<_> = setup.backend.requests().into_iter().filter(|r| r.path == "/api/media").collect();
    assert!(keys.len() == 2 && keys[0].key == keys[1].key, "{keys:?}");
}

#[test]
fn sigterm_while_a_slow_uplink_takes_a_video_ends_it() {
    let setup = Setup::new();
    setup.media(1, 3_000_000);
    let running = setup.tool(&["--once", "--bandwidth", "10000"]).spawn();
    wait_until("the video's request", || setup.backend.n_requests() == 1);
    term(running);
    setup.once_to(0);
    setup.assert_all_served_once();
}

#[test]
fn a_second_instance_ends_with_75_at_once_as_a_loop_too() {
    let setup = Setup::new();
    setup.events(5);
    setup.backend.always(Some(Fault::Slow(Duration::from_millis(1_500))));
    let first = setup.tool(&["--once"]).spawn();
    wait_until("the first call", || setup.backend.n_requests() == 1);
    for args in [&["--once"][..], &["--every", "1s"], &[]] {
        let second = setup.run(args);
        assert_eq!(second.code, Some(75), "{}", second.stderr);
        assert!(second.elapsed < Duration::from_secs(2), "{:?}", second.elapsed);
        assert!(second.stderr.contains("another pi-uploader is at work"), "{}", second.stderr);
    }
    assert!(!first.has_ended(), "{}", first.stderr());
    assert_eq!(first.wait().code, Some(0));
    setup.assert_all_served_once();
    assert_eq!(setup.assert_same_bytes(), 0);
    // A waiting loop holds the lock between its runs.
    let looping = setup.tool(&["--every", "1h"]).spawn();
    looping.wait_stderr("Synchronisation report", WAIT);
    assert_eq!(setup.run(&["--once"]).code, Some(75));
    // It dies with its holder.
    looping.kill9();
    looping.wait();
    assert_eq!(setup.run(&["--once"]).code, Some(0));
}

#[test]
fn a_loop_lives_through_an_outage_and_ends_with_the_final_statistics() {
    let setup = Setup::new();
    setup.events(20);
    let running = setup.tool(&["--every", "1s"]).spawn();
    wait_until("the first rows", || setup.backend.rows().len() == 20);
    setup.backend.down();
    setup.events(10);
    running.wait_stderr("cannot be reached", WAIT);
    setup.backend.up();
    wait_until("the rows of the outage", || setup.backend.rows().len() == 30);
    setup.events(3);
    setup.media(1, 1_000);
    wait_until("the last rows", || setup.backend.rows().len() == 34);
    running.wait_stderr("1 sent, 0 failed", WAIT);
    wait_until("the end of a run", || running.stderr().trim_end().ends_with('╝'));
    running.term();
    let run = running.wait();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let statistics = run.stderr.split_once("Final statistics").unwrap().1;
    assert!(statistics.contains("Events          : 33 sent"), "{statistics}");
    assert!(statistics.contains("Media           : 1 sent, 0 failed"), "{statistics}");
    assert!(statistics.contains("Waiting         : 0"), "{statistics}");
    setup.assert_all_served_once();
}
