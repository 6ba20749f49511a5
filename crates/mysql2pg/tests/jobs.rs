//! Jobs from files: what they read, rename, transform and refuse.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use common::Setup;
use common::erp::{Erp, USUAL};
use common::erp_random::Recipe;
use mysql::prelude::Queryable;
use sync_testing::outcome::Outcome;

/// Runs a job of this text that must end with this code.
#[track_caller]
fn job(setup: &Setup, code: i32, text: &str) -> Outcome {
    named(setup, code, "job.yaml", text)
}

#[track_caller]
fn named(setup: &Setup, code: i32, name: &str, text: &str) -> Outcome {
    let path = setup.file(name, text);
    setup.sync_to(code, &["--job", path.to_str().unwrap()])
}

/// A job that must be refused, naming its file and all of these.
#[track_caller]
fn refused(setup: &Setup, text: &str, named: &[&str]) {
    let path = setup.file("job.yaml", text);
    let outcome = setup.run(&["--job", path.to_str().unwrap()]);
    assert_eq!(outcome.code, Some(78), "{text}\n{}", outcome.stderr);
    for word in ["job.yaml"].iter().chain(named) {
        assert!(outcome.stderr.contains(word), "{word:?} in {}", outcome.stderr);
    }
    assert_eq!(setup.one("SELECT to_regclass('x')"), "NULL");
}

fn items(setup: &Setup) {
    setup.my(
        "CREATE TABLE items (id INT PRIMARY KEY, code VARCHAR(20), state TINYINT, price DECIMAL(10,2), note TEXT, day DATE,
           f DOUBLE);
         INSERT INTO items VALUES (1, ' ab ', 1, 1.50, '-', '1900-01-01', 0.5), (2, 'Cd', 2, NULL, 'Ã©tÃ©', '2024-01-01', -1),
           (3, NULL, 3, 0, NULL, NULL, NULL)",
    );
}

#[test]
fn the_printed_job_runs_as_it_is() {
    let setup = Setup::new();
    let shown = setup.bare(&["jobs", "show"]).run();
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    let erp = Erp::random(USUAL, 7, Recipe { n_orders: 100, null_numbers: false });
    erp.insert(&mut setup.conn(), 1);
    let first = named(&setup, 0, "orders.yaml", &shown.stdout);
    let expected: String = setup
        .conn()
        .query_first(
            "SELECT concat(count(*), ' ', count(DISTINCT k.id), ' ', coalesce(sum(k.aunummer), 0))
             FROM a_kopf k JOIN a_logbuch l ON l.id_a_kopf = k.id JOIN p_zubeh z ON z.id_a_kopf = k.id
             LEFT JOIN a_vorgang v ON v.id_a_kopf = k.id
             WHERE (z.zcode LIKE 'VR%' OR z.zcode LIKE 'SOP%' OR z.zcode LIKE 'S P%')
               AND (l.notiz LIKE '%cde Planifiée%' OR l.notiz LIKE '%cde PlanifiÃ©e%')",
        )
        .unwrap()
        .unwrap();
    let found = setup.one(
        "SELECT concat(count(*), ' ', count(DISTINCT id_commande), ' ', coalesce(sum(numero_commande), 0))
         FROM commandes_volets_lignes",
    );
    assert_eq!(found, expected);
    assert!(first.n("written") > 50, "{}", first.report);
    assert_eq!(named(&setup, 0, "orders.yaml", &shown.stdout).n("written"), 0);
    // The column's type is the job's.
    let ty = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
         WHERE attrelid = 'commandes_volets_lignes'::regclass AND attname = 'numero_commande'";
    assert_eq!(setup.one(ty), "integer");
}

