//! What can be wrong with a file: it is set aside, the others go on, and the next run tries it again.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use common::{Setup, oracle};
use rusqlite::Connection;
use sync_testing::tool::Tool;

const BEFORE: &str = "2026_01_24";
const BAD: &str = "2026_01_25";
const AFTER: &str = "2026_01_26";
const N_ROWS: usize = 3_000;

/// Statements that make a table and `n` rows.
fn rows(n: usize) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS t(timestamp TEXT, machine TEXT, v REAL);
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {n})
         INSERT INTO t SELECT '2026-01-25T10:00:00', 'machine-' || (i % 7), i / 7.0 FROM c;"
    )
}

/// Three days, of which the middle one can be spoilt.
fn three_days() -> Setup {
    let setup = Setup::new();
    for day in [BEFORE, BAD, AFTER] {
        setup.write(day, &rows(N_ROWS));
    }
    setup
}

/// The names of all files of the folder with their contents; `-shm`, which readers write to, without.
fn contents(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            let bytes = fs::read(entry.path()).ok().filter(|_| !name.ends_with("-shm"));
            (name, bytes)
        })
        .collect()
}

/// With the middle day as it is, the others arrive, the run ends with 3 and names it, and the folder stays as it was.
#[track_caller]
fn assert_set_aside(setup: &Setup) {
    let folder = setup.dir().join("days");
    let before = contents(&folder);
    for _ in 0..2 {
        let outcome = setup.sync_to(3, &[]);
        let failed = outcome.report["failed"].as_array().unwrap();
        assert_eq!(failed.len(), 1, "{}", outcome.report);
        assert!(failed[0]["source"].as_str().unwrap().starts_with(BAD), "{}", outcome.report);
        assert_ne!(failed[0]["reason"].as_str().unwrap(), "", "{}", outcome.report);
        for day in [BEFORE, AFTER] {
            oracle::assert_exact(setup, day, "t", "t");
        }
    }
    assert_eq!(contents(&folder), before, "the folder is as it was");
}

/// All three days are in PostgreSQL after the next run.
#[track_caller]
fn assert_all_arrive(setup: &Setup) {
    let folder = setup.dir().join("days");
    let before = contents(&folder);
    setup.sync_to(0, &[]);
    assert_eq!(contents(&folder), before, "the folder is as it was");
    for day in [BEFORE, BAD, AFTER] {
        oracle::assert_exact(setup, day, "t", "t");
    }
    oracle::assert_second_run_writes_nothing(setup);
}

/// Spoils the middle day's bytes, and puts them back.
fn spoilt(spoil: impl Fn(&mut Vec<u8>)) {
    let setup = three_days();
    let good = fs::read(setup.file(BAD)).unwrap();
    let mut bytes = good.clone();
    spoil(&mut bytes);
    fs::write(setup.file(BAD), bytes).unwrap();
    assert_set_aside(&setup);
    fs::write(setup.file(BAD), good).unwrap();
    assert_all_arrive(&setup);
}

#[test]
fn a_file_cut_in_half_is_set_aside() {
    spoilt(|bytes| bytes.truncate(bytes.len() / 2));
}

#[test]
fn a_file_cut_inside_its_header_is_set_aside() {
    spoilt(|bytes| bytes.truncate(50));
}

#[test]
fn a_bit_flipped_in_the_header_is_set_aside() {
    spoilt(|bytes| bytes[3] ^= 0x10);
}

#[test]
fn a_bit_flipped_in_the_page_size_is_set_aside() {
    spoilt(|bytes| bytes[16] ^= 0x01);
}

#[test]
fn a_bit_flipped_in_a_page_is_set_aside() {
    // Byte 0 of a page says what kind of page it is.
    spoilt(|bytes| bytes[4096 * 5] ^= 0x20);
}

#[test]
fn a_file_that_is_no_database_is_set_aside() {
    spoilt(|bytes| *bytes = b"timestamp;machine;v\n".repeat(1_000));
}

#[test]
fn zero_bytes_are_a_file_without_tables_yet() {
    let setup = three_days();
    fs::write(setup.file(BAD), "").unwrap();
    setup.sync_to(0, &[]);
    for day in [BEFORE, AFTER] {
        oracle::assert_exact(&setup, day, "t", "t");
    }
    setup.write(BAD, &rows(N_ROWS));
    assert_all_arrive(&setup);
}

#[test]
fn a_directory_with_a_days_name_is_set_aside() {
    let setup = three_days();
    fs::remove_file(setup.file(BAD)).unwrap();
    fs::create_dir(setup.file(BAD)).unwrap();
    assert_set_aside(&setup);
    fs::remove_dir(setup.file(BAD)).unwrap();
    setup.write(BAD, &rows(N_ROWS));
    assert_all_arrive(&setup);
}

#[test]
fn a_link_that_leads_nowhere_is_set_aside_and_one_that_leads_to_a_database_is_followed() {
    let setup = three_days();
    let elsewhere = setup.dir().join("elsewhere.db");
    fs::rename(setup.file(BAD), &elsewhere).unwrap();
    symlink(setup.dir().join("nowhere.db"), setup.file(BAD)).unwrap();
    assert_set_aside(&setup);
    fs::remove_file(setup.file(BAD)).unwrap();
    symlink(&elsewhere, setup.file(BAD)).unwrap();
    assert_all_arrive(&setup);
}

