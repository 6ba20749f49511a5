//! A throwaway PostgreSQL cluster on a free loopback port.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ::postgres::{Client, NoTls};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::pg_account::{self, Account};
use crate::pg_server::Server;
use crate::pg_template;

/// Password of user `postgres` in every cluster.
pub const PASSWORD: &str = "sync-testing-password";

const FOLDER_PREFIX: &str = "sync-testing-pg-";
const START_LIMIT: Duration = Duration::from_secs(60);

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
        remove_stale_folders();
        let account = pg_account::find();
        let prefix = format!("{FOLDER_PREFIX}{}-", std::process::id());
        let dir = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary folder");
        account.own(dir.path());
        pg_template::copy(&account, &dir.path().join("data"));
        if options.tls {
            write_certificate(&account, &dir.path().join("data"));
        }
        let mut cluster =
            Postgres { account, options, dir, port: 0, n_databases: AtomicU32::new(0), server: None };
        for _ in 0..20 {
            cluster.port = free_port();
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
        fs::read(self.dir.path().join("log"))
            .map(|b| String::from_utf8_lossy(&b).into_owned())
            .unwrap_or_default()
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
        let log = fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log"));
        let log = log.expect("the log can be written");
        let mut command = self.account.command("postgres", true);
        command.arg("-D").arg(self.dir.path().join("data"));
        for setting in self.settings() {
            command.arg("-c").arg(setting);
        }
        command
            .stdin(std::process::Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        let server = Server::start(command);
        let began = Instant::now();
        while began.elapsed() < START_LIMIT {
            if server.ended().is_some() {
                return false;
            }
            if Client::connect(&self.url(), NoTls).is_ok() && server.ended().is_none() {
                self.server = Some(server);
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        server.quit();
        false
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

/// A loopback port that nothing listens on, below the range from which the kernel numbers outgoing connections:
/// otherwise a client's own port could be in the way of a restart.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(7919);
    (0..12_000)
        .map(|_| 20_000 + (start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000) as u16)
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .expect("a free port between 20000 and 32000")
}

/// Removes what a killed test process had to leave behind.
fn remove_stale_folders() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|n| n.strip_prefix(FOLDER_PREFIX)?.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another test may be removing it too.
            let _ = fs::remove_dir_all(entry.path());
        }
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
