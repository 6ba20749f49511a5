//! What each answer of the server means for the row, for the others, and for the run.

#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use common::Setup;
use sync_testing::backend::{Fault, Options, Repeat};

/// Three events, the second of which meets this fault in the first run.
fn met(fault: Fault) -> Setup {
    let setup = Setup::new();
    setup.events(3);
    setup.backend.script([None, Some(fault)]);
    setup
}

fn row(setup: &Setup, id: i64) -> String {
    setup.one(&format!("SELECT sync_status, error_message FROM sync_tracking WHERE local_id = {id}"))
}

/// Seconds until the second event is due.
fn pause(setup: &Setup) -> i64 {
    setup.one("SELECT next_attempt_at - unixepoch() FROM sync_attempt WHERE local_id = 2").parse().unwrap()
}

#[test]
fn a_server_in_trouble_makes_a_row_wait_and_the_others_go_on() {
    for code in [408, 425, 429, 500, 502, 503, 504] {
        let setup = met(Fault::status(code));
        let outcome = setup.once_to(3);
        assert_eq!((outcome.n("events_sent"), outcome.n("waiting")), (2, 1), "{code}: {}", outcome.report);
        assert!(row(&setup, 2).starts_with(&format!("failed HTTP {code}")), "{}", row(&setup, 2));
        assert!((55..=60).contains(&pause(&setup)), "{code}: {}", pause(&setup));
        // Not due, it is not tried; due, it goes.
        let n = setup.backend.n_requests();
        setup.once_to(3);
        assert_eq!(setup.backend.n_requests(), n);
        setup.make_due();
        setup.once_to(0);
        setup.assert_all_served_once();
    }
}

#[test]
fn answers_that_are_lost_or_cut_make_a_row_wait_and_double_nothing() {
    for fault in [
        Fault::LoseReply,
        Fault::Reset,
        Fault::CutReply { after_bytes: 40 },
        Fault::CutRequest { after_bytes: 20 },
    ] {
        let setup = Setup::new();
        setup.events(3);
        // A call that breaks off at once is made again, once.
        setup.backend.script([None, Some(fault.clone()), Some(fault.clone())]);
        let outcome = setup.once_to(3);
        assert_eq!((outcome.n("events_sent"), outcome.n("waiting")), (2, 1), "{fault:?}: {}", outcome.report);
        setup.make_due();
        setup.once_to(0);
        setup.assert_all_served_once();
    }
}

#[test]
fn a_connection_that_the_server_closed_is_no_failure() {
    let setup = Setup::new();
    setup.events(40);
    setup.backend.always(Some(Fault::CloseAfter));
    setup.once_to(0);
    setup.assert_all_served_once();
}

#[test]
fn a_refused_row_waits_longer_each_time_and_blocks_none() {
    let setup = Setup::new();
    setup.events(5);
    let poison = setup.one("SELECT date FROM evenement WHERE id_evenement = 2");
    let long = "x".repeat(2_000);
    setup.backend.poison(
        &poison,
        Fault::Status { code: 422, headers: vec![], body: format!("capteur inconnu {long}") },
    );
    for hours in [1, 2, 4, 8, 16, 24, 24] {
        let outcome = setup.once_to(3);
        assert_eq!(outcome.n("events_failed"), 1, "{}", outcome.report);
        assert!((hours * 3600 - 5..=hours * 3600).contains(&pause(&setup)), "{hours} h: {}", pause(&setup));
        let reason = setup.one("SELECT error_message FROM sync_tracking WHERE local_id = 2");
        assert!(reason.starts_with("HTTP 422 capteur inconnu x"), "{reason}");
        assert!((500..=520).contains(&reason.chars().count()), "{}", reason.len());
        setup.make_due();
    }
    assert_eq!(setup.one("SELECT count(*) FROM sync_tracking WHERE sync_status = 'success'"), "4");
    let failures = setup.run(&["failures"]).stdout;
    assert!(failures.contains("evenement 2  attempts 7") && failures.contains("HTTP 422"), "{failures}");
    setup.backend.no_faults();
    setup.once_to(0);
    setup.assert_all_served_once();
}