#[test]
fn columns_are_renamed_and_typed() {
    let setup = Setup::new();
    items(&setup);
    let text = "source: {table: ITEMS}\n\
        destination: {schema: stock, table: Artikel, key: [no]}\n\
        columns:\n\
        \x20 - {from: PRICE, to: Preis, type: 'numeric(12,4)'}\n\
        \x20 - {from: id, to: no, type: bigint}\n\
        \x20 - {from: code, type: varchar(4)}\n\
        \x20 - {from: state, to: text_state, type: text}\n";
    job(&setup, 0, text);
    let types = setup.list(
        "SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute
         WHERE attrelid = 'stock.\"Artikel\"'::regclass AND attnum > 0 ORDER BY attnum",
    );
    assert_eq!(types, ["Preis numeric(12,4)", "no bigint", "code character varying(4)", "text_state text"]);
    let rows = setup
        .list("SELECT concat_ws('|', no, \"Preis\", code, text_state) FROM stock.\"Artikel\" ORDER BY no");
    assert_eq!(rows, ["1|1.5000| ab |1", "2|Cd|2", "3|0.0000|3"]);
    assert_eq!(job(&setup, 0, text).n("written"), 0);
    // The source's key, under its new name.
    let text =
        "source: {table: items}\ndestination: {table: k}\ncolumns: [{from: code}, {from: id, to: nr}]\n";
    named(&setup, 0, "k.yaml", text);
    let key =
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'k'::regclass AND indisprimary";
    assert!(setup.one(key).ends_with("(nr)"), "{}", setup.one(key));
}

#[test]
fn every_transform() {
    let setup = Setup::new();
    items(&setup);
    let text = "source: {table: items}\n\
        destination: {table: x}\n\
        columns:\n\
        \x20 - {from: id}\n\
        \x20 - {from: code, to: trimmed, transform: trim}\n\
        \x20 - {from: code, to: up, transform: [trim, upper]}\n\
        \x20 - {from: code, to: low, transform: [lower, {default: none}]}\n\
        \x20 - {from: state, to: word, type: text, transform: {map: {'1': offen, '2': zu}}}\n\
        \x20 - {from: note, transform: [{null_if: '-'}, {default: keine}]}\n\
        \x20 - {from: price, transform: {default: '9.99'}}\n";
    job(&setup, 0, text);
    let rows =
        setup.list("SELECT concat_ws('|', id, trimmed, up, low, word, note, price) FROM x ORDER BY id");
    assert_eq!(rows, ["1|ab|AB| ab |offen|keine|1.50", "2|Cd|CD|cd|zu|été|9.99", "3|none|3|keine|0.00"]);
    assert_eq!(job(&setup, 0, text).n("written"), 0);
}

#[test]
fn null_if_and_default_apply_to_every_type() {
    let setup = Setup::new();
    items(&setup);
    setup.my("ALTER TABLE items ADD at DATETIME, ADD span TIME, ADD fl FLOAT; UPDATE items SET at = '1900-01-01 00:00:00', span = '-01:00:00', fl = 0.1 WHERE id = 1");
    let text = "source: {table: items}\n\
        destination: {table: x}\n\
        columns:\n\
        \x20 - {from: id}\n\
        \x20 - {from: day, transform: {null_if: '1900-01-01'}}\n\
        \x20 - {from: state, transform: {null_if: '2'}}\n\
        \x20 - {from: price, transform: {null_if: '0.00'}}\n\
        \x20 - {from: f, transform: [{null_if: '0.5'}, {default: '7'}]}\n\
        \x20 - {from: at, transform: {null_if: '1900-01-01 00:00:00'}}\n\
        \x20 - {from: span, transform: {null_if: '-01:00:00'}}\n\
        \x20 - {from: fl, transform: {null_if: '0.1'}}\n\
        \x20 - {from: day, to: day2, transform: {default: '2000-01-01'}}\n";
    job(&setup, 0, text);
    let rows = setup.list(
        "SELECT concat_ws('|', id, coalesce(day::text, '-'), coalesce(state::text, '-'), coalesce(price::text, '-'), f,
           coalesce(at::text, '-'), coalesce(span::text, '-'), coalesce(fl::text, '-'), day2) FROM x ORDER BY id",
    );
    assert_eq!(
        rows,
        [
            "1|-|1|1.50|7|-|-|-|1900-01-01",
            "2|2024-01-01|-|-|-1|-|-|-|2024-01-01",
            "3|-|3|-|7|-|-|-|2000-01-01"
        ]
    );
}

#[test]
fn numbers_stand_for_texts_in_a_transform() {
    let setup = Setup::new();
    items(&setup);
    let text = "source: {table: items}\ndestination: {table: x}\n\
        columns:\n\
        \x20 - {from: id}\n\
        \x20 - {from: state, type: text, transform: {map: {1: open, 2: 20}}}\n\
        \x20 - {from: price, transform: [{null_if: 0.00}, {default: 5}]}\n";
    job(&setup, 0, text);
    assert_eq!(
        setup.list("SELECT concat_ws('|', id, state, price) FROM x ORDER BY id"),
        ["1|open|1.50", "2|20|5.00", "3|3|5.00"]
    );
}

