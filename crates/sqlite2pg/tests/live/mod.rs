//! A machine that writes its day files while the tool reads them: the same rows for the same seed.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]
#![allow(dead_code, reason = "every suite compiles this file and uses its part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use rusqlite::{Connection, params};

use crate::common::{Setup, oracle};

/// What a machine writes into each of its files.
pub(crate) const TABLES: [&str; 2] = ["mesures", "pc-test"];

/// Rows that share a timestamp.
const TIE: u64 = 50;
/// Ties after which the machine's day is over.
const TIES_A_DAY: u64 = 400;

/// A writer thread that appends to its day files until it is stopped.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    n_rows: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts writing into `folder`, from 1 January 2026 on.
    pub(crate) fn start(folder: &Path, seed: u64) -> Writer {
        let stop = Arc::new(AtomicBool::new(false));
        let n_rows = Arc::new(AtomicU64::new(0));
        let mut machine = Machine::new(folder, seed);
        let (asked, counted) = (Arc::clone(&stop), Arc::clone(&n_rows));
        let thread = thread::spawn(move || {
            while !asked.load(SeqCst) {
                machine.tie();
                counted.store(machine.n_rows, SeqCst);
                // The machine's own pace, about 10,000 rows a second.
                thread::sleep(Duration::from_millis(machine.rng.u64(1..9)));
            }
        });
        Writer { stop, n_rows, thread: Some(thread) }
    }

    /// Rows written so far.
    pub(crate) fn n_rows(&self) -> u64 {
        self.n_rows.load(SeqCst)
    }

    /// Stops writing, closes the files and gives the number of rows written.
    pub(crate) fn finish(mut self) -> u64 {
        self.stop.store(true, SeqCst);
        let thread = self.thread.take().expect("finished once");
        thread.join().expect("the writer is never refused a write");
        self.n_rows()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What writes: ties of 50 rows, 2 % of them late, a new file at midnight, stragglers into the old one.
pub(crate) struct Machine {
    folder: PathBuf,
    rng: fastrand::Rng,
    n_ties: u64,
    /// Rows written so far.
    pub(crate) n_rows: u64,
    today: Option<Connection>,
    yesterday: Option<Connection>,
}

impl Machine {
    /// A machine that has not written yet.
    pub(crate) fn new(folder: &Path, seed: u64) -> Machine {
        Machine {
            folder: folder.to_owned(),
            rng: fastrand::Rng::with_seed(seed),
            n_ties: 0,
            n_rows: 0,
            today: None,
            yesterday: None,
        }
    }

    /// Writes one tie, in one transaction.
    pub(crate) fn tie(&mut self) {
        let day = self.n_ties / TIES_A_DAY;
        if self.n_ties.is_multiple_of(TIES_A_DAY) {
            let next = open(&self.folder.join(day_file(day)), day.is_multiple_of(2));
            self.yesterday = self.today.replace(next);
        }
        // For a while after midnight, some writes still go to yesterday's file.
        let straggles = self.n_ties % TIES_A_DAY < 20 && self.rng.u8(..4) == 0;
        let db = match (&self.yesterday, &self.today) {
            (Some(yesterday), _) if straggles => yesterday,
            (_, today) => today.as_ref().expect("a day has begun"),
        };
        let second = day * 86_400 + (self.n_ties % TIES_A_DAY) * 200;
        self.n_rows += write_tie(db, &mut self.rng, second);
        self.n_ties += 1;
    }
}

/// Name of the file of the `n`th day.
pub(crate) fn day_file(n: u64) -> String {
    day(n).strftime("%Y_%m_%d.db").to_string()
}

fn day(n: u64) -> Date {
    let n = i64::try_from(n).expect("not that many days");
    date(2026, 1, 1).checked_add(n.days()).expect("a day within the calendar")
}

fn open(path: &Path, wal: bool) -> Connection {
    let db = Connection::open(path).expect("a day file can be made");
    db.busy_timeout(Duration::from_secs(1)).expect("a timeout can be set");
    let mode = if wal { "WAL" } else { "DELETE" };
    db.execute_batch(&format!(
        "PRAGMA journal_mode = {mode}; PRAGMA synchronous = OFF;
         CREATE TABLE IF NOT EXISTS mesures(id INTEGER PRIMARY KEY, timestamp TEXT, machine TEXT,
           value REAL, n INTEGER, note TEXT);
         CREATE TABLE IF NOT EXISTS \"pc-test\"(timestamp TIMESTAMP, temperature REAL,
           humidity INTEGER, status TEXT);"
    ))
    .expect("tables can be made");
    db
}

