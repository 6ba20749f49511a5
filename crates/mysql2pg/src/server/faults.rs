//! What an error of MySQL, or of its driver, means: exit code, whether to try again, advice; one table.

use std::error::Error as _;
use std::io;

use mysql::{DriverError, Error, MySqlError};
use sync_core::fault::Fault;

/// How a connection that failed was meant to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    /// Encrypted, local, or not of interest.
    Any,
    /// In plain text over TCP: an account that asks for TLS is then refused.
    Plain,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Config,
    Temporary,
    Failed,
}

use Class::{Config, Failed, Temporary};

const LOGIN: &str =
    "check MYSQL_USER and MYSQL_PASSWORD (or MYSQL_URL), and that the account may log in from this host";
const PLUGIN: &str = "give the account a password that is checked by caching_sha2_password or mysql_native_password: ALTER USER … IDENTIFIED …";
const NAMES: &str = "check the names against the server's tables and columns";
const QUERY: &str = "check the query of the job";
const REACH: &str = "check host and port, or the socket, and that the server runs";
const NO_MYSQL: &str = "check that host and port lead to MySQL";
const REPAIR: &str = "the server's table is damaged: have an administrator run REPAIR TABLE";
const TLS_HERE: &str = "set MYSQL_SSL_MODE=required";
const OLD_TLS: &str =
    "the server must offer TLS 1.2 or later; on a trusted network MYSQL_SSL_MODE=disabled does without";

/// The table for the server's own codes; what it does not name is a failure without advice.
///
/// Codes: <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html> and
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
#[rustfmt::skip]
const TABLE: &[(&[u16], Class, &str)] = &[
    (&[1045, 1698], Config, LOGIN),
    (&[1049], Config, "check MYSQL_DB (or MYSQL_URL), or create the database"),
    (&[1130], Config, "the server knows no account for this host: make one, or connect from another"),
    (&[1820, 1862, 3118, 4151], Config, "have an administrator unlock the account or renew its password"),
    (&[1250, 1251, 1275, 1524], Config, PLUGIN),
    (&[3159], Config, TLS_HERE),
    // Rights; the statement that grants them is added from the message.
    (&[1044, 1142, 1143, 1227, 1370], Config, ""),
    (&[1051, 1054, 1109, 1146, 1356, 1449], Config, NAMES),
    (&[1052, 1055, 1056, 1060, 1064, 1066, 1140, 1222, 1305, 1582, 1583], Config, QUERY),
    (&[1792], Config, "mysql2pg only reads: take what writes out of the query"),
    // Blocked until an administrator lets go, but by failed connections of the past, not by a setting.
    (&[1129], Temporary, "have an administrator run FLUSH HOSTS, or mysqladmin flush-hosts"),
    (&[1040, 1203, 1226], Temporary, "the server has too many connections, or this account has"),
    // Shutdown; killed query or connection; link lost on the server's side; Galera node not ready.
    (&[1047, 1053, 1077, 1078, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1317, 1927, 2006, 2013, 3168, 3169, 4031], Temporary, ""),
    (&[1969, 3024], Temporary, "the server's time limit for statements ended the query"),
    (&[1205], Temporary, "another session holds the table: see SHOW PROCESSLIST"),
    // Deadlock, lock table full, statement to be prepared anew, row changed under the snapshot.
    (&[1020, 1206, 1213, 1615], Temporary, ""),
    (&[1412], Temporary, "the table was altered during the run"),
    (&[1037, 1038, 1041, 1135], Temporary, "the server is short of memory"),
    (&[3, 1021, 1114], Temporary, "the server's disk, or a temporary table, is full"),
    (&[1034, 1035, 1194, 1195], Failed, REPAIR),
    (&[1267, 1270, 1271], Failed, "texts of different collations are compared: add COLLATE or CONVERT to the query"),
    (&[1153], Failed, "raise max_allowed_packet on the server"),
];

