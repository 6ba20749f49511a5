//! Files that are replaced, restored, swapped or appear late.

mod common;

use std::fs;

use common::oracle::{self, assert_exact, assert_kept};
use common::{DAY, Setup, measurements};

const EVE: &str = "2026_01_24";

fn rows(from: u32, to: u32) -> String {
    let times: Vec<String> =
        (from..to).map(|n| format!("2026-01-25T10:{:02}:{:02}", n / 60, n % 60)).collect();
    let rows: Vec<(&str, f64)> = times.iter().map(|time| (time.as_str(), 0.5)).collect();
    measurements(&rows)
}

#[test]
fn a_file_restored_from_backup_arrives_once() {
    let setup = Setup::new();
    setup.write(DAY, &rows(0, 3));
    setup.sync_to(0, &[]);
    let backup = fs::read(setup.file(DAY)).unwrap();
    setup.write(DAY, &rows(3, 8));
    setup.sync_to(0, &[]);
    fs::write(setup.file(DAY), &backup).unwrap();
    assert_eq!(setup.sync_to(0, &[]).n("written"), 0);
    assert_kept(&setup, DAY, "m", 5);
    setup.write(DAY, &rows(20, 30));
    assert_eq!(setup.sync_to(0, &[]).n("written"), 10);
    assert_kept(&setup, DAY, "m", 5);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_file_replaced_by_another_arrives_beside_the_first() {
    let setup = Setup::new();
    setup.write(DAY, &rows(0, 5));
    setup.sync_to(0, &[]);
    fs::remove_file(setup.file(DAY)).unwrap();
    setup.write(DAY, &rows(100, 104));
    assert_eq!(setup.sync_to(0, &[]).n("written"), 4);
    assert_kept(&setup, DAY, "m", 5);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_file_with_the_same_size_and_another_time_is_looked_into() {
    let setup = Setup::new();
    setup.config("rescan_days: 0");
    setup.write(DAY, &rows(0, 5));
    setup.sync_to(0, &[]);
    let length = fs::metadata(setup.file(DAY)).unwrap().len();
    setup.write(DAY, &rows(5, 6));
    assert_eq!(fs::metadata(setup.file(DAY)).unwrap().len(), length);
    assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
    assert_exact(&setup, DAY, "m", "m");
}

#[test]
fn yesterdays_file_and_old_ones_may_still_grow() {
    let setup = Setup::new();
    let days = ["2025_06_01", "2026_01_23", EVE, DAY];
    for day in days {
        setup.write(day, &rows(0, 2));
    }
    setup.sync_to(0, &[]);
    for day in days {
        setup.write(day, &rows(2, 3));
    }
    assert_eq!(setup.sync_to(0, &[]).n("written"), 4);
    for day in days {
        assert_exact(&setup, day, "m", "m");
    }
}

#[test]
fn a_file_that_appears_late_between_others_arrives() {
    let setup = Setup::new();
    setup.write(EVE, &rows(0, 2));
    setup.write("2026_01_26", &rows(4, 6));
    setup.sync_to(0, &[]);
    setup.write(DAY, &rows(2, 4));
    setup.write("2019_12_31", &rows(0, 2));
    assert_eq!(setup.sync_to(0, &[]).n("written"), 4);
    assert_exact(&setup, DAY, "m", "m");
    assert_exact(&setup, "2019_12_31", "m", "m");
}

#[test]
fn a_vanished_file_changes_nothing() {
    let setup = Setup::new();
    setup.write(EVE, &rows(0, 2));
    setup.write(DAY, &rows(2, 4));
    setup.sync_to(0, &[]);
    fs::remove_file(setup.file(EVE)).unwrap();
    assert_eq!(setup.sync_to(0, &[]).counts(), [0; 6]);
    assert_eq!(setup.one("SELECT count(*) FROM m"), "4");
}

/// Two folders with two days each, the second one's path.
fn two_folders(setup: &Setup) -> String {
    for day in [EVE, DAY] {
        setup.write(day, &rows(0, 4));
    }
    setup.sync_to(0, &[]);
    let other = setup.dir().join("other");
    fs::create_dir(&other).expect("a second folder can be filled");
    for (day, from) in [(EVE, 200), (DAY, 300)] {
        let db = rusqlite::Connection::open(other.join(format!("{day}.db")))
            .expect("a second folder can be filled");
        db.execute_batch(&rows(from, from + 9)).expect("a second folder can be filled");
    }
    other.display().to_string()
}

const EVERYTHING: &str = "SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM
    (SELECT m::text AS t FROM m UNION ALL SELECT w::text FROM sync_watermark w
     UNION ALL SELECT r::text FROM sync_rejected r) t";

#[test]
fn another_folder_under_the_same_name_is_refused_before_anything_is_written() {
    let setup = Setup::new();
    let other = two_folders(&setup);
    let before = setup.one(EVERYTHING);
    let outcome = setup.sync_to(78, &["--db-dir", &other]);
    for word in ["2026_01_24.db, 2026_01_25.db", "hint:", "--adopt-files", "SQLITE2PG_SOURCE_NAME"] {
        assert!(outcome.stderr.contains(word), "{word}: {}", outcome.stderr);
    }
    assert_eq!(setup.one(EVERYTHING), before);
}

#[test]
fn another_folder_under_a_name_of_its_own_arrives_beside_the_first() {
    let setup = Setup::new();
    let other = two_folders(&setup);
    let args = ["--db-dir", &other, "--source-name", "second"];
    assert_eq!(setup.sync_to(0, &args).n("written"), 18);
    assert_eq!(setup.sync_to(0, &args).n("read"), 0);
    assert_eq!(setup.sync_to(0, &[]).n("read"), 0);
    assert_eq!(setup.one("SELECT count(*) FROM m"), "26");
}

#[test]
fn files_that_really_were_replaced_are_adopted_on_demand() {
    let setup = Setup::new();
    let other = two_folders(&setup);
    let args = ["--db-dir", &other, "--adopt-files"];
    assert_eq!(setup.sync_to(0, &args).n("written"), 18);
    assert_eq!(setup.sync_to(0, &["--db-dir", &other]).n("written"), 0);
    assert_eq!(setup.one("SELECT count(*) FROM m"), "26");
}

#[test]
fn files_that_grew_by_themselves_are_no_other_folder() {
    let setup = Setup::new();
    two_folders(&setup);
    for day in [EVE, DAY] {
        setup.write(day, "DELETE FROM m WHERE id <> 3");
        setup.write(day, &rows(50, 60));
    }
    let outcome = setup.sync(&[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    for day in [EVE, DAY] {
        assert_kept(&setup, day, "m", 3);
    }
}
#[test]
fn a_backup_and_then_the_newer_file_again_double_nothing() {
    let setup = Setup::new();
    setup.write(DAY, &rows(0, 3));
    setup.sync_to(0, &[]);
    let backup = fs::read(setup.file(DAY)).unwrap();
    setup.write(DAY, &rows(3, 8));
    setup.sync_to(0, &[]);
    let newer = fs::read(setup.file(DAY)).unwrap();
    for bytes in [&backup, &newer, &backup, &newer] {
        fs::write(setup.file(DAY), bytes).unwrap();
        assert_eq!(setup.sync_to(0, &[]).n("written"), 0);
    }
    assert_exact(&setup, DAY, "m", "m");
    oracle::assert_second_run_writes_nothing(&setup);
}
