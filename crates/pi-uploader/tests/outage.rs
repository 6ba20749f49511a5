//! The backend is away, comes and goes, or cannot keep up: what a run costs then, and what the next one finds.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{Setup, wait_until};
use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
use sync_testing::backend::{Fault, Kind, Request};
use sync_testing::matrix::how_many;

/// Kind and local id of each request, in order of arrival.
fn sent(setup: &Setup) -> Vec<(Kind, i64)> {
    let ids = |sql: &str| -> HashMap<String, i64> {
        let rows = setup.list(sql);
        let pairs = rows.iter().map(|row| row.split_once(' ').unwrap());
        pairs.map(|(date, id)| (date.to_owned(), id.parse().unwrap())).collect()
    };
    let events = ids("SELECT date, id_evenement FROM evenement");
    let media = ids("SELECT date, id_media FROM media");
    let local = |request: &Request| {
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        let date = body["date"].as_str().unwrap();
        match request.path.as_str() {
            "/api/media" => (Kind::Media, media[date]),
            _ => (Kind::Evenement, events[date]),
        }
    };
    setup.backend.requests().iter().map(local).collect()
}

/// One event is marked with the cause, nothing was counted against any row, and all are due.
#[track_caller]
fn assert_one_marked(setup: &Setup) {
    assert_eq!(setup.tracked(), ["evenement 1 failed"]);
    let reason = setup.one("SELECT error_message FROM sync_tracking");
    assert!(reason.starts_with("Server unreachable: ") && reason.len() > 25, "{reason}");
    let counted = "SELECT count(*) FROM sync_attempt WHERE attempts > 0 OR next_attempt_at IS NOT NULL";
    assert_eq!(setup.one(counted), "0");
}

#[test]
fn a_backend_that_is_down_ends_a_run_at_its_first_row() {
    let setup = Setup::new();
    setup.events(200);
    setup.media(1, 1_000);
    setup.backend.down();
    for _ in 0..3 {
        let began = Instant::now();
        let outcome = setup.once_to(75);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!((outcome.n("written"), outcome.n("waiting")), (0, 201), "{}", outcome.report);
        assert!(outcome.stderr.contains("cannot be reached"), "{}", outcome.stderr);
        assert_one_marked(&setup);
    }
    let french = setup.tool(&["--once"]).env("LANG", "fr_FR.UTF-8").run();
    assert_eq!(french.code, Some(75));
    let reason = setup.one("SELECT error_message FROM sync_tracking");
    assert!(reason.starts_with("Serveur inaccessible"), "{reason}");
    setup.backend.up();
    setup.once_to(0);
    assert_eq!(sent(&setup)[0], (Kind::Evenement, 1));
    assert_eq!(setup.backend.n_requests(), 201, "each once");
    setup.assert_all_served_once();
}

#[test]
fn a_backend_that_speaks_no_tls_is_called_once_a_run() {
    let setup = Setup::new();
    setup.events(200);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let n = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&n);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            count.fetch_add(1, SeqCst);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            // What is left unread would make the end a reset.
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    for n_runs in 1..=3 {
        let run = setup.tool(&["--once"]).env("BACKEND_URL", format!("https://127.0.0.1:{port}")).run();
        assert_eq!(run.code, Some(75), "{}", run.stderr);
        assert_eq!(n.load(SeqCst), n_runs, "{}", run.stderr);
        assert_one_marked(&setup);
    }
}

#[test]
fn a_backend_that_accepts_nobody_costs_one_timeout_a_run() {
    let setup = Setup::new();
    setup.events(200);
    let full = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&full, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listen(&full, 0).unwrap();
    let address = TcpListener::from(full.try_clone().unwrap()).local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queued.push(stream);
    }
    let began = Instant::now();
    let run = setup.tool(&["--once"]).env("BACKEND_URL", format!("http://{address}")).run();
    assert_eq!(run.code, Some(75), "{}", run.stderr);
    assert!((9..16).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_one_marked(&setup);
}

