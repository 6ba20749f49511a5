//! Google's Sheets API: one workbook, read and changed in few calls, each of which may be repeated.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use google_sheets4::common::{Client, to_body};
use google_sheets4::hyper::{Method, Request, body::Bytes};
use google_sheets4::{Sheets, api::Scope};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use sync_core::fault::Fault;
use sync_core::http;
use sync_core::stop::Stop;
use tokio::runtime::Runtime;

pub(crate) mod cells;
mod connect;
pub(crate) mod faults;
mod pace;
pub(crate) mod token;
mod trouble;
pub(crate) mod workbook;

use self::connect::Connector;
use self::faults::{Refusal, Who};
use self::pace::Pace;
use self::token::Tokens;
use self::trouble::{Listener, Trouble};
use self::workbook::Workbook;
use crate::settings::Settings;

/// Google's own limit on a request.
const PATIENCE: Duration = Duration::from_secs(180);
const USER_AGENT: &str = concat!("pg2sheets/", env!("CARGO_PKG_VERSION"));

/// A workbook, and how to reach it.
pub(crate) struct Google {
    runtime: Runtime,
    client: Client<Connector>,
    tokens: Tokens,
    base: String,
    pub(crate) who: Who,
    /// Proxies on the way, for people.
    proxies: Vec<String>,
    pace: Pace,
    /// No call is begun, and none goes on, after this.
    deadline: Instant,
    stop: Stop,
    pub(crate) calls: Calls,
}

/// What was asked of Google.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) n_reads: u64,
    pub(crate) n_writes: u64,
    /// Sent in changes.
    pub(crate) n_bytes: u64,
}

/// What became of a change.
#[derive(Debug, PartialEq)]
pub(crate) enum Change {
    Made,
    /// Nothing was done, for this reason; again it would be the same.
    Rejected(String),
    /// It may have been made or not: only the workbook knows.
    Unclear,
}