#[test]
fn a_file_that_vanishes_behind_the_listing_is_set_aside() {
    let setup = three_days();
    setup.sync_to(0, &[]);
    for day in [BEFORE, BAD] {
        setup.write(day, &rows(10));
    }
    // The run has listed the folder when it waits for this table.
    let mut holder = setup.client();
    let mut lock = holder.transaction().unwrap();
    lock.batch_execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE").unwrap();
    let running = setup.tool(&["--report", "json"]).spawn();
    let began = Instant::now();
    while setup.one("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'") != "t" {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", running.stderr());
        thread::sleep(Duration::from_millis(5));
    }
    let kept = setup.dir().join("kept.db");
    fs::rename(setup.file(BAD), &kept).unwrap();
    lock.rollback().unwrap();
    let outcome = sync_testing::outcome::Outcome::of(&running.wait());
    assert_eq!(outcome.code, 3, "{}", outcome.report);
    assert!(
        outcome.report["failed"][0]["reason"].as_str().unwrap().contains("vanished"),
        "{}",
        outcome.report
    );
    oracle::assert_exact(&setup, BEFORE, "t", "t");
    fs::rename(kept, setup.file(BAD)).unwrap();
    assert_all_arrive(&setup);
}

#[test]
fn a_file_replaced_by_another_day_brings_its_rows_and_loses_none() {
    let setup = three_days();
    setup.sync_to(0, &[]);
    fs::remove_file(setup.file(BAD)).unwrap();
    setup.write(BAD, "CREATE TABLE t(timestamp TEXT, machine TEXT, v REAL)");
    setup.write(
        BAD,
        "INSERT INTO t VALUES ('2026-01-25T11:00:00', 'other', -1), ('2026-01-25T11:00:00', 'other', -1)",
    );
    setup.sync_to(0, &[]);
    oracle::assert_kept(&setup, BAD, "t", N_ROWS);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_file_locked_exclusively_is_set_aside() {
    let setup = three_days();
    let holder = setup.day(BAD);
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // Nobody here may open the file meanwhile: closing it would free the locks of this whole process.
    let outcome = setup.sync_to(3, &[]);
    let reason = outcome.report["failed"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("locked by another process"), "{reason}");
    for day in [BEFORE, AFTER] {
        oracle::assert_exact(&setup, day, "t", "t");
    }
    holder.execute_batch("ROLLBACK").unwrap();
    drop(holder);
    assert_all_arrive(&setup);
}

#[test]
fn names_that_are_no_days_are_left_alone() {
    let setup = three_days();
    for name in ["2026_02_30", "2026_1_5", "notes", "2026-01-27", "2026_01_27.db"] {
        fs::write(setup.file(name), "this is no database").unwrap();
    }
    assert_all_arrive(&setup);
}

#[test]
fn a_read_only_folder_is_read() {
    for mode in ["DELETE", "WAL"] {
        let setup = Setup::new();
        for day in [BEFORE, BAD, AFTER] {
            setup.write(day, &format!("PRAGMA journal_mode = {mode}; {}", rows(N_ROWS)));
        }
        let folder = setup.dir().join("days");
        set_mode(setup.dir(), 0o755);
        for day in [BEFORE, BAD, AFTER] {
            set_mode(&setup.file(day), 0o444);
        }
        set_mode(&folder, 0o555);
        let run = unprivileged(&setup).run();
        set_mode(&folder, 0o755);
        assert_eq!(run.code, Some(0), "{mode}: {run:?}");
        for day in [BEFORE, BAD, AFTER] {
            oracle::assert_exact(&setup, day, "t", "t");
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The tool as a user whom read-only means something: root may write everywhere.
fn unprivileged(setup: &Setup) -> Tool {
    let program = env!("CARGO_BIN_EXE_sqlite2pg");
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let tool = if is_root {
        // A place that everybody may run programs from.
        let copy = setup.dir().join("sqlite2pg");
        fs::copy(program, &copy).unwrap();
        Tool::new("setpriv").args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(copy)
    } else {
        Tool::new(program)
    };
    tool.dir("/").env("DATABASE_URL", setup.url()).env("SQLITE_DB_DIR", setup.dir().join("days"))
}

#[test]
fn the_writer_is_never_kept_waiting() {
    let setup = Setup::new();
    setup.write(BAD, &format!("PRAGMA journal_mode = DELETE; {}", rows(300_000)));
    let db: Connection = setup.day(BAD);
    db.busy_timeout(Duration::from_secs(1)).unwrap();
    db.execute_batch("PRAGMA synchronous = OFF").unwrap();
    let running = setup.tool(&["--report", "json"]).spawn();
    let mut n_commits = 0;
    while !running.has_ended() {
        db.execute("INSERT INTO t VALUES ('2026-01-25T10:00:00', 'live', 1)", []).expect("not busy");
        n_commits += 1;
        // A machine's pace.
        thread::sleep(Duration::from_millis(2));
    }
    let outcome = sync_testing::outcome::Outcome::of(&running.wait());
    assert_eq!(outcome.code, 0, "{} {}", outcome.report, outcome.stderr);
    assert!(n_commits > 20, "the writer wrote during the load: {n_commits}");
    setup.sync_to(0, &[]);
    oracle::assert_exact(&setup, BAD, "t", "t");
}
