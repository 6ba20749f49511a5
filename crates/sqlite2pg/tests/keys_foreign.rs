//! A table that was there before, used by its key as it is; and the take-over from DBsync with its
//! timestamp file.

mod common;

use common::oracle;
use common::{DAY, Setup};

#[test]
fn a_foreign_table_keeps_its_own_types() {
    let setup = Setup::new();
    setup.config("key_columns: [id, at]");
    setup.sql(
        "CREATE TYPE level AS ENUM ('low', 'high');
         CREATE TABLE r (id uuid, at timestamptz, ip inet, level level, n int4, name varchar(10), data jsonb,
           tags int4[], added timestamptz DEFAULT now(), serial int GENERATED ALWAYS AS IDENTITY,
           PRIMARY KEY (id, at))",
    );
    let row =
        "'00112233-4455-6677-8899-AABBCCDDEEFF', '2026-01-25T12:00:00+02:00', '10.0.0.1', 'low', 5, 'short',
        '{\"a\": 1}', '{1,2}'";
    setup.write(
        DAY,
        &format!(
            "CREATE TABLE r (id TEXT, at TEXT, ip TEXT, level TEXT, n TEXT, name TEXT, data TEXT, tags TEXT);
             INSERT INTO r VALUES ({row}), ({row});
             INSERT INTO r VALUES ('00112233445566778899aabbccddeef1', 1769335200.5, 'nonsense', 'low', 1, 'a', NULL, NULL),
               ('00112233445566778899aabbccddeef2', 'now', NULL, NULL, 1, 'a', NULL, NULL),
               ('00112233445566778899aabbccddeef3', '2026-01-25', '::1', 'middle', 1, 'a', NULL, NULL),
               ('00112233445566778899aabbccddeef4', '2026-01-25', '::1', 'high', 2147483648, 'a', NULL, NULL),
               ('00112233445566778899aabbccddeef5', '2026-01-25', '::1', 'high', 1, 'far too long', NULL, NULL),
               ('00112233445566778899aabbccddeef6', '2026-01-25', '::1', 'high', -1, NULL, 'null', '{{}}');"
        ),
    );
    let outcome = setup.sync_to(3, &[]);
    assert_eq!(outcome.counts(), [8, 2, 0, 1, 5, 0], "{} {:?}", outcome.report, setup.rejected());
    assert_eq!(setup.list("SELECT row_key FROM sync_rejected ORDER BY 1"), ["3", "4", "5", "6", "7"]);
    assert_eq!(
        setup.one(
            "SELECT concat_ws(' ', id, at AT TIME ZONE 'UTC', ip, level, n, name, data, tags, added IS NULL)
                   FROM r WHERE n = 5"
        ),
        "00112233-4455-6677-8899-aabbccddeeff 2026-01-25 10:00:00 10.0.0.1 low 5 short {\"a\": 1} {1,2} f"
    );
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_foreign_numeric_column_takes_text_digit_by_digit() {
    let setup = Setup::new();
    setup.config("key_columns: [k]");
    setup.sql("CREATE TABLE r (k text PRIMARY KEY, v numeric, w numeric(10,2))");
    let digits = "1234567890.1234567890123456789012345678901";
    setup.write(
        DAY,
        &format!(
            "CREATE TABLE r (k TEXT, v TEXT, w TEXT);
             INSERT INTO r VALUES ('a', '{digits}', '1.50'), ('b', 'abc', NULL), ('c', '12,5', '1'), ('d', '1e3', '-0.05'),
               ('e', '1', '123456789.00'), ('f', '', NULL);"
        ),
    );
    setup.sync_to(3, &[]);
    assert_eq!(setup.list("SELECT row_key FROM sync_rejected ORDER BY 1"), ["2", "3", "5", "6"]);
    assert_eq!(
        setup.list("SELECT v || ' ' || w FROM r ORDER BY k"),
        [&format!("{digits} 1.50"), "1000 -0.05"]
    );
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_foreign_tables_constraints_are_respected_row_by_row() {
    let setup = Setup::new();
    setup.config("key_columns: [k]");
    setup.sql(
        "CREATE TABLE parent (p int PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE r (k int PRIMARY KEY, v text UNIQUE NOT NULL CHECK (v <> 'bad'),
           p int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
    );
    setup.write(
        DAY,
        "CREATE TABLE r (k INTEGER, v TEXT, p INTEGER);
         INSERT INTO r VALUES (1, 'a', 1), (2, 'bad', 1), (3, NULL, 1), (4, 'a', 1), (5, 'e', 2), (6, 'f', NULL), (1, 'a', 1);",
    );
    let outcome = setup.sync_to(3, &[]);
    assert_eq!(outcome.counts(), [7, 2, 0, 1, 4, 0], "{}", outcome.report);
    assert_eq!(setup.list("SELECT k FROM r ORDER BY 1"), ["1", "6"]);
    setup.sql("INSERT INTO parent VALUES (2)");
    assert_eq!(setup.run(&["rejected", "--retry"]).code, Some(3));
    assert_eq!(setup.list("SELECT k FROM r ORDER BY 1"), ["1", "5", "6"]);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_foreign_table_without_an_index_on_the_key_still_gets_each_row_once() {
    let setup = Setup::new();
    setup.config("key_columns: [k]");
    setup.sql("CREATE TABLE r (k text, v float8); INSERT INTO r VALUES ('a', 1), ('theirs', 0)");
    setup.write(
        DAY,
        "CREATE TABLE r (k TEXT, v REAL); INSERT INTO r VALUES ('a', 1), ('b', 2), ('b', 2), ('c', 3)",
    );
    let outcome = setup.sync_to(0, &["--batch-rows", "2"]);
    assert_eq!(outcome.counts(), [4, 2, 0, 2, 0, 0]);
    assert!(outcome.stderr.contains("no unique index on k"), "{}", outcome.stderr);
    assert_eq!(setup.list("SELECT k FROM r ORDER BY 1"), ["a", "b", "c", "theirs"]);
}

#[test]
fn one_instant_written_in_two_ways_is_one_key() {
    let setup = Setup::new();
    setup.config("key_columns: [at]");
    setup.sql("CREATE TABLE r (at timestamptz PRIMARY KEY, v text)");
    setup.write(
        DAY,
        "CREATE TABLE r (at, v TEXT); INSERT INTO r VALUES ('2026-01-25T10:00:00Z', 'x'),
           ('2026-01-25 12:00:00+02:00', 'x'), (1769335200, 'x'), ('2026-01-25 10:00:00', 'y')",
    );
    let outcome = setup.sync_to(3, &[]);
    assert_eq!(outcome.counts(), [4, 1, 0, 2, 1, 0]);
    assert_eq!(setup.rejected(), ["4 its key is in the destination with other values"]);
}

#[test]
fn a_foreign_table_is_updated_by_the_same_or_a_newer_file() {
    let setup = Setup::new();
    setup.config("key_columns: [k]\non_duplicate: update");
    setup.sql("CREATE TABLE r (k int PRIMARY KEY, v text, extra text); INSERT INTO r VALUES (1, 'old', 'e'), (9, 'o', 'e')");
    setup.write(DAY, "CREATE TABLE r (k INTEGER, v TEXT); INSERT INTO r VALUES (1, 'new'), (2, 'two')");
    assert_eq!(setup.sync_to(0, &[]).counts(), [2, 2, 0, 0, 0, 0]);
    setup.write(
        "2026_01_24",
        "CREATE TABLE r (k INTEGER, v TEXT); INSERT INTO r VALUES (1, 'eve'), (9, 'eve')",
    );
    assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
    assert_eq!(
        setup.list("SELECT concat_ws(' ', k, v, extra, _source_file) FROM r ORDER BY k"),
        ["1 new e 2026-01-25", "2 two 2026-01-25", "9 eve e 2026-01-24"]
    );
    oracle::assert_second_run_writes_nothing(&setup);
}

/// DBsync's destination with the rows up to second 3 of a file with seconds 0 to 9, two of them a
/// second, and its timestamp file with this content.
fn dbsync(timestamp_file: &str) -> Setup {
    let setup = Setup::new();
    setup.config("key_columns: [key, timestamp]\ntimestamp_file_path: ./timestamp/last_successful_time.json");
    setup.sql(
        "CREATE TABLE registers (key text, timestamp timestamp, type text, value float8,
           PRIMARY KEY (key, timestamp));
         INSERT INTO registers SELECT k, '2026-01-25 10:15:00.123456'::timestamp + s * interval '1 s', 'int', s
           FROM generate_series(0, 3) s, unnest(ARRAY['a', 'b']) k WHERE NOT (s = 3 AND k = 'b')",
    );
    let values: Vec<String> = (0..10)
        .flat_map(|s| ["a", "b"].map(|k| format!("('{k}', '2026-01-25 10:15:0{s}.123456', 'int', {s})")))
        .collect();
    setup.write(
        DAY,
        &format!(
            "CREATE TABLE registers (key TEXT, timestamp TEXT, type TEXT, value REAL);
             INSERT INTO registers VALUES {};",
            values.join(", ")
        ),
    );
    std::fs::create_dir(setup.dir().join("timestamp")).expect("the folder is writable");
    std::fs::write(setup.dir().join("timestamp/last_successful_time.json"), timestamp_file)
        .expect("the folder is writable");
    setup
}

#[test]
fn a_take_over_from_dbsync_loses_no_row_and_doubles_none() {
    for file in [
        r#"{"last_successful_time": "2026-01-25T10:15:03.123456"}"#,
        r#"{"lastSuccessFullTime": "2026-01-25T10:15:03.123456"}"#,
        r#"{"lastSuccessFullTime": "2026-01-25 10:15:03.123456"}"#,
        r#"{"last_successful_time": "2026-01-25 10:15:03.123456", "more": 1}"#,
    ] {
        let setup = dbsync(file);
        let outcome = setup.sync_to(0, &[]);
        // Seconds 0 to 2 are older than the start, of second 3 one row is known.
        assert_eq!(outcome.counts(), [20, 13, 0, 1, 0, 6], "{file}");
        assert_eq!(setup.one("SELECT count(*) FROM registers"), "20");
        assert_eq!(setup.one("SELECT count(DISTINCT (key, timestamp, type, value)) FROM registers"), "20");
        let written = std::fs::read_to_string(setup.dir().join("timestamp/last_successful_time.json"));
        assert_eq!(written.unwrap(), r#"{"last_successful_time": "2026-01-25T10:15:09.123456"}"#);
        oracle::assert_second_run_writes_nothing(&setup);
    }
}

#[test]
fn a_take_over_from_the_destination_alone_works_as_well() {
    let setup = dbsync("");
    assert_eq!(setup.sync(&[]).code, 78);
    let run = setup.run(&["init", "--from-destination"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(setup.sync_to(0, &[]).counts(), [20, 13, 0, 1, 0, 6]);
    assert_eq!(setup.one("SELECT count(*) FROM registers"), "20");
    oracle::assert_second_run_writes_nothing(&setup);
}
