//! Tables whose shape changes from day to day or while they are filled.

mod common;

use common::oracle::{self, assert_exact, assert_kept};
use common::{DAY, Setup, measurements};

fn three_rows() -> Setup {
    let setup = Setup::new();
    setup.write(DAY, &measurements(&[("10:00", 0.5), ("10:01", 1.5), ("10:02", 2.5)]));
    setup.sync_to(0, &[]);
    setup
}

/// The type of a column in PostgreSQL.
fn type_of(setup: &Setup, table: &str, column: &str) -> String {
    setup.one(&format!(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
         WHERE attrelid = '{table}'::regclass AND attname = '{column}'"
    ))
}

#[track_caller]
fn assert_settled(setup: &Setup) {
    assert_exact(setup, DAY, "m", "m");
    oracle::assert_second_run_writes_nothing(setup);
}

#[test]
fn a_column_added_without_a_default_is_added() {
    let setup = three_rows();
    setup.write(
        DAY,
        "ALTER TABLE m ADD COLUMN humidity INTEGER;
         INSERT INTO m (timestamp, value, humidity) VALUES ('10:03', 3.5, 40);",
    );
    assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
    assert_settled(&setup);
}

#[test]
fn a_column_added_with_a_default_reaches_the_rows_that_were_there() {
    let setup = three_rows();
    setup.write(
        DAY,
        "ALTER TABLE m ADD COLUMN unit TEXT DEFAULT 'celsius'; DELETE FROM m WHERE id = 99;
         INSERT INTO m (timestamp, value, unit) VALUES ('10:03', 3.5, 'kelvin');",
    );
    assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
    assert_settled(&setup);
    assert_eq!(setup.list("SELECT unit FROM m ORDER BY id"), ["celsius", "celsius", "celsius", "kelvin"]);
}

#[test]
fn a_column_added_and_filled_reaches_the_rows_that_were_there() {
    let setup = three_rows();
    setup.write(
        DAY,
        "ALTER TABLE m ADD COLUMN at DATETIME; UPDATE m SET at = '2026-01-25 10:0' || id || ':00+01:00';",
    );
    assert_eq!(setup.sync_to(0, &[]).n("written"), 0);
    assert_settled(&setup);
    assert_eq!(type_of(&setup, "m", "at"), "timestamp without time zone");
}

#[test]
fn a_column_that_is_gone_keeps_its_values_in_postgresql() {
    let setup = three_rows();
    setup.write(DAY, "ALTER TABLE m DROP COLUMN value; INSERT INTO m (timestamp) VALUES ('10:03')");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
    assert_settled(&setup);
    assert_eq!(setup.list("SELECT value FROM m ORDER BY id"), ["0.5", "1.5", "2.5", "NULL"]);
}

#[test]
fn a_renamed_column_arrives_under_its_new_name() {
    let setup = three_rows();
    setup.write(DAY, "ALTER TABLE m RENAME COLUMN value TO temperature");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 0);
    assert_settled(&setup);
}

#[test]
fn a_table_dropped_and_recreated_with_another_shape_starts_again() {
    let setup = three_rows();
    setup.write(
        DAY,
        "DROP TABLE m; CREATE TABLE m (id INTEGER PRIMARY KEY, timestamp TEXT, pressure INTEGER);
         INSERT INTO m (timestamp, pressure) VALUES ('11:00', 1000), ('11:01', 1001);",
    );
    assert_eq!(setup.sync_to(0, &[]).n("written"), 2);
    assert_kept(&setup, DAY, "m", 3);
    setup.write(DAY, "INSERT INTO m (timestamp, pressure) VALUES ('11:02', 1002)");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
    assert_kept(&setup, DAY, "m", 3);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_table_dropped_in_the_file_keeps_its_rows_in_postgresql() {
    let setup = three_rows();
    setup.write(DAY, "DROP TABLE m; CREATE TABLE other (v TEXT); INSERT INTO other VALUES ('x')");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
    assert_exact(&setup, DAY, "other", "other");
    assert_eq!(setup.one("SELECT count(*) FROM m"), "3");
}

#[test]
fn files_without_tables_or_rows_are_nothing_to_do_yet() {
    let setup = Setup::new();
    std::fs::write(setup.file("2026_01_24"), "").unwrap();
    setup.write(DAY, "CREATE TABLE m (v TEXT)");
    assert_eq!(setup.sync_to(0, &[]).counts(), [0; 6]);
    setup.write("2026_01_24", "CREATE TABLE m (v TEXT); INSERT INTO m VALUES ('late')");
    setup.write(DAY, "INSERT INTO m VALUES ('first')");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 2);
    assert_exact(&setup, "2026_01_24", "m", "m");
    assert_settled(&setup);
}

