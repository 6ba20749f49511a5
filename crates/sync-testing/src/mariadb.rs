//! A throwaway MariaDB server on a free loopback port and a Unix socket.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use ::mysql::prelude::Queryable;
use ::mysql::{Conn, OptsBuilder};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::mariadb_account::{self, Account};
use crate::mariadb_args;
use crate::mariadb_template;
use crate::mariadb_tls;
use crate::server::{self, Server};

/// The account that may do everything, from every host.
pub const USER: &str = "root";
/// Password of [`USER`] in every server.
pub const PASSWORD: &str = "sync-testing-password";

const FOLDER_PREFIX: &str = "sync-testing-mariadb-";

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
        let account = mariadb_account::find();
        let dir = server::folder(FOLDER_PREFIX);
        account.own(dir.path());
        mariadb_template::copy(&account, &dir.path().join("data"));
        if options.tls != Tls::Off {
            mariadb_tls::write(&account, dir.path(), options.tls);
        }
        let mut mariadb =
            MariaDb { account, options, dir, port: 0, n_databases: AtomicU32::new(0), server: None };
        for _ in 0..20 {
            mariadb.port = server::free_port();
            // Another test may take the port between our look and MariaDB's bind: then the next one.
            if mariadb.try_start() {
                return mariadb;
            }
        }
        panic!("MariaDB does not start:\n{}", mariadb.log());
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
        server::log(self.dir.path())
    }

    /// Kills the server with SIGKILL; connections break, nothing listens until [`MariaDb::start_again`].
    pub fn kill9(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
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
        let mut command = self.account.server(true);
        command.args(mariadb_args::of(&self.options, self.dir.path(), self.port));
        let serves = || self.try_conn("").is_ok();
        self.server = Server::start(command, &self.dir.path().join("log"), serves);
        self.server.is_some()
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.kill9();
    }
}