#[test]
fn a_long_backlog_drains_in_order() {
    let (n_events, n_media) = how_many((5_000, 40), (100_000, 500));
    let setup = Setup::new();
    setup.events(n_events);
    for id in (1..=n_media).rev() {
        setup.media(id, 2_000);
    }
    let outcome = setup.once_to(0);
    assert_eq!(outcome.n("written"), u64::try_from(n_events + n_media).unwrap());
    let events = (1..=n_events).map(|id| (Kind::Evenement, id));
    let in_order: Vec<_> = events.chain((1..=n_media).map(|id| (Kind::Media, id))).collect();
    assert!(sent(&setup) == in_order, "another order");
    setup.assert_all_served_once();
}

#[test]
fn new_events_go_between_two_videos() {
    let setup = Setup::new();
    setup.events(2);
    for id in 1..=4 {
        setup.media(id, 2_000);
    }
    let slow = Some(Fault::Slow(Duration::from_millis(700)));
    setup.backend.script([None, None, slow.clone(), None, slow.clone(), slow.clone(), slow]);
    let running = setup.tool(&["--once"]).spawn();
    // While the first video waits for its answer come event 3, during the second one 4, during the third one 5 and 6.
    for (n_requests, n_events) in [(3, 1), (5, 1), (7, 2)] {
        setup.backend.wait_requests(n_requests);
        setup.events(n_events);
    }
    let run = running.wait();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let (e, m) = (Kind::Evenement, Kind::Media);
    let in_order = [(e, 1), (e, 2), (m, 1), (e, 3), (m, 2), (e, 4), (m, 3), (e, 5), (e, 6), (m, 4)];
    assert_eq!(sent(&setup), in_order);
    setup.assert_all_served_once();
}

#[test]
fn a_backend_that_comes_and_goes_gets_each_row_once() {
    for concurrency in ["1", "8"] {
        let setup = Setup::new();
        setup.events(2_000);
        let n_outages = how_many(4, 20);
        for outage in 1..=n_outages {
            setup.backend.up();
            let running = setup.tool(&["--once", "--concurrency", concurrency]).spawn();
            wait_until("so many requests", || setup.backend.n_requests() >= outage * 1_500 / n_outages);
            setup.backend.down();
            let run = running.wait();
            assert_eq!(run.code, Some(75), "{}", run.stderr);
            let marked = "SELECT count(*) FROM sync_tracking WHERE sync_status = 'failed'";
            let n_marked: u64 = setup.one(marked).parse().unwrap();
            assert!((1..=concurrency.parse().unwrap()).contains(&n_marked), "{n_marked} were on their way");
        }
        setup.backend.up();
        setup.make_due();
        setup.once_to(0);
        setup.assert_all_served_once();
        let n_repeated = setup.assert_same_bytes() as u64;
        let n_most = n_outages * concurrency.parse::<u64>().unwrap();
        assert!(n_repeated <= n_most, "{n_repeated} sent again in {n_outages} outages");
    }
}

#[test]
fn a_storm_of_429_costs_five_calls_a_run_and_pauses_as_asked() {
    let setup = Setup::new();
    setup.events(30);
    setup.media(1, 1_000);
    setup.backend.always(Some(Fault::too_many_requests(300)));
    for n_runs in 1..=3 {
        let outcome = setup.once_to(75);
        assert!(outcome.stderr.contains("takes nothing now: HTTP 429"), "{}", outcome.stderr);
        assert_eq!(setup.backend.n_requests(), 5 * n_runs, "rows that were never tried, five a run");
    }
    let pauses =
        "SELECT count(*), min(next_attempt_at - unixepoch()) > 280, max(next_attempt_at - unixepoch()) <= 300
        FROM sync_attempt WHERE attempts = 1";
    assert_eq!(setup.one(pauses), "15 1 1");
    setup.backend.no_faults();
    let outcome = setup.once_to(3);
    assert_eq!((outcome.n("written"), outcome.n("waiting")), (16, 15), "{}", outcome.report);
    setup.make_due();
    setup.once_to(0);
    setup.assert_all_served_once();
}
