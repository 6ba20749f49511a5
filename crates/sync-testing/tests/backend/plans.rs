//! Which request suffers which fault.

use sync_testing::backend::{Backend, Fault, RequestInfo};

use crate::client::{Client, EVENEMENTS, MEDIA, event, get, media, post, post_event};

#[test]
fn a_script_is_taken_by_posts_one_by_one() {
    let backend = Backend::start();
    backend.script([Some(Fault::status(500)), None]);
    backend.script([Some(Fault::status(503))]);
    let mut client = Client::to(&backend);
    assert_eq!(client.ask(&get(EVENEMENTS)).status, 200);
    assert_eq!(backend.n_scripted(), 3);
    let mut statuses = Vec::new();
    for n in 1..=4 {
        statuses.push(client.ask(&post_event(n)).status);
    }
    assert_eq!(statuses, [500, 201, 503, 201]);
    assert_eq!(backend.n_scripted(), 0);
    let faults: Vec<_> = backend.requests().into_iter().map(|r| r.fault).collect();
    assert_eq!(faults, [None, Some(Fault::status(500)), None, Some(Fault::status(503)), None]);
}

#[test]
fn always_is_for_every_request_until_it_is_taken_back() {
    let backend = Backend::start();
    let mut client = Client::to(&backend);
    backend.always(Some(Fault::status(500)));
    assert_eq!(client.ask(&get(EVENEMENTS)).status, 500);
    assert_eq!(client.ask(&post_event(1)).status, 500);
    backend.script([None]);
    assert_eq!(client.ask(&post_event(1)).status, 201, "the script goes first");
    assert_eq!(client.ask(&post_event(2)).status, 500);
    backend.always(None);
    assert_eq!(client.ask(&post_event(2)).status, 201);
}

#[test]
fn poison_is_found_in_the_text_and_not_in_the_video() {
    let backend = Backend::start();
    let mut client = Client::to(&backend);
    backend.poison("00.000002", Fault::status(500));
    backend.poison("QkFE", Fault::status(500));
    backend.always(Some(Fault::Html));
    let statuses = [1, 2, 3, 2].map(|n| client.ask(&post_event(n)).status);
    assert_eq!(statuses, [200, 500, 200, 500]);
    backend.always(None);
    assert_eq!(client.ask(&post_event(3)).status, 201);
    assert!(media(b"BAD").contains("QkFE"));
    assert_eq!(client.ask(&post(MEDIA, "m", &media(b"BAD"))).status, 201);
    let text = event(4).replace("sync_service", "QkFE");
    assert_eq!(client.ask(&post(EVENEMENTS, "e", &text)).status, 500);
    backend.no_faults();
    assert_eq!(client.ask(&post_event(2)).status, 201);
}

#[test]
#[should_panic(expected = "poison")]
fn poison_cannot_change_how_a_body_was_read() {
    Backend::start().poison("x", Fault::CutRequest { after_bytes: 1 });
}

#[test]
fn a_schedule_sees_each_head() {
    let backend = Backend::start();
    let length = event(1).len() as u64;
    backend.script_fn(Box::new(move |request: &RequestInfo| {
        let is_event = request.method == "POST"
            && request.path == EVENEMENTS
            && request.content_length == Some(length)
            && request.connection == 1;
        (is_event && request.n % 2 == 1 && request.key != Some("key-9")).then(|| Fault::status(500))
    }));
    let mut client = Client::to(&backend);
    let statuses = [1, 2, 3, 4].map(|n| client.ask(&post_event(n)).status);
    assert_eq!(statuses, [201, 500, 201, 500]);
    assert_eq!(client.ask(&get(EVENEMENTS)).status, 200);
    assert_eq!(client.ask(&post_event(9)).status, 201);
    assert_eq!(client.ask(&get(EVENEMENTS)).status, 200);
    assert_eq!(client.ask(&post_event(10)).status, 500);
    assert_eq!(Client::to(&backend).ask(&get(EVENEMENTS)).status, 200);
    assert_eq!(Client::to(&backend).ask(&post_event(12)).status, 201);
}
