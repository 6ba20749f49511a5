//! Only rows that changed are read, and none is missed.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use common::Setup;
use sync_testing::mariadb;
use sync_testing::outcome::Outcome;

#[track_caller]
fn job(setup: &Setup, code: i32, text: &str) -> Outcome {
    let path = setup.file("job.yaml", text);
    setup.sync_to(code, &["--job", path.to_str().unwrap()])
}

/// The cursor's position: a number, or a time in UTC as the source's clock shows it.
fn cursor(setup: &Setup) -> (String, String) {
    let rows = setup
        .rows("SELECT position, to_timestamp(last_timestamp / 1e6) AT TIME ZONE 'UTC' FROM sync_watermark");
    let [row] = rows.as_slice() else { panic!("one cursor: {rows:?}") };
    let text = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".to_owned());
    (text(&row[0]), text(&row[1]))
}

#[test]
fn by_a_number() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t SELECT seq, seq FROM seq_1_to_100");
    let args = ["copy", "t", "--incremental", "id"];
    assert_eq!(setup.sync_to(0, &args).counts(), [100, 100, 0, 0, 0, 0]);
    assert_eq!(cursor(&setup).0, "100");
    setup.my("INSERT INTO t VALUES (101, 1), (102, 2); UPDATE t SET v = 0 WHERE id = 50");
    let outcome = setup.sync_to(0, &args);
    // The last one once more: nobody knows whether it was the last of its number.
    assert_eq!(outcome.counts(), [3, 2, 1, 0, 0, 0], "{}", outcome.report);
    assert_eq!(setup.one("SELECT v FROM t WHERE id = 50"), "50");
    assert_eq!(setup.sync_to(0, &args).counts(), [1, 0, 1, 0, 0, 0]);
    // All of it, once in a while.
    assert_eq!(setup.sync_to(0, &["copy", "t"]).n("written"), 1);
}

#[test]
fn a_number_with_an_overlap() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t SELECT seq * 10, seq FROM seq_1_to_100",
    );
    for overlap in ["'25'", "25"] {
        let text = format!(
            "source: {{table: t}}\ndestination: {{table: x}}\nincremental: {{column: id, overlap: {overlap}}}\n"
        );
        job(&setup, 0, &text);
        setup.my("UPDATE t SET v = v + 1000 WHERE id >= 970");
        let outcome = job(&setup, 0, &text);
        // 980, 990, 1000.
        assert_eq!((outcome.n("read"), outcome.n("written")), (3, 3), "{}", outcome.report);
    }
    for wrong in ["1h", "'-5'", "many"] {
        let text = format!(
            "source: {{table: t}}\ndestination: {{table: x}}\nincremental: {{column: id, overlap: {wrong}}}\n"
        );
        let outcome = job(&setup, 78, &text);
        assert!(outcome.stderr.contains("overlap"), "{}", outcome.stderr);
    }
}

#[test]
fn by_a_time_and_never_beyond_the_servers_clock() {
    // The server's clock is neither UTC nor ours.
    let options = mariadb::Options { args: vec!["--default-time-zone=+05:30".into()], ..Default::default() };
    let setup = Setup::with(options);
    for (ty, is_utc) in [("DATETIME(3)", false), ("TIMESTAMP(6) NULL", true)] {
        setup.my(&format!("CREATE TABLE t (id INT PRIMARY KEY, at {ty}, v INT)"));
        setup.my(
            "INSERT INTO t VALUES (1, '2024-01-01 00:00:00', 1), (2, NOW() - INTERVAL 3 HOUR, 2), (3, NOW() - INTERVAL 10 MINUTE, 3),
               (4, '2037-01-01', 4), (5, NULL, 5)",
        );
        let args = ["copy", "t", "--incremental", "at"];
        assert_eq!(setup.sync_to(0, &args).counts(), [5, 5, 0, 0, 0, 0]);
        let offset = if is_utc { "0 hours" } else { "5 hours 30 minutes" };
        let age = setup.one(&format!(
            "SELECT round(extract(epoch FROM (now() AT TIME ZONE 'UTC' + interval '{offset}')
               - (to_timestamp(last_timestamp / 1e6) AT TIME ZONE 'UTC')) / 60) FROM sync_watermark"
        ));
        assert_eq!(age, "10", "{ty}: {:?}", cursor(&setup));
        // An hour of overlap: 3, 4 in the future, and 5 of unknown age; then a new one.
        let outcome = setup.sync_to(0, &args);
        assert_eq!(outcome.counts(), [3, 0, 3, 0, 0, 0], "{ty} {}", outcome.report);
        setup.my("UPDATE t SET v = 33 WHERE id IN (2, 3); INSERT INTO t VALUES (6, NOW(), 6), (7, NOW() - INTERVAL 65 MINUTE, 7)");
        let outcome = setup.sync_to(0, &args);
        assert_eq!(outcome.counts(), [5, 3, 2, 0, 0, 0], "{ty} {}", outcome.report);
        assert_eq!(setup.one("SELECT v FROM t WHERE id = 2"), "2");
        setup.my("DROP TABLE t");
        setup.sql("DROP TABLE t; DELETE FROM sync_watermark");
    }
}

