//! One PostgreSQL, one fake of Google's server and the built tool, for each test.
#![allow(dead_code, reason = "every test binary compiles this module and uses a part of it")]
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

pub(crate) mod hands;
pub(crate) mod shop;

use std::ops::{Deref, DerefMut};
use std::path::Path;

use sync_testing::outcome::Outcome;
use sync_testing::pg_database::Database;
use sync_testing::sheets::{Call, CallKind, Cell, Google, Options, Workbook};
use sync_testing::tool::{Run, Tool};
use tempfile::TempDir;

/// A database, a workbook, and the tool set up for both.
pub(crate) struct Setup {
    pub(crate) google: Google,
    database: Database,
    dir: TempDir,
}

impl Deref for Setup {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl DerefMut for Setup {
    fn deref_mut(&mut self) -> &mut Database {
        &mut self.database
    }
}

impl Setup {
    pub(crate) fn new() -> Setup {
        Setup::with(Options { quota: None, ..Options::default() })
    }

    /// With a server of these options.
    pub(crate) fn with(options: Options) -> Setup {
        Setup {
            google: Google::start_with(options),
            database: Database::start(),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// A fresh database on the same server, and a fresh workbook.
    pub(crate) fn again(mut self) -> Setup {
        self.database.renew();
        Setup {
            google: Google::start_with(Options { quota: None, ..Options::default() }),
            database: self.database,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// The working directory of the tool: `.env` is looked for here.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file into the working directory, and gives its name.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.dir().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The tool with these arguments and nothing set.
    pub(crate) fn bare(&self, args: &[&str]) -> Tool {
        Tool::new(env!("CARGO_BIN_EXE_pg2sheets")).args(args).dir(self.dir())
    }

    /// The tool with these arguments, both ends set in its environment.
    pub(crate) fn tool(&self, args: &[&str]) -> Tool {
        self.tool_at(&self.google.url(), args)
    }

    /// The same with another address of the API.
    pub(crate) fn tool_at(&self, url: &str, args: &[&str]) -> Tool {
        self.bare(args)
            .args(["--sheets-url", url])
            .env("DB_SYNC_DATABASE_URL", self.url())
            .env("DB_SYNC_SOURCE_NAME", "shop")
            .env("GOOGLE_CREDENTIALS_BASE64", self.google.key_json())
            .env("GOOGLE_SPREADSHEET_ID", self.google.workbook())
            .env("DB_SYNC_STATE_DIR", self.dir().join("state"))
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

    /// The workbook as it is now.
    pub(crate) fn workbook(&self) -> Workbook {
        self.google.read(&self.google.workbook())
    }

    /// What a person changes in the workbook.
    #[track_caller]
    pub(crate) fn edit(&self, requests: serde_json::Value) {
        self.google.edit(&self.google.workbook(), requests).unwrap();
    }

    /// The cells of a tab's first columns, for people.
    #[track_caller]
    pub(crate) fn cells(&self, title: &str, n_columns: usize) -> Vec<Vec<String>> {
        texts(&self.workbook().tab(title).rows(n_columns))
    }

    /// Calls to the API since they were forgotten; tokens are not counted.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.google.calls().into_iter().filter(|call| call.kind != CallKind::Token).collect()
    }

    /// A run that changes nothing and costs one call.
    #[track_caller]
    pub(crate) fn assert_settled(&self) {
        self.assert_settled_with(&[]);
    }

    /// The same with these options.
    #[track_caller]
    pub(crate) fn assert_settled_with(&self, args: &[&str]) {
        self.google.forget_calls();
        let outcome = self.sync_to(0, args);
        let calls = self.calls();
        assert_eq!(calls.len(), 1, "{calls:#?}\n{}", outcome.stderr);
        assert_eq!(outcome.n("written"), 0);
    }
}

/// Each cell in a form that shows its type.
pub(crate) fn texts(rows: &[Vec<Cell>]) -> Vec<Vec<String>> {
    let text = |cell: &Cell| match cell {
        Cell::Empty => String::new(),
        Cell::Number(n) => n.to_string(),
        Cell::Text(text) => format!("'{text}"),
        Cell::Bool(value) => value.to_string(),
        Cell::Formula(text) => format!("formula {text}"),
    };
    rows.iter().map(|row| row.iter().map(text).collect()).collect()
}
