//! A throwaway PostgreSQL cluster on a free loopback port.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use ::postgres::{Client, NoTls};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::pg_account::{self, Account};
use crate::pg_template;
use crate::server::{self, Server};

/// Password of user `postgres` in every cluster.
pub const PASSWORD: &str = "sync-testing-password";

const FOLDER_PREFIX: &str = "sync-testing-pg-";

/// How a cluster differs from the usual one.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Serve TLS with a self-signed certificate for `localhost` and `127.0.0.1`; see [`Postgres::certificate`].
    pub tls: bool,
    /// Turn `fsync` off, for tests that need speed and never cut the power.
    pub no_fsync: bool,
    /// Further settings, each `name=value` as in postgresql.conf.
    pub settings: Vec<String>,
}

/// A running cluster; dropping it stops the server at once and removes its folder.
#[derive(Debug)]
pub struct Postgres {
    account: Account,
    options: Options,
    dir: TempDir,
    port: u16,
    n_databases: AtomicU32,
    server: Option<Server>,
}

impl Postgres {
    /// A cluster that accepts connections: user `postgres`, password [`PASSWORD`], databases `postgres` and `test`.
    pub fn start() -> Postgres {
        Postgres::start_with(Options::default())
    }

    /// Like [`Postgres::start`], with TLS.
    pub fn with_tls() -> Postgres {
        Postgres::start_with(Options { tls: true, ..Options::default() })
    }

    /// Like [`Postgres::start`], with options.
    pub fn start_with(options: Options) -> Postgres {
        let account = pg_account::find();
        let dir = server::folder(FOLDER_PREFIX);
        account.own(dir.path());
        pg_template::copy(&account, &dir.path().join("data"));
        if options.tls {
            write_certificate(&account, &dir.path().join("data"));
        }
        let mut cluster =
            Postgres { account, options, dir, port: 0, n_databases: AtomicU32::new(0), server: None };
        for _ in 0..20 {
            cluster.port = server::free_port();
            // Another test may take the port between our look and PostgreSQL's bind: then the next one.
            if cluster.try_start() {
                return cluster;
            }
        }
        panic!("PostgreSQL does not start:\n{}", cluster.log());
    }

    /// URL of database `test`.
    pub fn url(&self) -> String {
        self.url_of("test")
    }

    /// URL of a fresh, empty database; another one for each call.
    pub fn database(&self) -> String {
        let name = format!("t{}", self.n_databases.fetch_add(1, Ordering::Relaxed) + 1);
        let mut client = self.client(&self.url_of("postgres"));
        client.batch_execute(&format!("CREATE DATABASE {name}")).expect("a database can be created");
        self.url_of(&name)
    }

    /// A connection to one of this cluster's URLs, without TLS.
    pub fn client(&self, url: &str) -> Client {
        Client::connect(url, NoTls).unwrap_or_else(|e| panic!("connect to {url}: {e:?}\n{}", self.log()))
    }

    /// TCP port on 127.0.0.1; stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Folder of the Unix socket.
    pub fn socket_dir(&self) -> &Path {
        self.dir.path()
    }

    /// Process id of the postmaster, or `None` while the server is stopped.
    pub fn pid(&self) -> Option<i32> {
        self.server.as_ref().map(Server::pid)
    }

    /// The server's certificate (PEM), which is its own root: what `sslrootcert` takes. Only with TLS.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("data/server.crt")
    }

    /// Everything that the server has logged.
    pub fn log(&self) -> String {
        server::log(self.dir.path())
    }

    /// Stops the server as after a power cut; connections break, nothing listens until [`Postgres::start_again`].
    pub fn stop_immediate(&mut self) {
        if let Some(server) = self.server.take() {
            server.quit();
        }
    }

    /// Starts a stopped server on its old port and waits until it accepts connections.
    pub fn start_again(&mut self) {
        assert!(self.server.is_none(), "the server still runs");
        assert!(self.try_start(), "PostgreSQL does not start again:\n{}", self.log());
    }

    /// Immediate stop, then start on the same port.
    pub fn restart_immediate(&mut self) {
        self.stop_immediate();
        self.start_again();
    }

    /// Freezes every server process (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&self) {
        self.server.as_ref().expect("a server that runs").signal_all(Signal::STOP);
    }

    /// Lets a paused server go on.
    pub fn resume(&self) {
        self.server.as_ref().expect("a server that runs").signal_all(Signal::CONT);
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgresql://postgres:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Whether the server came up; it did not when its port was taken.
    fn try_start(&mut self) -> bool {
        let mut command = self.account.command("postgres", true);
        command.arg("-D").arg(self.dir.path().join("data"));
        for setting in self.settings() {
            command.arg("-c").arg(setting);
        }
        let serves = || Client::connect(&self.url(), NoTls).is_ok();
        self.server = Server::start(command, &self.dir.path().join("log"), serves);
        self.server.is_some()
    }

    fn settings(&self) -> Vec<String> {
        let mut settings = vec![
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".into(),
            format!("unix_socket_directories={}", self.dir.path().display()),
            "shared_buffers=16MB".into(),
            "max_connections=100".into(),
            "max_wal_size=1GB".into(),
            format!("fsync={}", if self.options.no_fsync { "off" } else { "on" }),
            format!("ssl={}", if self.options.tls { "on" } else { "off" }),
        ];
        settings.extend(self.options.settings.iter().cloned());
        settings
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop_immediate();
    }
}

fn write_certificate(account: &Account, data: &Path) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate can be made");
    let files = [("server.crt", made.cert.pem()), ("server.key", made.signing_key.serialize_pem())];
    for (name, pem) in files {
        let path = data.join(name);
        fs::write(&path, pem).expect("the certificate can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its rights can be set");
        account.own(&path);
    }
    // Clients read the certificate as any user, through two folders that are private otherwise.
    fs::set_permissions(data.join("server.crt"), fs::Permissions::from_mode(0o644))
        .expect("its rights can be set");
}
