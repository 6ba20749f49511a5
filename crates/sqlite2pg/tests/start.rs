//! Where a source starts: the timestamp file, `init`, and what they leave out.

mod common;

use std::fs;

use common::oracle;
use common::{DAY, Setup, measurements};

const FILE: &str = "timestamp/last.json";
const EVE: &str = "2026_01_24";

/// A day with a row each at 09:00, 10:00 and 11:00, one without a time and one with nonsense;
/// the timestamp file is set and holds this, if anything.
fn setup(timestamp_file: Option<&str>) -> Setup {
    let setup = Setup::new();
    setup.config(&format!("timestamp_file_path: ./{FILE}"));
    fs::create_dir(setup.dir().join("timestamp")).expect("a new folder");
    if let Some(text) = timestamp_file {
        fs::write(setup.dir().join(FILE), text).expect("a writable folder");
    }
    let rows = [("2026-01-25T09:00:00", 9.0), ("2026-01-25T10:00:00", 10.0), ("2026-01-25T11:00:00", 11.0)];
    setup.write(DAY, &measurements(&rows));
    setup.write(DAY, "INSERT INTO m (timestamp, value) VALUES (NULL, 1), ('soon', 2)");
    setup
}

fn timestamp_file(setup: &Setup) -> String {
    fs::read_to_string(setup.dir().join(FILE)).expect("the timestamp file is there")
}

fn values(setup: &Setup) -> Vec<String> {
    setup.list("SELECT value FROM m ORDER BY 1")
}

const TEN: &str = r#"{"last_successful_time": "2026-01-25T10:00:00"}"#;
const ELEVEN: &str = r#"{"last_successful_time": "2026-01-25T11:00:00.000000"}"#;