impl Google {
    /// The workbook of the settings; nothing is sent yet.
    pub(crate) fn new(settings: &Settings, deadline: Instant, stop: &Stop) -> Result<Google> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("start the network's runtime")?;
        let connector = connect::connector()?;
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        let client = builder.pool_idle_timeout(Duration::from_secs(60)).build(connector.clone());
        let who = Who { email: settings.key.client_email.clone(), spreadsheet: settings.spreadsheet.clone() };
        let tokens = runtime.block_on(Tokens::new(settings, connector))?;
        let base = settings.sheets_url.clone();
        let proxies = [base.as_str(), &settings.key.token_uri].map(connect::proxy);
        let proxies = proxies.into_iter().filter_map(Result::transpose);
        let mut proxies: Vec<String> = proxies.map(|proxy| Ok(proxy?.place)).collect::<Result<_>>()?;
        proxies.dedup();
        let (pace, calls) = (Pace::default(), Calls::default());
        Ok(Google { runtime, client, tokens, base, who, proxies, pace, deadline, stop: stop.clone(), calls })
    }

    /// The workbook's outline, in one call.
    pub(crate) fn read(&mut self) -> Result<Workbook> {
        let fields = workbook::FIELDS;
        let read = self.repeat(false, |google, token| {
            let mut hub = Sheets::new(google.client.clone(), token);
            hub.base_url(google.base.clone());
            hub.user_agent(USER_AGENT.to_owned());
            let mut listener = Listener::default();
            let spreadsheets = hub.spreadsheets();
            let call = spreadsheets.get(&google.who.spreadsheet).add_scope(Scope::Spreadsheet);
            let call = call.param("fields", fields).delegate(&mut listener).doit();
            match google.in_time(call)? {
                Ok((_, answer)) if answer.spreadsheet_id.as_ref() == Some(&google.who.spreadsheet) => {
                    Ok(Workbook::of(answer))
                }
                Ok(_) => Err(Trouble::foreign()),
                Err(error) => Err(Trouble::of(error, &listener)),
            }
        })?;
        match read {
            Ok(workbook) => Ok(workbook),
            Err(Change::Rejected(why)) => Err(Fault::failed(format!("read the workbook: {why}"), "")),
            Err(_) => Err(Fault::temporary("read the workbook", "")),
        }
    }

    /// Makes a change: a body for `batchUpdate`. After an unclear failure the pause is over when this returns.
    ///
    /// # Errors
    /// Whatever somebody has to do something about first, or the end of the time.
    pub(crate) fn write(&mut self, body: &Bytes) -> Result<Change> {
        let url =
            format!("{}v4/spreadsheets/{}:batchUpdate?fields=spreadsheetId", self.base, self.who.spreadsheet);
        let written = self.repeat(true, |google, token| {
            google.calls.n_bytes += body.len() as u64;
            let answer = google.post(&url, &token, body.clone())?;
            // A login page says 200 as well.
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
            match answer["spreadsheetId"] == google.who.spreadsheet {
                true => Ok(()),
                false => Err(Trouble::foreign()),
            }
        })?;
        match written {
            Ok(()) => {
                self.pace.reset();
                Ok(Change::Made)
            }
            Err(failed) => Ok(failed),
        }
    }

    /// Tries until there is an answer, a reason to stop, or no time left; a change that may have been made is not
    /// tried again.
    fn repeat<T>(
        &mut self,
        is_write: bool,
        mut attempt: impl FnMut(&mut Google, String) -> Result<T, Trouble>,
    ) -> Result<Result<T, Change>> {
        let mut is_new = false;
        loop {
            let token = self.token()?;
            self.turn(is_write)?;
            let (reason, retry_after, is_unclear) = match attempt(self, token) {
                Ok(done) => return Ok(Ok(done)),
                Err(Trouble::Unreachable(reason)) => (self.with_advice(reason), None, false),
                Err(Trouble::Broken(reason)) => (reason, None, true),
                Err(Trouble::Answer { status, body, retry_after }) => {
                    match self.who.refusal(status, &body, is_write) {
                        Refusal::Token(_) if !is_new => {
                            is_new = true;
                            self.tokens.forget();
                            continue;
                        }
                        Refusal::Token(reason) => return Err(faults::no_token(&self.who, &reason)),
                        Refusal::Fatal(error) => return Err(error),
                        Refusal::Rejected(reason) => return Ok(Err(Change::Rejected(reason))),
                        Refusal::TooMany(reason) => (reason, retry_after, false),
                        Refusal::Busy(reason) => (reason, retry_after, true),
                    }
                }
            };
            self.back_off(&reason, retry_after)?;
            if is_unclear && is_write {
                return Ok(Err(Change::Unclear));
            }
        }
    }

    fn token(&mut self) -> Result<String> {
        loop {
            let patience = self.patience().min(Duration::from_secs(30));
            match self.runtime.block_on(self.tokens.get(patience, &self.who)) {
                Ok(token) => return Ok(token),
                Err(error) if sync_core::fault::verdict(&error).retry => {
                    let reason = self.with_advice(format!("{error:#}"));
                    self.back_off(&reason, None)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Posts JSON, and gives what comes back.
    fn post(&self, url: &str, token: &str, body: Bytes) -> Result<Bytes, Trouble> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header("user-agent", USER_AGENT)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(to_body(Some(body)))
            .map_err(|error| Trouble::Unreachable(error.to_string()))?;
        let call = async {
            let answer = self.client.request(request).await.map_err(|error| Trouble::of_network(&error))?;
            let (status, retry_after) = (answer.status(), http::retry_after(answer.headers()));
            let body = answer.into_body().collect().await;
            let body = body.map_err(|error| Trouble::Broken(faults::chain(&error)))?.to_bytes();
            match status.is_success() {
                true => Ok(body),
                false => Err(Trouble::Answer { status: status.as_u16(), body: body.to_vec(), retry_after }),
            }
        };
        self.in_time(call)?
    }

    fn in_time<T>(&self, call: impl Future<Output = T>) -> Result<T, Trouble> {
        // A timeout has to be made where the runtime is.
        let done = self.runtime.block_on(async { tokio::time::timeout(self.patience(), call).await });
        done.map_err(|_| Trouble::Broken("no answer in time".to_owned()))
    }

    /// How long a call may take.
    fn patience(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()).min(PATIENCE)
    }

    /// Waits until a call may be made.
    fn turn(&mut self, is_write: bool) -> Result<()> {
        let pause = self.pace.wait(Instant::now());
        if !pause.is_zero() {
            log::debug!("50 calls in a minute are made: waiting {:.0} s", pause.as_secs_f64());
        }
        self.sleep(pause).context("50 calls in a minute are made")?;
        self.pace.count(Instant::now());
        *(if is_write { &mut self.calls.n_writes } else { &mut self.calls.n_reads }) += 1;
        Ok(())
    }

    /// Why a server is not reached, with what is on the way.
    fn with_advice(&self, mut reason: String) -> String {
        if !self.proxies.is_empty() {
            reason = format!("{reason} (by the proxy of {})", self.proxies.join(" and "));
        }
        if reason.contains("invalid peer certificate") {
            reason += "; an authority of your own belongs among the system's, or in the file that SSL_CERT_FILE names";
        }
        reason
    }

    fn back_off(&mut self, reason: &str, retry_after: Option<Duration>) -> Result<()> {
        let pause = self.pace.pause(retry_after);
        if Instant::now() + pause <= self.deadline {
            log::warn!("{reason}; next attempt in {:.1} s", pause.as_secs_f64());
        }
        self.sleep(pause).with_context(|| reason.to_owned())
    }

    fn sleep(&self, pause: Duration) -> Result<()> {
        if Instant::now() + pause > self.deadline {
            return Err(out_of_time());
        }
        match self.stop.sleep(pause) {
            true => {
                Err(Fault::locked("stopped before everything was written", "the next run goes on from here"))
            }
            false => Ok(()),
        }
    }
}

/// The run's time is over; what was begun is resumed by the next.
fn out_of_time() -> anyhow::Error {
    Fault::locked(
        "the time of --deadline is over before everything was written",
        "the next run goes on from here; readers see the previous state until then",
    )
}
