//! Numbers, booleans and times that do not fit where they stand: exact in PostgreSQL, or set
//! aside with the reason.

mod common;

use common::{DAY, Setup, oracle};
use sync_testing::outcome::Outcome;

/// Syncs one table `t(id INTEGER PRIMARY KEY, v …)`; what is not set aside has arrived exactly.
fn sync(declared: &str, values: &[&str]) -> (Setup, Outcome) {
    let setup = Setup::new();
    let mut sql = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v {declared});");
    for value in values {
        sql.push_str(&format!("INSERT INTO t (v) VALUES ({value});"));
    }
    setup.write(DAY, &sql);
    let outcome = setup.sync(&[]);
    oracle::assert_exact(&setup, DAY, "t", "t");
    oracle::assert_second_run_writes_nothing(&setup);
    (setup, outcome)
}

/// The column in the order of the rows.
fn column(setup: &Setup) -> Vec<String> {
    setup.list("SELECT v::text FROM t ORDER BY id")
}

#[test]
fn the_largest_and_smallest_integers_arrive_also_as_row_ids() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER);
         INSERT INTO t VALUES (-9223372036854775808, 9223372036854775807),
           (9223372036854775807, -9223372036854775808), (0, 0), (-1, NULL);",
    );
    setup.sync_to(0, &[]);
    oracle::assert_exact(&setup, DAY, "t", "t");
    assert_eq!(
        setup.list("SELECT _source_rowid FROM t ORDER BY 1"),
        ["-9223372036854775808", "-1", "0", "9223372036854775807"]
    );
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn text_in_an_integer_column_is_set_aside() {
    let (setup, outcome) = sync("INTEGER", &["'abc'", "'12,5'", "''", "7", "' 8 '", "X'31'"]);
    assert_eq!(outcome.code, 3);
    assert_eq!(
        setup.rejected(),
        [
            "1 v: text in an integer column",
            "2 v: text in an integer column",
            "3 v: text in an integer column",
            "6 v: binary data in an integer column"
        ]
    );
}

#[test]
fn text_in_a_real_column_is_set_aside() {
    let (setup, outcome) = sync("REAL", &["'abc'", "'12,5'", "'nan'", "12.5", "'0.25'"]);
    assert_eq!(outcome.code, 3);
    assert_eq!(setup.rejected(), [1, 2, 3].map(|id| format!("{id} v: text in a double precision column")));
}

#[test]
fn reals_arrive_with_all_their_digits() {
    let values = [
        "0.1",
        "1.0/3",
        "5e-324",
        "1.7976931348623157e308",
        "123456789.123456789",
        "9e999",
        "-9e999",
        "9007199254740993",
    ];
    let (setup, outcome) = sync("REAL", &values);
    assert_eq!(outcome.code, 0);
    assert_eq!(column(&setup)[5..7], ["Infinity", "-Infinity"]);
}

#[test]
fn infinity_arrives_in_a_numeric_column() {
    let (setup, outcome) = sync("NUMERIC", &["9e999", "1.5", "'x'", "-9e999"]);
    assert_eq!(outcome.code, 3);
    assert_eq!(setup.rejected(), ["3 v: text in a numeric column"]);
    assert_eq!(column(&setup), ["Infinity", "1.5", "-Infinity"]);
}

#[test]
fn times_with_an_offset_arrive_as_their_utc_instant_and_are_counted() {
    let values = [
        "'2026-01-25T12:00:00+02:00'",
        "'2026-01-25 12:00:00.5-05:30'",
        "'2026-01-25T12:00:00Z'",
        "'2026-01-25 12:00:00'",
        "'2026-01-25'",
    ];
    let (setup, outcome) = sync("TIMESTAMP", &values);
    assert_eq!((outcome.code, outcome.n("converted_to_utc")), (0, 2));
    assert_eq!(
        column(&setup),
        [
            "2026-01-25 10:00:00",
            "2026-01-25 17:30:00.5",
            "2026-01-25 12:00:00",
            "2026-01-25 12:00:00",
            "2026-01-25 00:00:00"
        ]
    );
}

