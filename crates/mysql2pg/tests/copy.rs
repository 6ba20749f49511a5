//! Whole tables arrive by themselves, from every engine and into every table; what has not changed is not written.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::collections::BTreeMap;

use common::Setup;
use mysql::prelude::Queryable;

/// Every version of every row: it changes when a row is written, even with the same values.
fn versions(setup: &Setup, table: &str) -> Vec<String> {
    setup.list(&format!("SELECT xmin || ' ' || ctid FROM {table} ORDER BY 1"))
}

/// Rows by their text, with how often each is there.
fn counted(rows: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for row in rows {
        *counted.entry(row).or_default() += 1;
    }
    counted
}

/// Both tables hold the same rows, each as often; `row` makes a text of one in both dialects.
#[track_caller]
fn equal(setup: &Setup, table: &str, row: &str) {
    let source: Vec<String> = setup.conn().query(format!("SELECT {row} FROM {table}")).unwrap();
    let (source, found) = (counted(source), counted(setup.list(&format!("SELECT {row} FROM {table}"))));
    let missing: Vec<_> = source.iter().filter(|(row, n)| found.get(*row) != Some(n)).take(5).collect();
    let wrong: Vec<_> = found.iter().filter(|(row, n)| source.get(*row) != Some(n)).take(5).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "{table}: not there {missing:?}, too much {wrong:?}");
}

/// Copies a table of 20,000 rows twice: it must be complete, and then left alone.
#[track_caller]
fn complete(setup: &Setup, table: &str, row: &str) {
    let outcome = setup.sync_to(0, &["copy", table]);
    assert_eq!(outcome.counts(), [20_000, 20_000, 0, 0, 0, 0], "{table} {}", outcome.report);
    equal(setup, table, row);
    let before = versions(setup, table);
    let again = setup.sync_to(0, &["copy", table]);
    assert_eq!(again.counts(), [20_000, 0, 20_000, 0, 0, 0], "{table} {}", again.report);
    assert_eq!(versions(setup, table), before, "{table}");
}

#[test]
fn a_second_run_writes_exactly_what_has_changed() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), d DATETIME)");
    setup.my("INSERT INTO t SELECT seq, concat('n', seq), '2024-01-01' FROM seq_1_to_1000");
    let first = setup.sync_to(0, &["copy", "t"]);
    assert_eq!(first.counts(), [1000, 1000, 0, 0, 0, 0], "{}", first.report);
    let before = versions(&setup, "t");
    let second = setup.sync_to(0, &["copy", "t"]);
    assert_eq!(second.counts(), [1000, 0, 1000, 0, 0, 0], "{}", second.report);
    assert_eq!(versions(&setup, "t"), before);
    setup.my("UPDATE t SET v = 'N7' WHERE id = 7; UPDATE t SET v = NULL WHERE id = 8; INSERT INTO t VALUES (1001, '', NULL)");
    let third = setup.sync_to(0, &["copy", "t"]);
    assert_eq!(third.counts(), [1001, 3, 998, 0, 0, 0], "{}", third.report);
    let n_kept = versions(&setup, "t").iter().filter(|version| before.contains(version)).count();
    assert_eq!(n_kept, 998);
    assert_eq!(
        setup.list("SELECT id || coalesce(v, '-') FROM t WHERE id IN (7, 8, 1001) ORDER BY id"),
        ["7N7", "8-", "1001"]
    );
    // Gone from the source: kept by default.
    setup.my("DELETE FROM t WHERE id < 500");
    setup.sync_to(0, &["copy", "t"]);
    assert_eq!(setup.one("SELECT count(*) FROM t"), "1001");
}

#[test]
fn small_changes_are_seen_in_every_type() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE s (id INT PRIMARY KEY, c VARCHAR(9) COLLATE utf8mb4_general_ci, b BLOB, f DOUBLE, de DECIMAL(10,2),
           dt DATETIME(6), ti TIME, st SET('a','b'), j JSON, bi BIT(8), p POINT, u UUID);
         INSERT INTO s VALUES (1, 'a', 'a', 0.1, 1.1, '2024-01-01 00:00:00.000001', '10:00:00', 'a', '{\"a\":1}', 1,
           ST_GeomFromText('POINT(1 1)'), 'f47ac10b-58cc-4372-a567-0e02b2c3d479')",
    );
    setup.sync_to(0, &["copy", "s"]);
    for change in [
        "c = 'A'",
        "c = 'a '",
        "c = 'á'",
        "c = ''",
        "c = NULL",
        "b = 'A'",
        "f = 0.10000000000000002",
        "de = 1.11",
        "dt = '2024-01-01 00:00:00.000002'",
        "ti = '-10:00:00'",
        "st = ''",
        "st = NULL",
        "j = '{\"a\":2}'",
        "bi = 2",
        "p = ST_GeomFromText('POINT(1 2)')",
        "u = 'f47ac10b-58cc-4372-a567-0e02b2c3d470'",
        "f = 0",
    ] {
        setup.my(&format!("UPDATE s SET {change}"));
        let outcome = setup.sync_to(0, &["copy", "s"]);
        assert_eq!(outcome.n("written"), 1, "{change}: {}", outcome.report);
        assert_eq!(setup.sync_to(0, &["copy", "s"]).n("written"), 0, "{change}");
    }
}

