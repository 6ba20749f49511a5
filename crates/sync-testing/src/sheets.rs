//! Google's Sheets API and its token endpoint, as strict as the real ones, and misbehaving where a test says so.
//!
//! A service account signs in at `/token` with [`Google::key_json`] and works on workbooks under `/v4/spreadsheets`. A
//! batch is applied as a whole or not at all. `/dump?workbook=ID&rows=N` shows people what a workbook holds; it needs no
//! token and counts as no call.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Map, Value};

mod api;
mod batch;
mod cell;
mod dump;
mod formula;
mod grid;
mod input;
mod mask;
mod plan;
mod quota;
mod record;
mod refusal;
mod render;
mod schema;
mod serve;
mod token;
mod values;
mod workbook;

pub use cell::Cell;
pub use plan::{Fault, On};
pub use record::{Call, CallKind};
pub use workbook::{Metadata, Protected, Tab, Workbook};

use api::{Api, Shelf};
use batch::Who;
use plan::Plan;
use quota::Quota;
use record::Log;
use serve::Serving;
use token::Tokens;
use workbook::Limits;

/// How long a test waits for a call that is on its way.
const LIMIT: Duration = Duration::from_secs(10);

/// How a server differs from the usual one.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port on 127.0.0.1; 0 for a free one.
    pub port: u16,
    /// Reads and writes a minute; `None` for no limit.
    pub quota: Option<(u32, u32)>,
    /// Cells of all grids of a workbook.
    pub cell_limit: u64,
    /// Tabs of a workbook.
    pub tab_limit: usize,
    /// Write a line to standard error for each call.
    pub log: bool,
    /// Keep the bodies of calls, for [`Call::body`].
    pub keep_bodies: bool,
    /// The id of the workbook that exists from the start.
    pub workbook: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            port: 0,
            quota: Some((60, 60)),
            cell_limit: 10_000_000,
            tab_limit: 200,
            log: false,
            keep_bodies: false,
            workbook: "1FakeWorkbookOfTheTests_0123456789abcdefghij".to_owned(),
        }
    }
}

/// What all connections share.
struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
    log: bool,
    keep_bodies: bool,
}

struct State {
    api: Api,
    plan: Plan,
    calls: Log,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with the workbooks")
    }

    /// Records a call, and gives its number and its fault.
    fn arrive(&self, call: Call) -> (u64, Option<Fault>) {
        let mut state = self.state();
        let fault = state.plan.take(call.kind);
        let number = state.calls.arrive(call);
        self.arrived.notify_all();
        (number, fault)
    }

    fn answered(&self, number: u64, status: Option<u16>) {
        self.state().calls.answered(number, status);
    }
}

/// A server on a port of 127.0.0.1; dropping it ends its connections.
pub struct Google {
    port: u16,
    options: Options,
    shared: Arc<Shared>,
    _serving: Serving,
}

impl Google {
    /// A server on a free port, without faults and with Google's limits.
    pub fn start() -> Google {
        Google::start_with(Options::default())
    }

