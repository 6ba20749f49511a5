//! Connecting to MySQL or MariaDB, in limited time and with a session that reads safely.

use std::any::Any;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use mysql::prelude::Queryable as _;
use mysql::{Conn, DriverError, Error, OptsBuilder, SslOpts};
use secrecy::ExposeSecret as _;
use sync_core::fault::Fault;
use sync_core::in_time;
use sync_core::tls::install_provider;

use super::faults::{self, Link};
use super::settings::{MySettings, SslMode};

/// The time for name, TCP, TLS, authentication and session together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest silence in a result. A server may sort for minutes before it gives the first row; a link that is dead while
/// something in between keeps it alive never gives one.
const READ_TIMEOUT: Duration = Duration::from_secs(600);
/// Whether it was said that the connection is not encrypted.
static WARNED: AtomicBool = AtomicBool::new(false);
/// Whether the server was found to offer no TLS.
static NO_TLS: AtomicBool = AtomicBool::new(false);

/// The largest packet of the protocol, in bytes: the server's own limit counts, not the driver's 16 MiB.
const MAX_PACKET: usize = 1 << 30;

/// No sql_mode: neither `"` nor `||` nor backslashes have a second meaning, and CHAR comes without its padding. Where
/// PostgreSQL is slow the server waits; where another session holds a table, we do not.
const SESSION: [&str; 3] = [
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00', SESSION sql_mode = '', SESSION sql_big_selects = 1, SESSION sql_select_limit = 18446744073709551615",
    "SET SESSION wait_timeout = GREATEST(@@SESSION.wait_timeout, 3600), \
     SESSION net_write_timeout = GREATEST(@@SESSION.net_write_timeout, 3600), \
     SESSION net_read_timeout = GREATEST(@@SESSION.net_read_timeout, 3600), SESSION lock_wait_timeout = 60",
];

/// What not every server knows.
const SESSION_WHERE_KNOWN: [&str; 5] = [
    "SET SESSION TRANSACTION READ ONLY",
    "SET SESSION max_statement_time = 0",
    "SET SESSION max_execution_time = 0",
    "SET SESSION idle_transaction_timeout = 0",
    "SET SESSION idle_readonly_transaction_timeout = 0",
];

/// A connection that only reads, in UTC and utf8mb4, without a time limit for statements.
///
/// A dead peer is noticed within 30 s. Errors: unreachable within 10 s is temporary; a wrong password, database or
/// certificate is configuration.
pub(crate) fn connect(settings: &MySettings) -> Result<Conn> {
    connect_with(settings, modes(settings), CONNECT_TIMEOUT)
}

/// Whether the server takes no new connection and does not refuse it either: nothing that was asked of it will
/// be answered.
pub(crate) fn is_silent(settings: &MySettings) -> bool {
    // Asked again and again, a server without TLS would log each broken attempt.
    let known_plain = settings.ssl_mode == SslMode::Preferred && NO_TLS.load(Ordering::SeqCst);
    let modes = if known_plain { &[Mode::Plain] } else { modes(settings) };
    connect_with(settings, modes, CONNECT_TIMEOUT).is_err_and(|error| in_time::is_silence(&error))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Tls,
    Plain,
}

fn modes(settings: &MySettings) -> &'static [Mode] {
    if settings.socket.is_some() {
        return &[Mode::Plain];
    }
    match settings.ssl_mode {
        SslMode::Disabled => &[Mode::Plain],
        SslMode::Preferred => &[Mode::Tls, Mode::Plain],
        SslMode::Required | SslMode::VerifyCa | SslMode::VerifyIdentity => &[Mode::Tls],
    }
}

fn connect_with(settings: &MySettings, modes: &'static [Mode], limit: Duration) -> Result<Conn> {
    let (conn, mode) = connect_in_time(settings, modes, limit)
        .with_context(|| format!("connecting to {}", settings.display()))?;
    if mode == Mode::Plain && !settings.is_local() && !WARNED.swap(true, Ordering::SeqCst) {
        log::warn!(
            "the connection to {} is not encrypted; MYSQL_SSL_MODE=required would insist on TLS",
            settings.place()
        );
    }
    Ok(conn)
}

fn connect_in_time(settings: &MySettings, modes: &'static [Mode], limit: Duration) -> Result<(Conn, Mode)> {
    let place = settings.place();
    let settings = settings.clone();
    in_time::connect(&place, limit, move || {
        // The driver panics at some answers, such as one of a kind of authentication that it was built without.
        catch_unwind(AssertUnwindSafe(|| connect_by(&settings, modes, limit / 2)))
            .unwrap_or_else(|panic| Err(of_panic(panic.as_ref())))
    })
}

fn of_panic(panic: &(dyn Any + Send)) -> anyhow::Error {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("for no stated reason");
    let message = format!("the driver gave up on the server's answer: {text}");
    if text.contains("authentication plugin") {
        return faults::unsupported_plugin(message);
    }
    Fault::failed(message, "check that host and port lead to MySQL")
}