/// What the errors of TLS begin with; they reach us as input errors, since the handshake runs with the first write.
const TLS_TEXTS: &[(&str, &str)] = &[
    ("invalid peer certificate: certificate not valid for name", NAME_HINT),
    ("invalid peer certificate: NotValidForName", NAME_HINT),
    ("invalid peer certificate: Other(OtherError(", UNUSUAL),
    (
        "invalid peer certificate: ",
        "MYSQL_SSL_CA must name the certificate of the authority that signed the server's; MYSQL_SSL_MODE=required does without a check",
    ),
    ("no server certificate chain", OLD_TLS),
    ("received fatal alert: ", OLD_TLS),
    ("peer is incompatible: ", OLD_TLS),
    ("peer misbehaved: ", OLD_TLS),
    ("received corrupt message", OLD_TLS),
    ("received unexpected", OLD_TLS),
];
const UNUSUAL: &str = "the server's certificate is an authority's own, or of an old kind: have an authority sign one of X.509 version 3 for the server; MYSQL_SSL_MODE=required does without a check";
const NAME_HINT: &str = "the server's certificate bears another name, or none: name the host as the certificate does, or set MYSQL_SSL_MODE=verify_ca";

/// `error` as one whose class and advice [`sync_core::fault::verdict`] knows, with the server's message and code.
///
/// Wrong settings, accounts, names and certificates are configuration errors; what a second try may cure is temporary.
pub(crate) fn explain(error: Error) -> anyhow::Error {
    explain_on(Link::Any, &error)
}

/// The same for an attempt to connect, which a server may refuse for want of TLS.
pub(super) fn explain_on(link: Link, error: &Error) -> anyhow::Error {
    match error {
        Error::MySqlError(error) => of_server(link, error),
        Error::DriverError(error) => of_driver(error),
        Error::IoError(error) => of_io(error),
        Error::CodecError(error) => match error.source().and_then(|e| e.downcast_ref::<io::Error>()) {
            Some(error) => of_io(error),
            None => fault(Failed, format!("MySQL's answer cannot be read: {error}"), NO_MYSQL),
        },
        Error::TlsError(error) => fault(
            Config,
            format!("TLS with MySQL is not possible: {error}"),
            tls_hint(&error.to_string()).unwrap_or("check MYSQL_SSL_CA"),
        ),
        // The others would show values, or the URL, which is never given to the driver.
        Error::UrlError(_) => fault(Config, "the driver refuses the settings".to_owned(), ""),
        Error::FromValueError(_) | Error::FromRowError(_) => {
            fault(Failed, "a value from MySQL has an unexpected type".to_owned(), "")
        }
    }
}

/// Whether plain text may still do after an attempt with TLS, no certificate being checked, failed with `error`.
pub(super) fn is_about_tls(error: &Error) -> bool {
    use io::ErrorKind as K;
    let network = match error {
        Error::DriverError(DriverError::TlsNotSupported) => return true,
        Error::TlsError(_) => return true,
        Error::IoError(error) => Some(error),
        Error::CodecError(error) => error.source().and_then(|e| e.downcast_ref::<io::Error>()),
        _ => None,
    };
    // Servers of old simply hang up on a handshake that they do not understand.
    network.is_some_and(|error| {
        tls_hint(&error.to_string()).is_some()
            || matches!(error.kind(), K::UnexpectedEof | K::ConnectionReset | K::BrokenPipe)
    })
}

fn of_server(link: Link, error: &MySqlError) -> anyhow::Error {
    let row = TABLE.iter().find(|(codes, _, _)| codes.contains(&error.code));
    let (class, hint) = row.map_or((Failed, ""), |(_, class, hint)| (*class, *hint));
    let message = format!("{} (MySQL error {})", error.message.trim_end_matches('.'), error.code);
    match error.code {
        1044 | 1142 | 1143 | 1227 | 1370 => fault(class, message, &grant_hint(error)),
        1045 if link == Link::Plain => fault(
            class,
            message,
            &format!("{LOGIN}; an account that requires TLS is refused like this too: {TLS_HERE}"),
        ),
        // MariaDB has no code of its own for this refusal.
        _ if error.message.contains("require_secure_transport") => fault(Config, message, TLS_HERE),
        _ => fault(class, message, hint),
    }
}

/// The error for an account whose kind of password the driver does not know.
pub(super) fn unsupported_plugin(message: String) -> anyhow::Error {
    fault(Config, message, PLUGIN)
}

