//! Connecting to PostgreSQL, and quoting for it.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, anyhow};
use postgres::{Client, Config, config};
use secrecy::ExposeSecret as _;

use crate::fault::Fault;
use crate::in_time;
pub use crate::pg_settings::PgSettings;
use crate::pg_settings::{SslMode, endpoint};
use crate::tls::Tls;

/// The time for TCP, TLS and authentication together, unless the settings say otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Compiling statements that run for milliseconds takes longer than they do. Policies that hide rows make statements fail: a comparison with a part of a table would double the rest.
const SESSION: &str = "SET TIME ZONE 'UTC'; SET datestyle TO ISO; SET client_encoding TO 'UTF8';
    SET statement_timeout TO 0; SET lock_timeout TO 0; SET idle_in_transaction_session_timeout TO 0;
    SET row_security TO off; SET jit TO off";

/// Encodings that take any text: UTF8, and the one that looks at none.
const TAKES_ALL: [&str; 2] = ["UTF8", "SQL_ASCII"];

/// Left alone the server would keep what a dead client has locked for two hours. Not every version and system knows these.
const WATCHFUL: [&str; 2] = [
    "SET tcp_keepalives_idle TO 10; SET tcp_keepalives_interval TO 5; SET tcp_keepalives_count TO 3;
     SET tcp_user_timeout TO '25s'",
    "SET client_connection_check_interval TO '2s'",
];

/// A connection to the first host that answers, in UTC, without a statement timeout.
///
/// `application_name` shows in `pg_stat_activity` unless the settings name another. A dead peer is noticed within
/// 30 s. Errors: unreachable within 10 s is temporary; a wrong password, database or certificate is configuration.
pub fn connect(settings: &PgSettings, application_name: &str) -> Result<Client> {
    let tls = Tls::new(settings)?;
    let mut last = anyhow!("no host is given");
    for (host, port) in settings.endpoints() {
        let config = config(settings, application_name, &host, port)?;
        let place = endpoint(&host, port);
        let connected = connect_host(settings, &config, &host, &place, &tls);
        match connected {
            Ok(client) => {
                if !tls.used() && !is_local(&host) {
                    log::warn!(
                        "the connection to {place} is not encrypted; sslmode=require would insist on TLS"
                    );
                }
                return Ok(client);
            }
            Err(error) => last = error.context(format!("connecting to {}", settings.display_at(&place))),
        }
    }
    Err(last)
}

/// Whether the server takes no new connection and does not refuse it either: nothing that was asked of it will
/// be answered.
pub fn is_silent(settings: &PgSettings, application_name: &str) -> bool {
    connect(settings, application_name).is_err_and(|error| in_time::is_silence(&error))
}

fn config(settings: &PgSettings, application_name: &str, host: &str, port: u16) -> Result<Config> {
    let mut config = Config::new();
    config.host(host).port(port);
    config.application_name(settings.application_name.as_deref().unwrap_or(application_name));
    if let Some(database) = &settings.database {
        config.dbname(database);
    }
    if let Some(user) = &settings.user {
        config.user(user);
    }
    if let Some(password) = &settings.password {
        config.password(password.expose_secret());
    }
    if let Some(options) = &settings.options {
        config.options(options);
    }
    if let Some(channel_binding) = settings.channel_binding {
        config.channel_binding(channel_binding);
    }
    if let Some(target) = settings.target_session_attrs {
        config.target_session_attrs(target);
    }
    // A name can have several addresses: one that swallows packets must leave time for the next.
    config.connect_timeout(connect_timeout(settings) / 2);
    config.keepalives(settings.keepalives.unwrap_or(true));
    config.keepalives_idle(settings.keepalives_idle.unwrap_or(Duration::from_secs(10)));
    config.keepalives_interval(settings.keepalives_interval.unwrap_or(Duration::from_secs(5)));
    config.keepalives_retries(settings.keepalives_count.unwrap_or(3));
    config.tcp_user_timeout(settings.tcp_user_timeout.unwrap_or(Duration::from_secs(25)));
    if is_socket(host) && settings.channel_binding == Some(config::ChannelBinding::Require) {
        return Err(Fault::config(
            "channel_binding=require needs TLS, and a Unix socket has none",
            "drop channel_binding",
        ));
    }
    Ok(config)
}

fn connect_timeout(settings: &PgSettings) -> Duration {
    settings.connect_timeout.unwrap_or(CONNECT_TIMEOUT)
}

