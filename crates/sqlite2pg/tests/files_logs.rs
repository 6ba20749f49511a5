//! Databases with a log beside them: what is committed arrives, what is not does not, and nothing is changed.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{DAY, Setup, oracle};
use rusqlite::Connection;

/// A database elsewhere, open and in the middle of its work.
struct Live {
    setup: Setup,
    db: Connection,
    path: PathBuf,
}

impl Live {
    fn new(mode: &str) -> Live {
        let setup = Setup::new();
        let path = setup.dir().join("live.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(&format!(
            "PRAGMA journal_mode = {mode}; PRAGMA wal_autocheckpoint = 0;
             CREATE TABLE t(timestamp TEXT, v INTEGER);"
        ))
        .unwrap();
        Live { setup, db, path }
    }

    fn insert(&self, from: u32, to: u32) {
        self.db
            .execute_batch(&format!(
                "WITH RECURSIVE c(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM c WHERE i < {to})
                 INSERT INTO t SELECT '2026-01-25T10:00:00', i FROM c"
            ))
            .unwrap();
    }

    /// Copies the database, and those of its logs, to a day file.
    fn copy(&self, suffixes: &[&str]) {
        for suffix in [""].iter().chain(suffixes) {
            fs::copy(beside(&self.path, suffix), beside(&self.setup.file(DAY), suffix)).unwrap();
        }
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Name, size and content of all files of the folder.
fn contents(setup: &Setup) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(setup.dir().join("days")).unwrap();
    let mut found: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    found.sort();
    found
}

fn values(setup: &Setup) -> (String, String) {
    (setup.one("SELECT count(*) FROM t"), setup.one("SELECT coalesce(max(v), 0) FROM t"))
}

#[test]
fn a_log_without_shm_is_read_without_a_change_to_the_folder() {
    let live = Live::new("WAL");
    live.insert(1, 1_000);
    live.copy(&["-wal"]);
    let before = contents(&live.setup);
    live.setup.sync_to(0, &[]);
    assert_eq!(values(&live.setup), ("1000".into(), "1000".into()));
    // More is committed, and the log grows.
    live.insert(1_001, 1_500);
    live.copy(&["-wal"]);
    live.setup.sync_to(0, &[]);
    assert_eq!(values(&live.setup), ("1500".into(), "1500".into()));
    live.setup.sync_to(0, &[]);
    live.copy(&["-wal"]);
    let names = |found: &[(PathBuf, Vec<u8>)]| found.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&contents(&live.setup)), names(&before), "no file was added");
    oracle::assert_exact(&live.setup, DAY, "t", "t");
}

#[test]
fn rows_that_are_not_committed_do_not_arrive() {
    for mode in ["WAL", "DELETE"] {
        let live = Live::new(mode);
        live.insert(1, 1_000);
        // So small a cache writes a transaction out before it is committed.
        live.db.execute_batch("PRAGMA cache_size = 2; PRAGMA cache_spill = 1; BEGIN").unwrap();
        live.insert(1_001, 200_000);
        let log = if mode == "WAL" { "-wal" } else { "-journal" };
        assert!(fs::metadata(beside(&live.path, log)).unwrap().len() > 0, "{mode}: the log is hot");
        live.copy(&[log]);
        let before = contents(&live.setup);
        let outcome = live.setup.sync_to(0, &[]);
        assert_eq!(contents(&live.setup), before, "{mode}: the folder is as it was");
        assert_eq!(values(&live.setup), ("1000".into(), "1000".into()), "{mode}: {}", outcome.report);
        live.db.execute_batch("COMMIT").unwrap();
        fs::remove_file(beside(&live.setup.file(DAY), log)).unwrap();
        live.db.close().unwrap();
        fs::copy(&live.path, live.setup.file(DAY)).unwrap();
        live.setup.sync_to(0, &[]);
        oracle::assert_exact(&live.setup, DAY, "t", "t");
        oracle::assert_second_run_writes_nothing(&live.setup);
    }
}

#[test]
fn a_new_database_beside_an_old_log_brings_only_its_own_rows() {
    let live = Live::new("WAL");
    live.insert(1, 1_000);
    live.copy(&["-wal"]);
    live.setup.sync_to(0, &[]);
    // The day file is made anew; its log is the old one's.
    let fresh = Live::new("WAL");
    fresh.insert(5_001, 5_100);
    fresh.db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    fs::copy(&fresh.path, live.setup.file(DAY)).unwrap();
    let outcome = live.setup.sync(&[]);
    let n_wrong = live
        .setup
        .one("SELECT count(*) FROM t WHERE v NOT BETWEEN 1 AND 1000 AND v NOT BETWEEN 5001 AND 5100");
    assert_eq!(n_wrong, "0", "{}", outcome.report);
    assert!(matches!(outcome.code, 0 | 3), "{} {}", outcome.report, outcome.stderr);
    // The writer's first open takes the old log away.
    fs::remove_file(beside(&live.setup.file(DAY), "-wal")).unwrap();
    live.setup.sync_to(0, &[]);
    oracle::assert_kept(&live.setup, DAY, "t", 1_000);
    oracle::assert_second_run_writes_nothing(&live.setup);
}

#[test]
fn a_log_held_exclusively_harms_nobody() {
    let setup = Setup::new();
    let holder = setup.day(DAY);
    holder
        .execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;
             CREATE TABLE t(timestamp TEXT, v INTEGER);
             INSERT INTO t VALUES ('2026-01-25T10:00:00', 1)",
        )
        .unwrap();
    setup.write("2026_01_24", "CREATE TABLE t(timestamp TEXT, v INTEGER); INSERT INTO t VALUES ('x', 0)");
    let outcome = setup.sync(&[]);
    assert!(matches!(outcome.code, 0 | 3), "{} {}", outcome.report, outcome.stderr);
    oracle::assert_exact(&setup, "2026_01_24", "t", "t");
    holder.execute_batch("INSERT INTO t VALUES ('2026-01-25T10:00:01', 2)").expect("the writer goes on");
    holder.close().unwrap();
    setup.sync_to(0, &[]);
    oracle::assert_exact(&setup, DAY, "t", "t");
    oracle::assert_second_run_writes_nothing(&setup);
}
