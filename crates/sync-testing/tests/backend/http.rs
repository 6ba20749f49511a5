//! HTTP: lengths, connections, bodies in pieces.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::time::Duration;

use sync_testing::backend::{Backend, Fault, Options, hash_of};

use crate::client::{Client, EVENEMENTS, MEDIA, event, get, media, post, post_event, post_with};

#[test]
fn a_request_without_a_length_is_refused() {
    let backend = Backend::start();
    let head = "POST /api/evenements HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let body = event(1);
    let n = body.len();
    for (fields, status) in [
        (String::new(), 411),
        ("Transfer-Encoding: chunked\r\n".into(), 411),
        (format!("Content-Length: {n}\r\nTransfer-Encoding: chunked\r\n"), 411),
        (format!("Transfer-Encoding: chunked\r\nContent-Length: {n}\r\n"), 411),
        (format!("Content-Length: +{n}\r\n"), 400),
        (format!("Content-Length: {n}\r\nContent-Length: {}\r\n", n + 1), 400),
    ] {
        let mut client = Client::to(&backend);
        let reply = client.ask(&format!("{head}{fields}\r\n{n:x}\r\n{body}\r\n0\r\n\r\n"));
        assert_eq!(reply.status, status, "{fields}");
        assert_eq!(reply.header("Connection"), Some("close"));
        assert_eq!(client.rest().unwrap(), "", "the body is no request");
    }
    assert!(backend.rows().is_empty());
    assert!(backend.requests().iter().all(|r| !r.complete));
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let backend = Backend::start();
    let body = "x".repeat(20_000_000);
    let request = post_event(1).replace("Content-Length", "Transfer-Encoding: chunked\r\nX");
    let mut client = Client::to(&backend);
    assert_eq!(client.ask(&format!("{request}{body}")).status, 411);
}

#[test]
fn paths_methods_and_types_are_checked() {
    let backend = Backend::start();
    let mut client = Client::to(&backend);
    assert_eq!(client.ask(&post("/api/other", "k", &event(1))).status, 404);
    assert_eq!(client.ask(&get("/")).status, 404);
    assert_eq!(client.ask(&post_event(1).replacen("POST", "PUT", 1)).status, 405);
    assert_eq!(client.ask(&post_event(1).replace("application/json", "text/plain")).status, 415);
    assert!(backend.rows().is_empty());
    assert_eq!(client.ask(&post_event(1).replace("/json", "/json; charset=utf-8")).status, 201);
}

#[test]
fn what_is_no_http_is_refused() {
    let backend = Backend::start();
    let mut client = Client::to(&backend);
    assert_eq!(client.ask("\u{16}\u{3}\u{1} hello\r\n\r\n").status, 400);
    assert_eq!(client.rest().unwrap(), "");
    let mut client = Client::to(&backend);
    let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(64 * 1024));
    assert_eq!(client.ask(&long).status, 431);
}

#[test]
fn a_connection_stays_until_its_client_ends_it() {
    let backend = Backend::start();
    let mut client = Client::to(&backend);
    for n in 1..=3 {
        let reply = client.ask(&post_event(n));
        assert_eq!((reply.status, reply.header("Connection")), (201, None));
    }
    let close = "Idempotency-Key: \"last\"\r\nConnection: keep-alive, Close\r\n";
    let reply = client.ask(&post_with(EVENEMENTS, close, &event(4)));
    assert_eq!((reply.status, reply.header("Connection")), (201, Some("close")));
    assert_eq!(client.rest().unwrap(), "");
    let mut client = Client::to(&backend);
    assert_eq!(client.ask(&post_event(5).replace("HTTP/1.1", "HTTP/1.0")).status, 201);
    assert_eq!(client.rest().unwrap(), "");
    let connections: Vec<_> = backend.requests().iter().map(|r| r.connection).collect();
    assert_eq!(connections, [1, 1, 1, 1, 2]);
    assert_eq!((backend.n_connections(), backend.n_requests()), (2, 5));
}

#[test]
fn requests_are_told_apart_however_their_bytes_arrive() {
    let backend = Backend::start();
    let mut client = Client::to(&backend);
    // Of unequal lengths, and more than a buffer takes.
    let numbered =
        |n: u32| post(&format!("{EVENEMENTS}?{n:0>0$}", n as usize % 50), &n.to_string(), &event(n));
    client.send(&(1..=2000).map(numbered).collect::<String>());
    for id in 1..=2000 {
        assert_eq!(client.reply().unwrap().id(), id);
    }
    for (n, row) in (1..).zip(backend.rows()) {
        assert_eq!((row.body, row.key), (event(n), Some(n.to_string())));
    }
    let request = post(MEDIA, "m", &media(b"in pieces"));
    for byte in request.as_bytes() {
        client.stream.get_mut().write_all(&[*byte]).unwrap();
    }
    assert_eq!(client.reply().unwrap().status, 201);
    assert_eq!(backend.rows()[2000].body, media(b""));
}

