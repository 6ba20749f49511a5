//! The comparison that the other suites rest on sees every kind of difference.

mod common;

use common::oracle::compare;
use common::{DAY, Setup};

/// A row of every kind, synced.
fn synced() -> Setup {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE t (i INTEGER, r REAL, v TEXT, b BLOB, f BOOLEAN, n DECIMAL TEXT, at TIMESTAMP, j JSON);
         INSERT INTO t VALUES (1, 0.1, '', X'00', 1, '12345678901234567890.10', '2026-01-25 10:00:00.123456', '[1]'),
           (2, 1.0, NULL, X'', 0, '1', 1769335200, 'null'), (2, 1.0, NULL, X'', 0, '1', 1769335200, 'null');",
    );
    setup.sync_to(0, &[]);
    setup
}

/// How many rows only the file has and only PostgreSQL has.
fn difference(setup: &Setup) -> (usize, usize) {
    let found = compare(setup, DAY, "t", "t", &[]);
    (found.missing.len(), found.extra.len())
}

#[test]
fn equal_sides_do_not_differ() {
    assert_eq!(difference(&synced()), (0, 0));
}

#[test]
fn one_changed_value_of_any_type_is_a_difference() {
    let setup = synced();
    for change in [
        "i = 3",
        "r = 0.1::float8 + 1.4e-17",
        "v = NULL",
        "v = ' '",
        "b = ''",
        "f = NOT f",
        "n = n + 1e-20",
        "at = at + interval '1 microsecond'",
        "j = '[2]'",
        "j = NULL",
    ] {
        setup.sql("CREATE TABLE saved AS SELECT * FROM t");
        setup.sql(&format!("UPDATE t SET {change} WHERE i = 1"));
        assert_eq!(difference(&setup), (1, 1), "{change}");
        setup.sql("DELETE FROM t; INSERT INTO t SELECT * FROM saved; DROP TABLE saved");
    }
}

#[test]
fn lost_and_doubled_rows_are_counted() {
    let setup = synced();
    setup.sql("ALTER TABLE t DROP COLUMN j; DROP INDEX t__source_id__source_rowid_idx");
    setup.write(DAY, "ALTER TABLE t DROP COLUMN j");
    setup.sql("INSERT INTO t SELECT * FROM t WHERE i = 1");
    assert_eq!(difference(&setup), (0, 1));
    setup.sql("DELETE FROM t WHERE i = 2 AND _source_rowid = 3");
    assert_eq!(difference(&setup), (1, 1));
    setup.sql("TRUNCATE t");
    assert_eq!(difference(&setup), (3, 0));
}
