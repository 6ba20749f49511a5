//! What stands between us and Google: proxies, and servers whose certificate nobody vouches for.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use common::Setup;
use sync_testing::backend::{Backend, Options};

/// A proxy that opens tunnels, or refuses to; it ends with the test's process.
struct Proxy {
    place: String,
    /// The head of every request.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(answer: &'static str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&heads);
        thread::spawn(move || {
            for client in listener.incoming() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(client.unwrap(), answer, &seen));
            }
        });
        Proxy { place, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, answer: &str, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap() == 0 {
            return;
        }
    }
    seen.lock().unwrap().push(head.clone());
    write!(client, "HTTP/1.1 {answer}\r\n\r\n").unwrap();
    if !answer.starts_with("200") {
        return;
    }
    let server = TcpStream::connect(head.split(' ').nth(1).unwrap()).unwrap();
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let _ = io::copy(&mut reader, &mut &server);
    let _ = server.shutdown(Shutdown::Both);
}

fn one_row() -> Setup {
    let setup = Setup::new();
    setup.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    setup
}

#[test]
fn a_proxy_is_gone_through_unless_the_server_is_excepted() {
    let setup = one_row();
    let proxy = Proxy::start("200 Connection established");
    let url = format!("http://me:hunter2@{}", proxy.place);
    let run = setup.tool(&[]).env("HTTPS_PROXY", &url).env("RUST_LOG", "trace").run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(setup.cells("t", 1)[1], ["1"]);
    let heads = proxy.heads();
    let server = setup.google.url();
    let server = server.trim_start_matches("http://").trim_end_matches('/');
    for head in &heads {
        assert!(head.starts_with(&format!("CONNECT {server} HTTP/1.1\r\n")), "{head}");
        assert!(head.contains("Basic bWU6aHVudGVyMg=="), "{head}");
    }
    assert!(!heads.is_empty());
    assert!(!run.stderr.contains("hunter2") && !run.stderr.contains("bWU6aHVudGVyMg"), "{}", run.stderr);
    let run = setup.tool(&[]).env("HTTPS_PROXY", &url).env("NO_PROXY", "127.0.0.1").run();
    assert_eq!((run.code, proxy.heads().len()), (Some(0), heads.len()), "{}", run.stderr);
}

#[test]
fn a_proxy_that_lets_nothing_through_is_named() {
    let setup = one_row();
    let proxy = Proxy::start("407 Proxy Authentication Required");
    let url = format!("http://me:hunter2@{}", proxy.place);
    let run = setup.tool(&["--deadline", "3s"]).env("HTTPS_PROXY", url).run();
    assert_eq!(run.code, Some(75), "{}", run.stderr);
    let said = format!("by the proxy of HTTPS_PROXY, http://{}", proxy.place);
    assert!(run.stderr.contains(&said) && !run.stderr.contains("hunter2"), "{}", run.stderr);
    assert!(setup.calls().is_empty());
}

#[test]
fn a_proxy_setting_that_cannot_be_used_sends_nothing_past_it() {
    let setup = one_row();
    for (name, value) in [
        ("HTTP_PROXY", "socks5://me:hunter2@127.0.0.1:1"),
        ("https_proxy", "://hunter2"),
        ("ALL_PROXY", "https://me:hunter2@127.0.0.1"),
    ] {
        let run = setup.tool(&[]).env(name, value).run();
        assert_eq!(run.code, Some(78), "{}", run.stderr);
        assert!(run.stderr.contains(name) && !run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    assert!(setup.calls().is_empty());
}

#[test]
fn a_certificate_that_nobody_vouches_for_gets_no_token() {
    let setup = one_row();
    let server = Backend::start_with(Options { tls: true, ..Options::default() });
    let url = format!("{}/", server.url());
    let tool = || setup.tool_at(&url, &["--deadline", "3s"]);
    let run = tool().run();
    assert_eq!(run.code, Some(75), "{}", run.stderr);
    assert!(run.stderr.contains("certificate") && run.stderr.contains("SSL_CERT_FILE"), "{}", run.stderr);
    assert_eq!(server.n_requests(), 0);
    // Vouched for, it is asked; it knows no workbooks.
    let run = tool().env("SSL_CERT_FILE", server.certificate()).run();
    assert!(!run.stderr.contains("certificate") && server.n_requests() > 0, "{}", run.stderr);
}
