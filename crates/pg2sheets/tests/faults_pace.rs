//! How long is waited when Google has no time.

mod common;

use common::shop::{assert_complete, shop};
use sync_testing::sheets::{Call, Fault, On};

fn pauses(calls: &[Call]) -> Vec<f64> {
    calls.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64()).collect()
}

#[test]
fn too_many_calls_cost_three_more_and_growing_pauses() {
    let setup = shop();
    for _ in 0..3 {
        setup.google.plan(On::Write, Fault::TooMany { retry_after: None });
    }
    setup.sync_to(0, &[]);
    let calls = setup.calls();
    assert_eq!(calls.len(), 2 + 3, "no second look at the workbook: nothing was done");
    let pauses = pauses(&calls);
    for (pause, least) in pauses[1..].iter().zip([1.0, 2.0, 4.0]) {
        assert!(*pause >= least, "{pauses:?}");
    }
    assert_complete(&setup);
}

#[test]
fn a_server_that_says_how_long_to_wait_is_obeyed() {
    let setup = shop();
    for on in [On::Read, On::Write] {
        setup.google.plan(on, Fault::TooMany { retry_after: Some("3".to_owned()) });
    }
    setup.sync_to(0, &[]);
    let pauses = pauses(&setup.calls());
    assert!(pauses[0] >= 3.0 && pauses[2] >= 3.0, "{pauses:?}");
    assert_complete(&setup);
}

#[test]
fn a_retry_after_that_is_over_still_costs_a_pause() {
    let setup = shop();
    for text in ["Wed, 21 Oct 2015 07:28:00 GMT", "0"] {
        setup.google.plan(On::Write, Fault::TooMany { retry_after: Some(text.to_owned()) });
    }
    setup.sync_to(0, &[]);
    let pauses = pauses(&setup.calls());
    assert!(pauses[1] >= 1.0 && pauses[2] >= 2.0, "{pauses:?}");
}

#[test]
fn a_retry_after_beyond_the_deadline_is_not_waited_for() {
    let setup = shop();
    setup.google.plan(On::Write, Fault::TooMany { retry_after: Some("3600".to_owned()) });
    let outcome = setup.sync_to(75, &["--deadline", "20s"]);
    assert!(outcome.report["duration_s"].as_f64().unwrap() < 10.0);
}
