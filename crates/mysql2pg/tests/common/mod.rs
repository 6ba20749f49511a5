//! One MariaDB with an ERP, one PostgreSQL and the built tool, for each test.
#![allow(dead_code, reason = "every test binary compiles this module and uses a part of it")]
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]
#![allow(clippy::print_stdout, reason = "a seed is for people who replay a failure")]

pub(crate) mod erp;
pub(crate) mod erp_random;
pub(crate) mod oracle;

use std::path::PathBuf;

use mysql::Conn;
use postgres::{Client, SimpleQueryMessage};
use serde_json::Value;
use sync_testing::mariadb::{self, MariaDb};
use sync_testing::postgres::{Options, Postgres};
use sync_testing::tool::{Run, Tool};

/// The account that the tool reads with: it may read its database and nothing else.
pub(crate) const READER: &str = "erp_reader";
/// Its password, with what would break a URL that nobody escapes.
pub(crate) const READER_PASSWORD: &str = "it's:a/p@ss%word";

/// The seed of this test run: `SYNC_TEST_SEED`, or one that differs from run to run. Printed when the test fails, as all
/// output is.
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("SYNC_TEST_SEED") {
        Ok(text) => text.parse().expect("SYNC_TEST_SEED is a number"),
        Err(_) => fastrand::u64(..1_000_000),
    };
    println!("replay with SYNC_TEST_SEED={seed}");
    seed
}

/// `sample`, or `full` when `SYNC_TEST_FULL=1` asks for the whole matrix.
pub(crate) fn how_many(sample: u64, full: u64) -> u64 {
    if std::env::var("SYNC_TEST_FULL").is_ok_and(|value| value == "1") { full } else { sample }
}

/// A fresh database on both sides, and the tool set up for both.
pub(crate) struct Setup {
    /// The source, for tests that stop it.
    pub(crate) mariadb: MariaDb,
    /// The destination, for tests that stop it.
    pub(crate) server: Postgres,
    database: String,
    url: String,
}

/// What a run came to, with its report as JSON.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) report: Value,
    pub(crate) stderr: String,
}

impl Setup {
    pub(crate) fn new() -> Setup {
        Setup::with(mariadb::Options::default())
    }

    /// With a MariaDB of these options.
    pub(crate) fn with(options: mariadb::Options) -> Setup {
        let mariadb = MariaDb::start_with(options);
        let server = Postgres::start_with(Options { no_fsync: true, ..Options::default() });
        let mut setup = Setup { mariadb, server, database: String::new(), url: String::new() };
        std::fs::create_dir(setup.dir()).unwrap();
        setup.renew();
        setup
    }

    /// Goes on with fresh, empty databases on the same servers.
    pub(crate) fn renew(&mut self) {
        self.database = self.mariadb.database();
        self.url = self.server.database();
        let grant = format!("SELECT ON `{}`.*", self.database);
        self.mariadb.create_user(READER, READER_PASSWORD, &[&grant]);
    }

    /// Name of the source's database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// URL of the destination's database.
    pub(crate) fn url(&self) -> &str {
        &self.url
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
            .env("DATABASE_URL", &self.url)
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
        let outcome = self.sync(args);
        assert_eq!(outcome.code, code, "{}\n{}", outcome.report, outcome.stderr);
        outcome
    }

    /// A connection to the source that may do everything.
    pub(crate) fn conn(&self) -> Conn {
        self.mariadb.conn(&self.database)
    }

    /// Runs statements in the source.
    pub(crate) fn my(&self, sql: &str) {
        self.mariadb.sql(&self.database, sql);
    }

    /// A connection to the destination.
    pub(crate) fn client(&self) -> Client {
        self.server.client(&self.url)
    }

    /// Runs statements in the destination.
    pub(crate) fn sql(&self, sql: &str) {
        if let Err(err) = self.client().batch_execute(sql) {
            panic!("{sql}: {err:?}");
        }
    }

    /// The rows of a query in the destination as text.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let messages = self.client().simple_query(sql);
        let messages = messages.unwrap_or_else(|err| panic!("{sql}: {err:?}"));
        messages
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            })
            .map(|row| (0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
            .collect()
    }

    /// The single value of a query as text, `NULL` for NULL.
    pub(crate) fn one(&self, sql: &str) -> String {
        let rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql} gives one row: {rows:?}");
        rows[0][0].clone().unwrap_or_else(|| "NULL".to_owned())
    }

    /// The first column of a query as text, `NULL` for NULL.
    pub(crate) fn list(&self, sql: &str) -> Vec<String> {
        self.rows(sql)
            .into_iter()
            .map(|mut row| row.swap_remove(0).unwrap_or_else(|| "NULL".to_owned()))
            .collect()
    }

    /// `key reason` of every row that is set aside, in order.
    pub(crate) fn rejected(&self) -> Vec<String> {
        self.list(
            "SELECT row_key || ' ' || reason FROM sync_rejected
             ORDER BY file, table_name, row_key",
        )
    }
}

impl Outcome {
    /// Reads the JSON report that a run wrote.
    pub(crate) fn of(run: &Run) -> Outcome {
        let report = serde_json::from_str(&run.stdout)
            .unwrap_or_else(|err| panic!("{err}: {:?}\n{}", run.stdout, run.stderr));
        Outcome { code: run.code.unwrap_or(-1), report, stderr: run.stderr.clone() }
    }

    /// A counter of the report, 0 when it is not there.
    pub(crate) fn n(&self, name: &str) -> u64 {
        self.report[name].as_u64().unwrap_or(0)
    }

    /// Read, written, unchanged, duplicates, rejected, skipped.
    pub(crate) fn counts(&self) -> [u64; 6] {
        ["read", "written", "unchanged", "duplicates", "rejected", "skipped"].map(|name| self.n(name))
    }
}
