//! A TCP proxy on loopback that breaks connections where a test says so.

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::proxy_forward::{TAIL, reset, serve};

/// A proxy in front of one port of 127.0.0.1; dropping it resets its connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    switches: Arc<Switches>,
    listener: Option<JoinHandle<()>>,
}

/// What a test has switched, and what the connections have counted.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    stop: AtomicBool,
    refuse: AtomicBool,
    pub(crate) black_hole: AtomicBool,
    /// Connections opened under a lower number are to be reset.
    pub(crate) epoch: AtomicUsize,
    n_open: AtomicUsize,
    n_connections: AtomicUsize,
    pub(crate) n_bytes_up: AtomicU64,
    pub(crate) n_bytes_down: AtomicU64,
    pub(crate) trap: Mutex<Option<Trap>>,
}

/// A cut to make when a client has sent something often enough.
#[derive(Clone, Debug)]
pub(crate) struct Trap {
    pub(crate) needle: Vec<u8>,
    pub(crate) n_left: usize,
    pub(crate) deliver: bool,
}

impl Proxy {
    /// A proxy on a free port that forwards to `port`.
    pub fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let own_port = listener.local_addr().expect("a bound socket has an address").port();
        let switches = Arc::new(Switches::default());
        let shared = Arc::clone(&switches);
        let listener = thread::spawn(move || accept_all(&listener, port, &shared));
        Proxy { port: own_port, switches, listener: Some(listener) }
    }

    /// The proxy's own port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same URL with the proxy's port; the URL must name its port.
    pub fn url(&self, url: &str) -> String {
        let host = url.find("://").map_or(0, |i| i + 3);
        let host = host + url[host..].find('@').map_or(0, |i| i + 1);
        let end = url[host..].find(['/', '?']).map_or(url.len(), |i| host + i);
        let colon = url[host..end].rfind(':').map(|i| host + i).expect("a URL with a port");
        format!("{}:{}{}", &url[..colon], self.port, &url[end..])
    }

    /// Resets every connection, and returns when that is done; new ones are forwarded as before.
    pub fn cut_all(&self) {
        self.switches.epoch.fetch_add(1, SeqCst);
        while self.switches.n_open.load(SeqCst) > 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// While on, new connections are reset as soon as they are accepted.
    pub fn refuse(&self, on: bool) {
        self.switches.refuse.store(on, SeqCst);
    }

    /// While on, connections are accepted and stay open, and every byte is swallowed in both directions.
    ///
    /// What was swallowed is lost: connections that sent anything meanwhile are of no use afterwards.
    pub fn black_hole(&self, on: bool) {
        self.switches.black_hole.store(on, SeqCst);
    }

    /// Resets the connection on which clients send `needle` for the `nth` time from now (1 is the first), once.
    ///
    /// Without `deliver` the needle never reaches the server (nor do bytes that arrived together with it). With it the server receives everything and answers; the
    /// answer is swallowed, so that the client cannot know what became of its request.
    pub fn cut_when_client_sends(&self, needle: &[u8], nth: usize, deliver: bool) {
        assert!(
            (1..=TAIL).contains(&needle.len()) && nth > 0,
            "a needle of at most {TAIL} bytes, and a count from 1"
        );
        *self.trap() = Some(Trap { needle: needle.to_vec(), n_left: nth, deliver });
    }

    /// Whether the cut asked for last has happened.
    pub fn has_cut(&self) -> bool {
        self.trap().is_none()
    }

    /// Connections accepted so far.
    pub fn n_connections(&self) -> usize {
        self.switches.n_connections.load(SeqCst)
    }

    /// Bytes forwarded to the server so far.
    pub fn n_bytes_up(&self) -> u64 {
        self.switches.n_bytes_up.load(SeqCst)
    }

    /// Bytes forwarded to clients so far.
    pub fn n_bytes_down(&self) -> u64 {
        self.switches.n_bytes_down.load(SeqCst)
    }

    fn trap(&self) -> std::sync::MutexGuard<'_, Option<Trap>> {
        self.switches.trap.lock().expect("no thread panics with the trap")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.switches.stop.store(true, SeqCst);
        // Wakes the listener out of its accept.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        self.cut_all();
    }
}

fn accept_all(listener: &TcpListener, port: u16, switches: &Arc<Switches>) {
    for client in listener.incoming().flatten() {
        if switches.stop.load(SeqCst) {
            return;
        }
        switches.n_connections.fetch_add(1, SeqCst);
        if switches.refuse.load(SeqCst) {
            reset(client);
            continue;
        }
        switches.n_open.fetch_add(1, SeqCst);
        let epoch = switches.epoch.load(SeqCst);
        let switches = Arc::clone(switches);
        thread::spawn(move || {
            serve(client, port, epoch, &switches);
            switches.n_open.fetch_sub(1, SeqCst);
        });
    }
}