#[test]
fn the_overlap_of_a_time_can_be_chosen() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE t (id INT PRIMARY KEY, at DATETIME); INSERT INTO t VALUES (1, '2024-01-01 00:00:00'),
           (2, '2024-01-01 00:50:00'), (3, '2024-01-01 01:00:00')",
    );
    for (overlap, n_read) in [("5m", 1), ("10m", 2), ("2h", 3), ("1s", 1)] {
        let text = format!(
            "source: {{query: SELECT * FROM t}}\ndestination: {{table: x, key: [id]}}\nincremental: {{column: AT, overlap: {overlap}}}\n"
        );
        job(&setup, 0, &text);
        let outcome = job(&setup, 0, &text);
        assert_eq!(outcome.n("read"), n_read, "{overlap} {}", outcome.report);
    }
    let text = "source: {table: t}\ndestination: {table: x}\nincremental: {column: at, overlap: soon}\n";
    assert!(job(&setup, 78, text).stderr.contains("overlap"));
}

#[test]
fn rows_set_aside_come_again_until_they_fit() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE t (id INT PRIMARY KEY, b TINYINT(1)); INSERT INTO t SELECT seq, 1 FROM seq_1_to_100",
    );
    let args = ["copy", "t", "--incremental", "id", "--tinyint1-bool"];
    setup.sync_to(0, &args);
    setup.my("INSERT INTO t VALUES (101, 2), (102, 1)");
    for _ in 0..3 {
        let outcome = setup.sync_to(3, &args);
        assert_eq!((outcome.n("read"), outcome.n("rejected")), (3, 1), "{}", outcome.report);
        setup
            .my("INSERT INTO t SELECT MAX(id) + 1, 1 FROM t; DELETE FROM t WHERE id > 102 AND b = 1 LIMIT 1");
        assert_eq!(setup.list("SELECT row_key FROM sync_rejected"), ["101"]);
    }
    setup.my("UPDATE t SET b = 0 WHERE id = 101");
    setup.sync_to(0, &args);
    assert_eq!(setup.one("SELECT b FROM t WHERE id = 101"), "f");
    assert!(setup.rejected().is_empty());
    assert_eq!(setup.sync_to(0, &args).n("read"), 1);
}

#[test]
fn a_dropped_table_is_filled_again_from_the_beginning() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE t (id INT PRIMARY KEY, b TINYINT(1)); INSERT INTO t SELECT seq, 1 FROM seq_1_to_100",
    );
    let args = ["copy", "t", "--incremental", "id", "--tinyint1-bool"];
    setup.sync_to(0, &args);
    setup.sql("DROP TABLE t");
    // One that is old has meanwhile become one that does not fit: it must not be forgotten.
    setup.my("UPDATE t SET b = 2 WHERE id = 5");
    assert_eq!(setup.sync_to(3, &args).counts(), [100, 99, 0, 0, 1, 0]);
    setup.sync_to(3, &args);
    assert_eq!(setup.list("SELECT row_key FROM sync_rejected"), ["5"]);
    setup.my("UPDATE t SET b = 1 WHERE id = 5");
    setup.sync_to(0, &args);
    assert_eq!(setup.one("SELECT count(*) FROM t"), "100");
}

#[test]
fn a_dropped_table_whose_keys_become_the_same() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (k VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY, n INT); INSERT INTO t SELECT concat('k', seq), seq FROM seq_1_to_100");
    let args = ["copy", "t", "--incremental", "n"];
    setup.sync_to(0, &args);
    setup.sql("DROP TABLE t");
    setup.my("INSERT INTO t VALUES ('é', 101), ('Ã©', 102)");
    // The second attempt goes another way, and must read everything as well.
    setup.sync_to(3, &args);
    assert_eq!(setup.one("SELECT count(*) FROM t"), "101");
    assert_eq!(setup.one("SELECT count(*) FROM sync_rejected"), "1");
}

