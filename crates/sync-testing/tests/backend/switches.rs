//! Down, up, and the log.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, bind, socket};
use sync_testing::backend::{Backend, Fault, Options};

use crate::client::{Client, post_event};

fn is_refused(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused)
}

fn wait_scripted(backend: &Backend, n: usize) {
    while backend.n_scripted() > n {
        std::thread::yield_now();
    }
}

#[test]
fn down_refuses_and_up_listens_on_the_same_port() {
    let backend = Backend::start();
    let port = backend.port();
    assert_eq!(backend.url(), format!("http://127.0.0.1:{port}"));
    for n in 1..=20 {
        // An idle connection, one in the middle of a request, and one that waits for its answer.
        let mut idle = Client::to(&backend);
        assert_eq!(idle.ask(&post_event(n)).status, 201);
        backend.script([None, Some(Fault::Silent)]);
        let mut sending = Client::to(&backend);
        let request = post_event(100);
        sending.send(&request[..request.len() - 1]);
        wait_scripted(&backend, 1);
        let mut waiting = Client::to(&backend);
        waiting.send(&post_event(101));
        wait_scripted(&backend, 0);
        backend.down();
        assert!(is_refused(port));
        assert!(idle.reply().is_err() && sending.reply().is_err() && waiting.reply().is_err());
        backend.down();
        backend.up();
        assert_eq!(backend.rows().len(), n as usize);
    }
    backend.up();
    assert_eq!(Client::to(&backend).ask(&post_event(1)).status, 200);
    drop(backend);
    assert!(is_refused(port));
}

#[test]
fn the_port_stays_the_backends_while_it_is_down() {
    let backend = Backend::start();
    backend.down();
    // A socket of another program, which has not agreed to share.
    let other = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], backend.port()));
    assert_eq!(bind(other, &address), Err(Errno::ADDRINUSE));
    backend.up();
    assert_eq!(Client::to(&backend).ask(&post_event(1)).status, 201);
}

#[test]
fn the_port_can_be_chosen() {
    let first = Backend::start();
    let port = first.port();
    drop(first);
    let backend = Backend::start_with(Options { port, ..Options::default() });
    assert_eq!(backend.port(), port);
    assert_eq!(Client::to(&backend).ask(&post_event(1)).status, 201);
}

#[test]
fn the_log_begins_again() {
    let backend = Backend::start();
    let mut client = Client::to(&backend);
    client.ask(&post_event(1));
    backend.reset_log();
    assert_eq!((backend.n_connections(), backend.n_requests(), backend.requests().len()), (0, 0, 0));
    assert_eq!(backend.rows().len(), 1);
    client.ask(&post_event(2));
    let _second = Client::to(&backend).ask(&post_event(3));
    assert_eq!((backend.n_connections(), backend.n_requests(), backend.requests().len()), (1, 2, 2));
    assert_eq!(backend.requests()[0].key.as_deref(), Some("key-2"));
}

#[test]
fn without_a_log_requests_are_counted_only() {
    let backend = Backend::start_with(Options { keep_requests: false, ..Options::default() });
    Client::to(&backend).ask(&post_event(1));
    assert_eq!((backend.n_requests(), backend.requests().len(), backend.rows().len()), (1, 0, 1));
}
