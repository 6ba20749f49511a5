//! Names that collide, are too long, reserved or ours, and tables of unusual kinds.

mod common;

use common::oracle::{self, assert_exact, assert_exact_as};
use common::{DAY, Setup};

/// Names of the destination's columns without our own, in order.
fn columns(setup: &Setup, table: &str) -> Vec<String> {
    setup.list(&format!(
        "SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 2
         AND NOT attisdropped ORDER BY attnum"
    ))
}

/// Names of the tables that hold data.
fn tables(setup: &Setup) -> Vec<String> {
    setup.list(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
         AND relname NOT IN ('sync_watermark', 'sync_rejected', 'sync_run') ORDER BY relname",
    )
}

#[test]
fn columns_keep_odd_and_reserved_names() {
    let setup = Setup::new();
    setup.write(
        DAY,
        r#"CREATE TABLE t ("Mon Étât" TEXT, "select" INTEGER, "order" REAL, "a""b" TEXT, "x;--" TEXT,
             "l'été" TEXT, "%s {0} $1" TEXT, "🌡" REAL);
           INSERT INTO t VALUES ('é', 1, 0.5, 'q', 's', 'e', 'f', 21.5), (NULL, 2, 1.5, '', '', '', '', NULL);"#,
    );
    setup.sync_to(0, &[]);
    assert_exact(&setup, DAY, "t", "t");
    let names = ["Mon Étât", "select", "order", "a\"b", "x;--", "l'été", "%s {0} $1", "🌡"];
    assert_eq!(columns(&setup, "t"), names);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn columns_with_our_names_and_the_systems_arrive_under_others() {
    let setup = Setup::new();
    setup.write(
        DAY,
        r#"CREATE TABLE t (_source_id TEXT, _source_rowid TEXT, _source_file TEXT, xmin INTEGER,
             ctid TEXT, tableoid REAL, "" TEXT);
           INSERT INTO t VALUES ('a', 'b', 'c', 4, 'e', 6.5, 'nameless'), (1, 2, 3, 4, 5, 6, 7);"#,
    );
    setup.sync_to(0, &[]);
    let renamed = [
        ("_source_id", "_source_id_1"),
        ("_source_rowid", "_source_rowid_1"),
        ("_source_file", "_source_file_1"),
        ("xmin", "xmin_1"),
        ("ctid", "ctid_1"),
        ("tableoid", "tableoid_1"),
        ("", "unnamed"),
    ];
    assert_exact_as(&setup, DAY, "t", "t", &renamed);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn names_over_63_bytes_stay_apart() {
    let setup = Setup::new();
    let (a, b) = (format!("{}_a", "é".repeat(40)), format!("{}_b", "é".repeat(40)));
    setup.write(
        DAY,
        &format!(
            r#"CREATE TABLE t ("{a}" TEXT, "{b}" TEXT); INSERT INTO t VALUES ('a', 'b'), ('a2', NULL);
               CREATE TABLE "{a}" (v TEXT); INSERT INTO "{a}" VALUES ('in a');
               CREATE TABLE "{b}" (v TEXT); INSERT INTO "{b}" VALUES ('in b'), ('in b');"#
        ),
    );
    setup.sync_to(0, &[]);
    let found = columns(&setup, "t");
    assert_exact_as(&setup, DAY, "t", "t", &[(&a, &found[0]), (&b, &found[1])]);
    let tables = tables(&setup);
    assert_eq!(tables.len(), 3, "{tables:?}");
    let of = |source: &str| {
        let id = format!("SELECT destination FROM sync_watermark WHERE table_name = '{source}'");
        let quoted = setup.one(&id);
        let name = quoted.trim_start_matches("public.");
        name.trim_matches('"').trim_start_matches("public\".\"").to_owned()
    };
    assert_exact(&setup, DAY, &a, &of(&a));
    assert_exact(&setup, DAY, &b, &of(&b));
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn names_that_differ_in_case_from_day_to_day_are_one_column() {
    let setup = Setup::new();
    for (day, name) in [("2026_01_24", "Temp"), (DAY, "TEMP"), ("2026_01_26", "temp")] {
        setup.write(day, &format!("CREATE TABLE t ({name} REAL, At TEXT); INSERT INTO t VALUES (1.5, 'x');"));
    }
    setup.sync_to(0, &[]);
    assert_eq!(columns(&setup, "t"), ["Temp", "At"]);
    for day in ["2026_01_24", DAY, "2026_01_26"] {
        assert_exact(&setup, day, "t", "t");
    }
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_table_with_the_name_of_ours_goes_to_another() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE sync_watermark (v TEXT); INSERT INTO sync_watermark VALUES ('theirs');
         CREATE TABLE sync_rejected (v TEXT); INSERT INTO sync_rejected VALUES ('theirs');
         CREATE TABLE sync_run (v INTEGER); INSERT INTO sync_run VALUES ('bad'), (1);",
    );
    setup.sync_to(3, &[]);
    for table in ["sync_watermark", "sync_rejected", "sync_run"] {
        assert_exact(&setup, DAY, table, &format!("{table}_1"));
    }
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn two_tables_that_map_to_one_name_share_it() {
    let setup = Setup::new();
    setup.config("destination: { table: everything }");
    setup.write(
        DAY,
        "CREATE TABLE a (v TEXT, only_a INTEGER); INSERT INTO a VALUES ('x', 1), ('x', 1);
         CREATE TABLE b (v TEXT, only_b REAL); INSERT INTO b VALUES ('x', 0.5);
         CREATE TABLE c (v INTEGER); INSERT INTO c VALUES (7);",
    );
    setup.sync_to(0, &[]);
    assert_eq!(tables(&setup), ["everything"]);
    for table in ["a", "b", "c"] {
        assert_exact(&setup, DAY, table, "everything");
    }
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn tables_may_have_odd_names() {
    let setup = Setup::new();
    for name in ["pc-test", "Mon Étât", "select", "a.b", "it's"] {
        setup.write(
            DAY,
            &format!("CREATE TABLE \"{name}\" (v TEXT); INSERT INTO \"{name}\" VALUES ('{}');", name.len()),
        );
    }
    setup.sync_to(0, &[]);
    for name in ["pc-test", "Mon Étât", "select", "a.b", "it's"] {
        assert_exact(&setup, DAY, name, name);
    }
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_table_without_row_ids_arrives_and_grows() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE w (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID;
         INSERT INTO w VALUES ('b', X'00'), ('d', NULL);",
    );
    setup.sync_to(0, &[]);
    assert_exact(&setup, DAY, "w", "w");
    setup.write(DAY, "INSERT INTO w VALUES ('a', X'01'), ('c', X'');");
    assert_eq!(setup.sync_to(0, &[]).counts(), [4, 2, 2, 0, 0, 0]);
    assert_exact(&setup, DAY, "w", "w");
    setup.write(DAY, "UPDATE w SET v = X'FF' WHERE k = 'b'");
    assert_eq!(setup.sync_to(0, &[]).n("written"), 1);
    oracle::assert_kept(&setup, DAY, "w", 1);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn row_ids_are_found_behind_columns_that_shadow_them() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE one (rowid TEXT, v TEXT); INSERT INTO one VALUES ('same', 'a'), ('same', 'b');
         CREATE TABLE two (rowid TEXT, _rowid_ TEXT, v TEXT); INSERT INTO two VALUES ('x', 'y', 'z');
         CREATE TABLE all_three (rowid TEXT, OID TEXT, _rowid_ TEXT);
         INSERT INTO all_three VALUES ('x', 'y', 'z'), ('x', 'y', 'z');
         CREATE TABLE alias (oid INTEGER PRIMARY KEY, v TEXT); INSERT INTO alias VALUES (42, 'v');",
    );
    setup.sync_to(0, &[]);
    let check = || {
        for table in ["one", "two", "all_three", "alias"] {
            assert_exact(&setup, DAY, table, table);
        }
    };
    check();
    setup.write(
        DAY,
        "INSERT INTO one VALUES ('same', 'a'); INSERT INTO two VALUES ('x', 'y', 'z');
         INSERT INTO all_three VALUES ('x', 'y', 'z'); INSERT INTO alias VALUES (7, 'below');",
    );
    assert_eq!(setup.sync_to(0, &[]).n("written"), 4);
    check();
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn generated_columns_arrive_as_values() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE g (a INTEGER, twice INTEGER AS (a * 2) STORED, half REAL AS (a / 2.0));
         INSERT INTO g VALUES (3), (NULL), (5);",
    );
    setup.sync_to(0, &[]);
    assert_exact(&setup, DAY, "g", "g");
    assert_eq!(columns(&setup, "g"), ["a", "twice", "half"]);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn views_and_virtual_tables_are_ignored() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO t (v) VALUES ('x');
         CREATE VIEW seen AS SELECT * FROM t;
         CREATE VIRTUAL TABLE words USING fts5(v); INSERT INTO words VALUES ('x');
         ANALYZE;",
    );
    setup.sync_to(0, &[]);
    assert_eq!(tables(&setup), ["t"]);
    assert_exact(&setup, DAY, "t", "t");
}
