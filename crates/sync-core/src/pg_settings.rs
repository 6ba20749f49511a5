//! The settings of a PostgreSQL connection, under the names that libpq gives them.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
pub use postgres::config::{ChannelBinding, TargetSessionAttrs};
use secrecy::SecretString;

use crate::pg_values::{channel_binding, connect_timeout, millis, number, port, seconds, sslmode, target};

/// Where the server's socket is when no host is given, as Debian's libpq has it.
pub(crate) const SOCKET_FOLDER: &str = "/var/run/postgresql";
pub(crate) const DEFAULT_PORT: u16 = 5432;

/// What a connection's encryption must fulfil, as libpq's `sslmode`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS only when the server insists.
    Allow,
    /// TLS when the server offers it, without a look at its certificate.
    Prefer,
    /// TLS, without a look at the certificate unless `sslrootcert` is given.
    Require,
    /// TLS with a certificate from a known authority.
    VerifyCa,
    /// TLS with a certificate from a known authority for this very host.
    VerifyFull,
}

/// Everything needed to connect; what is `None` (or empty) has libpq's default.
#[derive(Clone, Default)]
pub struct PgSettings {
    /// Host names, addresses, or folders of a Unix socket; tried in this order.
    pub hosts: Vec<String>,
    /// One port for all hosts, or one for each.
    pub ports: Vec<u16>,
    /// The database; by default the one named like the user.
    pub database: Option<String>,
    /// The role; by default the user of the operating system.
    pub user: Option<String>,
    /// The password, never shown.
    pub password: Option<SecretString>,
    /// By default [`SslMode::Prefer`].
    pub sslmode: Option<SslMode>,
    /// A PEM file of the authorities to trust, or `system`.
    pub sslrootcert: Option<String>,
    /// A PEM file with the client's certificate.
    pub sslcert: Option<PathBuf>,
    /// A PEM file with the client's key.
    pub sslkey: Option<PathBuf>,
    /// Whether the password exchange must be bound to the TLS connection.
    pub channel_binding: Option<ChannelBinding>,
    /// Command line options for the server process, such as `-c search_path=x`.
    pub options: Option<String>,
    /// The time for TCP, TLS and authentication of one host together; by default 10 s.
    pub connect_timeout: Option<Duration>,
    /// The name shown in `pg_stat_activity`; wins over the tool's own.
    pub application_name: Option<String>,
    /// Which server to accept out of several hosts.
    pub target_session_attrs: Option<TargetSessionAttrs>,
    /// Whether TCP keepalives are sent; by default yes.
    pub keepalives: Option<bool>,
    /// Idle time before the first keepalive; by default 10 s.
    pub keepalives_idle: Option<Duration>,
    /// Time between keepalives; by default 5 s.
    pub keepalives_interval: Option<Duration>,
    /// Lost keepalives before the connection counts as dead; by default 3.
    pub keepalives_count: Option<u32>,
    /// Time that sent data may stay unacknowledged; by default 25 s.
    pub tcp_user_timeout: Option<Duration>,
    /// A password file instead of `~/.pgpass`.
    pub passfile: Option<PathBuf>,
    /// Nothing is written there: the database need not hold every character.
    pub is_only_read: bool,
}

impl PgSettings {
    /// `host:port/database` for messages: never the user's password.
    pub fn display(&self) -> String {
        let hosts: Vec<String> = self.endpoints().iter().map(|(host, port)| endpoint(host, *port)).collect();
        self.display_at(&hosts.join(","))
    }

    /// The same for one `host:port` of several.
    pub(crate) fn display_at(&self, place: &str) -> String {
        let database = self.database.as_ref().or(self.user.as_ref());
        format!("{place}/{}", database.map_or("", String::as_str))
    }

    /// Each host with its port, with the defaults filled in.
    pub(crate) fn endpoints(&self) -> Vec<(String, u16)> {
        let default = if std::path::Path::new(SOCKET_FOLDER).is_dir() { SOCKET_FOLDER } else { "localhost" };
        let hosts = if self.hosts.is_empty() { vec![default.to_owned()] } else { self.hosts.clone() };
        let port = |n: usize| self.ports.get(n).or(self.ports.first()).copied().unwrap_or(DEFAULT_PORT);
        hosts.into_iter().enumerate().map(|(n, host)| (host, port(n))).collect()
    }

    /// The `sslmode` that counts: `sslrootcert` makes it stricter, as in libpq.
    pub(crate) fn effective_sslmode(&self) -> SslMode {
        let asked = self.sslmode.unwrap_or(SslMode::Prefer);
        match self.sslrootcert.as_deref() {
            Some("system") if self.sslmode.is_none() || asked >= SslMode::Require => SslMode::VerifyFull,
            Some(_) if asked == SslMode::Require => SslMode::VerifyCa,
            _ => asked,
        }
    }

