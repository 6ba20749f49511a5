//! Where the MySQL server is and how to speak to it, from flags and environment.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use secrecy::SecretString;
use sync_core::env::Env;
use sync_core::fault::Fault;

use super::url;

pub(crate) const DEFAULT_HOST: &str = "mysql_db";
pub(crate) const DEFAULT_PORT: u16 = 3306;

/// What a connection's encryption must fulfil, as MySQL's `--ssl-mode`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum SslMode {
    /// Never TLS.
    Disabled,
    /// TLS when the server offers it, without a look at its certificate.
    Preferred,
    /// TLS, without a look at the certificate.
    Required,
    /// TLS with a certificate from a trusted authority, whatever name it bears.
    VerifyCa,
    /// TLS with a certificate from a trusted authority for this very host.
    VerifyIdentity,
}

/// The connection settings given on the command line; an empty text counts as none.
#[derive(Clone, Default)]
pub(crate) struct MyFlags {
    /// As `MYSQL_URL`.
    pub(crate) url: Option<String>,
    /// As `MYSQL_HOST`.
    pub(crate) host: Option<String>,
    /// As `MYSQL_PORT`.
    pub(crate) port: Option<String>,
    /// As `MYSQL_USER`.
    pub(crate) user: Option<String>,
    /// As `MYSQL_PASSWORD`.
    pub(crate) password: Option<String>,
    /// As `MYSQL_DB`.
    pub(crate) database: Option<String>,
    /// As `MYSQL_SOCKET`.
    pub(crate) socket: Option<String>,
    /// As `MYSQL_SSL_MODE`.
    pub(crate) ssl_mode: Option<String>,
    /// As `MYSQL_SSL_CA`.
    pub(crate) ssl_ca: Option<String>,
}

/// Everything needed to connect, checked.
#[derive(Clone)]
pub(crate) struct MySettings {
    /// Host name or address, without brackets; unused with a socket.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path of the server's Unix socket; wins over host and port.
    pub(crate) socket: Option<PathBuf>,
    pub(crate) user: String,
    /// The password, never shown.
    pub(crate) password: Option<SecretString>,
    pub(crate) database: String,
    pub(crate) ssl_mode: SslMode,
    /// A file of authorities to trust, PEM or a single one in DER.
    pub(crate) ssl_ca: Option<PathBuf>,
}

impl MySettings {
    /// The settings: flags over environment, `MYSQL_URL` over the single ones, which fill what it leaves open.
    ///
    /// An authority without a mode asks for `verify_ca`, as with MySQL's own client. What is missing or cannot be read
    /// is a configuration error that names the setting.
    pub(crate) fn load(flags: &MyFlags, env: &Env) -> Result<MySettings> {
        let value = |flag: &Option<String>, name: &str| -> Result<Option<String>> {
            Ok(flag.clone().filter(|text| !text.is_empty()).or(env.get(name)?))
        };
        let url = value(&flags.url, "MYSQL_URL")?.map(|url| url::parse(&url)).transpose()?;
        let has_url = url.is_some();
        let mut given = url.unwrap_or_default();
        // A host of its own does not go with somebody else's port or socket.
        if !has_url {
            given.host = value(&flags.host, "MYSQL_HOST")?.or(Some(DEFAULT_HOST.to_owned()));
            given.port = value(&flags.port, "MYSQL_PORT")?.map(|text| port(&text)).transpose()?;
            given.socket = value(&flags.socket, "MYSQL_SOCKET")?;
        }
        let mode = match given.ssl_mode {
            Some(mode) => Some(mode),
            None => value(&flags.ssl_mode, "MYSQL_SSL_MODE")?
                .map(|text| ssl_mode("MYSQL_SSL_MODE", &text))
                .transpose()?,
        };
        let ca = given.ssl_ca.or(value(&flags.ssl_ca, "MYSQL_SSL_CA")?).map(PathBuf::from);
        ca.as_deref().map(check_ca).transpose()?;
        let implied = if ca.is_some() { SslMode::VerifyCa } else { SslMode::Preferred };
        let password = given.password.or(value(&flags.password, "MYSQL_PASSWORD")?);
        Ok(MySettings {
            host: bare_host(given.host.unwrap_or_else(|| "localhost".to_owned())),
            port: given.port.unwrap_or(DEFAULT_PORT),
            socket: given.socket.map(PathBuf::from),
            user: required("MYSQL_USER", given.user.or(value(&flags.user, "MYSQL_USER")?))?,
            password: password.map(SecretString::from),
            database: required("MYSQL_DB", given.database.or(value(&flags.database, "MYSQL_DB")?))?,
            ssl_mode: mode.unwrap_or(implied),
            ssl_ca: ca,
        })
    }