#[test]
fn leave_to_send_the_body_is_given_or_refused() {
    let backend = Backend::start_with(Options { token: Some("abc".into()), ..Options::default() });
    let body = event(1);
    let expect = "Expect: 100-continue\r\nAuthorization: Bearer abc\r\n";
    let head = post_with(EVENEMENTS, expect, &body).replace(&body, "");
    let mut client = Client::to(&backend);
    assert_eq!(client.ask(&head).status, 100);
    assert_eq!(client.ask(&body).status, 201);

    let mut client = Client::to(&backend);
    let reply = client.ask(&head.replace("abc", "abd"));
    assert_eq!((reply.status, reply.header("Connection")), (401, Some("close")));

    backend.always(Some(Fault::unavailable(1)));
    assert_eq!(Client::to(&backend).ask(&head).status, 503);
    assert_eq!(backend.rows().len(), 1);
    let complete: Vec<_> = backend.requests().iter().map(|r| (r.complete, r.answered)).collect();
    assert_eq!(complete, [(true, Some(201)), (false, Some(401)), (false, Some(503))]);
}

#[test]
fn a_body_without_an_end_commits_nothing() {
    let backend = Backend::start();
    for path in [EVENEMENTS, MEDIA] {
        let body = if path == MEDIA { media(b"some video") } else { event(1) };
        let request = post(path, "k", &body);
        let mut client = Client::to(&backend);
        client.send(&request[..request.len() - 1]);
        client.stream.get_mut().shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.rest().unwrap(), "");
        let request = backend.requests().pop().unwrap();
        assert!(!request.complete);
        assert_eq!((request.answered, request.video), (None, None));
        assert_eq!(request.body_hash, hash_of(&body.as_bytes()[..body.len() - 1]));
    }
    assert!(backend.rows().is_empty());
}

#[test]
fn ureq_is_served() {
    let backend = Backend::start();
    let agent = ureq::Agent::new_with_defaults();
    for (key, status) in [("a", 201), ("b", 201), ("a", 200)] {
        let mut reply = agent
            .post(format!("{}{EVENEMENTS}", backend.url()))
            .header("Idempotency-Key", format!("\"{key}\""))
            .send_json(serde_json::from_str::<serde_json::Value>(&event(1)).unwrap())
            .unwrap();
        assert_eq!(reply.status(), status);
        let json: serde_json::Value = reply.body_mut().read_json().unwrap();
        assert_eq!(json["id"], if key == "a" { 1 } else { 2 });
    }
    assert_eq!(backend.n_connections(), 1);
    backend.script([Some(Fault::LoseReply), Some(Fault::status(503))]);
    let post = |n| {
        agent
            .post(format!("{}{EVENEMENTS}", backend.url()))
            .content_type("application/json")
            .header("Idempotency-Key", format!("\"{n}\""))
            .send(event(n))
    };
    assert!(matches!(post(1), Err(ureq::Error::Io(_))));
    assert!(matches!(post(2), Err(ureq::Error::StatusCode(503))));
    assert_eq!(backend.rows().len(), 3);
}

#[test]
fn tls_is_served_and_its_certificate_is_its_root() {
    let backend = Backend::start_with(Options { tls: true, ..Options::default() });
    assert!(backend.url().starts_with("https://localhost:"));
    let pem = std::fs::read(backend.certificate()).unwrap();
    let root = ureq::tls::Certificate::from_pem(&pem).unwrap();
    let agent = |tls: ureq::tls::TlsConfigBuilder| {
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10)));
        config.tls_config(tls.build()).build().new_agent()
    };
    let builder = || ureq::tls::TlsConfig::builder();
    let post = |agent: &ureq::Agent, n| {
        let video: Vec<u8> = (0..300_000_u32).map(|i| i as u8).collect();
        agent
            .post(format!("{}{MEDIA}", backend.url()))
            .content_type("application/json")
            .header("Idempotency-Key", format!("\"{n}\""))
            .send(media(&video))
    };
    assert!(post(&agent(builder()), 1).is_err(), "nobody else vouches for the certificate");
    assert!(backend.rows().is_empty());
    let agent = agent(builder().root_certs(ureq::tls::RootCerts::new_with_certs(&[root])));
    assert_eq!(post(&agent, 1).unwrap().status(), 201);
    assert_eq!(post(&agent, 1).unwrap().status(), 200);
    backend.script([Some(Fault::Reset), Some(Fault::CutReply { after_bytes: 30 })]);
    assert!(matches!(post(&agent, 2), Err(ureq::Error::Io(e)) if e.kind() == ErrorKind::ConnectionReset));
    assert!(post(&agent, 3).is_err());
    assert_eq!(backend.rows().len(), 2);
}
