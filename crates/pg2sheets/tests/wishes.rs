//! What the file of `--config` asks for, and what stays the same whatever the database's settings are.

mod common;

use common::Setup;

/// The first column of a tab, without its header.
fn column(setup: &Setup, title: &str) -> Vec<String> {
    setup.cells(title, 1)[1..].iter().map(|row| row[0].clone()).collect()
}

fn config(setup: &Setup, table: &str, wishes: &str) -> String {
    setup.file("pg2sheets.yaml", &format!("tables:\n  {table}: {{{wishes}}}\n"))
}

#[test]
fn rows_come_in_the_order_that_is_asked_for() {
    let setup = Setup::new();
    setup.sql(
        "CREATE TABLE o (n int, k text PRIMARY KEY);
         INSERT INTO o VALUES (-10, 'b'), (9, 'A'), (-9, 'a'), (100, 'Z'), (2, '_');
         CREATE TABLE keyless (n int); INSERT INTO keyless SELECT n FROM o; CREATE VIEW seen AS SELECT n FROM o",
    );
    let down = ["100", "9", "2", "-9", "-10"];
    let up = ["-10", "-9", "2", "9", "100"];
    for (order, expected) in [
        ("n", up),
        ("n DESC", down),
        ("o.n DESC NULLS LAST, o.k", ["100", "9", "2", "-9", "-10"]),
        ("public.o.n", up),
        ("n + 1, k", up),
        ("abs(n) DESC NULLS FIRST, n", ["100", "-10", "-9", "9", "2"]),
    ] {
        let file = config(&setup, "o", &format!("order: \"{order}\""));
        setup.sync_to(0, &["--config", &file, "--tables", "o"]);
        assert_eq!(column(&setup, "o"), expected, "{order}");
    }
    for (table, wishes) in [
        ("keyless", "order: n DESC"),
        ("seen", "order: n DESC"),
        ("asked", "query: \"SELECT n, k FROM o;\", order: n DESC"),
    ] {
        let file = config(&setup, table, wishes);
        setup.sync_to(0, &["--config", &file]);
        assert_eq!(column(&setup, table), down, "{table}");
        setup.assert_settled_with(&["--config", &file]);
    }
}

#[test]
fn a_condition_may_call_the_table_by_its_name() {
    let setup = Setup::new();
    setup.sql(
        "CREATE TABLE o (o int PRIMARY KEY, id int); INSERT INTO o SELECT n, n FROM generate_series(1, 9) n",
    );
    for condition in ["id < 3", "o.id < 3", "public.o.id < 3", "o.o < 3 -- and no more", "o < 3"] {
        let file = config(&setup, "o", &format!("where: \"{condition}\""));
        setup.sync_to(0, &["--config", &file]);
        assert_eq!(column(&setup, "o"), ["1", "2"], "{condition}");
    }
}

#[test]
fn what_makes_no_sense_is_named_before_anything_is_written() {
    let setup = Setup::new();
    setup.sql("CREATE TABLE o (id int)");
    for (wishes, what) in [
        ("order: \"1\"", "order"),
        ("order: \"id, 2 DESC\"", "order"),
        ("order: \" \"", "order is empty"),
        ("where: \"\"", "where is empty"),
        ("query: \"\"", "query is empty"),
        ("columns: [id, id]", "id comes twice"),
        ("columns: []", "columns is empty"),
    ] {
        let file = config(&setup, "o", wishes);
        let run = setup.run(&["--config", &file]);
        assert_eq!(run.code, Some(78), "{wishes}: {}", run.stderr);
        assert!(run.stderr.contains("tables.o") && run.stderr.contains(what), "{wishes}: {}", run.stderr);
    }
    let file = config(&setup, "twice", "query: \"SELECT 1 AS a, 2 AS a\"");
    let outcome = setup.sync_to(3, &["--config", &file]);
    assert!(outcome.report["failed"][0]["reason"].as_str().unwrap().contains("two columns are called a"));
}

#[test]
fn names_with_dots_are_not_each_others() {
    let setup = Setup::new();
    setup.sql(
        "CREATE SCHEMA \"we.ird\"; CREATE SCHEMA we;
         CREATE TABLE \"we.ird\".x (a int); INSERT INTO \"we.ird\".x VALUES (1), (2);
         CREATE TABLE we.\"ird.x\" (b text); INSERT INTO we.\"ird.x\" VALUES ('b')",
    );
    setup.sync_to(0, &[]);
    setup.assert_settled();
    setup.sql("INSERT INTO \"we.ird\".x VALUES (3)");
    setup.sync_to(0, &["--tables", "\"we.ird\".x"]);
    let book = setup.workbook();
    let mut rows: Vec<usize> = book
        .tabs
        .iter()
        .filter(|tab| tab.title.starts_with("we.ird.x"))
        .map(|tab| tab.rows(1).len())
        .collect();
    rows.sort_unstable();
    assert_eq!(rows, [2, 4]);
    setup.assert_settled();
}

#[test]
fn the_same_rows_are_not_written_again() {
    let setup = Setup::new();
    setup.sql(
        "CREATE TABLE par (id int PRIMARY KEY, v text); CREATE TABLE ch () INHERITS (par);
         INSERT INTO par SELECT n, 'p'||n FROM generate_series(1, 20) n;
         INSERT INTO ch SELECT n % 5, 'c'||n FROM generate_series(1, 20) n;
         CREATE TABLE odd (id int PRIMARY KEY, kind regclass, doc xml, raw bytea);
         INSERT INTO odd VALUES (1, 'par', xmlelement(name a, '\\x6869'::bytea), '\\x00ff')",
    );
    setup.sync_to(0, &[]);
    for change in [
        "UPDATE ch SET v = v WHERE v = 'c7'",
        "ALTER DATABASE :db SET quote_all_identifiers = on",
        "ALTER DATABASE :db SET xmlbinary = 'hex'",
        "ALTER DATABASE :db SET bytea_output = 'escape'",
    ] {
        let name = setup.url();
        let name = name.rsplit_once('/').unwrap().1.split('?').next().unwrap().to_owned();
        setup.sql(&change.replace(":db", &name));
        setup.assert_settled();
    }
}