    /// `host:port/database` for messages, or the socket's path in place of the first: no user, no password.
    pub(crate) fn display(&self) -> String {
        format!("{}/{}", self.place(), self.database)
    }

    /// `host:port`, with IPv6 in brackets, or the path of the socket.
    pub(crate) fn place(&self) -> String {
        match &self.socket {
            Some(socket) => socket.display().to_string(),
            None if self.host.contains(':') => format!("[{}]:{}", self.host, self.port),
            None => format!("{}:{}", self.host, self.port),
        }
    }

    /// Whether the way to the server stays on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.socket.is_some()
            || self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Debug for MyFlags {
    /// Says nothing of the values, one of which is the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MyFlags").finish_non_exhaustive()
    }
}

impl fmt::Debug for MySettings {
    /// Shows where the connection goes, and of the password only whether there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySettings")
            .field("place", &self.place())
            .field("database", &self.database)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("ssl_mode", &self.ssl_mode)
            .field("ssl_ca", &self.ssl_ca)
            .finish()
    }
}

/// The mode in `text`, in any case and with `-` or `_`; `setting` is named in the error.
pub(crate) fn ssl_mode(setting: &str, text: &str) -> Result<SslMode> {
    Ok(match text.trim().to_ascii_lowercase().replace('-', "_").as_str() {
        "disabled" => SslMode::Disabled,
        "preferred" => SslMode::Preferred,
        "required" => SslMode::Required,
        "verify_ca" => SslMode::VerifyCa,
        "verify_identity" => SslMode::VerifyIdentity,
        _ => {
            return Err(Fault::config(
                format!("{setting} is none of the known modes: {text:?}"),
                "write disabled, preferred, required, verify_ca or verify_identity",
            ));
        }
    })
}

fn port(text: &str) -> Result<u16> {
    text.trim().parse().ok().filter(|port| *port > 0).ok_or_else(|| {
        Fault::config(
            format!("MYSQL_PORT is not a number from 1 to 65535: {text:?}"),
            "MySQL listens on 3306 unless told otherwise",
        )
    })
}

fn bare_host(host: String) -> String {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.map_or_else(|| host.trim().to_owned(), str::to_owned)
}

fn required(name: &str, value: Option<String>) -> Result<String> {
    value.ok_or_else(|| {
        Fault::config(
            format!("{name} is not set"),
            format!(
                "set {name} in the environment or .env, or give MYSQL_URL=mysql://user:password@host/database"
            ),
        )
    })
}

fn check_ca(file: &Path) -> Result<()> {
    let refused = |why: String| {
        Fault::config(
            format!("the file {} named by MYSQL_SSL_CA {why}", file.display()),
            "name the certificate of the authority that signed the server's, in PEM; MySQL makes one as ca.pem in its data folder",
        )
    };
    let contents = fs::read(file).map_err(|error| refused(format!("cannot be read: {error}")))?;
    // DER begins with the tag of a sequence; everything else is taken for text.
    let is_pem = contents.windows(17).any(|bytes| bytes == b"BEGIN CERTIFICATE");
    let is_der = contents.first() == Some(&0x30);
    if is_pem || is_der { Ok(()) } else { Err(refused("holds no certificate".to_owned())) }
}

#[cfg(test)]
mod tests;