#[test]
fn fix_encoding_as_a_transform_ignores_the_option() {
    let setup = Setup::new();
    items(&setup);
    let text = "source: {table: items}\ndestination: {table: x}\n\
        columns: [{from: id}, {from: note, to: a, transform: fix_encoding}, {from: note, to: b}]\n";
    let path = setup.file("job.yaml", text);
    setup.sync_to(0, &["--job", path.to_str().unwrap(), "--no-fix-encoding"]);
    assert_eq!(setup.one("SELECT a || ' ' || b FROM x WHERE id = 2"), "été Ã©tÃ©");
}

#[test]
fn a_transform_that_does_not_fit_sets_the_row_aside() {
    let setup = Setup::new();
    items(&setup);
    let text = "source: {table: items}\ndestination: {table: x}\n\
        columns: [{from: id}, {from: state, type: integer, transform: {map: {'2': two}}}]\n";
    let outcome = job(&setup, 3, text);
    assert_eq!(outcome.n("rejected"), 1, "{}", outcome.report);
    assert_eq!(setup.rejected(), ["2 state: text in an integer column"]);
    assert_eq!(setup.list("SELECT id FROM x ORDER BY id"), ["1", "3"]);
    // Mended in the job's file.
    job(&setup, 0, &text.replace("two", "22"));
    assert_eq!(setup.one("SELECT state FROM x WHERE id = 2"), "22");
    assert!(setup.rejected().is_empty());
}

#[test]
fn a_key_made_by_a_transform_loses_no_row() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (k VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY, v INT); INSERT INTO t VALUES ('a', 1), ('A', 2), ('b', 3), (' b', 4), (' a', 5)");
    let text = "source: {table: t}\ndestination: {table: x, key: [k]}\ncolumns: [{from: k, transform: [trim, upper]}, {from: v}]\n";
    for _ in 0..2 {
        let outcome = job(&setup, 3, text);
        assert_eq!(outcome.n("rejected"), 3, "{}", outcome.report);
        assert_eq!(setup.list("SELECT k FROM x ORDER BY k"), ["A", "B"]);
        let reason = "its key is that of another row";
        let list = ["A", "A (2)", "B"].map(|key| format!("{key} {reason}"));
        assert_eq!(setup.rejected(), list, "each row, though they share a key");
    }
    let values = "SELECT v FROM x UNION ALL SELECT (\"row\"->>'v')::int FROM sync_rejected ORDER BY 1";
    assert_eq!(setup.list(values), ["1", "2", "3", "4", "5"]);
}

#[test]
fn a_query_is_a_source_with_and_without_a_key() {
    let setup = Setup::new();
    items(&setup);
    let text = "source:\n  query: |\n    -- what is worth something\n    SELECT state, COUNT(*) AS n, SUM(price) AS total FROM items GROUP BY state -- all;\n    ;\n\
        destination: {table: sums, key: [state]}\n";
    let first = job(&setup, 0, text);
    assert_eq!(first.n("written"), 3, "{}", first.report);
    assert_eq!(
        setup.list("SELECT concat_ws('|', state, n, total) FROM sums ORDER BY state"),
        ["1|1|1.50", "2|1", "3|1|0.00"]
    );
    setup.my("INSERT INTO items (id, state, price) VALUES (4, 1, 2)");
    assert_eq!(job(&setup, 0, text).n("written"), 1);
    assert_eq!(setup.one("SELECT total FROM sums WHERE state = 1"), "3.50");
    // Without one all is replaced, in one step.
    let text = "source: {query: SELECT state FROM items}\ndestination: {table: states}\n";
    named(&setup, 0, "states.yaml", text);
    assert_eq!(setup.list("SELECT state FROM states ORDER BY 1"), ["1", "1", "2", "3"]);
    setup.my("DELETE FROM items WHERE id = 4");
    named(&setup, 0, "states.yaml", text);
    assert_eq!(setup.list("SELECT state FROM states ORDER BY 1"), ["1", "2", "3"]);
    assert_eq!(named(&setup, 0, "states.yaml", text).n("written"), 0);
}