    /// Sets the parameter that libpq calls `name`; an empty value is none, an unknown name is only logged.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<()> {
        if value.is_empty() {
            return Ok(());
        }
        let text = || Some(value.to_owned());
        match name {
            "host" | "hostaddr" => self.hosts = value.split(',').map(str::to_owned).collect(),
            "port" => self.ports = value.split(',').map(port).collect::<Result<_>>()?,
            "dbname" => self.database = text(),
            "user" => self.user = text(),
            "password" => self.password = Some(value.into()),
            "sslmode" => self.sslmode = Some(sslmode(value)?),
            "ssl" => self.sslmode = (value == "true").then_some(SslMode::Require).or(self.sslmode),
            "requiressl" => self.sslmode = (value == "1").then_some(SslMode::Require).or(self.sslmode),
            "sslrootcert" => self.sslrootcert = text(),
            "sslcert" => self.sslcert = Some(value.into()),
            "sslkey" => self.sslkey = Some(value.into()),
            "channel_binding" => self.channel_binding = Some(channel_binding(value)?),
            "options" => self.options = text(),
            "connect_timeout" => self.connect_timeout = connect_timeout(number(name, value)?),
            "application_name" => self.application_name = text(),
            "fallback_application_name" => self.application_name = self.application_name.take().or_else(text),
            "target_session_attrs" => self.target_session_attrs = Some(target(value)?),
            "keepalives" => self.keepalives = Some(number(name, value)? != 0),
            "keepalives_idle" => self.keepalives_idle = seconds(name, value)?,
            "keepalives_interval" => self.keepalives_interval = seconds(name, value)?,
            "keepalives_count" => {
                self.keepalives_count = u32::try_from(number(name, value)?).ok().filter(|n| *n > 0)
            }
            "tcp_user_timeout" => self.tcp_user_timeout = millis(number(name, value)?),
            "passfile" => self.passfile = Some(value.into()),
            _ => log::debug!("the PostgreSQL parameter `{name}` is ignored"),
        }
        Ok(())
    }
}

impl fmt::Debug for PgSettings {
    /// Shows where the connection goes, and of the password only whether there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgSettings")
            .field("hosts", &self.hosts)
            .field("ports", &self.ports)
            .field("database", &self.database)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("sslmode", &self.sslmode)
            .field("sslrootcert", &self.sslrootcert)
            .finish_non_exhaustive()
    }
}

/// `host:port` for messages, with IPv6 in brackets.
pub(crate) fn endpoint(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_checked() {
        let mut settings = PgSettings::default();
        for (name, value) in [
            ("sslmode", "on"),
            ("channel_binding", "maybe"),
            ("connect_timeout", "10s"),
            ("target_session_attrs", "best"),
            ("port", "5432x"),
            ("port", "0"),
        ] {
            let error = settings.set(name, value).unwrap_err();
            assert_eq!(crate::fault::verdict(&error).exit, crate::exit::Exit::Config, "{name}");
        }
        settings.set("pgbouncer", "true").unwrap();
        settings.set("connect_timeout", "0").unwrap();
        assert_eq!(settings.connect_timeout, None);
        settings.set("connect_timeout", "1").unwrap();
        assert_eq!(settings.connect_timeout, Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_root_certificate_makes_sslmode_stricter() {
        let mode = |sslmode, root: Option<&str>| {
            let sslrootcert = root.map(str::to_owned);
            PgSettings { sslmode, sslrootcert, ..PgSettings::default() }.effective_sslmode()
        };
        assert_eq!(mode(None, None), SslMode::Prefer);
        assert_eq!(mode(Some(SslMode::Require), None), SslMode::Require);
        assert_eq!(mode(Some(SslMode::Require), Some("ca.pem")), SslMode::VerifyCa);
        assert_eq!(mode(Some(SslMode::VerifyCa), Some("system")), SslMode::VerifyFull);
        assert_eq!(mode(None, Some("system")), SslMode::VerifyFull);
        assert_eq!(mode(Some(SslMode::Disable), Some("system")), SslMode::Disable);
    }

    #[test]
    fn endpoints_pair_hosts_and_ports() {
        let mut settings = PgSettings { hosts: vec!["a".into(), "::1".into()], ..PgSettings::default() };
        assert_eq!(settings.display(), "a:5432,[::1]:5432/");
        settings.ports = vec![1, 2];
        settings.database = Some("d".into());
        assert_eq!(settings.display(), "a:1,[::1]:2/d");
    }
}
