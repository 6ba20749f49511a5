//! What is committed, and what is answered to it.

use std::thread;

use serde_json::json;
use sync_testing::backend::{Backend, Kind, Options, Repeat, Row, Video, hash_of};

use crate::client::{Client, EVENEMENTS, MEDIA, event, get, media, post, post_event, post_with};

#[test]
fn an_event_is_committed_and_echoed() {
    let backend = Backend::start();
    let reply = Client::to(&backend).ask(&post_event(7));
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("Content-Type"), Some("application/json"));
    let mut expected: serde_json::Value = serde_json::from_str(&event(7)).unwrap();
    expected["id"] = json!(1);
    assert_eq!(reply.json(), expected);
    let row = Row { id: 1, kind: Kind::Evenement, key: Some("key-7".into()), body: event(7), video: None };
    assert_eq!(backend.rows(), [row]);
}

#[test]
fn a_video_is_hashed_and_cut_out_of_the_text() {
    let backend = Backend::start();
    let mut client = Client::to(&backend);
    // The last one is longer than every buffer on its way.
    for (i, len) in [1, 2, 3, 1000, 5_000_000].into_iter().enumerate() {
        let video: Vec<u8> = (0..len).map(|i: u32| ((i * 31) >> 3) as u8).collect();
        let reply = client.ask(&post(MEDIA, &format!("m{len}"), &media(&video)));
        assert_eq!(reply.status, 201, "{reply:?}");
        assert_eq!(reply.id(), i as u64 + 1);
        let kb = (f64::from(len) / 1024.0 * 10.0).round() / 10.0;
        assert_eq!(reply.json()["size_kb"], json!(kb));
        let row = backend.rows().pop().unwrap();
        assert_eq!(row.kind, Kind::Media);
        assert_eq!(row.video, Some(Video::of(&video)));
        assert_eq!(row.body, media(b""));
        let request = backend.requests().pop().unwrap();
        assert_eq!(request.body_hash, hash_of(media(&video).as_bytes()));
        assert_eq!((request.video, request.body), (row.video, row.body));
    }
}

#[test]
fn a_request_is_logged_with_what_matters_of_it() {
    let backend = Backend::start();
    let fields = "Authorization: Bearer abc\r\nIdempotency-Key: \"k\"\r\n";
    Client::to(&backend).ask(&post_with("/api/evenements?x=1", fields, &event(1)));
    let request = backend.requests().pop().unwrap();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", EVENEMENTS));
    assert_eq!(request.key.as_deref(), Some("k"));
    assert_eq!(request.content_length, Some(event(1).len() as u64));
    assert_eq!(request.authorization.as_deref(), Some("Bearer abc"));
    assert_eq!(request.user_agent.as_deref(), Some("tests"));
    assert_eq!(request.body, event(1));
    assert_eq!(request.body_hash, hash_of(event(1).as_bytes()));
    assert_eq!((request.complete, request.answered, request.fault), (true, Some(201), None));
    assert_eq!(request.connection, 1);
}

#[test]
fn a_known_key_inserts_nothing_and_gives_the_first_id() {
    let backend = Backend::start();
    let mut client = Client::to(&backend);
    let other = client.ask(&post_event(1));
    let first = client.ask(&post_event(2));
    let again = client.ask(&post_event(2));
    assert_eq!((other.status, first.status, again.status), (201, 201, 200));
    assert_eq!((first.id(), again.id()), (2, 2));
    assert_eq!(backend.rows().len(), 2);
    // The tables are two, and so are the keys.
    let video = client.ask(&post(MEDIA, "key-2", &media(b"x")));
    assert_eq!((video.status, video.id()), (201, 1));
    assert_eq!(client.ask(&post(MEDIA, "key-2", &media(b"x"))).status, 200);
    assert_eq!(backend.rows().len(), 3);
}

#[test]
fn a_known_key_is_a_conflict_where_that_is_asked_for() {
    for (repeat, expected) in [
        (Repeat::Conflict, json!({"detail": "already there", "id": 1})),
        (Repeat::ConflictWithoutId, json!({"detail": "already there"})),
    ] {
        let backend = Backend::start_with(Options { repeat, ..Options::default() });
        let mut client = Client::to(&backend);
        assert_eq!(client.ask(&post_event(1)).status, 201);
        let again = client.ask(&post_event(1));
        assert_eq!((again.status, again.json()), (409, expected));
        assert_eq!(backend.rows().len(), 1);
    }
}

#[test]
fn without_unique_keys_each_delivery_inserts_a_row() {
    let backend = Backend::start_with(Options { unique: false, ..Options::default() });
    let mut client = Client::to(&backend);
    let ids = [(); 3].map(|()| client.ask(&post_event(1)).id());
    assert_eq!(ids, [1, 2, 3]);
    assert!(backend.rows().iter().all(|r| r.key.as_deref() == Some("key-1")));
}