#[test]
fn epoch_numbers_in_a_datetime_column_arrive_as_that_instant() {
    let values = ["1769335200", "1769335200123", "1769335200.25", "0", "-1", "1769335200123.5"];
    let (setup, outcome) = sync("DATETIME", &values);
    assert_eq!(outcome.code, 0);
    assert_eq!(
        column(&setup),
        [
            "2026-01-25 10:00:00",
            "2026-01-25 10:00:00.123",
            "2026-01-25 10:00:00.25",
            "1970-01-01 00:00:00",
            "1969-12-31 23:59:59",
            "2026-01-25 10:00:00.1235"
        ]
    );
}

#[test]
fn digits_beyond_the_microsecond_are_cut_and_counted() {
    let values = [
        "'2026-01-25 10:00:00.123456789'",
        "'2026-01-25 10:00:00.999999999'",
        "'2026-01-25 10:00:00.123456000'",
    ];
    let (setup, outcome) = sync("TIMESTAMP", &values);
    assert_eq!((outcome.code, outcome.n("cut_to_microseconds")), (0, 2));
    assert_eq!(column(&setup)[1], "2026-01-25 10:00:00.999999");
}

#[test]
fn what_is_no_time_is_set_aside_and_arrives_where_the_column_is_text() {
    let wrong = ["'0000-00-00'", "'2025-13-45'", "''", "'31/12/2024'", "'2025-02-29'", "'abc'"];
    for declared in ["DATETIME", "TIMESTAMP", "DATE"] {
        let (setup, outcome) = sync(declared, &[&wrong[..], &["'2025-02-28'", "NULL"]].concat());
        assert_eq!(outcome.code, 3, "{declared}");
        assert_eq!(setup.rejected().len(), wrong.len(), "{declared}");
        assert!(setup.rejected().iter().all(|line| line.contains(" v: text that is no ")));
        assert_eq!(column(&setup).len(), 2, "{declared}");
    }
    let (setup, outcome) = sync("TEXT", &wrong);
    assert_eq!((outcome.code, column(&setup).len()), (0, wrong.len()));
}

#[test]
fn a_date_with_a_time_of_day_is_set_aside() {
    let (setup, outcome) = sync("DATE", &["'2026-01-25 10:00:00'", "'2026-01-25'", "1769335200"]);
    assert_eq!(outcome.code, 3);
    assert_eq!(setup.rejected(), ["1 v: time of day in a date column", "3 v: number in a date column"]);
}

#[test]
fn booleans_take_words_and_refuse_a_two() {
    let (setup, outcome) = sync("BOOLEAN", &["'true'", "2", "1", "0", "'False'", "NULL", "'vrai'"]);
    assert_eq!(outcome.code, 3);
    assert_eq!(
        setup.rejected(),
        ["2 v: number other than 0 and 1 in a boolean column", "7 v: text in a boolean column"]
    );
    assert_eq!(column(&setup), ["true", "true", "false", "false", "NULL"]);
}

#[test]
fn forty_digits_arrive_in_a_numeric_column() {
    // SQLite keeps the digits of a column whose type says TEXT, too.
    let digits = "1234567890123456789012345678901234567890";
    let values = [format!("'{digits}'"), format!("'-0.{digits}'"), "'abc'".to_owned(), "'12,5'".to_owned()];
    let (setup, outcome) = sync("DECIMAL TEXT", &values.each_ref().map(String::as_str));
    assert_eq!(outcome.code, 3);
    assert_eq!(column(&setup), [digits.to_owned(), format!("-0.{digits}")], "{:?}", setup.rejected());
    assert_eq!(setup.rejected(), [3, 4].map(|id| format!("{id} v: text in a numeric column")));
}

#[test]
fn a_real_widens_an_integer_column_that_we_made() {
    let (setup, outcome) = sync("INTEGER", &["1", "9223372036854775807", "2.5", "0.1", "1e300"]);
    assert_eq!(outcome.code, 0);
    assert_eq!(outcome.counts(), [5, 5, 0, 0, 0, 0]);
    assert_eq!(
        setup.one(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
                   WHERE attrelid = 't'::regclass AND attname = 'v'"
        ),
        "numeric"
    );
    assert_eq!(column(&setup)[..4], ["1", "9223372036854775807", "2.5", "0.1"]);
}