#[test]
fn a_query_whose_key_repeats_or_is_null() {
    let setup = Setup::new();
    items(&setup);
    let text = "source: {query: \"SELECT id DIV 2 AS k, id FROM items UNION ALL SELECT NULL, 9\"}\ndestination: {table: x, key: [k]}\n";
    for _ in 0..2 {
        let outcome = job(&setup, 3, text);
        assert_eq!(outcome.n("rejected"), 2, "{}", outcome.report);
        assert_eq!(setup.list("SELECT k FROM x ORDER BY k"), ["0", "1"]);
    }
    let reasons = setup.list("SELECT reason FROM sync_rejected ORDER BY 1");
    assert_eq!(reasons, ["its key is that of another row", "k: NULL where the column is NOT NULL"]);
}

#[test]
fn create_false_needs_the_table() {
    let setup = Setup::new();
    items(&setup);
    let text = "source: {table: items}\ndestination: {table: x, create: false}\n";
    refused_at_run(&setup, text, &["\"x\"", "create"]);
    setup.sql("CREATE TABLE x (id int PRIMARY KEY, code text, state int, price numeric, note text, day date, f float8)");
    let outcome = job(&setup, 0, text);
    assert_eq!(outcome.n("written"), 3);
}

/// A job that its file does not condemn, but what it finds.
#[track_caller]
fn refused_at_run(setup: &Setup, text: &str, named: &[&str]) {
    let outcome = job(setup, 78, text);
    for word in named {
        assert!(outcome.stderr.contains(word), "{word:?} in {}", outcome.stderr);
    }
    assert_eq!(setup.one("SELECT to_regclass('x')"), "NULL");
}

#[test]
fn on_conflict_nothing_writes_new_rows_only() {
    let setup = Setup::new();
    items(&setup);
    let text = "source: {table: items}\ndestination: {table: x}\ncolumns: [{from: id}, {from: code}]\non_conflict: nothing\n";
    job(&setup, 0, text);
    setup.my("UPDATE items SET code = 'new'; INSERT INTO items (id, code) VALUES (4, 'four')");
    let outcome = job(&setup, 0, text);
    assert_eq!(outcome.counts(), [4, 1, 3, 0, 0, 0], "{}", outcome.report);
    assert_eq!(
        setup.list("SELECT id || coalesce(code, '-') FROM x ORDER BY id"),
        ["1 ab ", "2Cd", "3-", "4four"]
    );
}

#[test]
fn what_a_file_gets_wrong_is_named_with_its_place() {
    let setup = Setup::new();
    items(&setup);
    let good = "source: {table: items}\ndestination: {table: x}\n";
    refused(&setup, &format!("{good}colums: []\n"), &["colums", "3"]);
    refused(&setup, "source: {table: items}\ndestination:\n  table: x\n  kee: [id]\n", &["kee", "4"]);
    refused(&setup, &format!("{good}columns:\n  - {{from: id, transform: shout}}\n"), &["shout", "4"]);
    refused(&setup, &format!("{good}columns:\n  - {{from: id, too: x}}\n"), &["too", "4"]);
    refused(&setup, "source: {table: [items]}\ndestination: {table: x}\n", &["1"]);
    refused(&setup, "source: {table: items}\ndestination: {table: x, create: maybe}\n", &["2"]);
    refused(&setup, "source: {table: items}\ndestination: {table: x, key: id}\n", &["2"]);
    refused(&setup, "source: {table: items}\ndestination: {table: x, key: []}\n", &["key"]);
    refused(&setup, "source: {file: items}\ndestination: {table: x}\n", &["file"]);
    refused(&setup, "source: {table: items, query: SELECT 1}\ndestination: {table: x}\n", &["1"]);
    refused(&setup, "destination: {table: x}\n", &["source"]);
    refused(&setup, "source: {table: items}\n", &["destination"]);
    refused(&setup, "source: {query: SELECT 1}\ndestination: {}\n", &["destination.table"]);
    refused(&setup, "source: {table: ' '}\ndestination: {table: x}\n", &["source"]);
    refused(&setup, &format!("{good}on_conflict: replace\n"), &["replace", "3"]);
    refused(&setup, &format!("{good}incremental: {{overlap: 1h}}\n"), &["column", "3"]);
    refused(&setup, &format!("{good}  bad indent: [\n"), &[]);
    refused(&setup, "", &[]);
}

