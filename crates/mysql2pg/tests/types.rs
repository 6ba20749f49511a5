//! Every type of the source arrives with the value that it had, at its extremes too.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]
#![allow(clippy::too_many_lines, reason = "a table of values is long")]

mod common;

use common::Setup;
use mysql::prelude::Queryable;
use sync_testing::mariadb;

/// A column's type in the source, the type that it gets, and values: as SQL, and as PostgreSQL shows them.
struct Case<'a> {
    ty: &'a str,
    pg: &'a str,
    values: &'a [(&'a str, &'a str)],
}

/// Copies a table for each case and compares; a second run must find nothing to write.
#[track_caller]
fn arrives(setup: &Setup, cases: &[Case<'_>]) {
    let mut conn = setup.conn();
    // Else values that are no values are refused.
    conn.query_drop("SET sql_mode = ''").unwrap();
    let names: Vec<String> = (0..cases.len()).map(|i| format!("c{i}")).collect();
    for (case, name) in cases.iter().zip(&names) {
        conn.query_drop(format!("CREATE TABLE {name} (id INT PRIMARY KEY, v {} NULL)", case.ty)).unwrap();
        for (i, (sql, _)) in case.values.iter().enumerate() {
            let insert = format!("INSERT INTO {name} VALUES ({i}, {sql})");
            conn.query_drop(&insert).unwrap_or_else(|err| panic!("{} {insert}: {err}", case.ty));
        }
        conn.query_drop(format!("INSERT INTO {name} VALUES (1000, NULL)")).unwrap();
    }
    let args: Vec<&str> = ["copy"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let outcome = setup.sync_to(0, &args);
    let n_rows: u64 = cases.iter().map(|case| case.values.len() as u64 + 1).sum();
    assert_eq!((outcome.n("read"), outcome.n("written")), (n_rows, n_rows), "{}", outcome.report);
    for (case, name) in cases.iter().zip(&names) {
        let ty = setup.one(&format!(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
             WHERE attrelid = '{name}'::regclass AND attname = 'v'"
        ));
        assert_eq!(ty, case.pg, "{}", case.ty);
        let found = setup.list(&format!("SELECT v::text FROM {name} ORDER BY id"));
        let expected: Vec<&str> = case.values.iter().map(|(_, expected)| *expected).chain(["NULL"]).collect();
        assert_eq!(found, expected, "{}", case.ty);
    }
    let again = setup.sync_to(0, &args);
    assert_eq!(again.n("written"), 0, "{}", again.report);
    assert_eq!(again.n("unchanged"), n_rows, "{}", again.report);
}

/// Values that look the same on both sides.
fn same<'a>(values: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    values.iter().map(|value| (*value, *value)).collect()
}

#[test]
fn tinyint_of_one_digit_is_a_number() {
    let values = same(&["2", "-1", "0", "1", "127", "-128"]);
    arrives(
        &Setup::new(),
        &[
            Case { ty: "TINYINT(1)", pg: "smallint", values: &values },
            Case { ty: "BOOLEAN", pg: "smallint", values: &values },
        ],
    );
}

#[test]
fn tinyint1_bool_sets_other_values_aside() {
    let setup = Setup::new();
    setup.my("CREATE TABLE b (id INT PRIMARY KEY, v TINYINT(1), w TINYINT(4))");
    setup.my("INSERT INTO b VALUES (1, 1, 1), (2, 0, 2), (3, 2, 3), (4, -1, 4), (5, NULL, 5)");
    let outcome = setup.sync_to(3, &["copy", "b", "--tinyint1-bool"]);
    assert_eq!(outcome.counts(), [5, 3, 0, 0, 2, 0], "{}", outcome.report);
    assert_eq!(
        setup.list("SELECT id || coalesce(v::text, '-') || w FROM b ORDER BY id"),
        ["1true1", "2false2", "5-5"]
    );
    let reason = "v: number other than 0 and 1 in a boolean column";
    assert_eq!(setup.rejected(), [format!("3 {reason}"), format!("4 {reason}")]);
    let aside = setup.list("SELECT \"row\"->>'v' FROM sync_rejected ORDER BY row_key");
    assert_eq!(aside, ["2", "-1"]);
    // Through the stage too, and until the cause is gone.
    let again = setup.sync_to(3, &["copy", "b", "--tinyint1-bool"]);
    assert_eq!(again.counts(), [5, 0, 3, 0, 2, 0], "{}", again.report);
    setup.my("UPDATE b SET v = 1 WHERE v NOT IN (0, 1)");
    let fixed = setup.sync_to(0, &["copy", "b", "--tinyint1-bool"]);
    assert_eq!(fixed.counts(), [5, 2, 3, 0, 0, 0], "{}", fixed.report);
    assert!(setup.rejected().is_empty());
}

#[test]
fn bits() {
    let ones = format!("b'{}'", "1".repeat(64));
    let one = format!("{}1", "0".repeat(63));
    let mixed = format!("10{}01", "0110".repeat(15));
    let mixed_sql = format!("b'{mixed}'");
    arrives(
        &Setup::new(),
        &[
            Case { ty: "BIT(1)", pg: "boolean", values: &[("b'1'", "true"), ("b'0'", "false")] },
            Case {
                ty: "BIT(8)",
                pg: "bit(8)",
                values: &[("b'10100001'", "10100001"), ("0", "00000000"), ("255", "11111111")],
            },
            Case { ty: "BIT(5)", pg: "bit(5)", values: &[("b'10101'", "10101"), ("1", "00001")] },
            Case { ty: "BIT(9)", pg: "bit(9)", values: &[("b'100000001'", "100000001"), ("2", "000000010")] },
            Case {
                ty: "BIT(64)",
                pg: "bit(64)",
                values: &[(&ones, &"1".repeat(64)), ("1", &one), (&mixed_sql, &mixed)],
            },
        ],
    );
}

#[test]
fn whole_numbers_of_every_width() {
    arrives(
        &Setup::new(),
        &[
            Case { ty: "TINYINT", pg: "smallint", values: &same(&["-128", "127"]) },
            Case { ty: "TINYINT UNSIGNED", pg: "smallint", values: &same(&["0", "255"]) },
            Case { ty: "SMALLINT", pg: "smallint", values: &same(&["-32768", "32767"]) },
            Case { ty: "SMALLINT UNSIGNED", pg: "integer", values: &same(&["0", "65535"]) },
            Case { ty: "MEDIUMINT", pg: "integer", values: &same(&["-8388608", "8388607"]) },
            Case { ty: "MEDIUMINT UNSIGNED", pg: "integer", values: &same(&["0", "16777215"]) },
            Case { ty: "INT", pg: "integer", values: &same(&["-2147483648", "2147483647"]) },
            Case { ty: "INT UNSIGNED", pg: "bigint", values: &same(&["0", "4294967295"]) },
            Case { ty: "INT(5) ZEROFILL", pg: "bigint", values: &[("7", "7"), ("4294967295", "4294967295")] },
            Case {
                ty: "BIGINT",
                pg: "bigint",
                values: &same(&["-9223372036854775808", "9223372036854775807", "9007199254740993"]),
            },
            Case {
                ty: "BIGINT UNSIGNED",
                pg: "numeric(20,0)",
                values: &same(&["0", "9223372036854775807", "9223372036854775808", "18446744073709551615"]),
            },
            Case {
                ty: "YEAR",
                pg: "smallint",
                values: &[("1901", "1901"), ("2155", "2155"), ("'0000'", "0")],
            },
        ],
    );
}

#[test]
fn decimals_to_the_last_digit() {
    let wide = format!("{}.{}", "9".repeat(35), "9".repeat(30));
    let narrow = format!("-0.{}1", "0".repeat(29));
    let digits = "12345678901234567890123456789012345.123456789012345678901234567891";
    let whole = "98765432109876543210987654321098765432109876543210987654321098765";
    let small = format!("0.{}", "123456789".repeat(4).get(..30).unwrap_or_default());
    arrives(
        &Setup::new(),
        &[
            Case { ty: "DECIMAL(65,30)", pg: "numeric(65,30)", values: &same(&[&wide, &narrow, digits]) },
            Case { ty: "DECIMAL(65,0)", pg: "numeric(65,0)", values: &same(&[whole, "0", "-1"]) },
            Case { ty: "DECIMAL(30,30)", pg: "numeric(30,30)", values: &same(&[&small]) },
            Case {
                ty: "DECIMAL(15,2)",
                pg: "numeric(15,2)",
                values: &[("1234567.89", "1234567.89"), ("-0.10", "-0.10"), ("100", "100.00"), ("0", "0.00")],
            },
            Case { ty: "DECIMAL(5,2) UNSIGNED", pg: "numeric(5,2)", values: &same(&["0.01", "999.99"]) },
            Case { ty: "DECIMAL", pg: "numeric(10,0)", values: &same(&["9999999999"]) },
        ],
    );
}

#[test]
fn floats_show_their_shortest_text() {
    arrives(
        &Setup::new(),
        &[
            Case {
                ty: "DOUBLE",
                pg: "double precision",
                values: &[
                    ("1e308", "1e+308"),
                    ("1.7976931348623157e308", "1.7976931348623157e+308"),
                    ("5e-324", "5e-324"),
                    ("2.2250738585072014e-308", "2.2250738585072014e-308"),
                    ("0.1e0", "0.1"),
                    ("0.1e0 + 0.2e0", "0.30000000000000004"),
                    ("123456789.125", "123456789.125"),
                ],
            },
            Case {
                ty: "FLOAT",
                pg: "real",
                values: &[
                    ("0.1", "0.1"),
                    ("16777216", "1.6777216e+07"),
                    ("3.4028234663852886e38", "3.4028235e+38"),
                    ("1e-45", "1e-45"),
                    ("1.5", "1.5"),
                ],
            },
            // Columns with a precision are rounded by the source when they are written.
            Case { ty: "FLOAT(7,2)", pg: "real", values: &[("12345.67", "12345.67")] },
            Case { ty: "DOUBLE(10,3)", pg: "double precision", values: &[("1.25", "1.25")] },
        ],
    );
}

#[test]
fn text_keeps_its_blanks_and_cases() {
    arrives(
        &Setup::new(),
        &[
            Case { ty: "CHAR(5)", pg: "text", values: &[("'ab '", "ab"), ("''", ""), ("' é '", " é")] },
            Case {
                ty: "VARCHAR(10)",
                pg: "text",
                values: &[("'ab '", "ab "), ("''", ""), ("'NULL'", "NULL")],
            },
            Case { ty: "TEXT", pg: "text", values: &[("'a\\tb\\nc\\\\d'", "a\tb\nc\\d"), ("''", "")] },
            Case { ty: "TINYTEXT", pg: "text", values: &[("'x'", "x")] },
            Case { ty: "MEDIUMTEXT", pg: "text", values: &[("repeat('é', 3)", "ééé")] },
            Case { ty: "LONGTEXT", pg: "text", values: &[("'\\\\N'", "\\N"), ("'\\\\.'", "\\.")] },
            Case {
                ty: "ENUM('neu','Größe','it''s')",
                pg: "text",
                // What is no value becomes the empty one.
                values: &[("'neu'", "neu"), ("'Größe'", "Größe"), ("'it''s'", "it's"), ("'none'", "")],
            },
            Case { ty: "ENUM('','a')", pg: "text", values: &[("''", ""), ("'a'", "a"), ("0", "")] },
        ],
    );
}

#[test]
fn sets_become_arrays() {
    arrives(
        &Setup::new(),
        &[
            Case {
                ty: "SET('x','y','z')",
                pg: "text[]",
                values: &[("''", "{}"), ("'x'", "{x}"), ("'z,x'", "{x,z}"), ("7", "{x,y,z}")],
            },
            Case {
                ty: r#"SET('a b','it''s','q"q','ä','NULL','{}','b\\s')"#,
                pg: "text[]",
                values: &[("127", r#"{"a b",it's,"q\"q",ä,"NULL","{}","b\\s"}"#), ("0", "{}")],
            },
            Case { ty: "SET('','a')", pg: "text[]", values: &[("'a'", "{a}")] },
        ],
    );
}

#[test]
fn bytes_stay_bytes() {
    arrives(
        &Setup::new(),
        &[
            Case { ty: "BINARY(4)", pg: "bytea", values: &[("X'01'", "\\x01000000"), ("''", "\\x00000000")] },
            Case { ty: "VARBINARY(8)", pg: "bytea", values: &[("''", "\\x"), ("X'00FF20'", "\\x00ff20")] },
            Case {
                ty: "BLOB",
                pg: "bytea",
                values: &[("''", "\\x"), ("X'C3A9'", "\\xc3a9"), ("X'00'", "\\x00")],
            },
            Case { ty: "TINYBLOB", pg: "bytea", values: &[("X'FF'", "\\xff")] },
            Case { ty: "MEDIUMBLOB", pg: "bytea", values: &[("'Ã©'", "\\xc383c2a9")] },
            Case { ty: "LONGBLOB", pg: "bytea", values: &[("X'80'", "\\x80")] },
            Case { ty: "VARCHAR(5) CHARACTER SET binary", pg: "bytea", values: &[("X'80'", "\\x80")] },
        ],
    );
}

#[test]
fn dates_and_times_on_the_wall() {
    arrives(
        &Setup::new(),
        &[
            Case {
                ty: "DATE",
                pg: "date",
                values: &[
                    ("'0001-01-01'", "0001-01-01"),
                    ("'1000-01-01'", "1000-01-01"),
                    ("'2024-02-29'", "2024-02-29"),
                    ("'1582-10-10'", "1582-10-10"),
                    ("'9999-12-31'", "9999-12-31"),
                ],
            },
            Case {
                ty: "DATETIME(6)",
                pg: "timestamp without time zone",
                values: &[
                    ("'0001-01-01'", "0001-01-01 00:00:00"),
                    ("'1969-12-31 23:59:59.999999'", "1969-12-31 23:59:59.999999"),
                    ("'1999-12-31 23:59:59.000001'", "1999-12-31 23:59:59.000001"),
                    // No such time in Paris, nor in Berlin.
                    ("'2024-03-31 02:30:00'", "2024-03-31 02:30:00"),
                    ("'9999-12-31 23:59:59.999999'", "9999-12-31 23:59:59.999999"),
                ],
            },
            Case {
                ty: "DATETIME",
                pg: "timestamp without time zone",
                values: &[
                    ("'2026-01-25 10:15:00'", "2026-01-25 10:15:00"),
                    ("'2026-01-25'", "2026-01-25 00:00:00"),
                ],
            },
        ],
    );
}

#[test]
fn times_are_lengths() {
    let values = [
        ("'838:59:59'", "838:59:59"),
        ("'-838:59:59'", "-838:59:59"),
        ("'-12:00:00'", "-12:00:00"),
        ("'24:00:00'", "24:00:00"),
        ("'00:00:00'", "00:00:00"),
        ("'-00:00:01'", "-00:00:01"),
    ];
    arrives(
        &Setup::new(),
        &[
            Case { ty: "TIME", pg: "interval", values: &values },
            Case {
                ty: "TIME(6)",
                pg: "interval",
                values: &[
                    ("'838:59:59.999999'", "838:59:59.999999"),
                    ("'-838:59:59.999999'", "-838:59:59.999999"),
                    ("'00:00:00.000001'", "00:00:00.000001"),
                    ("'-00:00:00.000001'", "-00:00:00.000001"),
                    ("'12:34:56.5'", "12:34:56.5"),
                ],
            },
        ],
    );
}

#[test]
fn timestamps_are_instants_whatever_the_time_zones() {
    // The server's clock, the writer's session and PostgreSQL's clock all differ.
    let options = mariadb::Options { args: vec!["--default-time-zone=+03:00".into()], ..Default::default() };
    let setup = Setup::with(options);
    setup.sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''America/New_York''', current_database()); END $$");
    let mut conn = setup.conn();
    conn.query_drop("CREATE TABLE t (id INT PRIMARY KEY, ts TIMESTAMP(6) NULL, dt DATETIME(6))").unwrap();
    conn.query_drop("SET time_zone = '+05:30'").unwrap();
    for (id, at) in [
        (1, "2024-01-01 00:00:00"),
        (2, "2038-01-19 08:44:07.999999"),
        (3, "1970-01-01 05:30:01"),
        (4, "2024-03-31 08:00:00"),
    ] {
        conn.query_drop(format!("INSERT INTO t VALUES ({id}, '{at}', '{at}')")).unwrap();
    }
    setup.sync_to(0, &["copy", "t"]);
    let found = setup.list(
        "SELECT id || ' ' || (ts AT TIME ZONE 'UTC') || ' ' || dt || ' ' || pg_typeof(ts) FROM t ORDER BY id",
    );
    assert_eq!(
        found,
        [
            "1 2023-12-31 18:30:00 2024-01-01 00:00:00 timestamp with time zone",
            "2 2038-01-19 03:14:07.999999 2038-01-19 08:44:07.999999 timestamp with time zone",
            "3 1970-01-01 00:00:01 1970-01-01 05:30:01 timestamp with time zone",
            "4 2024-03-31 02:30:00 2024-03-31 08:00:00 timestamp with time zone",
        ]
    );
    assert_eq!(setup.sync_to(0, &["copy", "t"]).n("written"), 0);
}

#[test]
fn json_arrives_without_what_jsonb_cannot_hold() {
    let setup = Setup::new();
    let cases = [
        (r#"'{"a": "x\\u0000y"}'"#, r#"{"a": "xy"}"#),
        // A backslash, and then plain text.
        (r#"'{"a": "x\\\\u0000y"}'"#, r#"{"a": "x\\u0000y"}"#),
        (r#"'{"k\\u0000": [1, "\\\\\\u0000"]}'"#, r#"{"k": [1, "\\"]}"#),
        ("'null'", "null"),
        ("'[]'", "[]"),
        ("'12345678901234567890123.5'", "12345678901234567890123.5"),
        (r#"'{"é": "😀\\ud83d\\ude00"}'"#, r#"{"é": "😀😀"}"#),
        (r#"'" "'"#, r#"" ""#),
    ];
    arrives(&setup, &[Case { ty: "JSON", pg: "jsonb", values: &cases }]);
    let outcome = setup.sync_to(0, &["copy", "c0"]);
    assert_eq!(outcome.n("json_with_nul"), 2, "{}", outcome.report);
}

#[test]
fn json_that_jsonb_refuses_is_set_aside() {
    let setup = Setup::new();
    setup.my("CREATE TABLE j (id INT PRIMARY KEY, v JSON)");
    let mut conn = setup.conn();
    // MariaDB refuses some of it by itself; MySQL does not.
    conn.query_drop("SET check_constraint_checks = 0").unwrap();
    conn.query_drop(r#"INSERT INTO j VALUES (1, '"\\ud800"'), (2, '[1e200000]'), (3, '{"a": 1}')"#).unwrap();
    let outcome = setup.sync_to(3, &["copy", "j"]);
    assert_eq!(outcome.n("rejected"), 2, "{}", outcome.report);
    assert_eq!(setup.list("SELECT id || v::text FROM j"), [r#"3{"a": 1}"#]);
    assert_eq!(
        setup.rejected(),
        ["1 v: half a surrogate pair in JSON", "2 v: number in jsonb out of the range of numeric"]
    );
}

#[test]
fn geometries_are_wkb() {
    let line = "0102000000020000000000000000000000000000000000f03f00000000000000400000000000000840";
    arrives(
        &Setup::new(),
        &[
            Case {
                ty: "POINT",
                pg: "bytea",
                values: &[
                    ("ST_GeomFromText('POINT(1 -2)')", "\\x0101000000000000000000f03f00000000000000c0"),
                    ("ST_GeomFromText('POINT(1 -2)', 4326)", "\\x0101000000000000000000f03f00000000000000c0"),
                ],
            },
            Case {
                ty: "GEOMETRY",
                pg: "bytea",
                values: &[("ST_GeomFromText('LINESTRING(0 1, 2 3)')", &format!("\\x{line}"))],
            },
        ],
    );
}

#[test]
fn uuids_and_addresses() {
    arrives(
        &Setup::new(),
        &[
            Case {
                ty: "UUID",
                pg: "uuid",
                values: &[
                    ("'F47AC10B-58CC-4372-A567-0E02B2C3D479'", "f47ac10b-58cc-4372-a567-0e02b2c3d479"),
                    ("'00000000-0000-0000-0000-000000000000'", "00000000-0000-0000-0000-000000000000"),
                ],
            },
            Case {
                ty: "INET6",
                pg: "text",
                values: &[
                    ("'2001:DB8::1'", "2001:db8::1"),
                    ("'::'", "::"),
                    ("'::ffff:192.0.2.1'", "::ffff:192.0.2.1"),
                ],
            },
            Case { ty: "INET4", pg: "text", values: &[("'192.168.0.1'", "192.168.0.1")] },
        ],
    );
}

#[test]
fn a_query_gives_the_same_types() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE q (id INT PRIMARY KEY, b1 TINYINT(1), u BIGINT UNSIGNED, d DECIMAL(65,30), f FLOAT, bits BIT(9),
           s SET('x','y'), e ENUM('a','b'), t TIME, y YEAR, bl BLOB, c VARCHAR(20), dt DATETIME, ts TIMESTAMP NULL, dd DATE,
           bi BINARY(2), lt LONGTEXT, ud DECIMAL(5,2) UNSIGNED);
         INSERT INTO q VALUES (1, 2, 18446744073709551615, -12345678901234567890123456789012345.5, 0.1, 3,
           'x,y', 'b', '-838:59:59', 2024, X'00', 'é', '2024-01-01', NULL, '2024-01-02', X'FF', '', 0.25)",
    );
    let job = "source: {query: \"SELECT q.*, id + 1 AS plus, d * 2 AS twice, NULL AS nothing, COUNT(*) AS n FROM q GROUP BY id\"}\n\
               destination: {table: answers, key: [id]}\n";
    let path = setup.file("q.yaml", job);
    setup.sync_to(0, &["--job", path.to_str().unwrap()]);
    let types = setup.list(
        "SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute
         WHERE attrelid = 'answers'::regclass AND attnum > 0 ORDER BY attnum",
    );
    assert_eq!(
        types,
        [
            "id integer",
            "b1 smallint",
            "u numeric(20,0)",
            "d numeric(65,30)",
            "f real",
            "bits bit(9)",
            "s text[]",
            "e text",
            "t interval",
            "y smallint",
            "bl bytea",
            "c text",
            "dt timestamp without time zone",
            "ts timestamp with time zone",
            "dd date",
            "bi bytea",
            "lt text",
            "ud numeric(5,2)",
            "plus bigint",
            "twice numeric(65,30)",
            "nothing text",
            "n bigint"
        ]
    );
    let row = setup.rows(
        "SELECT b1, u, d, f, bits, s, e, t, y, bl, c, dt, ts, dd, bi, lt, ud, plus, nothing, n FROM answers",
    );
    let row: Vec<&str> = row[0].iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
    assert_eq!(
        row,
        [
            "2",
            "18446744073709551615",
            "-12345678901234567890123456789012345.500000000000000000000000000000",
            "0.1",
            "000000011",
            "{x,y}",
            "b",
            "-838:59:59",
            "2024",
            "\\x00",
            "é",
            "2024-01-01 00:00:00",
            "NULL",
            "2024-01-02",
            "\\xff00",
            "",
            "0.25",
            "2",
            "NULL",
            "1"
        ]
    );
    assert_eq!(setup.sync_to(0, &["--job", path.to_str().unwrap()]).n("written"), 0);
}