#[test]
fn a_myisam_table_in_ranges_with_a_filter() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE t (a VARCHAR(9), b INT, at DATETIME, PRIMARY KEY (a, b)) ENGINE=MyISAM;
         INSERT INTO t SELECT concat('k', seq % 13), seq, '2024-01-01' + INTERVAL seq MINUTE FROM seq_1_to_5000",
    );
    let args = ["copy", "t", "--incremental", "at"];
    assert_eq!(setup.sync_to(0, &args).n("written"), 5000);
    setup.my("INSERT INTO t SELECT 'new', seq, '2024-02-01' + INTERVAL seq MINUTE FROM seq_1_to_3000");
    let outcome = setup.sync_to(0, &args);
    assert_eq!(outcome.counts(), [3061, 3000, 61, 0, 0, 0], "{}", outcome.report);
    assert_eq!(setup.one("SELECT count(*) FROM t"), "8000");
}

#[test]
fn a_column_that_does_not_grow_is_refused() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9)); CREATE TABLE n (id INT); INSERT INTO n VALUES (1)");
    for (table, column) in [("t", "v"), ("t", "none"), ("n", "id")] {
        let outcome = setup.sync_to(78, &["copy", table, "--incremental", column]);
        assert!(outcome.stderr.contains(if table == "n" { "key" } else { column }), "{}", outcome.stderr);
        assert_eq!(setup.one(&format!("SELECT to_regclass('{table}')")), "NULL");
    }
}

#[test]
fn an_empty_source_and_zero_dates_leave_the_cursor() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, at DATETIME)");
    let args = ["copy", "t", "--incremental", "at"];
    setup.sync_to(0, &args);
    assert_eq!(cursor(&setup).1, "NULL");
    setup.my("SET sql_mode = ''; INSERT INTO t VALUES (1, '0000-00-00'), (2, NULL)");
    setup.sync_to(0, &args);
    assert_eq!(cursor(&setup).1, "NULL");
    assert_eq!(setup.one("SELECT count(*) FROM t WHERE at IS NULL"), "2");
    setup.my("INSERT INTO t VALUES (3, '2024-01-01')");
    setup.sync_to(0, &args);
    assert_eq!(cursor(&setup).1, "2024-01-01 00:00:00");
    // A zero date says nothing about when it changed.
    setup.my("SET sql_mode = ''; INSERT INTO t VALUES (4, '0000-00-00')");
    setup.sync_to(0, &args);
    assert_eq!(setup.one("SELECT count(*) FROM t"), "4");
}

#[test]
fn a_big_number_as_the_column() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, v BIGINT UNSIGNED, w BIGINT); INSERT INTO t VALUES (1, 18446744073709551615, -9223372036854775808), (2, 0, 9223372036854775807)");
    let args = ["copy", "t", "--incremental", "w"];
    assert_eq!(setup.sync_to(0, &args).n("written"), 2);
    assert_eq!(setup.sync_to(0, &args).n("read"), 1);
    // No cursor holds it: said, not wrapped round.
    let outcome = setup.sync(&["copy", "t", "--incremental", "v"]);
    assert!(outcome.code != 0 && outcome.stderr.contains('v'), "{} {}", outcome.code, outcome.stderr);
}

#[test]
fn an_emptied_or_dropped_destination_is_filled_again() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t SELECT seq, seq FROM seq_1_to_100");
    let args = ["copy", "t", "--incremental", "id"];
    setup.sync_to(0, &args);
    for loss in ["TRUNCATE t", "DROP TABLE t"] {
        setup.sql(loss);
        assert_eq!(setup.sync_to(0, &args).counts(), [100, 100, 0, 0, 0, 0], "{loss}");
        assert_eq!(setup.sync_to(0, &args).n("read"), 1, "{loss}");
    }
}

#[test]
fn a_job_that_was_changed_reads_everything_once() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO t SELECT seq, 'a' FROM seq_1_to_100",
    );
    let text = |query: &str, transform: &str| {
        format!(
            "source: {{query: '{query}'}}\ndestination: {{table: x, key: [id]}}\n\
             columns: [{{from: id}}, {{from: v{transform}}}]\nincremental: {{column: id}}\n"
        )
    };
    assert_eq!(job(&setup, 0, &text("SELECT * FROM t WHERE id > 50", "")).n("read"), 50);
    assert_eq!(job(&setup, 0, &text("SELECT * FROM t", "")).n("written"), 50);
    assert_eq!(job(&setup, 0, &text("SELECT * FROM t", "")).n("read"), 1);
    assert_eq!(job(&setup, 0, &text("SELECT * FROM t", ", transform: upper")).n("written"), 100);
}