#[test]
fn without_the_file_nothing_is_written_and_the_ways_out_are_named() {
    let broken = [
        None,
        Some(""),
        Some(" \n"),
        Some("{\"last_succ"),
        Some("{}"),
        Some("[]"),
        Some(r#"{"last_successful_time": "yesterday"}"#),
        Some(r#"{"last_successful_time": null}"#),
    ];
    for text in broken {
        let setup = setup(text);
        for _ in 0..2 {
            let outcome = setup.sync_to(78, &[]);
            for word in ["hint:", "init --from-beginning", "--from TIMESTAMP", "--from-destination", FILE] {
                assert!(outcome.stderr.contains(word), "{text:?} {word}: {}", outcome.stderr);
            }
        }
        assert_eq!(setup.one("SELECT to_regclass('m')"), "NULL", "{text:?}");
        assert_eq!(setup.one("SELECT count(*) FROM sync_watermark"), "0", "{text:?}");
        let there = fs::read_to_string(setup.dir().join(FILE)).ok();
        assert_eq!(there.as_deref(), text, "the file is left as it is");
    }
}

#[test]
fn rows_before_the_start_are_skipped_and_those_at_it_or_without_a_time_are_sent() {
    let setup = setup(Some(TEN));
    assert_eq!(setup.sync_to(0, &[]).counts(), [5, 4, 0, 0, 0, 1]);
    assert_eq!(values(&setup), ["1", "2", "10", "11"]);
    assert_eq!(timestamp_file(&setup), ELEVEN);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn the_start_holds_only_for_files_that_were_there() {
    let setup = setup(Some(TEN));
    setup.sync_to(0, &[]);
    setup.write(EVE, &measurements(&[("2026-01-24T08:00:00", 8.0)]));
    setup.write(DAY, &measurements(&[("2026-01-25T07:00:00", 7.0), ("2026-01-25T12:00:00", 12.0)]));
    assert_eq!(setup.sync_to(0, &[]).counts(), [3, 2, 0, 0, 0, 1]);
    assert_eq!(values(&setup), ["1", "2", "8", "10", "11", "12"]);
    oracle::assert_exact(&setup, EVE, "m", "m");
}

#[test]
fn the_file_is_read_once_and_then_only_written() {
    let setup = setup(Some(TEN));
    setup.sync_to(0, &[]);
    fs::write(setup.dir().join(FILE), r#"{"last_successful_time": "2030-01-01T00:00:00"}"#).unwrap();
    setup.write(DAY, &measurements(&[("2026-01-25T11:30:00", 11.5)]));
    assert_eq!(setup.sync_to(0, &[]).counts(), [1, 1, 0, 0, 0, 0]);
    assert_eq!(timestamp_file(&setup), ELEVEN.replace("11:00", "11:30"));
}

#[test]
fn a_file_lost_or_torn_later_is_written_anew_with_a_warning() {
    let setup = setup(Some(TEN));
    setup.sync_to(0, &[]);
    fs::remove_file(setup.dir().join(FILE)).unwrap();
    let outcome = setup.sync_to(0, &[]);
    assert!(outcome.stderr.contains("will be written anew"), "{}", outcome.stderr);
    assert_eq!(timestamp_file(&setup), ELEVEN);
    fs::write(setup.dir().join(FILE), "{\"last").unwrap();
    let outcome = setup.sync_to(0, &[]);
    assert!(outcome.stderr.contains("will be written anew"), "{}", outcome.stderr);
    assert_eq!(timestamp_file(&setup), ELEVEN);
    assert_eq!(setup.sync_to(0, &[]).stderr, "");
    fs::remove_dir_all(setup.dir().join("timestamp")).unwrap();
    setup.sync_to(0, &[]);
    assert_eq!(timestamp_file(&setup), ELEVEN);
    let beside: Vec<_> = fs::read_dir(setup.dir().join("timestamp")).unwrap().collect();
    assert_eq!(beside.len(), 1, "no half-written file stays: {beside:?}");
}

#[test]
fn an_incomplete_run_does_not_move_the_file() {
    let setup = setup(Some(TEN));
    fs::write(setup.file(EVE), "no database, but longer than a header of one hundred bytes".repeat(9))
        .unwrap();
    let outcome = setup.sync_to(3, &[]);
    assert_eq!(outcome.n("written"), 4);
    assert_eq!(timestamp_file(&setup), TEN);
    fs::remove_file(setup.file(EVE)).unwrap();
    setup.sync_to(0, &[]);
    assert_eq!(timestamp_file(&setup), ELEVEN);
}

#[test]
fn init_from_the_beginning_sends_everything() {
    let setup = setup(None);
    assert_eq!(setup.run(&["init", "--from-beginning"]).code, Some(0));
    assert_eq!(setup.sync_to(0, &[]).counts(), [5, 5, 0, 0, 0, 0]);
    oracle::assert_exact(&setup, DAY, "m", "m");
    assert_eq!(timestamp_file(&setup), ELEVEN);
}

#[test]
fn init_from_a_timestamp_sends_rows_from_there_on() {
    for from in ["2026-01-25T10:30:00", "2026-01-25 12:30:00+02:00"] {
        let setup = setup(Some("torn"));
        let run = setup.run(&["init", "--from", from]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(setup.sync_to(0, &[]).counts(), [5, 3, 0, 0, 0, 2]);
        assert_eq!(values(&setup), ["1", "2", "11"]);
    }
}

#[test]
fn init_from_the_destination_goes_on_behind_its_newest_row() {
    let setup = setup(None);
    setup.config(&format!("timestamp_file_path: {FILE}\nkey_columns: [id]"));
    setup.sql(
        "CREATE TABLE m (id int PRIMARY KEY, timestamp text, value float8);
         INSERT INTO m VALUES (1, '2026-01-25T09:00:00', 9), (2, '2026-01-25T10:00:00', 10), (90, 'soon', 0)",
    );
    assert_eq!(setup.run(&["init", "--from-destination"]).code, Some(0));
    assert_eq!(setup.sync_to(0, &[]).counts(), [5, 3, 0, 1, 0, 1]);
    assert_eq!(setup.list("SELECT id FROM m ORDER BY id"), ["1", "2", "3", "4", "5", "90"]);
}

#[test]
fn init_from_an_empty_destination_sends_everything() {
    let setup = setup(None);
    assert_eq!(setup.run(&["init", "--from-destination"]).code, Some(0));
    assert_eq!(setup.sync_to(0, &[]).n("written"), 5);
}

#[test]
fn init_refuses_what_has_started_and_what_is_no_timestamp() {
    let setup = setup(None);
    let run = setup.run(&["init", "--from", "yesterday"]);
    assert_eq!(run.code, Some(78), "{}", run.stderr);
    assert!(run.stderr.contains("2026-01-25T10:15:00"), "{}", run.stderr);
    assert_eq!(setup.run(&["init"]).code, Some(2));
    assert_eq!(setup.run(&["init", "--from-beginning", "--from-destination"]).code, Some(2));
    assert_eq!(setup.run(&["init", "--from-beginning"]).code, Some(0));
    let run = setup.run(&["init", "--from-beginning"]);
    assert_eq!(run.code, Some(78));
    assert!(run.stderr.contains("has started already"), "{}", run.stderr);
}

#[test]
fn what_was_skipped_stays_skipped_when_the_file_is_read_whole() {
    let setup = setup(Some(TEN));
    setup.sync_to(0, &[]);
    setup.write(DAY, "UPDATE m SET id = id + 100; INSERT INTO m VALUES (1, '2026-01-25T13:00:00', 13)");
    let outcome = setup.sync_to(0, &[]);
    assert_eq!(outcome.n("skipped"), 1, "{}", outcome.report);
    assert!(!values(&setup).contains(&"9".to_owned()));
    assert!(values(&setup).contains(&"13".to_owned()));
    setup.sql("TRUNCATE m");
    setup.sync_to(0, &[]);
    assert_eq!(values(&setup), ["1", "2", "10", "11", "13"]);
}

#[test]
fn the_time_column_may_be_epoch_seconds_and_may_be_named() {
    let setup = Setup::new();
    setup.config("timestamp_file_path: last.json\ntimestamp_column: { named: at }");
    fs::write(setup.dir().join("last.json"), TEN).unwrap();
    setup.write(
        DAY,
        "CREATE TABLE auto (key TEXT, timestamp REAL); INSERT INTO auto VALUES ('a', 1769335199.5), ('b', 1769335200), ('c', 1769335200.25);
         CREATE TABLE named (date TEXT, at TEXT);
         INSERT INTO named VALUES ('2020-01-01', '2026-01-25 10:00:01'), ('2030-01-01', '2026-01-25 09:59:59.999');
         CREATE TABLE timeless (v TEXT); INSERT INTO timeless VALUES ('x');",
    );
    assert_eq!(setup.sync_to(0, &[]).counts(), [6, 4, 0, 0, 0, 2]);
    assert_eq!(setup.list("SELECT key FROM auto ORDER BY 1"), ["b", "c"]);
    assert_eq!(setup.list("SELECT date FROM named"), ["2020-01-01"]);
    assert_eq!(
        fs::read_to_string(setup.dir().join("last.json")).unwrap(),
        r#"{"last_successful_time": "2026-01-25T10:00:01.000000"}"#
    );
}

#[test]
fn a_start_without_the_named_time_column_sets_the_table_aside() {
    let setup = Setup::new();
    setup.config("timestamp_file_path: last.json\ntimestamp_column: nope");
    fs::write(setup.dir().join("last.json"), TEN).unwrap();
    setup.write(DAY, "CREATE TABLE m (timestamp TEXT); INSERT INTO m VALUES ('2020-01-01 00:00:00')");
    let run = setup.sync_to(3, &[]);
    assert_eq!(run.n("written"), 0, "history is not sent although a start was set");
}

#[test]
fn without_the_setting_a_source_starts_by_itself() {
    let setup = setup(None);
    setup.config("");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 5);
    assert!(!setup.dir().join(FILE).exists());
}