#[test]
fn retry_after_is_honoured_up_to_a_day() {
    let date = std::time::SystemTime::now() + std::time::Duration::from_secs(7_200);
    for (fault, expected) in [
        (Fault::retry_after(429, 900), 900),
        (Fault::retry_after(503, 5), 5),
        (Fault::retry_after(429, 864_000), 86_400),
        (Fault::retry_after_date(503, date), 7_200),
    ] {
        let setup = met(fault.clone());
        setup.once_to(3);
        assert!((expected - 6..=expected + 1).contains(&pause(&setup)), "{fault:?}: {}", pause(&setup));
    }
}

#[test]
fn success_is_a_json_object_with_or_without_an_id() {
    let setup = Setup::new();
    setup.events(3);
    setup.backend.script([Some(Fault::IdAsText), Some(Fault::NoId), None]);
    let run = setup.run(&["--once"]);
    assert_eq!(run.code, Some(0));
    assert_eq!(
        setup.list("SELECT typeof(remote_id), sync_status FROM sync_tracking ORDER BY local_id"),
        ["integer success", "null success", "integer success"]
    );
    assert!(run.stderr.contains("evenement 2: the server took it without saying its id"), "{}", run.stderr);
}

#[test]
fn a_captive_portal_acknowledges_nothing() {
    let redirect = Fault::Redirect("http://portal.example/login".to_owned());
    for fault in [Fault::Html, redirect, Fault::JsonArray, Fault::status(204)] {
        let setup = Setup::new();
        setup.events(200);
        setup.media(1, 1_000);
        setup.backend.always(Some(fault.clone()));
        for _ in 0..2 {
            let outcome = setup.once_to(75);
            assert_eq!(outcome.n("written"), 0, "{fault:?}: {}", outcome.report);
        }
        assert_eq!(setup.backend.n_requests(), 2, "one a run: {fault:?}");
        assert_eq!(setup.tracked(), ["evenement 1 failed"]);
        assert!(row(&setup, 1).starts_with("failed Server unreachable"), "{}", row(&setup, 1));
        setup.backend.no_faults();
        setup.once_to(0);
        setup.assert_all_served_once();
    }
}

#[test]
fn garbage_after_a_commit_doubles_nothing() {
    let setup = met(Fault::Garbage);
    setup.once_to(75);
    setup.once_to(0);
    setup.assert_all_served_once();
}

#[test]
fn a_conflict_is_success_only_where_an_earlier_call_may_have_brought_the_row() {
    let setup = Setup::with(Options { repeat: Repeat::Conflict, ..Options::default() }, common::VERSION_A);
    setup.events(2);
    setup.backend.script([None, Some(Fault::LoseReply), Some(Fault::LoseReply)]);
    setup.once_to(3);
    setup.make_due();
    setup.once_to(0);
    setup.assert_all_served_once();
    assert_eq!(setup.one("SELECT remote_id FROM sync_tracking WHERE local_id = 2"), "2");
    // Out of the blue it is a refusal.
    setup.events(1);
    let body = r#"{"detail":"exists","id":7}"#.to_owned();
    setup.backend.script([Some(Fault::Status { code: 409, headers: vec![], body })]);
    setup.once_to(3);
    assert!(row(&setup, 3).starts_with("failed HTTP 409"), "{}", row(&setup, 3));
    // Without an id it stays one.
    let setup =
        Setup::with(Options { repeat: Repeat::ConflictWithoutId, ..Options::default() }, common::VERSION_A);
    setup.events(1);
    setup.backend.script([Some(Fault::LoseReply), Some(Fault::LoseReply)]);
    setup.once_to(3);
    setup.make_due();
    setup.once_to(3);
    assert_eq!(setup.backend.rows().len(), 1);
}

