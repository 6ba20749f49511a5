//! What people change by command: `retry`, `resend` and `reset`, and what `failures` tells them.

mod common;

use common::Setup;
use serde_json::Value;
use sync_testing::backend::Fault;

#[test]
fn failures_are_listed_for_people_and_programs() {
    let setup = Setup::new();
    setup.events(3);
    setup.media(1, 2_000);
    assert_eq!(setup.run(&["failures"]).code, Some(0), "none yet");
    setup.backend.script([None, Some(Fault::status(422)), Some(Fault::retry_after(503, 600)), None]);
    setup.once_to(3);
    let run = setup.run(&["failures", "--json"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{}", run.stdout);
    for (line, id, status, seconds) in [(&lines[0], 3, "HTTP 503", 600), (&lines[1], 2, "HTTP 422", 3_600)] {
        assert_eq!((&line["table"], &line["id"]), (&"evenement".into(), &id.into()), "{line}");
        assert_eq!(line["attempts"], 1, "{line}");
        assert!(line["reason"].as_str().unwrap().starts_with(status), "{line}");
        let due: jiff::Timestamp = line["next_attempt"].as_str().unwrap().parse().unwrap();
        let left = due.duration_since(jiff::Timestamp::now()).as_secs();
        assert!((seconds - 30..=seconds).contains(&left), "{line}: {left} s");
    }
    let text = setup.run(&["failures"]).stdout;
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("evenement 2  attempts 1") && text.contains("HTTP 422"), "{text}");
}

#[test]
fn retry_makes_one_row_or_all_of_them_due() {
    let setup = Setup::new();
    setup.events(4);
    setup.backend.script((1..=3).map(|_| Some(Fault::status(422))));
    setup.once_to(3);
    setup.backend.reset_log();
    let run = setup.run(&["retry", "evenement", "2"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "1 due now\n"), "{}", run.stderr);
    assert_eq!(setup.once_to(3).n("events_sent"), 1);
    assert_eq!(setup.backend.n_requests(), 1);
    assert_eq!(setup.tracked()[1], "evenement 2 success");
    // A row that was sent is not touched.
    assert_eq!(setup.run(&["retry", "evenement", "2"]).code, Some(1));
    assert_eq!(setup.run(&["retry", "evenement", "99"]).code, Some(1));
    assert_eq!(setup.run(&["retry"]).stdout, "2 due now\n");
    setup.once_to(0);
    setup.assert_all_served_once();
    assert_eq!(setup.run(&["retry"]).stdout, "0 due now\n");
}

#[test]
fn resend_sends_one_row_again_under_its_key() {
    let setup = Setup::new();
    setup.events(3);
    setup.media(1, 2_000);
    setup.once_to(0);
    for (table, path) in [("evenement", "/api/evenements"), ("media", "/api/media")] {
        let keys = |path: &str| -> Vec<_> {
            let requests = setup.backend.requests().into_iter();
            requests.filter(|request| request.path == path).map(|request| request.key).collect()
        };
        let before = keys(path);
        assert_eq!(setup.run(&["resend", table, "1"]).code, Some(0));
        assert_eq!(setup.once_to(0).n("written"), 1);
        let after = keys(path);
        assert_eq!(after.len(), before.len() + 1, "{table}");
        assert_eq!(after.last(), before.first(), "{table}");
    }
    setup.assert_all_served_once();
    assert_eq!(setup.one("SELECT count(*) FROM sync_archive"), "2");
    let missing = setup.run(&["resend", "evenement", "99"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("there is no evenement 99"), "{}", missing.stderr);
}

#[test]
fn reset_says_how_much_it_forgets_and_wants_a_yes() {
    let setup = Setup::new();
    setup.events(7);
    setup.once_to(0);
    let before = setup.tracked();
    let asked = setup.run(&["reset"]);
    assert_eq!((asked.code, asked.stdout.as_str()), (Some(1), "7 rows were sent\n"), "{}", asked.stderr);
    assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    assert_eq!(setup.tracked(), before);
    let run = setup.run(&["reset", "--yes"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.starts_with("7 rows were sent"), "{}", run.stdout);
    assert_eq!(setup.tracked(), [""; 0]);
    assert_eq!(setup.once_to(0).n("written"), 7);
    setup.assert_all_served_once();
    assert_eq!(setup.backend.n_requests(), 14);
}
