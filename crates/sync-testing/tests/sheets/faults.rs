//! Calls that go wrong.

use std::time::{Duration, Instant};

use serde_json::json;
use sync_testing::sheets::{CallKind, Fault, Google, On};

use crate::client::{Client, FULL, ask, claims, sign};

const ADD: &str = r#"{"requests":[{"addSheet":{}}]}"#;

fn n_tabs(client: &Client) -> usize {
    client.book().tabs.len()
}

#[test]
fn answers_that_say_so() {
    let client = Client::new();
    for (fault, status, n_more) in [
        (Fault::TooMany { retry_after: Some("3".to_owned()) }, 429, 0),
        (Fault::OldLimit, 403, 0),
        (Fault::Aborted, 409, 0),
        (Fault::Unavailable, 503, 0),
        (Fault::UnavailableAfter, 503, 1),
        (Fault::BadGateway, 502, 0),
        (Fault::Unauthorized, 401, 0),
        (Fault::Internal, 500, 0),
    ] {
        let n = n_tabs(&client);
        client.google.plan(On::Write, fault.clone());
        let reply = client.try_post(":batchUpdate", ADD).unwrap();
        assert_eq!((reply.status, n_tabs(&client)), (status, n + n_more), "{fault:?}");
        let is_page = reply.json.as_str().is_some_and(|t| t.contains("<!DOCTYPE html>"));
        assert_eq!(is_page, fault == Fault::BadGateway, "{reply:?}");
        assert_eq!(reply.retry_after.as_deref(), (status == 429).then_some("3"));
        assert_eq!(client.google.calls().last().unwrap().status, Some(status));
    }
}

#[test]
fn connections_that_are_reset() {
    let client = Client::new();
    for (fault, n_more) in [(Fault::Reset, 0), (Fault::ResetAfter, 1)] {
        let n = n_tabs(&client);
        client.google.plan(On::Write, fault.clone());
        let error = client.try_post(":batchUpdate", ADD).unwrap_err();
        assert!(error.to_string().contains("reset"), "{fault:?}: {error}");
        assert_eq!(n_tabs(&client), n + n_more, "{fault:?}");
        assert_eq!(client.google.calls().last().unwrap().status, None);
    }
    assert_eq!(client.get("").status, 200);
}

#[test]
fn answer_that_is_cut_short() {
    let client = Client::new();
    client.google.plan(On::Any, Fault::Truncated);
    let n = n_tabs(&client);
    assert!(client.try_post(":batchUpdate", ADD).is_err());
    assert_eq!(n_tabs(&client), n + 1);
    assert_eq!(client.google.calls()[0].status, Some(200));
}

#[test]
fn answer_that_comes_late() {
    let client = Client::new();
    client.google.plan(On::Read, Fault::Slow(Duration::from_millis(300)));
    let began = Instant::now();
    assert_eq!(client.get("").status, 200);
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[test]
fn answer_that_never_comes() {
    let Client { google, token, .. } = Client::new();
    google.plan(On::Read, Fault::Hang);
    let url = format!("{}v4/spreadsheets/{}", google.url(), google.workbook());
    std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            let agent = crate::client::agent();
            agent.get(url).header("Authorization", format!("Bearer {token}")).call().map(|r| r.status())
        });
        google.wait_for_calls(1);
        // Others are served meanwhile.
        assert_eq!(ask(&google, &sign(&google, &claims(&google, FULL))).status, 200);
        let began = Instant::now();
        drop(google);
        assert!(call.join().unwrap().is_err());
        assert!(began.elapsed() < Duration::from_secs(5));
    });
}

#[test]
fn faults_are_met_in_order_by_whom_they_are_meant_for() {
    let client = Client::new();
    client.google.plan(On::Write, Fault::Internal);
    client.google.plan(On::Any, Fault::Unavailable);
    client.google.plan(On::Read, Fault::Unauthorized);
    client.google.always(On::Read, Some(Fault::BadGateway));
    let read = || client.get("").status;
    assert_eq!([read(), read(), read()], [503, 401, 502]);
    client.google.always(On::Read, None);
    assert_eq!(read(), 200);
    assert_eq!(client.try_post(":batchUpdate", ADD).unwrap().status, 500);
    assert_eq!(client.try_post(":batchUpdate", ADD).unwrap().status, 200);
}

#[test]
fn faults_of_the_token_endpoint() {
    let google = Google::start();
    google.plan(On::Token, Fault::Unavailable);
    let assertion = sign(&google, &claims(&google, FULL));
    assert_eq!(ask(&google, &assertion).status, 503);
    assert_eq!(ask(&google, &assertion).status, 200);
    assert_eq!(google.calls().iter().filter(|c| c.kind == CallKind::Token).count(), 2);
}

#[test]
fn owners_edits_meet_no_faults_and_no_quota() {
    let client = Client::new();
    client.google.set_quota(0, 0);
    client.google.always(On::Any, Some(Fault::Internal));
    client.edit(json!({ "requests": [{ "addSheet": {} }] }));
    assert!(client.google.edit("nothing", json!([])).is_err());
    let wrong = client.google.edit(&client.google.workbook(), json!([{ "addShet": {} }])).unwrap_err();
    assert!(wrong.contains("Unknown name \"addShet\""), "{wrong}");
    assert_eq!((n_tabs(&client), client.google.calls().len()), (2, 0));
}
