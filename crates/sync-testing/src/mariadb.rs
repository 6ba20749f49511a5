//! A throwaway MariaDB server on a free loopback port and a Unix socket.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ::mysql::prelude::Queryable;
use ::mysql::{Conn, OptsBuilder};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::mariadb_account::{self, Account};
use crate::mariadb_args;
use crate::mariadb_template;
use crate::mariadb_tls;
use crate::pg_server::Server;

/// The account that may do everything, from every host.
pub const USER: &str = "root";
/// Password of [`USER`] in every server.
pub const PASSWORD: &str = "sync-testing-password";

const FOLDER_PREFIX: &str = "sync-testing-mariadb-";
const START_LIMIT: Duration = Duration::from_secs(60);

/// The certificate that a server shows; its authority is at [`MariaDb::ca`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// None: the server speaks in plain text only.
    #[default]
    Off,
    /// Names `localhost` and `127.0.0.1` as subject alternative names.
    Named,
    /// Has no alternative name, as the certificates that servers make for themselves.
    Nameless,
}

/// How a server differs from the usual one.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Serve TLS beside plain text.
    pub tls: Tls,
    /// Refuse connections over TCP without TLS.
    pub require_secure_transport: bool,
    /// Run without InnoDB, MyISAM being the default engine.
    pub isam_only: bool,
    /// Further arguments, such as `--max-allowed-packet=256M`.
    pub args: Vec<String>,
}

/// A running server; dropping it kills it at once and removes its folder.
///
/// It serves speed: nothing is flushed to the disk, but what was committed reaches the kernel, and so survives
/// [`MariaDb::kill9`].
#[derive(Debug)]
pub struct MariaDb {
    account: Account,
    options: Options,
    dir: TempDir,
    port: u16,
    n_databases: AtomicU32,
    server: Option<Server>,
}

impl MariaDb {
    /// A server that accepts connections: user [`USER`], password [`PASSWORD`], no database of ours yet.
    pub fn start() -> MariaDb {
        MariaDb::start_with(Options::default())
    }

    /// Like [`MariaDb::start`], with options.
    pub fn start_with(options: Options) -> MariaDb {
        remove_stale_folders();
        let account = mariadb_account::find();
        let prefix = format!("{FOLDER_PREFIX}{}-", std::process::id());
        let dir = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary folder");
        account.own(dir.path());
        mariadb_template::copy(&account, &dir.path().join("data"));
        if options.tls != Tls::Off {
            mariadb_tls::write(&account, dir.path(), options.tls);
        }
        let mut server =
            MariaDb { account, options, dir, port: 0, n_databases: AtomicU32::new(0), server: None };
        for _ in 0..20 {
            server.port = free_port();
            // Another test may take the port between our look and MariaDB's bind: then the next one.
            if server.try_start() {
                return server;
            }
        }
        panic!("MariaDB does not start:\n{}", server.log());
    }

    /// `mysql://` URL of a database for [`USER`], over TCP.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Name of a fresh, empty database in utf8mb4 (`utf8mb4_general_ci`); another one for each call.
    pub fn database(&self) -> String {
        let name = format!("t{}", self.n_databases.fetch_add(1, Ordering::Relaxed) + 1);
        self.sql("", &format!("CREATE DATABASE {name}"));
        name
    }

    /// A connection of [`USER`] over the socket; an empty name is no database.
    pub fn conn(&self, database: &str) -> Conn {
        self.try_conn(database).unwrap_or_else(|e| panic!("connect to {database}: {e}\n{}", self.log()))
    }

    /// Runs statements, separated by semicolons; panics with the first that fails.
    pub fn sql(&self, database: &str, statements: &str) {
        let run = || -> ::mysql::Result<()> {
            let mut conn = self.try_conn(database)?;
            let mut results = conn.query_iter(statements)?;
            while let Some(rows) = results.iter() {
                // An error of a later statement comes as a row of its result.
                for row in rows {
                    row?;
                }
            }
            Ok(())
        };
        run().unwrap_or_else(|e| panic!("{statements}: {e}"));
    }

    /// Makes a user, allowed from every host, with grants such as `SELECT ON erp.*`; one of that name is replaced.
    pub fn create_user(&self, name: &str, password: &str, grants: &[&str]) {
        let mut conn = self.conn("");
        let user = format!("`{name}`@'%'");
        let create =
            format!("CREATE OR REPLACE USER {user} IDENTIFIED BY '{}'", password.replace('\'', "''"));
        let grants = grants.iter().map(|grant| format!("GRANT {grant} TO {user}"));
        for statement in std::iter::once(create).chain(grants) {
            conn.query_drop(&statement).unwrap_or_else(|e| panic!("{statement}: {e}"));
        }
    }

    /// TCP port on 127.0.0.1; stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path of the Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// The certificate (PEM) of the authority that signed the server's. Only with TLS.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Process id of the server, or `None` while it is stopped.
    pub fn pid(&self) -> Option<i32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Everything that the server has logged.
    pub fn log(&self) -> String {
        fs::read(self.dir.path().join("log"))
            .map(|b| String::from_utf8_lossy(&b).into_owned())
            .unwrap_or_default()
    }

    /// Kills the server with SIGKILL; connections break, nothing listens until [`MariaDb::start_again`].
    pub fn kill9(&mut self) {
        if let Some(server) = self.server.take() {
            server.signal_all(Signal::KILL);
            let began = Instant::now();
            while server.ended().is_none() && began.elapsed() < Duration::from_secs(10) {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Shuts the server down in good order; nothing listens until [`MariaDb::start_again`].
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.quit();
        }
    }

    /// Starts a stopped or killed server on its old port and waits until it accepts connections.
    pub fn start_again(&mut self) {
        assert!(self.server.is_none(), "the server still runs");
        assert!(self.try_start(), "MariaDB does not start again:\n{}", self.log());
    }

    /// Shutdown in good order, then start on the same port.
    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// Freezes the server (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&self) {
        self.server.as_ref().expect("a server that runs").signal_all(Signal::STOP);
    }

    /// Lets a paused server go on.
    pub fn resume(&self) {
        self.server.as_ref().expect("a server that runs").signal_all(Signal::CONT);
    }

    // The socket: it is let in where TLS is required, too.
    fn try_conn(&self, database: &str) -> ::mysql::Result<Conn> {
        let options = OptsBuilder::new()
            .socket(Some(self.socket().display().to_string()))
            .user(Some(USER))
            .pass(Some(PASSWORD))
            .db_name(Some(database).filter(|name| !name.is_empty()));
        Conn::new(options)
    }

    /// Whether the server came up; it did not when its port was taken.
    fn try_start(&mut self) -> bool {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log"));
        let log = log.expect("the log can be written");
        let mut command = self.account.server(true);
        command
            .args(mariadb_args::of(&self.options, self.dir.path(), self.port))
            .stdin(std::process::Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        let server = Server::start(command);
        let began = Instant::now();
        while began.elapsed() < START_LIMIT {
            if server.ended().is_some() {
                return false;
            }
            if self.try_conn("").is_ok() && server.ended().is_none() {
                self.server = Some(server);
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        server.quit();
        false
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.kill9();
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
