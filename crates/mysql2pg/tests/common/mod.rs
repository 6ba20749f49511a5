//! One MariaDB with an ERP, one PostgreSQL and the built tool, for each test.
#![allow(dead_code, reason = "every test binary compiles this module and uses a part of it")]
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

pub(crate) mod erp;
pub(crate) mod erp_random;
pub(crate) mod oracle;

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;

use mysql::Conn;
use sync_testing::mariadb::{self, MariaDb};
use sync_testing::outcome::Outcome;
use sync_testing::pg_database::Database;
use sync_testing::tool::{Run, Tool};

/// The account that the tool reads with: it may read its database and nothing else.
pub(crate) const READER: &str = "erp_reader";
/// Its password, with what would break a URL that nobody escapes.
pub(crate) const READER_PASSWORD: &str = "it's:a/p@ss%word";

/// A fresh database on both sides, and the tool set up for both.
pub(crate) struct Setup {
    /// The source, for tests that stop it.
    pub(crate) mariadb: MariaDb,
    destination: Database,
    database: String,
}

impl Deref for Setup {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.destination
    }
}

impl DerefMut for Setup {
    fn deref_mut(&mut self) -> &mut Database {
        &mut self.destination
    }
}

impl Setup {
    pub(crate) fn new() -> Setup {
        Setup::with(mariadb::Options::default())
    }

    /// With a MariaDB of these options.
    pub(crate) fn with(options: mariadb::Options) -> Setup {
        let mariadb = MariaDb::start_with(options);
        let setup = Setup { database: mariadb.database(), mariadb, destination: Database::start() };
        std::fs::create_dir(setup.dir()).unwrap();
        setup.let_reader_in();
        setup
    }

    /// Goes on with fresh, empty databases on the same servers.
    pub(crate) fn renew(&mut self) {
        self.database = self.mariadb.database();
        self.destination.renew();
        self.let_reader_in();
    }

    fn let_reader_in(&self) {
        let grant = format!("SELECT ON `{}`.*", self.database);
        self.mariadb.create_user(READER, READER_PASSWORD, &[&grant]);
    }

    /// Name of the source's database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// The working directory of the tool: `.env` is looked for here. It goes when MariaDB goes.
    pub(crate) fn dir(&self) -> PathBuf {
        self.mariadb.socket().with_file_name("work")
    }

    /// Writes a file into the working directory, and gives its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The tool with these arguments, both databases set in its environment.
    pub(crate) fn tool(&self, args: &[&str]) -> Tool {
        self.bare(args)
            .env("MYSQL_HOST", "127.0.0.1")
            .env("MYSQL_PORT", self.mariadb.port().to_string())
            .env("MYSQL_USER", READER)
            .env("MYSQL_PASSWORD", READER_PASSWORD)
            .env("MYSQL_DB", &self.database)
            .env("DATABASE_URL", self.url())
    }

    /// The tool with these arguments and nothing set.
    pub(crate) fn bare(&self, args: &[&str]) -> Tool {
        Tool::new(env!("CARGO_BIN_EXE_mysql2pg")).args(args).dir(self.dir())
    }

    /// One run of the tool.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.tool(args).run()
    }

    /// One run with a JSON report, of `sync` unless the arguments name another command.
    pub(crate) fn sync(&self, args: &[&str]) -> Outcome {
        let args: Vec<&str> = args.iter().copied().chain(["--report", "json"]).collect();
        Outcome::of(&self.run(&args))
    }

    /// One sync that must end with this code.
    #[track_caller]
    pub(crate) fn sync_to(&self, code: i32, args: &[&str]) -> Outcome {
        self.sync(args).ended_with(code)
    }

    /// A connection to the source that may do everything.
    pub(crate) fn conn(&self) -> Conn {
        self.mariadb.conn(&self.database)
    }

    /// Runs statements in the source.
    pub(crate) fn my(&self, sql: &str) {
        self.mariadb.sql(&self.database, sql);
    }

    /// `key reason` of every row that is set aside, in order.
    pub(crate) fn rejected(&self) -> Vec<String> {
        self.list(
            "SELECT row_key || ' ' || reason FROM sync_rejected
             ORDER BY file, table_name, row_key",
        )
    }
}
