//! A server whose answers are bytes that a test has chosen: what the backend of sync-testing would never say.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is answered to a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// These bytes; then the next request.
    Whole(Vec<u8>),
    /// These bytes, and the end of the connection.
    Cut(Vec<u8>),
    /// These bytes, and nothing more as long as the client waits.
    Stall(Vec<u8>),
    /// These bytes, and others like the last one as long as the client reads.
    Endless(Vec<u8>),
}

/// The server; its thread ends with the test.
pub(crate) struct Raw {
    pub(crate) url: String,
    /// Requests, each with its head and body.
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
    pub(crate) n_connections: Arc<AtomicUsize>,
    /// Bytes of endless replies that were taken.
    pub(crate) n_endless: Arc<AtomicUsize>,
}

impl Raw {
    pub(crate) fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Raw {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let raw = Raw {
            url: format!("http://{}", listener.local_addr().unwrap()),
            requests: Arc::default(),
            n_connections: Arc::default(),
            n_endless: Arc::default(),
        };
        let answer = Arc::new(answer);
        let (requests, n, n_endless) =
            (Arc::clone(&raw.requests), Arc::clone(&raw.n_connections), Arc::clone(&raw.n_endless));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                n.fetch_add(1, SeqCst);
                let (answer, requests) = (Arc::clone(&answer), Arc::clone(&requests));
                let n_endless = Arc::clone(&n_endless);
                thread::spawn(move || serve(stream, answer.as_ref(), &requests, &n_endless));
            }
        });
        raw
    }

    pub(crate) fn n_requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

/// A usual answer with this status and body.
pub(crate) fn usual(status: &str, body: &str) -> Reply {
    Reply::Whole(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

fn serve(
    mut stream: TcpStream,
    answer: &dyn Fn(&str) -> Reply,
    requests: &Mutex<Vec<String>>,
    n_endless: &AtomicUsize,
) {
    while let Some(request) = request(&mut stream) {
        requests.lock().unwrap().push(request.clone());
        match answer(&request) {
            Reply::Whole(bytes) => stream.write_all(&bytes).unwrap_or_default(),
            Reply::Cut(bytes) => {
                stream.write_all(&bytes).unwrap_or_default();
                return;
            }
            Reply::Stall(bytes) => {
                stream.write_all(&bytes).unwrap_or_default();
                // Until the client has had enough.
                let _ = stream.read(&mut [0; 1]);
                return;
            }
            Reply::Endless(bytes) => {
                let more = [*bytes.last().unwrap(); 65_536];
                let mut is_taken = stream.write_all(&bytes).is_ok();
                while is_taken {
                    is_taken = stream.write_all(&more).is_ok();
                    n_endless.fetch_add(more.len(), SeqCst);
                }
                return;
            }
        }
    }
}

/// A request to its end, none when the connection has ended.
fn request(stream: &mut TcpStream) -> Option<String> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16_384]);
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length = length.map_or(0, |length| length.trim().parse().unwrap());
            if body.len() >= length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&buffer[..n]),
            _ => return None,
        }
    }
}