/// The statement that gives the right that `error` misses, as far as its message tells.
fn grant_hint(error: &MySqlError) -> String {
    let text = &error.message;
    let user = between(text, "user '", "'@").unwrap_or("USER");
    let (right, place) = match error.code {
        1227 => (between(text, "(at least one of) the ", " privilege").unwrap_or("…"), "*.*".to_owned()),
        1044 => ("SELECT", format!("{}.*", quoted(between(text, "database '", "'").unwrap_or("DATABASE")))),
        1370 => {
            ("EXECUTE", format!("FUNCTION {}", after(text, " routine ").unwrap_or("NAME").replace('\'', "")))
        }
        _ => ("SELECT", table(after(text, " table ").unwrap_or("DATABASE.*"))),
    };
    // A database that does not exist is refused in the same words.
    let name = if error.code == 1044 { "check MYSQL_DB (or MYSQL_URL), or " } else { "" };
    format!(
        "{name}have an administrator run: GRANT {right} ON {place} TO '{user}'@'%' — with the account's own host for %"
    )
}

/// The table of a message: `` `db`.`name` `` (MariaDB) or `'name'` (MySQL).
fn table(text: &str) -> String {
    match text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(name) => quoted(name),
        None => text.to_owned(),
    }
}

fn quoted(name: &str) -> String {
    super::quote_ident(name)
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let rest = &text[text.find(start)? + start.len()..];
    Some(&rest[..rest.find(end)?])
}

fn after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    Some(text[text.rfind(start)? + start.len()..].trim())
}

fn of_driver(error: &DriverError) -> anyhow::Error {
    let (class, hint) = match error {
        DriverError::CouldNotConnect(Some((_, _, io::ErrorKind::PermissionDenied))) => {
            (Config, "this user may not open the socket")
        }
        DriverError::CouldNotConnect(_) | DriverError::ConnectTimeout | DriverError::Timeout => {
            (Temporary, REACH)
        }
        DriverError::TlsNotSupported => (
            Config,
            "give the server a certificate; on a trusted network MYSQL_SSL_MODE=preferred does without",
        ),
        DriverError::UnknownAuthPlugin(_)
        | DriverError::OldMysqlPasswordDisabled
        | DriverError::CleartextPluginDisabled
        | DriverError::InvalidParsecSalt => (Config, PLUGIN),
        DriverError::UnsupportedProtocol(_) | DriverError::Protocol41NotSet => {
            (Config, "check host and port: what answers there is no MySQL of our days")
        }
        _ => (Failed, ""),
    };
    let message = match error {
        DriverError::CouldNotConnect(Some((place, why, _))) => format!("cannot connect to {place}: {why}"),
        DriverError::ConnectTimeout => "no answer to the attempt to connect".to_owned(),
        DriverError::TlsNotSupported => "the server does not offer TLS".to_owned(),
        DriverError::UnknownAuthPlugin(name) => {
            format!("the account uses the authentication plugin {name}, which is not supported")
        }
        _ => error.to_string(),
    };
    fault(class, message, hint)
}

fn of_io(error: &io::Error) -> anyhow::Error {
    use io::ErrorKind as K;
    let text = error.to_string();
    if let Some(hint) = tls_hint(&text) {
        return fault(Config, format!("TLS with MySQL is not possible: {text}"), hint);
    }
    match error.kind() {
        K::InvalidData | K::InvalidInput => fault(
            Failed,
            format!("MySQL's answer cannot be read: {text}"),
            "check that host and port lead to MySQL",
        ),
        _ => fault(
            Temporary,
            format!("the connection to MySQL broke: {text}"),
            "the server, or something on the way to it, broke the connection: see the server's log",
        ),
    }
}

fn tls_hint(text: &str) -> Option<&'static str> {
    TLS_TEXTS.iter().find(|(start, _)| text.starts_with(start)).map(|(_, hint)| *hint)
}

fn fault(class: Class, message: String, hint: &str) -> anyhow::Error {
    match class {
        Config => Fault::config(message, hint),
        Temporary => Fault::temporary(message, hint),
        Failed => Fault::failed(message, hint),
    }
}

#[cfg(test)]
mod tests;