#[test]
fn no_primary_key_replaces_the_table_and_keeps_duplicates() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE n (a INT, b TEXT, j JSON);
         INSERT INTO n VALUES (1, 'x', NULL), (1, 'x', NULL), (1, 'x', NULL), (2, NULL, '[1]'), (2, NULL, '[1]'),
           (NULL, NULL, NULL), (NULL, NULL, NULL), (3, 'é', '{}')",
    );
    let list = "SELECT concat_ws('|', coalesce(a::text, '-'), coalesce(b, '-'), coalesce(j::text, '-')) FROM n ORDER BY 1";
    let all = ["-|-|-", "-|-|-", "1|x|-", "1|x|-", "1|x|-", "2|-|[1]", "2|-|[1]", "3|é|{}"];
    let first = setup.sync_to(0, &["copy", "n"]);
    assert_eq!(first.counts(), [8, 8, 0, 0, 0, 0], "{}", first.report);
    assert_eq!(setup.list(list), all);
    let before = versions(&setup, "n");
    let second = setup.sync_to(0, &["copy", "n"]);
    assert_eq!(second.counts(), [8, 0, 8, 0, 0, 0], "{}", second.report);
    assert_eq!(versions(&setup, "n"), before);
    // One of three equal rows goes, another comes.
    setup.my("DELETE FROM n WHERE a = 1 LIMIT 1");
    setup.sync_to(0, &["copy", "n"]);
    assert_eq!(setup.list(list), ["-|-|-", "-|-|-", "1|x|-", "1|x|-", "2|-|[1]", "2|-|[1]", "3|é|{}"]);
    setup.my("UPDATE n SET b = 'y' WHERE a = 1 LIMIT 1; INSERT INTO n VALUES (NULL, NULL, NULL)");
    setup.sync_to(0, &["copy", "n"]);
    assert_eq!(
        setup.list(list),
        ["-|-|-", "-|-|-", "-|-|-", "1|x|-", "1|y|-", "2|-|[1]", "2|-|[1]", "3|é|{}"]
    );
    // The order of storage is no change.
    setup.my("CREATE TABLE other LIKE n; INSERT INTO other SELECT * FROM n ORDER BY a DESC, b; DROP TABLE n; RENAME TABLE other TO n");
    assert_eq!(setup.sync_to(0, &["copy", "n"]).n("written"), 0);
}

#[test]
fn a_row_set_aside_of_a_table_without_a_key() {
    let setup = Setup::new();
    setup.my("CREATE TABLE n (a INT, b TINYINT(1)); INSERT INTO n VALUES (1, 1), (2, 2), (3, 0)");
    for _ in 0..2 {
        let outcome = setup.sync_to(3, &["copy", "n", "--tinyint1-bool"]);
        assert_eq!(outcome.n("rejected"), 1, "{}", outcome.report);
        assert_eq!(setup.list("SELECT a FROM n ORDER BY a"), ["1", "3"]);
        assert_eq!(setup.list("SELECT row_key FROM sync_rejected"), ["2"]);
    }
    setup.my("UPDATE n SET b = 1");
    setup.sync_to(0, &["copy", "n", "--tinyint1-bool"]);
    assert_eq!(setup.list("SELECT a FROM n WHERE b ORDER BY a"), ["1", "2", "3"]);
}

#[test]
fn keys_of_several_columns_and_of_an_enum() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE c (a INT, b VARCHAR(9), d DATE, v INT, PRIMARY KEY (d, b, a));
         INSERT INTO c SELECT seq % 7, concat('k', seq % 11), '2024-01-01' + INTERVAL seq DAY, seq FROM seq_1_to_3000;
         CREATE TABLE e (k ENUM('z','a','m','') PRIMARY KEY, v INT);
         INSERT INTO e VALUES ('z', 1), ('a', 2), ('m', 3), ('', 4)",
    );
    for _ in 0..2 {
        setup.sync_to(0, &["copy", "c", "e"]);
        equal(&setup, "c", "concat(a, '|', b, '|', d, '|', v)");
        assert_eq!(setup.list("SELECT k || v FROM e ORDER BY v"), ["z1", "a2", "m3", "4"]);
    }
    setup.my("UPDATE c SET v = -1 WHERE a = 3 AND b = 'k3'; UPDATE e SET v = 9 WHERE k = ''");
    let outcome = setup.sync_to(0, &["copy", "c", "e"]);
    equal(&setup, "c", "concat(a, '|', b, '|', d, '|', v)");
    assert_eq!(outcome.n("written"), 3000 / 77 + 2, "{}", outcome.report);
}

#[test]
fn myisam_with_a_key_of_numbers() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE m (id INT PRIMARY KEY, v TEXT) ENGINE=MyISAM;
         INSERT INTO m SELECT CAST(seq AS SIGNED) * 3 - 30000, repeat(char(65 + seq % 26), seq % 300) FROM seq_1_to_20000;
         CREATE TABLE u (id BIGINT UNSIGNED PRIMARY KEY, v INT) ENGINE=MyISAM;
         INSERT INTO u SELECT 18446744073709551615 - seq, seq FROM seq_1_to_20000",
    );
    complete(&setup, "m", "concat(id, '|', v)");
    complete(&setup, "u", "concat(id, '|', v)");
}