/// Tries the kinds of encryption that `sslmode` allows, in its order.
fn connect_host(
    settings: &PgSettings,
    config: &Config,
    host: &str,
    place: &str,
    tls: &Tls,
) -> Result<Client> {
    let mut failed: Option<anyhow::Error> = None;
    for mode in attempts(settings, host) {
        let mut config = config.clone();
        config.ssl_mode(*mode);
        tls.forget();
        let tls = tls.clone();
        let is_only_read = settings.is_only_read;
        let attempt = move || prepare_session(config.connect(tls)?, is_only_read);
        let error = match in_time::connect(place, connect_timeout(settings), attempt) {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        // Of two refusals the first is the telling one: the second is often only "no encryption".
        let again = is_about_encryption(&error);
        failed = Some(failed.unwrap_or(error));
        if !again {
            break;
        }
    }
    Err(failed.unwrap_or_else(|| anyhow!("no attempt was made")))
}

fn attempts(settings: &PgSettings, host: &str) -> &'static [config::SslMode] {
    use config::SslMode::{Disable, Prefer, Require};
    if is_socket(host) {
        return &[Disable];
    }
    match settings.effective_sslmode() {
        SslMode::Disable => &[Disable],
        SslMode::Allow => &[Disable, Require],
        SslMode::Prefer => &[Prefer, Disable],
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Require],
    }
}

/// Whether the same connection may succeed with TLS instead of without, or the other way round.
fn is_about_encryption(error: &anyhow::Error) -> bool {
    error.downcast_ref::<postgres::Error>().is_some_and(|error| match error.code() {
        // No entry in pg_hba.conf, which may ask for TLS or forbid it.
        Some(code) => code.code() == "28000",
        None => error.to_string() == "error performing TLS handshake",
    })
}

fn prepare_session(mut client: Client, is_only_read: bool) -> Result<Client> {
    client.batch_execute(SESSION)?;
    let encoding: String =
        client.query_typed_one("SELECT pg_catalog.getdatabaseencoding()::text", &[])?.get(0);
    if !is_only_read && !TAKES_ALL.contains(&encoding.as_str()) {
        return Err(Fault::config(
            format!("the database is in {encoding}, which does not hold every character"),
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and name that one",
        ));
    }
    for checks in WATCHFUL {
        if let Err(error) = client.batch_execute(checks) {
            log::debug!("the server's own checks of the connection are left alone: {error}");
        }
    }
    Ok(client)
}

fn is_socket(host: &str) -> bool {
    host.starts_with('/') || host.starts_with('@')
}

fn is_local(host: &str) -> bool {
    is_socket(host)
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `name` as a quoted identifier.
pub fn quote_ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `text` as a string literal, whatever `standard_conforming_strings` is.
pub fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{exit::Exit, fault};
    use std::net::TcpListener;

    #[test]
    fn quoting() {
        assert_eq!(quote_ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\'"), "E'a\\\\'''");
    }

    #[test]
    fn local_hosts_need_no_warning() {
        for host in ["localhost", "127.0.0.1", "::1", "/run/x"] {
            assert!(is_local(host), "{host}");
        }
        assert!(!is_local("10.0.0.1") && !is_local("db"));
    }

    #[test]
    fn a_socket_never_has_tls() {
        let settings = PgSettings::from_url("postgres://h/d?sslmode=verify-full").unwrap();
        assert_eq!(attempts(&settings, "/tmp"), [config::SslMode::Disable]);
        assert_eq!(attempts(&settings, "h"), [config::SslMode::Require]);
    }

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("postgres://u:hunter2@{}/d?connect_timeout=2", listener.local_addr().unwrap());
        let error = connect(&PgSettings::from_url(&url).unwrap(), "test").err().unwrap();
        let text = fault::describe(&error);
        assert!(text.contains(&listener.local_addr().unwrap().to_string()) && text.contains("2 s"), "{text}");
        assert!(!text.contains("hunter2"));
        let verdict = fault::verdict(&error);
        assert_eq!((verdict.exit, verdict.retry), (Exit::Temporary, true));
    }

    #[test]
    fn a_refused_connection_is_temporary_and_names_the_place() {
        let url = "postgres://u@127.0.0.1:1/d";
        let error = connect(&PgSettings::from_url(url).unwrap(), "test").err().unwrap();
        let text = fault::describe(&error);
        assert!(
            text.starts_with("connecting to 127.0.0.1:1/d: error connecting to server: Connection refused"),
            "{text}"
        );
        assert_eq!(fault::verdict(&error).exit, Exit::Temporary);
    }
}