#[test]
fn without_a_key_each_delivery_inserts_a_row() {
    let backend = Backend::start();
    let mut client = Client::to(&backend);
    let ids = [(); 2].map(|()| client.ask(&post_with(EVENEMENTS, "", &event(1))).id());
    assert_eq!(ids, [1, 2]);
    assert_eq!(backend.rows()[1].key, None);
}

#[test]
fn a_key_without_quotes_is_refused() {
    let backend = Backend::start();
    for key in ["abc", "\"abc", "\"\"", "\"a\"b\""] {
        let reply = Client::to(&backend).ask(&post_with(
            EVENEMENTS,
            &format!("Idempotency-Key: {key}\r\n"),
            &event(1),
        ));
        assert_eq!(reply.status, 400, "{key}: {reply:?}");
    }
    assert!(backend.rows().is_empty());
}

#[test]
fn a_token_is_asked_for() {
    let backend = Backend::start_with(Options { token: Some("abc".into()), ..Options::default() });
    let mut client = Client::to(&backend);
    for fields in ["", "Authorization: Bearer abcd\r\n", "Authorization: abc\r\n"] {
        let reply = client.ask(&post_with(EVENEMENTS, fields, &event(1)));
        assert_eq!(reply.status, 401, "{fields}");
        assert!(reply.json()["detail"].is_string());
    }
    assert_eq!(client.ask(&get(EVENEMENTS)).status, 401);
    assert!(backend.rows().is_empty());
    let reply = client.ask(&post_with(EVENEMENTS, "Authorization: Bearer abc\r\n", &event(1)));
    assert_eq!(reply.status, 201);
    assert_eq!(backend.n_connections(), 1, "a refusal does not end the connection");
}

#[test]
fn what_is_no_message_is_refused() {
    let backend = Backend::start();
    let mut client = Client::to(&backend);
    let wrong = [
        (EVENEMENTS, String::new()),
        (EVENEMENTS, "{}".into()),
        (EVENEMENTS, format!("[{}]", event(1))),
        (EVENEMENTS, format!("{} x", event(1))),
        (EVENEMENTS, event(1).replace("2025-12-18", "yesterday ")),
        (EVENEMENTS, event(1).replace(r#","etat":1"#, "")),
        (EVENEMENTS, event(1).replace(r#""id":1"#, r#""id":"1""#)),
        (EVENEMENTS, event(1).replace("device_id", "device")),
        (MEDIA, event(1)),
        (MEDIA, media(b"xyz").replace(r#""numero_camera":1,"#, "")),
        (MEDIA, media(b"xyz").replace("eHl6", "eHl")),
    ];
    for (path, body) in wrong {
        let reply = client.ask(&post(path, "k", &body));
        assert_eq!(reply.status, 422, "{body}: {reply:?}");
        assert!(reply.json()["detail"].is_string());
    }
    assert!(backend.rows().is_empty());
    assert_eq!(client.ask(&post(MEDIA, "k", &media(b"xyz"))).status, 201, "the key was not taken");
}

#[test]
fn get_lists_the_rows_of_its_kind() {
    let backend = Backend::start();
    let mut client = Client::to(&backend);
    assert_eq!(client.ask(&get(EVENEMENTS)).json(), json!([]));
    client.ask(&post_event(1));
    client.ask(&post(MEDIA, "m", &media(b"12345")));
    client.ask(&post_event(2));
    let events = client.ask(&get(EVENEMENTS)).json();
    assert_eq!(events.as_array().unwrap().len(), 2);
    assert_eq!((&events[1]["id"], &events[1]["key"]), (&json!(2), &json!("key-2")));
    assert_eq!(events[1]["capteur"]["nom"], "PIR Entrée");
    let media = client.ask(&get(MEDIA)).json();
    assert_eq!(media.as_array().unwrap().len(), 1);
    let video = json!({"bytes": 5, "blake3": hash_of(b"12345").to_string()});
    assert_eq!(media[0]["video_data"], video);
}

#[test]
fn a_key_is_taken_once_by_many_connections() {
    let backend = Backend::start();
    let post_all = || {
        let mut client = Client::to(&backend);
        (0..20).map(|n| client.ask(&post_event(n)).id()).collect::<Vec<_>>()
    };
    let ids: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..30).map(|_| scope.spawn(post_all)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|i| *i == ids[0]), "{ids:?}");
    let rows = backend.rows();
    assert_eq!(rows.len(), 20);
    for row in rows {
        let n: usize = row.key.unwrap()[4..].parse().unwrap();
        assert_eq!(row.id, ids[0][n]);
    }
    assert_eq!((backend.n_connections(), backend.n_requests()), (30, 600));
    assert_eq!(backend.requests().len(), 600);
}