#[test]
fn myisam_with_a_key_of_decimals() {
    let setup = Setup::new();
    // Neighbours that are the same as doubles.
    setup.my("CREATE TABLE m (id DECIMAL(30,2) PRIMARY KEY, v INT) ENGINE=MyISAM;
         INSERT INTO m SELECT 1234567890123456789012345.00 + seq / 100, seq FROM seq_1_to_20000");
    complete(&setup, "m", "concat(id, '|', v)");
}

#[test]
fn myisam_with_a_composite_text_key() {
    let setup = Setup::new();
    for (name, charset) in [
        ("m1", "utf8mb4"),
        ("m2", "latin1"),
        ("m3", "latin1 COLLATE latin1_german2_ci"),
        ("m4", "utf8mb4 COLLATE utf8mb4_bin"),
    ] {
        setup.my(&format!(
            "CREATE TABLE {name} (a VARCHAR(20), b CHAR(10), c INT, v INT, PRIMARY KEY (a, b, c)) ENGINE=MyISAM CHARSET {charset};
             INSERT INTO {name} SELECT concat(ELT(1 + seq % 9, 'a', 'é', 'Z', 'ö', '', '€', 'ss', 'a b', '''\\\\'), seq DIV 400),
               ELT(1 + seq % 5, 'x', 'ÿ', '%', 'Ä_', ''), seq, seq FROM seq_1_to_20000"
        ));
        complete(&setup, name, "concat(a, '|', b, '|', c, '|', v)");
    }
}

#[test]
fn myisam_with_keys_of_other_types() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE d (t DATETIME(6) PRIMARY KEY, v INT) ENGINE=MyISAM;
         INSERT INTO d SELECT '2024-01-01' + INTERVAL seq MICROSECOND, seq FROM seq_1_to_20000;
         CREATE TABLE ti (t TIME(6), n INT, v INT, PRIMARY KEY (t, n)) ENGINE=MyISAM;
         INSERT INTO ti SELECT SEC_TO_TIME((CAST(seq AS SIGNED) - 10000) / 7), seq, seq FROM seq_1_to_20000;
         CREATE TABLE b (k BINARY(8) PRIMARY KEY, v INT) ENGINE=MyISAM;
         INSERT INTO b SELECT UNHEX(LEFT(md5(seq), 16)), seq FROM seq_1_to_20000;
         CREATE TABLE u (k UUID PRIMARY KEY, v INT) ENGINE=MyISAM;
         INSERT INTO u SELECT concat(left(md5(seq), 8), '-', mid(md5(seq), 9, 4), '-4', mid(md5(seq), 14, 3), '-8', mid(md5(seq), 18, 3), '-',
             right(md5(seq), 12)), seq FROM seq_1_to_20000;
         CREATE TABLE ts (k TIMESTAMP(6) PRIMARY KEY, v INT) ENGINE=MyISAM;
         INSERT INTO ts SELECT FROM_UNIXTIME(1700000000 + seq * 600), seq FROM seq_1_to_20000",
    );
    for table in ["d", "ti", "b", "u", "ts"] {
        complete(&setup, table, "concat(v, '')");
    }
    let exact = "SELECT count(*) FROM ti WHERE abs(extract(epoch FROM t) - (v - 10000) / 7.0) < 0.0001";
    assert_eq!(setup.one(exact), "20000");
    assert_eq!(setup.one("SELECT count(DISTINCT t) FROM d"), "20000");
    assert_eq!(
        setup.one("SELECT count(*) FROM b WHERE substr(md5(v::text), 1, 16) = encode(k, 'hex')"),
        "20000"
    );
    assert_eq!(setup.one("SELECT count(*) FROM u WHERE left(md5(v::text), 8) = left(k::text, 8)"), "20000");
    assert_eq!(setup.one("SELECT count(*) FROM ts WHERE to_timestamp(1700000000 + v * 600) = k"), "20000");
}

#[test]
fn engines_without_an_ordered_key() {
    let setup = Setup::new();
    setup.my("CREATE TABLE e (k ENUM('z','a','m'), n INT, v INT, PRIMARY KEY (k, n)) ENGINE=MyISAM;
         INSERT INTO e SELECT ELT(1 + seq % 3, 'z', 'a', 'm'), seq DIV 3, seq FROM seq_1_to_20000;
         CREATE TABLE n (k VARCHAR(9), n INT) ENGINE=MyISAM;
         INSERT INTO n SELECT concat('r', seq % 50), seq % 100 FROM seq_1_to_20000;
         CREATE TABLE f (k DOUBLE PRIMARY KEY, n INT) ENGINE=MyISAM;
         INSERT INTO f SELECT seq / 3e0, seq FROM seq_1_to_20000;
         CREATE TABLE ar (k INT PRIMARY KEY, n INT) ENGINE=Aria;
         INSERT INTO ar SELECT seq, seq FROM seq_1_to_20000;
         CREATE TABLE me (k INT PRIMARY KEY, n INT) ENGINE=MEMORY;
         INSERT INTO me SELECT -seq, seq FROM seq_1_to_20000");
    complete(&setup, "e", "concat(k, '|', n, '|', v)");
    complete(&setup, "n", "concat(k, '|', n)");
    complete(&setup, "f", "concat(n, '')");
    complete(&setup, "ar", "concat(k, '|', n)");
    complete(&setup, "me", "concat(k, '|', n)");
    assert_eq!(setup.one("SELECT count(DISTINCT k) FROM f"), "20000");
}

#[test]
fn a_foreign_table_with_more_columns_keeps_them() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    setup.sql(
        "CREATE TABLE t (note text DEFAULT 'ours', v text, id int PRIMARY KEY, up text GENERATED ALWAYS AS (upper(v)) STORED,
           n serial, must int NOT NULL DEFAULT 5);
         INSERT INTO t (id, v, note) VALUES (1, 'old', 'mine'), (9, 'alone', 'mine')",
    );
    let outcome = setup.sync_to(0, &["copy", "t"]);
    assert_eq!(outcome.counts(), [2, 2, 0, 0, 0, 0], "{}", outcome.report);
    assert_eq!(
        setup.list("SELECT concat_ws('|', id, v, note, up, must) FROM t ORDER BY id"),
        ["1|a|mine|A|5", "2|b|ours|B|5", "9|alone|mine|ALONE|5"]
    );
    assert_eq!(setup.sync_to(0, &["copy", "t"]).n("written"), 0);
}

#[test]
fn a_foreign_table_with_other_types_takes_what_is_exact() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE t (id INT PRIMARY KEY, de DECIMAL(10,3), v VARCHAR(20), n VARCHAR(20), i BIGINT, d DATETIME, f DOUBLE);
         INSERT INTO t VALUES (1, 1.250, 'abc', '42', 5, '2024-01-01', 0.5), (2, 1.255, 'abc', '1', 1, NULL, 1),
           (3, 1, 'abcd', '1', 1, NULL, 1), (4, 1, 'a', 'x', 1, NULL, 1), (5, 1, 'a', '1', 40000, NULL, 1),
           (6, 1, 'a', '1', 1, '2024-01-01 10:00:00', 1), (7, 1, 'a', '1', 1, NULL, 0.1), (8, NULL, NULL, NULL, NULL, NULL, NULL),
           (9, 1, 'äöü', '-7', -1, '1999-12-31', 2)",
    );
    setup.sql(
        "CREATE TABLE t (id bigint PRIMARY KEY, de numeric(10,2), v varchar(3), n int, i smallint, d date, f int);
         INSERT INTO t (id, v) VALUES (3, 'old')",
    );
    let refused = [
        "2 de: more decimals than its column keeps",
        "3 v: value too long for type character varying(3)",
        "4 n: text in an integer column",
        "5 i: number out of the range of smallint",
    ];
    for round in 1..=2 {
        let outcome = setup.sync_to(3, &["copy", "t"]);
        assert_eq!(outcome.n("rejected"), 7, "{}", outcome.report);
        let rejected = setup.rejected();
        assert_eq!(rejected[1..5], refused, "{rejected:?}");
        assert!(
            rejected[0].starts_with("1 f:")
                && rejected[5].starts_with("6 d:")
                && rejected[6].starts_with("7 f:"),
            "{rejected:?}"
        );
        // What was there before stays.
        assert_eq!(
            setup.list("SELECT concat_ws('|', id, de, v, n, i, d, f) FROM t ORDER BY id"),
            ["3|old", "8", "9|1.00|äöü|-7|-1|1999-12-31|2"],
            "{round}"
        );
        assert_eq!(outcome.n("written"), if round == 1 { 2 } else { 0 }, "{}", outcome.report);
    }
    setup.my("UPDATE t SET de = 1.5, v = 'ok', n = '3', i = 3, d = '2024-01-01', f = 4 WHERE id < 8");
    let outcome = setup.sync_to(0, &["copy", "t"]);
    assert_eq!(outcome.n("written"), 7, "{}", outcome.report);
    assert!(setup.rejected().is_empty());
}

#[test]
fn types_that_postgresql_reads_itself() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(50), m ENUM('sad','ok','odd'), c CHAR(9), j TEXT);
         INSERT INTO t VALUES (1, '192.168.0.1', 'ok', 'x', '{\"a\": 1}'), (2, 'none', 'ok', 'x', '1'), (3, '::1', 'odd', 'x', '1'),
           (4, '10.0.0.0', 'sad', 'y  ', '[ 1 ]'), (5, NULL, NULL, NULL, NULL), (6, '::1', 'ok', 'x', 'no JSON')",
    );
    setup.sql(
        "CREATE TYPE mood AS ENUM ('sad', 'ok');
         CREATE TABLE t (id int PRIMARY KEY, a inet, m mood, c char(12), j json)",
    );
    for round in 1..=2 {
        let outcome = setup.sync_to(3, &["copy", "t"]);
        assert_eq!(
            outcome.counts(),
            if round == 1 { [6, 3, 0, 0, 3, 0] } else { [6, 0, 3, 0, 3, 0] },
            "{}",
            outcome.report
        );
        assert_eq!(
            setup.list("SELECT concat_ws('|', id, a, m, rtrim(c), j) FROM t ORDER BY id"),
            ["1|192.168.0.1|ok|x|{\"a\": 1}", "4|10.0.0.0|sad|y|[ 1 ]", "5"]
        );
        let rejected = setup.rejected();
        assert!(rejected[0].starts_with("2 ") && rejected[0].contains("inet"), "{rejected:?}");
        assert!(rejected[1].starts_with("3 ") && rejected[1].contains("mood"), "{rejected:?}");
        assert!(rejected[2].starts_with("6 j:"), "{rejected:?}");
    }
}

#[test]
fn constraints_set_aside_only_the_rows_that_break_them() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT, c VARCHAR(9))");
    setup.my("INSERT INTO t SELECT seq, seq, seq, concat('c', seq) FROM seq_1_to_2000");
    setup.my("UPDATE t SET a = NULL WHERE id = 10; UPDATE t SET b = -1 WHERE id = 700; UPDATE t SET c = 'c1' WHERE id = 1500");
    setup.sql("CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int CHECK (b > 0), c text UNIQUE)");
    for round in 1..=2 {
        let outcome = setup.sync_to(3, &["copy", "t"]);
        assert_eq!(
            outcome.counts(),
            if round == 1 { [2000, 1997, 0, 0, 3, 0] } else { [2000, 0, 1997, 0, 3, 0] },
            "{}",
            outcome.report
        );
        let rejected = setup.rejected();
        assert_eq!(rejected[0], "10 a: NULL where the column is NOT NULL");
        assert!(rejected[1].starts_with("1500 ") && rejected[1].contains("unique"), "{rejected:?}");
        assert!(rejected[2].starts_with("700 ") && rejected[2].contains("check"), "{rejected:?}");
        assert_eq!(
            setup.list("SELECT id FROM generate_series(1, 2000) id EXCEPT SELECT id FROM t ORDER BY 1"),
            ["10", "700", "1500"]
        );
    }
    // An update that breaks one, too: the row keeps its last state.
    setup.my("UPDATE t SET b = 0 - b WHERE id IN (1, 2)");
    let outcome = setup.sync_to(3, &["copy", "t"]);
    assert_eq!(outcome.n("rejected"), 5, "{}", outcome.report);
    assert_eq!(setup.list("SELECT b FROM t WHERE id IN (1, 2) ORDER BY id"), ["1", "2"]);
    setup.my("UPDATE t SET a = id, b = id, c = concat('c', id)");
    let outcome = setup.sync_to(0, &["copy", "t"]);
    assert_eq!(outcome.counts(), [2000, 3, 1997, 0, 0, 0], "{}", outcome.report);
    assert_eq!(setup.one("SELECT count(*) FROM sync_rejected"), "0");
}

#[test]
fn a_foreign_table_whose_key_is_coarser_loses_no_row() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE t (k DATETIME(6) PRIMARY KEY, v INT);
         INSERT INTO t VALUES ('2024-01-01 00:00:00.1', 1), ('2024-01-01 00:00:00.2', 2), ('2024-01-02', 3);
         CREATE TABLE c (k VARCHAR(9) COLLATE utf8mb4_nopad_bin PRIMARY KEY, v INT); INSERT INTO c VALUES ('a', 1), ('a ', 2), ('b', 3)",
    );
    setup.sql(
        "CREATE TABLE t (k timestamp(0) PRIMARY KEY, v int); CREATE TABLE c (k char(5) PRIMARY KEY, v int)",
    );
    for table in ["t", "c"] {
        let first = setup.sync_to(3, &["copy", table]);
        assert_eq!(first.counts(), [3, 2, 0, 0, 1, 0], "{table} {}", first.report);
        let before = setup.list(&format!("SELECT k || ' ' || v FROM {table} ORDER BY 1"));
        for _ in 0..2 {
            let again = setup.sync_to(3, &["copy", table]);
            assert_eq!(again.counts(), [3, 0, 2, 0, 1, 0], "{table} {}", again.report);
            assert_eq!(setup.list(&format!("SELECT k || ' ' || v FROM {table} ORDER BY 1")), before);
        }
    }
}

#[test]
fn a_foreign_table_without_a_unique_index_is_refused_with_the_statement() {
    let setup = Setup::new();
    setup.my("CREATE TABLE `T t` (`Id` INT, b INT, PRIMARY KEY (`Id`, b)); INSERT INTO `T t` VALUES (1, 2)");
    setup.sql("CREATE TABLE \"T t\" (\"Id\" int, b int)");
    let outcome = setup.sync_to(78, &["copy", "T t"]);
    let statement = "CREATE UNIQUE INDEX ON \"public\".\"T t\" (\"Id\", \"b\");";
    assert!(outcome.stderr.contains(statement), "{}", outcome.stderr);
    assert_eq!(setup.one("SELECT count(*) FROM \"T t\""), "0");
    setup.sql(statement);
    setup.sync_to(0, &["copy", "T t"]);
    assert_eq!(setup.one("SELECT \"Id\" + b FROM \"T t\""), "3");
    // A partial or an expression's index tells no rows apart.
    setup.my("CREATE TABLE p (id INT PRIMARY KEY)");
    setup.sql("CREATE TABLE p (id int); CREATE UNIQUE INDEX ON p (id) WHERE id > 0; CREATE UNIQUE INDEX ON p ((id + 1))");
    setup.sync_to(78, &["copy", "p"]);
}

#[test]
fn a_foreign_table_that_lacks_a_column_is_refused_with_the_statement() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, `Neu da` DECIMAL(10,2))");
    setup.sql("CREATE TABLE t (id int PRIMARY KEY)");
    let outcome = setup.sync_to(78, &["copy", "t"]);
    assert!(outcome.stderr.contains("ADD COLUMN \"Neu da\" numeric(10,2);"), "{}", outcome.stderr);
    // Nor is a foreign table emptied because the source has no key.
    setup.my("CREATE TABLE n (v INT); INSERT INTO n VALUES (1)");
    setup.sql("CREATE TABLE n (v int); INSERT INTO n VALUES (7)");
    let outcome = setup.sync_to(78, &["copy", "n"]);
    assert!(outcome.stderr.contains("\"n\""), "{}", outcome.stderr);
    assert_eq!(setup.list("SELECT v FROM n"), ["7"]);
}

#[test]
fn a_view_is_a_source() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9), b TINYINT(1)); INSERT INTO t VALUES (1, 'Ã©', 2), (2, 'b', 0);
         CREATE VIEW w AS SELECT id, v, b, id * 2 AS twice FROM t WHERE id > 0",
    );
    setup.sync_to(0, &["copy", "w"]);
    assert_eq!(
        setup.list("SELECT concat_ws('|', id, v, b, twice) FROM w ORDER BY id"),
        ["1|é|2|2", "2|b|0|4"]
    );
    assert_eq!(setup.sync_to(0, &["copy", "w"]).n("written"), 0);
    // With a key it is merged.
    let job = setup.file("w.yaml", "source: {table: w}\ndestination: {table: w2, key: [id]}\n");
    let args = ["--job", job.to_str().unwrap()];
    setup.sync_to(0, &args);
    let before = versions(&setup, "w2");
    setup.my("INSERT INTO t VALUES (3, 'c', 1)");
    assert_eq!(setup.sync_to(0, &args).n("written"), 1);
    assert_eq!(versions(&setup, "w2").iter().filter(|version| before.contains(version)).count(), 2);
}

#[test]
fn one_table_that_fails_holds_up_no_other() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (id INT PRIMARY KEY); CREATE TABLE c (id INT PRIMARY KEY);
         INSERT INTO a VALUES (1); INSERT INTO b VALUES (1); INSERT INTO c VALUES (1)",
    );
    setup.sql("CREATE TABLE b (id int)");
    let outcome = setup.sync_to(3, &["copy", "a", "b", "c"]);
    assert_eq!(outcome.n("written"), 2, "{}", outcome.report);
    assert_eq!(outcome.report["failed"][0]["source"], "b", "{}", outcome.report);
    assert_eq!(setup.one("SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM c)"), "2");
    setup.sql("ALTER TABLE b ADD PRIMARY KEY (id)");
    setup.sync_to(0, &["copy", "a", "b", "c"]);
    assert_eq!(setup.one("SELECT count(*) FROM b"), "1");
}

#[test]
fn a_missing_table_is_named_and_nothing_is_written() {
    let setup = Setup::new();
    setup.my("CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1)");
    let outcome = setup.sync_to(78, &["copy", "a", "no such"]);
    assert!(outcome.stderr.contains("no such"), "{}", outcome.stderr);
    assert_eq!(setup.one("SELECT to_regclass('a')"), "NULL");
    // One in another database is not ours.
    setup.sync_to(78, &["copy", "mysql.user"]);
    assert_eq!(outcome.n("read"), 0);
}

#[test]
fn a_source_that_gains_or_loses_a_column() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT); INSERT INTO t VALUES (1, 2, 3)");
    setup.sync_to(0, &["copy", "t"]);
    setup.my("ALTER TABLE t DROP b; UPDATE t SET a = 5");
    setup.sync_to(0, &["copy", "t"]);
    assert_eq!(setup.one("SELECT concat_ws('|', id, a, b) FROM t"), "1|5|3");
    setup.my("ALTER TABLE t ADD c INT DEFAULT 7");
    let outcome = setup.sync_to(78, &["copy", "t"]);
    assert!(outcome.stderr.contains("ADD COLUMN \"c\" integer"), "{}", outcome.stderr);
}

#[test]
fn a_dry_run_writes_nothing() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
    let outcome = setup.sync_to(0, &["copy", "t", "--dry-run"]);
    assert_eq!(outcome.n("written"), 2, "{}", outcome.report);
    assert_eq!(setup.one("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"), "0");
}

#[test]
fn the_schema_is_made_when_it_is_missing() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
    setup.sync_to(0, &["copy", "t", "--postgres-schema", "Ablage 2"]);
    assert_eq!(setup.one("SELECT count(*) FROM \"Ablage 2\".t"), "2");
    assert_eq!(setup.sync_to(0, &["copy", "t", "--postgres-schema", "Ablage 2"]).n("written"), 0);
}

#[test]
fn absent_rows_go_only_after_two_full_runs() {
    let setup = Setup::new();
    for policy in ["mark", "delete"] {
        let args = ["copy", "t", "--missing", policy];
        setup.my("DROP TABLE IF EXISTS t; CREATE TABLE t (id INT, k VARCHAR(9), v INT, PRIMARY KEY (id, k))");
        setup.my("INSERT INTO t SELECT seq, concat('k', seq), seq FROM seq_1_to_50");
        setup.sql("DROP TABLE IF EXISTS t");
        setup.sync_to(0, &args);
        setup.my("DELETE FROM t WHERE id <= 3");
        let outcome = setup.sync_to(0, &args);
        assert_eq!(outcome.n("newly_absent"), 3, "{}", outcome.report);
        assert_eq!(setup.one("SELECT count(*) FROM t"), "50");
        // One comes back in time.
        setup.my("INSERT INTO t VALUES (2, 'k2', 22)");
        let outcome = setup.sync_to(0, &args);
        let done = if policy == "mark" { "marked_absent" } else { "deleted" };
        assert_eq!(outcome.n(done), 2, "{}", outcome.report);
        if policy == "mark" {
            assert_eq!(
                setup.list("SELECT id FROM t WHERE absent_depuis IS NOT NULL ORDER BY id"),
                ["1", "3"]
            );
            setup.my("INSERT INTO t VALUES (3, 'k3', 3)");
            let outcome = setup.sync_to(0, &args);
            assert_eq!(
                setup.list("SELECT id FROM t WHERE absent_depuis IS NOT NULL"),
                ["1"],
                "{}",
                outcome.report
            );
        } else {
            assert_eq!(setup.list("SELECT id FROM t WHERE id <= 3"), ["2"]);
            // It comes back, goes again: two sightings anew.
            setup.my("INSERT INTO t VALUES (1, 'k1', 1)");
            setup.sync_to(0, &args);
            setup.my("DELETE FROM t WHERE id = 1");
            setup.sync_to(0, &args);
            assert_eq!(setup.one("SELECT count(*) FROM t WHERE id = 1"), "1");
            setup.sync_to(0, &args);
            assert_eq!(setup.one("SELECT count(*) FROM t WHERE id = 1"), "0");
        }
        assert_eq!(setup.sync_to(0, &args).n("written"), 0);
        setup.sql("DELETE FROM sync_missing");
    }
}

#[test]
fn too_many_absent_rows_need_force() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t SELECT seq FROM seq_1_to_2000");
    let args = ["copy", "t", "--missing", "delete"];
    setup.sync_to(0, &args);
    setup.my("DELETE FROM t WHERE id <= 201");
    setup.sync_to(0, &args);
    let outcome = setup.sync_to(3, &args);
    assert!(outcome.stderr.contains("--force"), "{}", outcome.stderr);
    assert_eq!(setup.one("SELECT count(*) FROM t"), "2000");
    // Exactly the tenth may go.
    setup.my("INSERT INTO t VALUES (201)");
    assert_eq!(setup.sync_to(0, &args).n("deleted"), 200);
    setup.my("DELETE FROM t WHERE id < 1900");
    setup.sync_to(0, &args);
    setup.sync_to(3, &args);
    let outcome = setup.sync_to(0, &["copy", "t", "--missing", "delete", "--force"]);
    assert_eq!(outcome.n("deleted"), 1699, "{}", outcome.report);
    // A hundred may go of any table.
    setup.my("DELETE FROM t WHERE id > 1901");
    setup.sync_to(0, &args);
    assert_eq!(setup.sync_to(0, &args).n("deleted"), 99);
    assert_eq!(setup.list("SELECT id FROM t ORDER BY id"), ["1900", "1901"]);
}

#[test]
fn an_empty_source_deletes_nothing_without_force() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
    for policy in ["delete", "mark"] {
        let args = ["copy", "t", "--missing", policy];
        setup.my("REPLACE INTO t VALUES (1), (2)");
        setup.sync_to(0, &args);
        setup.my("DELETE FROM t");
        for _ in 0..3 {
            let outcome = setup.sync_to(0, &args);
            assert!(outcome.stderr.contains("empty"), "a warning: {}", outcome.stderr);
            assert_eq!(setup.one("SELECT count(*) FROM t"), "2");
        }
    }
    assert_eq!(setup.one("SELECT count(*) FROM t WHERE absent_depuis IS NOT NULL"), "0");
    let args = ["copy", "t", "--missing", "delete", "--force"];
    setup.sync_to(0, &args);
    setup.sync_to(0, &args);
    assert_eq!(setup.one("SELECT count(*) FROM t"), "0");
}

#[test]
fn while_a_row_is_set_aside_nothing_is_deleted() {
    let setup = Setup::new();
    setup
        .my("CREATE TABLE t (id INT PRIMARY KEY, b TINYINT(1)); INSERT INTO t VALUES (1, 1), (2, 1), (3, 1)");
    let args = ["copy", "t", "--missing", "delete", "--tinyint1-bool"];
    setup.sync_to(0, &args);
    setup.my("UPDATE t SET b = 2 WHERE id = 2; DELETE FROM t WHERE id = 1");
    for _ in 0..3 {
        setup.sync_to(3, &args);
        assert_eq!(setup.list("SELECT id FROM t ORDER BY id"), ["1", "2", "3"]);
    }
    setup.my("UPDATE t SET b = 0");
    setup.sync_to(0, &args);
    assert_eq!(setup.list("SELECT id FROM t ORDER BY id"), ["1", "2", "3"]);
    assert_eq!(setup.sync_to(0, &args).n("deleted"), 1);
    assert_eq!(setup.list("SELECT id FROM t ORDER BY id"), ["2", "3"]);
}

#[test]
fn a_row_that_was_there_in_between_needs_two_sightings_again() {
    let setup = Setup::new();
    setup
        .my("CREATE TABLE t (id INT PRIMARY KEY, b TINYINT(1)); INSERT INTO t VALUES (1, 1), (2, 1), (3, 1)");
    let args = ["copy", "t", "--missing", "delete", "--tinyint1-bool"];
    setup.sync_to(0, &args);
    setup.my("DELETE FROM t WHERE id = 1");
    setup.sync_to(0, &args);
    // There again, in a run that sets another row aside; and gone again.
    setup.my("INSERT INTO t VALUES (1, 1); UPDATE t SET b = 2 WHERE id = 3");
    setup.sync_to(3, &args);
    setup.my("DELETE FROM t WHERE id = 1; UPDATE t SET b = 0");
    setup.sync_to(0, &args);
    assert_eq!(setup.list("SELECT id FROM t ORDER BY id"), ["1", "2", "3"]);
    // There again in a new table.
    setup.my("INSERT INTO t VALUES (1, 1)");
    setup.sql("DROP TABLE t");
    setup.sync_to(0, &args);
    setup.my("DELETE FROM t WHERE id = 1");
    setup.sync_to(0, &args);
    assert_eq!(setup.list("SELECT id FROM t ORDER BY id"), ["1", "2", "3"]);
    assert_eq!(setup.sync_to(0, &args).n("deleted"), 1);
}

#[test]
fn missing_rows_and_an_incremental_read_do_not_go_together() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
    for policy in ["mark", "delete"] {
        let outcome = setup.run(&["copy", "t", "--incremental", "id", "--missing", policy]);
        assert_eq!(outcome.code, Some(78), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("--missing"), "{}", outcome.stderr);
    }
    assert_eq!(setup.one("SELECT to_regclass('t')"), "NULL");
}

#[test]
fn values_that_two_rows_exchange_need_a_deferrable_constraint() {
    let setup = Setup::new();
    // A unique column whose values two rows exchange: said, and never half done.
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, u INT); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)");
    setup.sql("CREATE TABLE t (id int PRIMARY KEY, u int, UNIQUE (u) DEFERRABLE)");
    setup.sync_to(0, &["copy", "t"]);
    setup.my("UPDATE t SET u = 3 - u WHERE id < 3");
    setup.sync_to(0, &["copy", "t"]);
    assert_eq!(setup.list("SELECT u FROM t ORDER BY id"), ["2", "1", "3"]);
}

#[test]
fn a_trigger_that_swallows_rows_is_noticed() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)");
    setup.sql(
        "CREATE TABLE t (id int PRIMARY KEY, v int);
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.v = 2 THEN RETURN NULL; END IF; RETURN new; END $$;
         CREATE TRIGGER f BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
    );
    for _ in 0..2 {
        let outcome = setup.sync_to(3, &["copy", "t"]);
        assert_eq!(outcome.n("rejected"), 1, "{}", outcome.report);
        assert_eq!(setup.list("SELECT id FROM t ORDER BY id"), ["1", "3"]);
        assert_eq!(setup.list("SELECT row_key FROM sync_rejected"), ["2"]);
    }
}

#[test]
fn a_table_does_not_answer_for_the_rows_set_aside_of_another() {
    let setup = Setup::new();
    setup.my("CREATE TABLE good (id INT PRIMARY KEY); INSERT INTO good VALUES (1);
         CREATE TABLE bad (id INT PRIMARY KEY, v TINYINT(1)); INSERT INTO bad VALUES (1, 2)");
    setup.sync_to(3, &["copy", "bad", "--tinyint1-bool"]);
    setup.sync_to(0, &["copy", "good", "--tinyint1-bool"]);
    setup.sync_to(3, &["copy", "good", "bad", "--tinyint1-bool"]);
}

#[test]
fn a_mark_of_absence_does_not_share_its_column_with_the_source() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, absent_depuis DATETIME); INSERT INTO t VALUES (1, NULL)");
    setup.sync_to(0, &["copy", "t"]);
    let outcome = setup.sync_to(78, &["copy", "t", "--missing", "mark"]);
    assert!(outcome.stderr.contains("absent_depuis"), "{}", outcome.stderr);
    setup.sync_to(0, &["copy", "t"]);
}

#[test]
fn what_cannot_be_copied_is_refused_with_its_reason() {
    let setup = Setup::new();
    let wide: Vec<String> = (0..1700).map(|n| format!("c{n} TINYINT")).collect();
    setup.my(&format!("CREATE TABLE wide ({}) ENGINE=Aria", wide.join(", ")));
    setup.my("CREATE TABLE seq1 (id INT PRIMARY KEY); CREATE TABLE t (id INT); CREATE VIEW lost AS SELECT * FROM t; DROP TABLE t");
    setup.my(&format!("CREATE TABLE longname (id INT PRIMARY KEY, `{}` INT)", "n".repeat(64)));
    setup.my("CREATE TABLE big (id INT PRIMARY KEY, r BIGINT UNSIGNED); INSERT INTO big VALUES (1, 9223372036854775808)");
    setup.sql("CREATE SEQUENCE seq1");
    for (args, said) in [
        (&["copy", "wide"][..], "tables can have at most 1600 columns"),
        (&["copy", "seq1"], "something else has that name"),
        (&["copy", "lost"], "lost has no columns that can be read"),
        (&["copy", "longname"], "longname: the name nnn"),
        (&["copy", "big", "--incremental", "r"], "r of big has passed"),
        (&["--since", "2026-01-25T10:00:00+05:00"], "without a zone"),
    ] {
        let run = setup.run(args);
        assert_eq!(run.code, Some(78), "{run:?}");
        assert!(run.stderr.contains(said) && !run.stderr.contains("GRANT"), "{said}: {}", run.stderr);
    }
}

#[test]
fn a_database_that_does_not_hold_every_character_is_refused() {
    let setup = Setup::new();
    setup.sql("CREATE DATABASE narrow ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    let url = setup.url().rsplit_once('/').map(|(server, _)| format!("{server}/narrow")).unwrap();
    for command in [&["copy", "t"][..], &["check"]] {
        let run = setup.tool(command).env("DATABASE_URL", &url).run();
        assert_eq!(run.code, Some(78), "{run:?}");
        assert!(
            run.stderr.contains("the database is in LATIN1") && run.stderr.contains("ENCODING 'UTF8'"),
            "{}",
            run.stderr
        );
    }
}
