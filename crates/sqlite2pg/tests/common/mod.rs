//! One server, one folder of day files and the built tool, for each test.
#![allow(dead_code, reason = "every test binary compiles this module and uses a part of it")]
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

pub(crate) mod oracle;
mod oracle_cells;

use std::path::{Path, PathBuf};

use postgres::{Client, SimpleQueryMessage};
use rusqlite::Connection;
use serde_json::Value;
use sync_testing::postgres::{Options, Postgres};
use sync_testing::tool::{Run, Tool};
use tempfile::TempDir;

/// The day that most tests write to.
pub(crate) const DAY: &str = "2026_01_25";

/// A fresh database, an empty folder of day files, and the tool set up for both.
pub(crate) struct Setup {
    /// The server, for tests that stop it.
    pub(crate) server: Postgres,
    url: String,
    dir: TempDir,
}

/// What a run came to, with its report as JSON.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) report: Value,
    pub(crate) stderr: String,
}

impl Setup {
    pub(crate) fn new() -> Setup {
        let server = Postgres::start_with(Options { no_fsync: true, ..Options::default() });
        let url = server.database();
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("days")).unwrap();
        Setup { server, url, dir }
    }

    /// URL of the database.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The working directory of the tool: `config.yaml` and `.env` are looked for here.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Path of a day file in the folder that the tool reads.
    pub(crate) fn file(&self, day: &str) -> PathBuf {
        self.dir.path().join("days").join(format!("{day}.db"))
    }

    /// The day file, open for writing, made when it is missing.
    pub(crate) fn day(&self, day: &str) -> Connection {
        Connection::open(self.file(day)).unwrap()
    }

    /// A day file after these statements, closed again.
    pub(crate) fn write(&self, day: &str, sql: &str) {
        let db = self.day(day);
        db.execute_batch(sql).unwrap();
        db.close().unwrap();
    }

    /// Writes `config.yaml`.
    pub(crate) fn config(&self, yaml: &str) {
        std::fs::write(self.dir.path().join("config.yaml"), yaml).unwrap();
    }

    /// The tool with these arguments, folder and database set in its environment.
    pub(crate) fn tool(&self, args: &[&str]) -> Tool {
        self.bare(args).env("SQLITE_DB_DIR", self.dir.path().join("days")).env("DATABASE_URL", &self.url)
    }

    /// The tool with these arguments and nothing set.
    pub(crate) fn bare(&self, args: &[&str]) -> Tool {
        Tool::new(env!("CARGO_BIN_EXE_sqlite2pg")).args(args).dir(self.dir.path())
    }

    /// One run of the tool.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.tool(args).run()
    }

    /// One sync with a JSON report.
    pub(crate) fn sync(&self, args: &[&str]) -> Outcome {
        let args: Vec<&str> = ["--report", "json"].iter().chain(args).copied().collect();
        Outcome::of(&self.run(&args))
    }

    /// One sync that must end with this code.
    pub(crate) fn sync_to(&self, code: i32, args: &[&str]) -> Outcome {
        let outcome = self.sync(args);
        assert_eq!(outcome.code, code, "{}\n{}", outcome.report, outcome.stderr);
        outcome
    }

    /// A connection to the database.
    pub(crate) fn client(&self) -> Client {
        self.server.client(&self.url)
    }

    /// Runs statements in the database.
    pub(crate) fn sql(&self, sql: &str) {
        if let Err(err) = self.client().batch_execute(sql) {
            panic!("{sql}: {err:?}");
        }
    }

    /// The rows of a query as text.
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

    /// `rowid reason` of every row that is set aside, in order.
    pub(crate) fn rejected(&self) -> Vec<String> {
        self.list(
            "SELECT row_key || ' ' || reason FROM sync_rejected
             ORDER BY file, table_name, row_key::bigint",
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

/// A table of measurements as the users have it, with these rows `(timestamp, value)`.
pub(crate) fn measurements(rows: &[(&str, f64)]) -> String {
    let mut sql = "CREATE TABLE IF NOT EXISTS m \
         (id INTEGER PRIMARY KEY, timestamp TEXT, value REAL);"
        .to_owned();
    for (timestamp, value) in rows {
        sql.push_str(&format!("INSERT INTO m (timestamp, value) VALUES ('{timestamp}', {value:?});"));
    }
    sql
}
