//! Answers that break off, never end, or say what they should not.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use common::Setup;
use common::raw::{Raw, Reply, usual};
use sync_testing::backend::Fault;
use sync_testing::tool::Run;

const OK: &str = r#"{"id":7}"#;

/// Runs once against a server that answers so to the second of five events, and as usual to the others.
fn met(setup: &Setup, reply: Reply) -> (Run, Raw) {
    let poison = setup.one("SELECT date FROM evenement WHERE id_evenement = 2");
    let raw = Raw::start(move |request| match request.contains(&poison) {
        true => reply.clone(),
        false => usual("201 Created", OK),
    });
    (setup.tool(&["--once"]).env("BACKEND_URL", &raw.url).run(), raw)
}

fn five_events() -> Setup {
    let setup = Setup::new();
    setup.events(5);
    setup
}

/// The second event waits, with an attempt counted; the others are sent.
#[track_caller]
fn assert_one_waits(setup: &Setup, run: &Run, why: &str) {
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert_eq!(setup.one("SELECT count(*) FROM sync_tracking WHERE sync_status = 'success'"), "4");
    let waits =
        "SELECT local_id, attempts, next_attempt_at > unixepoch() + 50 FROM sync_attempt WHERE attempts > 0";
    assert_eq!(setup.list(waits), ["2 1 1"], "{}", run.stderr);
    let reason = setup.one("SELECT error_message FROM sync_tracking WHERE local_id = 2");
    assert!(reason.contains("breaks off") && reason.contains(why), "{reason}");
}

#[test]
fn a_success_whose_body_breaks_off_makes_its_row_wait_and_no_other() {
    let with = |head: &str, body: &str| format!("HTTP/1.1 201 Created\r\n{head}\r\n\r\n{body}").into_bytes();
    for reply in [
        Reply::Cut(with("Content-Length: 100", OK)),
        Reply::Cut(with("Transfer-Encoding: chunked", "8\r\n{\"id\":7}\r\n")),
        Reply::Cut(with("Transfer-Encoding: chunked", "ZZ\r\n{\"id\":7}\r\n")),
        Reply::Cut(with("Content-Encoding: gzip\r\nContent-Length: 8", OK)),
        Reply::Cut(b"HTTP/1.0 201 Created\r\n\r\n{\"id\":12".to_vec()),
        Reply::Stall(with("Content-Length: 4000", "{\"id\"")),
    ] {
        let setup = five_events();
        let (run, _) = met(&setup, reply.clone());
        eprintln!("{reply:?}");
        assert_one_waits(&setup, &run, "HTTP 201");
        // The server may have it: the key is the same, and an answer that it is there will do.
        setup.make_due();
        setup.once_to(0);
    }
}

#[test]
fn an_answer_without_an_end_is_not_read_to_it() {
    for head in ["Content-Length: 400000015", "Connection: close"] {
        let setup = five_events();
        let endless = format!("HTTP/1.1 201 Created\r\n{head}\r\n\r\n{{\"id\":1,\"a\":\"a").into_bytes();
        let (run, raw) = met(&setup, Reply::Endless(endless));
        assert_one_waits(&setup, &run, "longer than");
        let n = raw.n_endless.load(SeqCst);
        // What the kernel holds on both sides was not read by us.
        assert!(n < 20_000_000, "{n} bytes");
    }
}

#[test]
fn five_such_answers_in_a_row_end_a_run() {
    let setup = Setup::new();
    setup.events(50);
    let raw =
        Raw::start(|_| Reply::Cut(b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{\"id\"".to_vec()));
    let run = setup.tool(&["--once"]).env("BACKEND_URL", &raw.url).run();
    assert_eq!((run.code, raw.n_requests()), (Some(75), 5), "{}", run.stderr);
}

#[test]
fn a_whole_answer_that_is_no_object_is_a_captive_portals() {
    let setup = five_events();
    for body in ["<html>login</html>", "", "null", "{\"id\":"] {
        let raw = Raw::start(move |_| usual("200 OK", body));
        let run = setup.tool(&["--once"]).env("BACKEND_URL", &raw.url).run();
        assert_eq!((run.code, raw.n_requests()), (Some(75), 1), "{body}: {}", run.stderr);
        assert_eq!(setup.one("SELECT sum(attempts) FROM sync_attempt"), "0");
    }
}

#[test]
fn five_retries_in_a_row_end_a_run_as_first_attempts_do() {
    let setup = Setup::new();
    setup.events(12);
    setup.backend.always(Some(Fault::status(500)));
    for (code, n_requests) in [(75, 5), (75, 10), (3, 12)] {
        setup.once_to(code);
        assert_eq!(setup.backend.n_requests(), n_requests);
    }
    setup.make_due();
    setup.once_to(75);
    assert_eq!(setup.backend.n_requests(), 17, "all twelve were due");
    setup.backend.no_faults();
    setup.make_due();
    setup.once_to(0);
    setup.assert_all_served_once();
}

#[test]
fn a_server_that_says_our_secrets_is_not_quoted() {
    for status in ["400 Bad Request", "503 Unavailable", "401 Unauthorized"] {
        let setup = five_events();
        let is_first = AtomicBool::new(true);
        let raw = Raw::start(move |request| match is_first.swap(false, SeqCst) {
            true => usual(status, &format!("you sent {request}, hunter2 and s3cret-token")),
            false => usual("201 Created", OK),
        });
        let url = raw.url.replace("://", "://me:hunter2@");
        let run = setup.tool(&["--once"]).env("BACKEND_URL", url).env("BACKEND_TOKEN", "s3cret-token").run();
        assert!(raw.requests.lock().unwrap()[0].contains("s3cret-token"));
        let kept = setup.one("SELECT error_message FROM sync_tracking WHERE sync_status = 'failed'");
        assert!(kept.contains("you sent") && kept.contains("***"), "{kept}");
        for told in [&run.stderr, &kept, &setup.run(&["failures"]).stdout] {
            assert!(!told.contains("s3cret") && !told.contains("hunter2"), "{told}");
        }
    }
}
