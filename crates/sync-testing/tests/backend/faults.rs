//! Every fault: what the client sees, and what was committed.

use std::io::ErrorKind;
use std::time::{Duration, Instant, SystemTime};

use sync_testing::backend::{Backend, Fault, Options, Request};

use crate::client::{Client, EVENEMENTS, MEDIA, Reply, event, get, media, post, post_event, post_with};

/// A backend whose first POST suffers this.
fn with(fault: Fault) -> (Backend, Client) {
    let backend = Backend::start();
    backend.script([Some(fault)]);
    let client = Client::to(&backend);
    (backend, client)
}

/// The reply to an event under this fault, and how many rows there are then.
fn reply_under(fault: Fault) -> (Reply, usize) {
    let (backend, mut client) = with(fault);
    let reply = client.ask(&post_event(1));
    let n_rows = backend.rows().len();
    assert_eq!(client.ask(&get(EVENEMENTS)).status, 200, "the connection stays");
    (reply, n_rows)
}

fn only_request(backend: &Backend) -> Request {
    let mut requests = backend.wait_requests(1);
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

#[test]
fn silent_reads_and_never_answers() {
    let (backend, mut client) = with(Fault::Silent);
    client.send(&post_event(1));
    let request = only_request(&backend);
    assert_eq!((request.complete, request.answered, request.fault), (true, None, Some(Fault::Silent)));
    client.stream.get_mut().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert_eq!(client.reply().unwrap_err().kind(), ErrorKind::WouldBlock, "open, and nothing comes");
    assert!(backend.rows().is_empty());
}

#[test]
fn slow_commits_before_it_waits() {
    let (backend, mut client) = with(Fault::Slow(Duration::from_secs(3600)));
    client.send(&post_event(1));
    only_request(&backend);
    assert_eq!(backend.rows().len(), 1);
    // Ends the wait too.
    drop(backend);
    assert!(client.reply().is_err());

    let (_backend, mut client) = with(Fault::Slow(Duration::from_millis(100)));
    let began = Instant::now();
    assert_eq!(client.ask(&post_event(1)).status, 201);
    assert!(began.elapsed() >= Duration::from_millis(100));
}

#[test]
fn slow_reply_comes_at_its_speed() {
    let began = Instant::now();
    let (reply, n_rows) = reply_under(Fault::SlowReply { bytes_per_s: 1000 });
    assert_eq!((reply.status, reply.id(), n_rows), (201, 1, 1));
    let n_ms = (reply.head.len() + reply.body.len()) as u64;
    assert!(began.elapsed() >= Duration::from_millis(n_ms), "{n_ms} bytes in {:?}", began.elapsed());
}

#[test]
fn slow_read_takes_its_time() {
    let (backend, mut client) = with(Fault::SlowRead { bytes_per_s: 1000 });
    let began = Instant::now();
    assert_eq!(client.ask(&post_event(1)).status, 201);
    let n_ms = event(1).len() as u64;
    assert!(began.elapsed() >= Duration::from_millis(n_ms), "{n_ms} bytes in {:?}", began.elapsed());
    assert_eq!(backend.rows().len(), 1);
}

#[test]
fn lose_reply_commits_and_says_nothing() {
    let (backend, mut client) = with(Fault::LoseReply);
    assert_eq!(client.send(&post_event(1)).rest().unwrap(), "");
    assert_eq!(backend.rows().len(), 1);
    let request = only_request(&backend);
    assert_eq!((request.complete, request.answered), (true, None));
    let again = Client::to(&backend).ask(&post_event(1));
    assert_eq!((again.status, again.id()), (200, 1));
}

#[test]
fn cut_request_stops_in_the_body() {
    for (path, body) in [(EVENEMENTS, event(1)), (MEDIA, media(&[7; 3_000_000]))] {
        let (backend, mut client) = with(Fault::CutRequest { after_bytes: 40 });
        // The backend may be gone while the client is still sending.
        let _ = std::io::Write::write_all(client.stream.get_mut(), post(path, "k", &body).as_bytes());
        assert!(client.reply().is_err());
        let request = only_request(&backend);
        assert_eq!((request.complete, request.answered), (false, None));
        assert_eq!(request.body, body[..40]);
        assert!(backend.rows().is_empty());
        assert_eq!(Client::to(&backend).ask(&post(path, "k", &body)).status, 201);
    }
    let (backend, mut client) = with(Fault::CutRequest { after_bytes: 1_000_000 });
    assert_eq!(client.send(&post_event(1)).rest().unwrap(), "", "a shorter body is read whole");
    assert!(only_request(&backend).complete);
    assert!(backend.rows().is_empty());
}

#[test]
fn cut_reply_sends_so_many_bytes() {
    for (after_bytes, expected) in [(0, ""), (20, "HTTP/1.1 201 Created")] {
        let (backend, mut client) = with(Fault::CutReply { after_bytes });
        assert_eq!(client.send(&post_event(1)).rest().unwrap(), expected);
        assert_eq!(backend.rows().len(), 1);
    }
}

#[test]
fn status_is_answered_and_nothing_committed() {
    let body = "<b>no</b>".to_owned();
    let headers = vec![("Content-Type".into(), "text/html".into()), ("X-A".into(), "b".into())];
    let (reply, n_rows) = reply_under(Fault::Status { code: 502, headers, body });
    assert_eq!((reply.status, reply.body.as_str(), n_rows), (502, "<b>no</b>", 0));
    assert_eq!((reply.header("Content-Type"), reply.header("X-A")), (Some("text/html"), Some("b")));
    assert!(reply.head.starts_with("HTTP/1.1 502 Bad Gateway\r\n"));

    let (reply, _) = reply_under(Fault::status(500));
    assert_eq!(reply.json()["detail"], "Internal Server Error");
    let (reply, _) = reply_under(Fault::status(204));
    assert_eq!((reply.header("Content-Length"), reply.body.as_str()), (None, ""));
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let (reply, n_rows) = reply_under(Fault::too_many_requests(7));
    assert_eq!((reply.status, reply.header("Retry-After"), n_rows), (429, Some("7"), 0));
    let (reply, _) = reply_under(Fault::unavailable(0));
    assert_eq!((reply.status, reply.header("Retry-After")), (503, Some("0")));
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_900);
    let (reply, _) = reply_under(Fault::retry_after_date(429, at));
    assert_eq!(reply.header("Retry-After"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
}

#[test]
fn spoilt_replies_come_after_the_commit() {
    let (reply, n_rows) = reply_under(Fault::Garbage);
    assert_eq!((reply.status, n_rows), (201, 1));
    assert!(serde_json::from_str::<serde_json::Value>(&reply.body).is_err());

    let (reply, n_rows) = reply_under(Fault::IdAsText);
    assert_eq!((reply.status, &reply.json()["id"], n_rows), (201, &"1".into(), 1));

    let (reply, n_rows) = reply_under(Fault::NoId);
    assert_eq!((reply.status, n_rows), (201, 1));
    assert_eq!(reply.json(), serde_json::from_str::<serde_json::Value>(&event(1)).unwrap());
}

#[test]
fn foreign_replies_commit_nothing() {
    let (reply, n_rows) = reply_under(Fault::Html);
    assert_eq!((reply.status, n_rows), (200, 0));
    assert_eq!(reply.header("Content-Type"), Some("text/html; charset=utf-8"));
    assert!(reply.body.contains("<html>"));

    let (reply, n_rows) = reply_under(Fault::Redirect("http://login.example/".into()));
    assert_eq!((reply.status, reply.header("Location"), n_rows), (302, Some("http://login.example/"), 0));

    let (reply, n_rows) = reply_under(Fault::JsonArray);
    assert_eq!((reply.status, reply.body.as_str(), n_rows), (200, "[]", 0));
}

#[test]
fn close_after_closes_without_a_word() {
    let (backend, mut client) = with(Fault::CloseAfter);
    let reply = client.ask(&post_event(1));
    assert_eq!((reply.status, reply.header("Connection")), (201, None));
    assert_eq!(client.rest().unwrap(), "");
    assert_eq!(backend.rows().len(), 1);
}

#[test]
fn reset_is_a_reset() {
    let (backend, mut client) = with(Fault::Reset);
    client.send(&post_event(1));
    assert_eq!(client.reply().unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(only_request(&backend).complete);
    assert!(backend.rows().is_empty());
}

#[test]
fn an_invalid_request_gets_its_refusal_from_a_fault_that_commits() {
    for fault in [Fault::Garbage, Fault::IdAsText, Fault::NoId, Fault::CloseAfter] {
        let backend = Backend::start_with(Options { token: Some("abc".into()), ..Options::default() });
        backend.always(Some(fault));
        let token = "Authorization: Bearer abc\r\n";
        assert_eq!(Client::to(&backend).ask(&post_with(EVENEMENTS, "", &event(1))).status, 401);
        assert_eq!(Client::to(&backend).ask(&post_with(EVENEMENTS, token, "{}")).status, 422);
        assert!(backend.rows().is_empty());
    }
}