#[test]
fn a_file_that_is_not_there_and_names_that_are_taken() {
    let setup = Setup::new();
    items(&setup);
    let outcome = setup.run(&["--job", "none.yaml"]);
    assert_eq!(outcome.code, Some(78), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("none.yaml"), "{}", outcome.stderr);
    let good = "source: {table: items}\ndestination: {table: x}\n";
    for name in ["copy.yaml", "commandes_volets.yaml"] {
        let outcome = setup.run(&["--job", setup.file(name, good).to_str().unwrap()]);
        assert_eq!(outcome.code, Some(78), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(name) && outcome.stderr.contains("rename"), "{}", outcome.stderr);
    }
    assert_eq!(setup.one("SELECT to_regclass('x')"), "NULL");
}

#[test]
fn what_the_source_does_not_have_is_named() {
    let setup = Setup::new();
    items(&setup);
    refused_at_run(&setup, "source: {table: none}\ndestination: {table: x}\n", &["none"]);
    refused_at_run(
        &setup,
        "source: {table: items}\ndestination: {table: x}\ncolumns: [{from: cod}]\n",
        &["cod", "code"],
    );
    refused_at_run(&setup, "source: {table: items}\ndestination: {table: x, key: [nr]}\n", &["nr"]);
    refused_at_run(
        &setup,
        "source: {query: SELECT nothing FROM items}\ndestination: {table: x}\n",
        &["nothing"],
    );
    refused_at_run(&setup, "source: {query: SELECT 1 FROM nowhere}\ndestination: {table: x}\n", &["nowhere"]);
    refused_at_run(
        &setup,
        "source: {query: \"SELECT id, id FROM items\"}\ndestination: {table: x}\n",
        &["id", "two columns"],
    );
    let twice =
        "source: {table: items}\ndestination: {table: x}\ncolumns: [{from: id}, {from: code, to: id}]\n";
    refused_at_run(&setup, twice, &["two columns", "id"]);
    refused_at_run(
        &setup,
        "source: {table: items}\ndestination: {table: x}\nincremental: {column: changed}\n",
        &["changed"],
    );
    refused_at_run(
        &setup,
        "source: {table: items}\ndestination: {table: x}\nincremental: {column: note}\n",
        &["note"],
    );
    let no_key = "source: {query: SELECT * FROM items}\ndestination: {table: x}\nincremental: {column: id}\n";
    refused_at_run(&setup, no_key, &["key"]);
}

#[test]
fn a_type_that_postgresql_does_not_know_is_named() {
    let setup = Setup::new();
    items(&setup);
    let text = "source: {table: items}\ndestination: {table: x}\ncolumns: [{from: id, type: whatever}]\n";
    let path = setup.file("job.yaml", text);
    let outcome = setup.sync(&["--job", path.to_str().unwrap()]);
    assert!(outcome.code == 78 && outcome.stderr.contains("whatever"), "{} {}", outcome.code, outcome.stderr);
}

#[test]
fn a_job_keeps_its_own_list_of_rows_set_aside() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, b TINYINT(1)); INSERT INTO t VALUES (1, 2), (2, 1)");
    let path = setup.file("one.yaml", "source: {table: t}\ndestination: {table: one}\n");
    let args = ["--job", path.to_str().unwrap(), "--tinyint1-bool"];
    setup.sync_to(3, &args);
    setup.sync_to(0, &["copy", "t"]);
    assert_eq!(setup.list("SELECT source || ' ' || table_name FROM sync_rejected"), ["one t"]);
    setup.sync_to(3, &args);
    setup.my("UPDATE t SET b = 0");
    setup.sync_to(0, &args);
    assert!(setup.rejected().is_empty());
}

#[test]
fn a_type_is_a_type_and_no_statement() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, v TEXT)");
    setup.sql("CREATE TABLE victim ()");
    for ty in ["text); DROP TABLE victim; --", "text default 1", "integer primary key", "nosuch"] {
        let path = setup.file(
            "job.yaml",
            &format!("source: {{table: t}}\ndestination: {{table: x}}\ncolumns: [{{from: id}}, {{from: v, type: {ty:?}}}]\n"),
        );
        let run = setup.run(&["--job", path.to_str().unwrap()]);
        assert_eq!(run.code, Some(78), "{ty}: {}", run.stderr);
        assert!(run.stderr.contains("no type of PostgreSQL"), "{ty}: {}", run.stderr);
    }
    assert_eq!(setup.one("SELECT count(*) FROM victim"), "0");
}
