//! Calling an HTTP server that may be far away, slow or not itself: what came back, or how far the call got.

use std::error::Error as _;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use ureq::http::{HeaderMap, Response};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::{Connector as _, DefaultConnector};
use ureq::{Agent, Body, SendBody, Timeout};

use self::connect::{Marked, NotConnected};
use self::gather::Gather;
use self::names::Names;
pub use self::proxy::{OnTheWay, proxy};
pub use self::url::base_url;
use crate::fault::Fault;

mod connect;
mod gather;
mod names;
mod proxy;
mod url;

/// The time to connect: name, TCP and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest pause that a server may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How a server is called.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// Who calls: `tool/version`.
    pub user_agent: &'a str,
    /// Certificates to trust instead of the public authorities', as a PEM file.
    pub ca_file: Option<&'a Path>,
    /// Connections that are kept open.
    pub n_connections: usize,
}

/// Connections to one server; they stay open from call to call. Clones share them.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
}

/// Why a call has no answer.
#[derive(Debug)]
pub enum CallError {
    /// The server was not reached, so it has taken nothing.
    Unreachable(String),
    /// The call broke off: the server may have taken it.
    Broken {
        /// What broke it.
        reason: String,
        /// It ended at once, as on a connection that the server had closed after an earlier call.
        at_once: bool,
    },
}

/// An answer: its status, its headers, and a body to be read.
pub type Answer = Response<Body>;

impl Client {
    /// A client that follows no redirects and takes every status for an answer.
    ///
    /// # Errors
    /// A configuration fault when the certificates cannot be read.
    pub fn new(options: &Options<'_>) -> Result<Client> {
        let roots = options.ca_file.map(authorities).transpose()?.unwrap_or(RootCerts::WebPki);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(options.n_connections)
            .max_idle_connections_per_host(options.n_connections)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .user_agent(options.user_agent)
            .tls_config(TlsConfig::builder().root_certs(roots).build());
        let connector = Marked(DefaultConnector::default().chain(Gather));
        Ok(Client { agent: Agent::with_parts(config.build(), connector, Names::default()) })
    }

    /// Posts JSON: `headers`, and a body of `length` bytes; it is given up after `patience` without progress.
    ///
    /// # Errors
    /// A [`CallError`] when no answer came, or only a part of its head.
    pub fn post(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: &mut dyn Read,
        length: u64,
        patience: Duration,
    ) -> Result<Answer, CallError> {
        let mut request = self
            .agent
            .post(url)
            .config()
            .timeout_per_read(Some(patience))
            .timeout_per_write(Some(patience))
            .build()
            .header("content-type", "application/json")
            .header("content-length", length);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let began = Instant::now();
        let mut body = body;
        let answer = request.send(SendBody::from_reader(&mut body));
        answer.map_err(|error| CallError::of(&error, began.elapsed()))
    }

    /// Gets a page; it is given up after `patience` without progress.
    ///
    /// # Errors
    /// A [`CallError`] when no answer came, or only a part of its head.
    pub fn get(&self, url: &str, headers: &[(&str, &str)], patience: Duration) -> Result<Answer, CallError> {
        let mut request = self.agent.get(url).config().timeout_per_read(Some(patience)).build();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let began = Instant::now();
        request.call().map_err(|error| CallError::of(&error, began.elapsed()))
    }

    /// Breaks off what other threads are calling; every later call fails.
    pub fn shut_down(&self) {
        self.agent.clone().shutdown();
    }
}

impl CallError {
    fn of(error: &ureq::Error, elapsed: Duration) -> CallError {
        let reason = reason(error);
        if is_before_request(error) {
            return CallError::Unreachable(reason);
        }
        let at_once = elapsed < Duration::from_secs(1)
            && matches!(error, ureq::Error::Io(_) | ureq::Error::Protocol(_));
        CallError::Broken { reason, at_once }
    }
}

