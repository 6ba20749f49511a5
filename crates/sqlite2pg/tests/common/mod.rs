//! One server, one folder of day files and the built tool, for each test.
#![allow(dead_code, reason = "every test binary compiles this module and uses a part of it")]
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

pub(crate) mod oracle;
mod oracle_cells;

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use sync_testing::outcome::Outcome;
use sync_testing::pg_database::Database;
use sync_testing::tool::{Run, Tool};
use tempfile::TempDir;

/// The day that most tests write to.
pub(crate) const DAY: &str = "2026_01_25";

/// A fresh database, an empty folder of day files, and the tool set up for both.
pub(crate) struct Setup {
    destination: Database,
    dir: TempDir,
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
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("days")).unwrap();
        Setup { destination: Database::start(), dir }
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
        self.bare(args).env("SQLITE_DB_DIR", self.dir.path().join("days")).env("DATABASE_URL", self.url())
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
        self.sync(args).ended_with(code)
    }

    /// `rowid reason` of every row that is set aside, in order.
    pub(crate) fn rejected(&self) -> Vec<String> {
        self.list(
            "SELECT row_key || ' ' || reason FROM sync_rejected
             ORDER BY file, table_name, row_key::bigint",
        )
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
