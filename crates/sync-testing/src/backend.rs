//! The server side of an uploader: takes sensors' events and cameras' videos over HTTP, and misbehaves where a test
//! says so.
//!
//! `POST /api/evenements` and `POST /api/media` take one JSON object each and answer 201 with its id. An
//! `Idempotency-Key` (a string in double quotes) makes a second delivery insert nothing, unless [`Options`] say
//! otherwise. `GET` of the same paths lists the rows. Videos are decoded and hashed while they come in, never held.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustls::ServerConfig;

mod answer;
mod api;
mod body;
mod connection;
mod fault;
mod gate;
mod head;
mod listen;
mod log;
mod plan;
mod record;
mod shards;
mod store;
mod tls;
mod video;
mod wire;

pub use fault::Fault;
pub use plan::Schedule;
pub use record::{Hash, Kind, Request, RequestInfo, Row, Video, hash_of};

use api::Api;
use gate::Gate;
use listen::{Listening, Port};
use log::Log;
use plan::Plan;
use tls::Tls;

/// How long a test waits for a request that is on its way.
const LIMIT: Duration = Duration::from_secs(10);

/// What the backend answers to a key that it knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// 200 with the id of the first row.
    #[default]
    Known,
    /// 409 with the id of the first row beside `detail`.
    Conflict,
    /// 409 with `detail` only.
    ConflictWithoutId,
}

/// How a backend differs from the usual one.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port on 127.0.0.1; 0 for a free one.
    pub port: u16,
    /// Whether a key is taken once; without it each delivery inserts a row.
    pub unique: bool,
    /// The answer to a key that is known already.
    pub repeat: Repeat,
    /// The bearer token without which every request is answered 401.
    pub token: Option<String>,
    /// Keep what [`Backend::requests`] gives; benchmarks do without.
    pub keep_requests: bool,
    /// Serve https with a self-signed certificate for `localhost` and `127.0.0.1`; see [`Backend::certificate`].
    pub tls: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            port: 0,
            unique: true,
            repeat: Repeat::default(),
            token: None,
            keep_requests: true,
            tls: false,
        }
    }
}

/// What all connections share.
struct Shared {
    api: Api,
    plan: Plan,
    log: Log,
    gate: Arc<Gate>,
    tls: Option<Arc<ServerConfig>>,
    n_connections: AtomicU64,
    /// What `n_connections` was when the log was emptied.
    n_connections_before: AtomicU64,
}

impl Shared {
    /// Counts a connection and gives its number, from 1.
    fn count_connection(&self) -> u64 {
        self.n_connections.fetch_add(1, SeqCst) + 1
    }
}

/// A backend that listens on a port of 127.0.0.1; dropping it ends its connections.
pub struct Backend {
    port: Port,
    tls: Option<Tls>,
    shared: Arc<Shared>,
    listening: Mutex<Option<Listening>>,
}

impl Backend {
    /// A backend on a free port, without faults.
    pub fn start() -> Backend {
        Backend::start_with(Options::default())
    }

    /// Like [`Backend::start`], with options.
    pub fn start_with(options: Options) -> Backend {
        let tls = options.tls.then(Tls::new);
        let shared = Shared {
            api: Api::new(&options),
            plan: Plan::default(),
            log: Log::new(options.keep_requests),
            gate: Arc::default(),
            tls: tls.as_ref().map(|t| Arc::clone(&t.config)),
            n_connections: AtomicU64::new(0),
            n_connections_before: AtomicU64::new(0),
        };
        let port = Port::take(options.port);
        let backend = Backend { port, tls, shared: Arc::new(shared), listening: Mutex::default() };
        backend.up();
        backend
    }

    /// Its address without a path: `http://127.0.0.1:PORT`, or `https://localhost:PORT` with TLS.
    pub fn url(&self) -> String {
        match self.tls {
            None => format!("http://127.0.0.1:{}", self.port()),
            Some(_) => format!("https://localhost:{}", self.port()),
        }
    }

    /// TCP port on 127.0.0.1; it stays the backend's own while it is down.
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The certificate (PEM), which is its own root. Only with TLS.
    pub fn certificate(&self) -> PathBuf {
        self.tls.as_ref().expect("a backend with TLS").certificate()
    }

    /// Stops listening and ends every connection: when this returns, new ones are refused and nothing more is
    /// committed.
    pub fn down(&self) {
        if let Some(listening) = self.listening().take() {
            listening.end();
            self.shared.gate.close_all();
        }
    }

    /// Listens again, on the same port and with the same rows.
    pub fn up(&self) {
        let mut listening = self.listening();
        if listening.is_none() {
            *listening = Some(self.port.listen(&self.shared));
        }
    }

    /// Adds to the queue of which each POST takes one entry when its head arrives; `None` is a request without a fault.
    pub fn script(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.shared.plan.script(faults);
    }

    /// How many entries of the script have not been taken yet.
    pub fn n_scripted(&self) -> usize {
        self.shared.plan.n_scripted()
    }

    /// The fault of every request for which neither the script nor the schedule has one.
    pub fn always(&self, fault: Option<Fault>) {
        self.shared.plan.always(fault);
    }

    /// The fault of every request whose text contains this; it goes before all others.
    ///
    /// The text is that of the body without the video. [`Fault::SlowRead`] and [`Fault::CutRequest`] cannot be had
    /// this way.
    pub fn poison(&self, text: &str, fault: Fault) {
        self.shared.plan.poison(text, fault);
    }

    /// Asks this for the fault of every request that takes none from the script.
    pub fn script_fn(&self, schedule: Schedule) {
        self.shared.plan.schedule(schedule);
    }

    /// Takes back every fault that was asked for.
    pub fn no_faults(&self) {
        self.shared.plan.clear();
    }

    /// All rows in order of commit.
    pub fn rows(&self) -> Vec<Row> {
        self.shared.api.store.rows()
    }

    /// All requests whose heads have arrived, in this order, if their bodies were read or given up.
    ///
    /// A request is here before the first byte of its answer leaves.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.requests()
    }

    /// Waits until there are so many requests, and gives them; panics with what there is after 10 s.
    pub fn wait_requests(&self, n: usize) -> Vec<Request> {
        let began = Instant::now();
        loop {
            let requests = self.requests();
            if requests.len() >= n {
                return requests;
            }
            assert!(began.elapsed() < LIMIT, "not {n} requests within {LIMIT:?}: {requests:#?}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Connections accepted so far.
    pub fn n_connections(&self) -> u64 {
        self.shared.n_connections.load(SeqCst) - self.shared.n_connections_before.load(SeqCst)
    }

    /// Requests whose heads have arrived so far.
    pub fn n_requests(&self) -> u64 {
        self.shared.log.n_requests()
    }

    /// Forgets the requests and begins both counts again; rows stay.
    pub fn reset_log(&self) {
        self.shared.log.reset();
        self.shared.n_connections_before.store(self.shared.n_connections.load(SeqCst), SeqCst);
    }

    fn listening(&self) -> MutexGuard<'_, Option<Listening>> {
        self.listening.lock().expect("no thread panics with the listener")
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Backend").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.down();
    }
}