/// The first `limit` characters of an answer's body, for people.
pub fn beginning(answer: &mut Answer, limit: usize) -> String {
    let mut bytes = Vec::new();
    // What cannot be read of an error's text is left out.
    let _ = answer.body_mut().as_reader().take(4 * limit as u64).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // Nor may a server move the cursor of whoever reads its words.
    line.chars().filter(|c| !c.is_control()).take(limit).collect()
}

/// The pause that the server asks for: seconds, or a date by its own clock; at most a day.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let asked = text("retry-after")?.trim();
    let date = |text: &str| jiff::fmt::rfc2822::parse(text.trim()).ok().map(|date| date.timestamp());
    let pause = match asked.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) if asked.bytes().all(|byte| byte.is_ascii_digit()) => LONGEST_RETRY_AFTER,
        Err(_) => {
            // Our own clock may be years off.
            let now = text("date").and_then(date).unwrap_or_else(Timestamp::now);
            Duration::try_from(date(asked)?.duration_since(now)).unwrap_or_default()
        }
    };
    Some(pause.min(LONGEST_RETRY_AFTER))
}

fn authorities(path: &Path) -> Result<RootCerts> {
    let wrong = |why: String| {
        Fault::config(
            format!("the certificates in {} cannot be used: {why}", path.display()),
            "name a PEM file with the certificate of the authority that signed the server's",
        )
    };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let items = parse_pem(&pem).collect::<Result<Vec<_>, _>>().map_err(|error| wrong(error.to_string()))?;
    let certificates: Vec<Certificate<'static>> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(wrong("it has none".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

/// Whether the server has seen nothing of the request.
fn is_before_request(error: &ureq::Error) -> bool {
    use io::ErrorKind as K;
    match error {
        ureq::Error::Other(error) => error.is::<NotConnected>(),
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Tls(_)
        | ureq::Error::Pem(_)
        | ureq::Error::Rustls(_)
        | ureq::Error::BadUri(_)
        | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        ureq::Error::Io(error) => {
            let is_tls = error.get_ref().is_some_and(|inner| inner.downcast_ref::<rustls::Error>().is_some());
            // All others come from the name or from the way there; a name that is not found has no kind of its own.
            let is_cut = matches!(
                error.kind(),
                K::ConnectionReset
                    | K::ConnectionAborted
                    | K::BrokenPipe
                    | K::UnexpectedEof
                    | K::WriteZero
                    | K::TimedOut
                    | K::WouldBlock
                    | K::NotConnected
                    | K::InvalidData
                    | K::InvalidInput
            );
            is_tls || !is_cut
        }
        _ => false,
    }
}

/// The error without the URL, which may hold a secret.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) | ureq::Error::Http(_) => {
            "the URL is not valid".to_owned()
        }
        ureq::Error::Other(inner) => match inner.downcast_ref::<NotConnected>() {
            Some(NotConnected(inner)) => reason(inner),
            None => error.to_string(),
        },
        ureq::Error::ConnectProxyFailed(why) => {
            // The library says a status twice: "407/407".
            format!("the proxy lets nothing through: {}", why.split('/').next().unwrap_or_default())
        }
        ureq::Error::Timeout(Timeout::PerRead | Timeout::PerWrite) => "no progress for too long".to_owned(),
        ureq::Error::Io(error) => match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::HeaderValue;

    fn pause(retry_after: &str, date: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_str(retry_after).unwrap());
        headers.insert("date", HeaderValue::from_str(date).unwrap());
        super::retry_after(&headers).map(|pause| pause.as_secs())
    }

    #[test]
    fn the_server_says_how_long_to_wait() {
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        assert_eq!(pause("120", date), Some(120));
        assert_eq!(pause(" 7 ", date), Some(7));
        assert_eq!(pause("999999999", date), Some(86_400));
        assert_eq!(pause("99999999999999999999", date), Some(86_400));
        assert_eq!(pause("Wed, 21 Oct 2015 07:30:00 GMT", date), Some(120), "by the server's own clock");
        assert_eq!(pause("Wed, 21 Oct 2015 07:00:00 GMT", date), Some(0));
        assert_eq!(pause("soon", date), None);
        assert_eq!(super::retry_after(&HeaderMap::new()), None);
    }
}