/// Tries the kinds of encryption in their order, and prepares the session.
fn connect_by(settings: &MySettings, modes: &[Mode], tcp_timeout: Duration) -> Result<(Conn, Mode)> {
    install_provider();
    let binds = binds(settings)?;
    let mut failed: Option<anyhow::Error> = None;
    for mode in modes {
        let error = match connect_host(&opts(settings, *mode, tcp_timeout), &binds) {
            Ok(mut conn) => return prepare_session(&mut conn).map(|()| (conn, *mode)),
            Err(error) => error,
        };
        let has_no_tls = matches!(error, Error::DriverError(DriverError::TlsNotSupported));
        NO_TLS.fetch_or(has_no_tls, Ordering::SeqCst);
        let again = *mode == Mode::Tls && faults::is_about_tls(&error);
        let is_plain = *mode == Mode::Plain && settings.socket.is_none();
        let error = faults::explain_on(if is_plain { Link::Plain } else { Link::Any }, &error);
        // Of two refusals the first is the telling one, unless it only says that there is no TLS.
        failed = if modes.len() > 1 && has_no_tls { None } else { Some(failed.unwrap_or(error)) };
        if !again {
            break;
        }
    }
    Err(failed.unwrap_or_else(|| anyhow!("no attempt was made")))
}

/// The addresses to bind to, which choose among the kinds of address that a name has.
///
/// The driver stops at the first address that refuses, such as `::1` for `localhost` before a server that listens on
/// 127.0.0.1 only. Bound to the unspecified address of a kind, it tries all addresses of that kind.
fn binds(settings: &MySettings) -> Result<Vec<Option<IpAddr>>> {
    if settings.socket.is_some() {
        return Ok(vec![None]);
    }
    let found = (settings.host.as_str(), settings.port).to_socket_addrs();
    let found: Vec<SocketAddr> = found
        .map_err(|error| {
            Fault::temporary(
                format!("the address of {} is unknown: {error}", settings.host),
                "check MYSQL_HOST (or MYSQL_URL), and that the name can be resolved",
            )
        })?
        .collect();
    let kind = |address: &SocketAddr| match address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let mut kinds: Vec<Option<IpAddr>> = Vec::new();
    for address in &found {
        if !kinds.contains(&Some(kind(address))) {
            kinds.push(Some(kind(address)));
        }
    }
    match (found.len(), kinds.len()) {
        (0 | 1, _) => Ok(vec![None]),
        (_, 1) => Ok(kinds),
        // Bound to one kind, the driver hides why it failed behind the error of the other.
        _ => Ok(kinds.into_iter().chain([None]).collect()),
    }
}

fn connect_host(opts: &OptsBuilder, binds: &[Option<IpAddr>]) -> mysql::Result<Conn> {
    let mut last = Error::DriverError(DriverError::CouldNotConnect(None));
    for bind in binds {
        let opts = opts.clone().bind_address(bind.map(|address| SocketAddr::new(address, 0)));
        match Conn::new(opts) {
            Err(
                error @ Error::DriverError(DriverError::CouldNotConnect(_) | DriverError::ConnectTimeout),
            ) => {
                last = error;
            }
            reached => return reached,
        }
    }
    Err(last)
}

fn opts(settings: &MySettings, mode: Mode, tcp_timeout: Duration) -> OptsBuilder {
    let host =
        if settings.host.contains(':') { format!("[{}]", settings.host) } else { settings.host.clone() };
    OptsBuilder::new()
        .ip_or_hostname(Some(host))
        .tcp_port(settings.port)
        .socket(settings.socket.as_ref().map(|path| path.display().to_string()))
        .user(Some(&settings.user))
        .pass(settings.password.as_ref().map(|password| password.expose_secret()))
        .db_name(Some(&settings.database))
        .ssl_opts((mode == Mode::Tls).then(|| ssl_opts(settings)))
        // Else a connection to this machine turns into one to the socket, which has its own accounts.
        .prefer_socket(false)
        .max_allowed_packet(Some(MAX_PACKET))
        .connect_attrs(Some([("program_name", "mysql2pg")].into()))
        .tcp_connect_timeout(Some(tcp_timeout))
        .read_timeout(Some(READ_TIMEOUT))
        .tcp_keepalive_time_ms(Some(10_000))
        .tcp_keepalive_probe_interval_secs(Some(5))
        .tcp_keepalive_probe_count(Some(3))
        .tcp_user_timeout_ms(Some(25_000))
}

/// The driver trusts Mozilla's authorities besides those of `MYSQL_SSL_CA`.
fn ssl_opts(settings: &MySettings) -> SslOpts {
    let unverified = settings.ssl_mode < SslMode::VerifyCa;
    // A file that will not be used must not fail the connection.
    let ca = settings.ssl_ca.clone().filter(|_| !unverified);
    SslOpts::default()
        .with_root_cert_path(ca)
        .with_danger_accept_invalid_certs(unverified)
        .with_danger_skip_domain_validation(settings.ssl_mode < SslMode::VerifyIdentity)
}

fn prepare_session(conn: &mut Conn) -> Result<()> {
    for statement in SESSION {
        conn.query_drop(statement).map_err(faults::explain).context("preparing the session")?;
    }
    for statement in SESSION_WHERE_KNOWN {
        match conn.query_drop(statement) {
            Err(error @ Error::MySqlError(_)) => log::debug!("{statement}: {error}"),
            done => done.map_err(faults::explain).context("preparing the session")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