#[test]
fn a_token_that_is_not_known_ends_the_run() {
    let setup =
        Setup::with(Options { token: Some("s3cret".to_owned()), ..Options::default() }, common::VERSION_A);
    setup.events(100);
    let run = setup.tool(&["--once"]).env("BACKEND_TOKEN", "wrong-token").run();
    assert_eq!(run.code, Some(78), "{}", run.stderr);
    assert!(run.stderr.contains("BACKEND_TOKEN") && !run.stderr.contains("wrong-token"), "{}", run.stderr);
    assert_eq!(setup.backend.n_requests(), 1);
    let check = setup.tool(&["check"]).env("BACKEND_TOKEN", "wrong-token").run();
    assert_eq!(check.code, Some(78), "{}", check.stdout);
    // A loop tries again.
    let looping = setup.tool(&[]).env("BACKEND_TOKEN", "wrong-token").spawn();
    looping.wait_stderr("Synchronisation report", std::time::Duration::from_secs(10));
    assert!(!looping.has_ended());
    looping.term();
    looping.wait();
    std::fs::write(setup.dir().join("token"), "s3cret\n").unwrap();
    let run = setup.tool(&["--once"]).env("BACKEND_TOKEN_FILE", setup.dir().join("token")).run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    setup.assert_all_served_once();
    let forbidden = Setup::new();
    forbidden.events(2);
    forbidden.backend.script([Some(Fault::status(403))]);
    forbidden.once_to(3);
    assert_eq!(forbidden.backend.rows().len(), 1, "403 is one row's affair");
}

#[test]
fn https_with_a_certificate_of_ones_own() {
    let setup = Setup::with(Options { tls: true, ..Options::default() }, common::VERSION_A);
    setup.events(3);
    let outcome = setup.once_to(75);
    assert!(
        outcome.stderr.contains("UnknownIssuer") || outcome.stderr.contains("certificate"),
        "{}",
        outcome.stderr
    );
    let ca = setup.backend.certificate();
    setup.once(&["--backend-ca-file", &ca.display().to_string()]).ended_with(0);
    setup.assert_all_served_once();
    let none = setup.dir().join("none.pem");
    std::fs::write(&none, "").unwrap();
    assert_eq!(setup.run(&["--once", "--backend-ca-file", &none.display().to_string()]).code, Some(78));
}

#[test]
fn five_rows_that_the_server_cannot_take_end_a_run() {
    let setup = Setup::new();
    setup.events(50);
    setup.backend.always(Some(Fault::status(500)));
    let outcome = setup.once_to(75);
    assert!(outcome.stderr.contains("takes nothing now"), "{}", outcome.stderr);
    assert_eq!(setup.backend.n_requests(), 5);
    // The next run begins with rows that were never tried; those that failed come last.
    setup.backend.no_faults();
    setup.backend.reset_log();
    setup.make_due();
    setup.once_to(0);
    let first = setup.backend.requests()[0].body.clone();
    assert!(first.contains(&setup.one("SELECT date FROM evenement WHERE id_evenement = 6")), "{first}");
    setup.assert_all_served_once();
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let setup = met(Fault::Silent);
    let outcome = setup.once_to(3);
    assert_eq!(outcome.n("events_sent"), 2, "{}", outcome.report);
    assert!(row(&setup, 2).contains("no progress"), "{}", row(&setup, 2));
    setup.make_due();
    setup.once_to(0);
    setup.assert_all_served_once();
}

#[test]
fn a_backend_of_another_kind_is_refused_before_anything_is_sent() {
    let setup = Setup::new();
    setup.events(1);
    for url in ["backend", "ftp://backend", "postgres://u:hunter2@h/d"] {
        let run = setup.tool(&["--once"]).env("BACKEND_URL", url).run();
        assert_eq!(run.code, Some(78), "{url}: {}", run.stderr);
        assert!(run.stderr.contains("BACKEND_URL") && !run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    let run = setup.tool(&["--once"]).env("BACKEND_URL", "http://no-such-host.invalid").run();
    assert_eq!(run.code, Some(75), "{}", run.stderr);
}