fn write_tie(db: &Connection, rng: &mut fastrand::Rng, second: u64) -> u64 {
    let tx = db.unchecked_transaction().expect("a transaction begins");
    for n in 0..TIE {
        let late = if rng.u8(..50) == 0 { rng.u64(1..3_600) } else { 0 };
        let at = iso(second.saturating_sub(late));
        if n % 5 == 4 {
            tx.prepare_cached("INSERT INTO \"pc-test\" VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut insert| {
                    let status = (n % 2 == 0).then_some("état normal");
                    insert.execute(params![at, rng.f64() * 40.0, rng.u8(..100), status])
                })
                .expect("a row can be written");
        } else {
            tx.prepare_cached(
                "INSERT INTO mesures(timestamp, machine, value, n, note) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut insert| {
                let note = (rng.u8(..3) > 0).then_some("relevé à 10 °C");
                let machine = format!("machine-{}", rng.u8(..8));
                insert.execute(params![at, machine, rng.f64(), rng.i64(..), note])
            })
            .expect("a row can be written");
        }
    }
    tx.commit().expect("the writer is never kept waiting");
    TIE
}

fn iso(second: u64) -> String {
    let (day_n, second) = (second / 86_400, second % 86_400);
    format!("{}T{:02}:{:02}:{:02}", day(day_n), second / 3_600, second / 60 % 60, second % 60)
}

/// Every row of every day file is in PostgreSQL exactly once, and nothing besides.
#[track_caller]
pub(crate) fn assert_all_exact(setup: &Setup) {
    let mut n_rows = 0;
    for day in days(setup) {
        for table in TABLES {
            oracle::assert_exact(setup, &day, table, table);
            n_rows += count(setup, &day, table);
        }
    }
    assert_eq!(n_in_postgres(setup), n_rows, "rows that belong to no file");
    for table in TABLES {
        let doubled = setup.list(&format!(
            "SELECT _source_id FROM \"{table}\" GROUP BY _source_id, _source_rowid
             HAVING count(*) > 1 OR _source_rowid IS NULL"
        ));
        assert!(doubled.is_empty(), "{table}: a row came twice: {doubled:?}");
    }
}

/// Like [`assert_all_exact`], for tables with a configured key, which have no identity columns.
#[track_caller]
pub(crate) fn assert_all_there(setup: &Setup) {
    let mut n_rows = 0;
    for day in days(setup) {
        for table in TABLES {
            let found = oracle::compare(setup, &day, table, table, &[]);
            assert!(found.missing.is_empty(), "{day} {table}: {:#?}", found.missing);
            n_rows += count(setup, &day, table);
        }
    }
    assert_eq!(n_in_postgres(setup), n_rows, "rows came twice");
}

/// Runs until a run comes to its end with nothing left over.
#[track_caller]
pub(crate) fn run_until_done(setup: &Setup, args: &[&str]) {
    let mut last = None;
    for _ in 0..20 {
        let run = setup.run(args);
        if run.code == Some(0) {
            return;
        }
        last = Some(run);
    }
    panic!("no run came to its end: {last:?}");
}

/// The days that there are files for, oldest first.
pub(crate) fn days(setup: &Setup) -> Vec<String> {
    let mut days: Vec<String> = fs::read_dir(setup.dir().join("days"))
        .expect("the folder is there")
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            Some(name.strip_suffix(".db")?.to_owned())
        })
        .collect();
    days.sort();
    days
}

/// Rows of both tables in PostgreSQL; 0 while there is no table yet.
pub(crate) fn n_in_postgres(setup: &Setup) -> u64 {
    let exist =
        setup.one("SELECT to_regclass('mesures') IS NOT NULL AND to_regclass('\"pc-test\"') IS NOT NULL");
    if exist != "t" {
        return 0;
    }
    let n = setup.one("SELECT (SELECT count(*) FROM mesures) + (SELECT count(*) FROM \"pc-test\")");
    n.parse().expect("a count")
}

fn count(setup: &Setup, day: &str, table: &str) -> u64 {
    let sql = format!("SELECT count(*) FROM \"{table}\"");
    let n: i64 = setup.day(day).query_row(&sql, [], |row| row.get(0)).expect("the table can be counted");
    n.unsigned_abs()
}
