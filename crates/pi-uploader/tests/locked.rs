//! A recorder that keeps its database to itself for long: few answers are without a note meanwhile, and none is forgotten.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::time::{Duration, Instant};

use common::{Setup, wait_until};
use rusqlite::Connection;
use sync_testing::backend::Fault;

/// So many answers may be without a note.
const MOST: usize = 100;

fn n_noted(setup: &Setup) -> usize {
    setup.one("SELECT count(*) FROM sync_tracking WHERE sync_status = 'success'").parse().unwrap()
}

/// The recorder's lock, until it is dropped.
fn locked(setup: &Setup) -> Connection {
    let db = setup.db();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    db
}

/// A backlog with its first rows under way, then locked.
fn under_way(setup: &Setup, concurrency: &str, each: Duration) -> (sync_testing::tool::Running, Connection) {
    setup.events(3_000);
    setup.backend.always(Some(Fault::Slow(each)));
    let running = setup.tool(&["--once", "--concurrency", concurrency]).spawn();
    setup.backend.wait_requests(120);
    (running, locked(setup))
}

#[test]
fn no_more_than_a_hundred_answers_wait_for_their_note() {
    for (concurrency, each) in [("1", 1), ("8", 1), ("1", 60)] {
        let setup = Setup::new();
        let (running, lock) = under_way(&setup, concurrency, Duration::from_millis(each));
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(4) {
            // In this order: what is noted in between cannot be too many.
            let n_there = setup.backend.rows().len();
            let n_noted = n_noted(&setup);
            assert!(n_there <= n_noted + MOST, "{n_there} on the server, {n_noted} noted");
            std::thread::sleep(Duration::from_millis(10));
        }
        // Two seconds behind the oldest answer nothing went any more.
        let n_there = setup.backend.n_requests();
        let n_most = u64::try_from(n_noted(&setup)).unwrap() + 2_200 / each + 2;
        assert!(n_there <= n_most, "{n_there} requests, at most {n_most}");
        drop(lock);
        setup.backend.no_faults();
        assert_eq!(running.wait().code, Some(0));
        setup.assert_all_served_once();
        assert_eq!(setup.assert_same_bytes(), 0, "sent again");
    }
}

#[test]
fn sigterm_waits_for_the_note_as_long_as_it_may() {
    let setup = Setup::new();
    let (running, lock) = under_way(&setup, "1", Duration::from_millis(2));
    let before = setup.backend.n_requests();
    wait_until("more answers", || setup.backend.n_requests() > before + 20);
    running.term();
    std::thread::sleep(Duration::from_secs(2));
    assert!(!running.has_ended(), "{}", running.stderr());
    drop(lock);
    assert_eq!(running.wait().code, Some(75));
    assert_eq!(n_noted(&setup), setup.backend.rows().len(), "every answer is noted");
}

#[test]
fn sigterm_says_which_rows_the_server_has_that_could_not_be_noted() {
    for concurrency in ["1", "8"] {
        let setup = Setup::new();
        let (running, lock) = under_way(&setup, concurrency, Duration::from_millis(2));
        let before = setup.backend.n_requests();
        wait_until("more answers", || setup.backend.n_requests() > before + 20);
        let asked = Instant::now();
        running.term();
        let run = running.wait();
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        assert_eq!(run.code, Some(75), "{}", run.stderr);
        let n = setup.backend.rows().len() - n_noted(&setup);
        assert!((1..=MOST).contains(&n), "{n}");
        let said = format!("the server has {n} rows of evenement (");
        assert!(run.stderr.contains(&said), "{said}: {}", run.stderr);
        assert!(run.stderr.contains("sent again under the same key"), "{}", run.stderr);
        drop(lock);
        setup.backend.no_faults();
        setup.once_to(0);
        setup.assert_all_served_once();
        assert_eq!(setup.assert_same_bytes(), n, "those and no others went twice");
    }
}

#[test]
fn a_second_instance_is_kept_out_under_any_name_of_the_database() {
    let setup = Setup::new();
    let link = setup.dir().join("other-name.db");
    std::os::unix::fs::symlink("surveillance.db", &link).unwrap();
    for (first, second) in [(setup.path(), link.clone()), (link, setup.path())] {
        let looping = setup.tool(&["--every", "1h"]).env("LOCAL_DB_PATH", &first).spawn();
        looping.wait_stderr("Synchronisation report", Duration::from_secs(20));
        let run = setup.tool(&["--once"]).env("LOCAL_DB_PATH", &second).run();
        assert_eq!(run.code, Some(75), "{}", run.stderr);
        assert!(run.stderr.contains("another pi-uploader is at work"), "{}", run.stderr);
        looping.term();
        looping.wait();
    }
}