    /// Like [`Google::start`], with options.
    pub fn start_with(options: Options) -> Google {
        let listener = serve::bind(options.port);
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let api = Api {
            books: HashMap::new(),
            tokens: Tokens::new(format!("http://127.0.0.1:{port}/token")),
            quota: Quota::new(options.quota),
            is_disabled: false,
        };
        let state = State { api, plan: Plan::default(), calls: Log::default() };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            arrived: Condvar::new(),
            log: options.log,
            keep_bodies: options.keep_bodies,
        });
        let serving = Serving::start(listener, Arc::clone(&shared));
        let google = Google { port, options, shared, _serving: serving };
        google.add_workbook(&google.options.workbook);
        google
    }

    /// Its address with the slash at the end: `http://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The service account's key file, whose `token_uri` is this server's.
    pub fn key_json(&self) -> String {
        self.state().api.tokens.key_json()
    }

    /// The id of the workbook that is there from the start, with one empty tab.
    pub fn workbook(&self) -> String {
        self.options.workbook.clone()
    }

    /// Makes another workbook with one empty tab, shared with the service account.
    pub fn add_workbook(&self, id: &str) {
        let book = Workbook {
            id: id.to_owned(),
            title: "Untitled spreadsheet".to_owned(),
            locale: "en_US".to_owned(),
            time_zone: "Europe/Paris".to_owned(),
            tabs: vec![batch::empty(0, "Sheet1")],
            metadata: Vec::new(),
            others: Map::new(),
            limits: Limits { n_cells: self.options.cell_limit, n_tabs: self.options.tab_limit },
        };
        self.put(book);
    }

    /// Takes the service account's access away.
    pub fn unshare(&self, id: &str) {
        let mut state = self.state();
        let shelf = state.api.books.get_mut(id);
        shelf.unwrap_or_else(|| panic!("no workbook {id}")).is_shared = false;
    }

    /// Has every call answered 403, as in a project where nobody has enabled the API.
    pub fn disable_api(&self) {
        self.state().api.is_disabled = true;
    }

    /// Applies the workbook owner's own requests, a list as in `batchUpdate`'s body or that body; gives the replies,
    /// or why not.
    ///
    /// Protection does not hold the owner off, and nothing is counted.
    pub fn edit(&self, id: &str, requests: Value) -> Result<Value, String> {
        let mut body =
            if requests.is_object() { requests } else { serde_json::json!({ "requests": requests }) };
        schema::check(&mut body, "BatchUpdateSpreadsheetRequest").map_err(|wrong| wrong.sentence())?;
        let Some(Value::Array(requests)) = body.get_mut("requests").map(Value::take) else {
            return Err("the requests are a list".to_owned());
        };
        let mut state = self.state();
        let shelf = state.api.books.get_mut(id).ok_or_else(|| format!("no workbook {id}"))?;
        let done = batch::apply(&shelf.book, requests, Who::Owner);
        let (book, replies) = done.map_err(|refusal| refusal.message().to_owned())?;
        shelf.book = book;
        Ok(replies.into())
    }

    /// Copies a workbook with its tabs, their ids and their metadata, as File > Make a copy does.
    pub fn copy_workbook(&self, from: &str, to: &str) {
        let book = self.read(from);
        let title = format!("Copy of {}", book.title);
        self.put(Workbook { id: to.to_owned(), title, ..book });
    }

    /// A workbook as it is now.
    pub fn read(&self, id: &str) -> Workbook {
        let state = self.state();
        let shelf = state.api.books.get(id).unwrap_or_else(|| panic!("no workbook {id}"));
        shelf.book.clone()
    }

    /// All calls so far in order of arrival, those for tokens included.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.calls()
    }

    /// Empties the list of calls.
    pub fn forget_calls(&self) {
        self.state().calls.clear();
    }

    /// Has the next call of this kind meet a fault; several are met one after the other.
    pub fn plan(&self, on: On, fault: Fault) {
        self.state().plan.push(on, fault);
    }

    /// Has every call of this kind meet a fault, until this is changed; planned ones go before it.
    pub fn always(&self, on: On, fault: Option<Fault>) {
        self.state().plan.always(on, fault);
    }

    /// Changes how many reads and writes a minute are let through, with full buckets.
    pub fn set_quota(&self, reads: u32, writes: u32) {
        self.state().api.quota = Quota::new(Some((reads, writes)));
    }

    /// Makes all tokens given so far worthless.
    pub fn revoke_tokens(&self) {
        self.state().api.tokens.revoke();
    }

    /// Sets the token endpoint's clock ahead by so many seconds.
    pub fn set_clock(&self, offset_s: i64) {
        self.state().api.tokens.clock = offset_s;
    }

    /// Waits until so many calls have arrived; panics with what there is after 10 s.
    pub fn wait_for_calls(&self, n: usize) {
        let waited = self.shared.arrived.wait_timeout_while(self.state(), LIMIT, |s| s.calls.len() < n);
        let (state, _) = waited.expect("no thread panics with the workbooks");
        let calls = state.calls.calls();
        drop(state);
        assert!(calls.len() >= n, "not {n} calls within {LIMIT:?}: {calls:#?}");
    }

    fn put(&self, book: Workbook) {
        let mut state = self.state();
        state.api.books.insert(book.id.clone(), Shelf { book, is_shared: true });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl fmt::Debug for Google {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Google").field("url", &self.url()).finish_non_exhaustive()
    }
}
