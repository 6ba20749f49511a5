//! Text and bytes that other tools lose a table over: each row arrives exactly or is set aside
//! with its reason, and the other rows arrive.

mod common;

use common::{DAY, Setup, oracle};

/// Syncs one table `t(id INTEGER PRIMARY KEY, v …)` and returns what was set aside; everything
/// else has arrived exactly, and the next run writes nothing.
fn set_aside(declared: &str, values: &[&str]) -> (Setup, Vec<String>) {
    let setup = Setup::new();
    let mut sql = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v {declared});");
    for value in values {
        sql.push_str(&format!("INSERT INTO t (v) VALUES ({value});"));
    }
    setup.write(DAY, &sql);
    let outcome = setup.sync(&[]);
    let rejected = setup.rejected();
    let expected = if rejected.is_empty() { 0 } else { 3 };
    assert_eq!(outcome.code, expected, "{}\n{}", outcome.report, outcome.stderr);
    assert_eq!(outcome.n("rejected"), rejected.len() as u64);
    assert_eq!(outcome.n("set_aside"), rejected.len() as u64);
    oracle::assert_exact(&setup, DAY, "t", "t");
    let n = setup.one("SELECT count(*) FROM t");
    assert_eq!(n, (values.len() - rejected.len()).to_string());
    oracle::assert_second_run_writes_nothing(&setup);
    assert_eq!(setup.rejected(), rejected, "still set aside, once each");
    (setup, rejected)
}

#[test]
fn text_with_a_nul_is_set_aside() {
    let (setup, rejected) = set_aside("TEXT", &["'a'", "CAST(X'610062' AS TEXT)", "'b'"]);
    assert_eq!(rejected, ["2 v: NUL in text"]);
    assert_eq!(setup.one("SELECT \"row\" ->> 'v' FROM sync_rejected"), r#"{"base64": "YQBi"}"#);
}

#[test]
fn text_in_latin1_is_set_aside() {
    let (setup, rejected) = set_aside("TEXT", &["CAST(X'E974E9' AS TEXT)", "'été'"]);
    assert_eq!(rejected, ["1 v: text is not valid UTF-8"]);
    assert_eq!(setup.one("SELECT \"row\" #>> '{v,base64}' FROM sync_rejected"), "6XTp");
}

#[test]
fn lone_surrogates_are_set_aside_and_emoji_arrive() {
    let values = [
        "CAST(X'EDA080' AS TEXT)",
        "'\u{1f600}\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}'",
        "'\u{202e}שלום مرحبا\u{202c}'",
        "CAST(X'EDBFBF' AS TEXT)",
    ];
    let (_setup, rejected) = set_aside("TEXT", &values);
    assert_eq!(rejected, ["1 v: text is not valid UTF-8", "4 v: text is not valid UTF-8"]);
}

#[test]
fn text_that_means_something_to_copy_arrives_as_it_is() {
    let values =
        [r"'\N'", r"'\.'", r"'a\tb'", "'a\tb\r\nc\u{7f}'", "'\"x\",''y'''", "'NULL'", "' '", "'\u{feff}bom'"];
    assert!(set_aside("TEXT", &values).1.is_empty());
}

#[test]
fn an_empty_text_is_not_null() {
    let (setup, rejected) = set_aside("TEXT", &["''", "NULL", "''"]);
    assert!(rejected.is_empty());
    assert_eq!(setup.list("SELECT v IS NULL FROM t ORDER BY id"), ["f", "t", "f"]);
}

#[test]
fn blobs_arrive_byte_for_byte() {
    let values = ["X'00'", "X''", "X'FF00FE0041'", "zeroblob(100000)", "'text'", "NULL", "5"];
    let (setup, rejected) = set_aside("BLOB", &values);
    assert_eq!(rejected, ["7 v: number in a bytea column"]);
    assert_eq!(setup.list("SELECT length(v) FROM t ORDER BY id"), ["1", "0", "5", "100000", "4", "NULL"]);
}

#[test]
fn blobs_in_text_arrive_where_they_are_text() {
    let (_setup, rejected) = set_aside("TEXT", &["CAST('été' AS BLOB)", "X'FF'", "X'6100'", "X''"]);
    assert_eq!(rejected, ["2 v: binary data in a text column", "3 v: binary data in a text column"]);
}

#[test]
fn a_column_without_a_type_takes_every_kind_of_value() {
    let values = ["5", "-9223372036854775808", "0.1", "1e300", "'abc'", "''", "NULL"];
    assert!(set_aside("", &values).1.is_empty());
}

#[test]
fn ten_megabytes_of_text_arrive() {
    let long = "replace(hex(zeroblob(2500000)), '00', 'é€')";
    let (setup, rejected) = set_aside("TEXT", &["'before'", long, "'behind'"]);
    assert!(rejected.is_empty());
    assert_eq!(setup.list("SELECT octet_length(v) FROM t ORDER BY id"), ["6", "12500000", "6"]);
}

#[test]
fn ten_megabytes_that_do_not_fit_are_listed_by_their_size() {
    let long = "CAST(CAST(replace(hex(zeroblob(5000000)), '00', 'ab') AS BLOB) || X'00' AS TEXT)";
    let (setup, rejected) = set_aside("TEXT", &[long, "'small'"]);
    assert_eq!(rejected, ["1 v: NUL in text"]);
    assert_eq!(setup.one("SELECT \"row\" #>> '{v,bytes}' FROM sync_rejected"), "10000001");
    assert_eq!(setup.one("SELECT octet_length(\"row\"::text) < 10000 FROM sync_rejected"), "t");
}

#[test]
fn json_arrives_as_jsonb_and_what_is_none_is_set_aside() {
    let values = [
        r#"'{"b": [1, 2.50, null], "a": "é\u00e9"}'"#,
        "'{'",
        r#"'"\u0000"'"#,
        r#"'"\ud800"'"#,
        "'null'",
        "NULL",
        "''",
    ];
    let (setup, rejected) = set_aside("JSON", &values);
    let ids: Vec<&str> = rejected.iter().map(|line| &line[..1]).collect();
    assert_eq!(ids, ["2", "3", "4", "7"]);
    assert_eq!(setup.list("SELECT jsonb_typeof(v) FROM t ORDER BY id"), ["object", "null", "NULL"]);
}

#[test]
fn every_row_may_be_bad() {
    let (setup, rejected) = set_aside("INTEGER", &["'a'", "'b'", "'c'"]);
    assert_eq!(rejected.len(), 3);
    assert_eq!(setup.one("SELECT count(*) FROM t"), "0");
}

#[test]
fn ten_thousand_bad_rows_hold_nobody_up() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO t SELECT i, CASE i % 2 WHEN 0 THEN i ELSE 'bad' END FROM n;",
    );
    let outcome = setup.sync_to(3, &[]);
    assert_eq!(outcome.counts(), [20000, 10000, 0, 0, 10000, 0]);
    assert_eq!(setup.one("SELECT count(*) FROM sync_rejected"), "10000");
    oracle::assert_exact(&setup, DAY, "t", "t");
    oracle::assert_second_run_writes_nothing(&setup);
}