#[test]
fn tables_differ_from_day_to_day() {
    let setup = Setup::new();
    let eve = "2026_01_24";
    setup.write(eve, "CREATE TABLE m (a TEXT, b INTEGER); INSERT INTO m VALUES ('x', 1)");
    setup.write(
        DAY,
        "CREATE TABLE m (b INTEGER, c REAL); INSERT INTO m VALUES (2, 0.5);
         CREATE TABLE only_today (v BLOB); INSERT INTO only_today VALUES (X'00');",
    );
    setup.sync_to(0, &[]);
    assert_exact(&setup, eve, "m", "m");
    assert_exact(&setup, DAY, "only_today", "only_today");
    assert_settled(&setup);
}

#[test]
fn a_column_that_was_integer_and_is_text_today_sets_aside_what_is_no_number() {
    let setup = Setup::new();
    let eve = "2026_01_24";
    setup.write(eve, "CREATE TABLE m (v INTEGER); INSERT INTO m VALUES (1)");
    setup.sync_to(0, &[]);
    setup.write(DAY, "CREATE TABLE m (v TEXT); INSERT INTO m VALUES ('2'), ('off'), ('3')");
    assert_eq!(setup.sync_to(3, &[]).n("written"), 2);
    assert_eq!(setup.rejected(), ["2 v: text in an integer column"]);
    assert_exact(&setup, DAY, "m", "m");
    setup.sql("ALTER TABLE m ALTER COLUMN v TYPE text");
    setup.sync_to(0, &[]);
    assert_exact(&setup, eve, "m", "m");
    assert_settled(&setup);
}

#[test]
fn a_widened_column_makes_no_file_be_read_again() {
    let setup = Setup::new();
    for day in 1..=9 {
        setup.write(
            &format!("2026_01_0{day}"),
            "CREATE TABLE m (v INTEGER); INSERT INTO m VALUES (1), (2), (3)",
        );
    }
    setup.sync_to(0, &[]);
    setup.write(DAY, "CREATE TABLE m (v INTEGER); INSERT INTO m VALUES (4), (4.5)");
    assert_eq!(setup.sync_to(0, &[]).counts(), [2, 2, 0, 0, 0, 0]);
    assert_eq!(type_of(&setup, "m", "v"), "numeric");
    assert_eq!(
        setup.one(
            "SELECT count(*) FROM sync_watermark
                   WHERE destination_filenode IS DISTINCT FROM pg_relation_filenode('m')"
        ),
        "0"
    );
    let outcome = setup.sync_to(0, &[]);
    assert_eq!(outcome.counts(), [0; 6]);
    assert!(!outcome.stderr.contains("restored"), "{}", outcome.stderr);
    assert_exact(&setup, "2026_01_05", "m", "m");
    assert_settled(&setup);
}

#[test]
fn a_widened_column_reads_on_in_files_that_grow() {
    let setup = Setup::new();
    let eve = "2026_01_24";
    setup.write(eve, "CREATE TABLE m (v INTEGER); INSERT INTO m VALUES (1)");
    setup.sync_to(0, &[]);
    setup.write(eve, "INSERT INTO m VALUES (2), (0.1)");
    setup.write(DAY, "CREATE TABLE m (v INTEGER); INSERT INTO m VALUES (3), (1e30)");
    assert_eq!(setup.sync_to(0, &["--batch-rows", "1"]).counts(), [4, 4, 0, 0, 0, 0]);
    assert_exact(&setup, eve, "m", "m");
    assert_settled(&setup);
}
