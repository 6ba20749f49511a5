//! Values and names that make other programs fail or lie.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use common::Setup;
use mysql::prelude::Queryable;
use sync_testing::mariadb;

/// A connection to the source that takes what is no date.
fn lax(setup: &Setup) -> mysql::Conn {
    let mut conn = setup.conn();
    conn.query_drop("SET sql_mode = 'ALLOW_INVALID_DATES'").unwrap();
    conn
}

fn versions(setup: &Setup, table: &str) -> Vec<String> {
    setup.list(&format!("SELECT xmin || ' ' || ctid FROM {table} ORDER BY 1"))
}

#[test]
fn zero_dates_are_null_also_where_the_source_forbids_null() {
    let setup = Setup::new();
    let mut conn = lax(&setup);
    conn.query_drop(
        "CREATE TABLE z (id INT PRIMARY KEY, d DATE NOT NULL, dt DATETIME(6) NOT NULL, dn DATE NULL,
           ts TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00')",
    )
    .unwrap();
    for (id, day) in ["0000-00-00", "2024-00-00", "2024-00-10", "2024-02-00", "2024-01-15"].iter().enumerate()
    {
        conn.query_drop(format!("INSERT INTO z VALUES ({id}, '{day}', '{day} 10:00:00', '{day}', DEFAULT)"))
            .unwrap();
    }
    conn.query_drop("UPDATE z SET ts = FROM_UNIXTIME(1) WHERE id = 4").unwrap();
    // A time without a day is no time either.
    conn.query_drop("INSERT INTO z VALUES (5, '0000-00-00', '0000-00-00 00:00:00', NULL, DEFAULT)").unwrap();
    let outcome = setup.sync_to(0, &["copy", "z"]);
    let found =
        setup.list("SELECT id || ' ' || concat_ws(',', d, dt, dn, ts AT TIME ZONE 'UTC') FROM z ORDER BY id");
    assert_eq!(
        found,
        ["0 ", "1 ", "2 ", "3 ", "4 2024-01-15,2024-01-15 10:00:00,2024-01-15,1970-01-01 00:00:01", "5 "]
    );
    // Four columns of four rows, and three of the last.
    assert_eq!(outcome.n("zero_dates"), 19, "{}", outcome.report);
    assert_eq!(setup.sync_to(0, &["copy", "z"]).n("written"), 0);
    conn.query_drop("UPDATE z SET d = '2024-01-01' WHERE id = 0").unwrap();
    assert_eq!(setup.sync_to(0, &["copy", "z"]).n("written"), 1);
    assert_eq!(setup.one("SELECT d FROM z WHERE id = 0"), "2024-01-01");
}

#[test]
fn days_that_do_not_exist_are_set_aside_and_the_others_arrive() {
    let setup = Setup::new();
    let mut conn = lax(&setup);
    for engine in ["InnoDB", "MyISAM"] {
        conn.query_drop(format!(
            "CREATE TABLE d{engine} (id INT PRIMARY KEY, d DATE, dt DATETIME) ENGINE={engine}"
        ))
        .unwrap();
        conn.query_drop(format!(
            "INSERT INTO d{engine} VALUES (1, '2024-02-29', '2024-02-29 12:00:00'), (2, '2024-02-30', NULL),
               (3, NULL, '2023-02-29 01:02:03'), (4, '2024-04-31', NULL), (5, NULL, NULL)"
        ))
        .unwrap();
        let table = format!("d{engine}");
        let outcome = setup.sync_to(3, &["copy", &table]);
        assert_eq!(outcome.counts(), [5, 2, 0, 0, 3, 0], "{}", outcome.report);
        assert_eq!(setup.list(&format!("SELECT id FROM \"{table}\" ORDER BY id")), ["1", "5"]);
        let reasons = setup.list(&format!(
            "SELECT row_key || ' ' || reason FROM sync_rejected WHERE table_name = '{table}' ORDER BY 1"
        ));
        assert_eq!(
            reasons,
            [
                "2 d: a day that does not exist",
                "3 dt: a day that does not exist",
                "4 d: a day that does not exist"
            ]
        );
        assert_eq!(setup.sync_to(3, &["copy", &table]).counts(), [5, 0, 2, 0, 3, 0]);
        conn.query_drop(format!("UPDATE d{engine} SET d = '2024-01-01', dt = NULL WHERE id IN (2, 3, 4)"))
            .unwrap();
        assert_eq!(setup.sync_to(0, &["copy", &table]).counts(), [5, 3, 2, 0, 0, 0]);
        assert!(setup.rejected().is_empty());
    }
}

#[test]
fn zero_dates_in_a_key_are_set_aside() {
    let setup = Setup::new();
    let mut conn = lax(&setup);
    for engine in ["InnoDB", "MyISAM"] {
        let table = format!("k{}", engine.to_lowercase());
        conn.query_drop(format!("CREATE TABLE {table} (d DATE, n INT, PRIMARY KEY (d, n)) ENGINE={engine}"))
            .unwrap();
        conn.query_drop(format!(
            "INSERT INTO {table} VALUES ('0000-00-00', 1), ('0000-00-00', 2), ('2024-00-01', 1), ('2024-01-01', 1)"
        ))
        .unwrap();
        let outcome = setup.sync_to(3, &["copy", &table]);
        assert_eq!(outcome.counts(), [4, 1, 0, 0, 3, 0], "{}", outcome.report);
        assert_eq!(setup.list(&format!("SELECT d || ' ' || n FROM {table}")), ["2024-01-01 1"]);
        let again = setup.sync_to(3, &["copy", &table]);
        assert_eq!(again.counts(), [4, 0, 1, 0, 3, 0], "{}", again.report);
        let keys =
            setup.list(&format!("SELECT row_key FROM sync_rejected WHERE table_name = '{table}' ORDER BY 1"));
        assert_eq!(keys.len(), 3, "{keys:?}");
    }
}

#[test]
fn nul_in_text_is_removed_and_counted() {
    let setup = Setup::new();
    setup.my("CREATE TABLE n (id INT PRIMARY KEY, v TEXT, c CHAR(3), s VARCHAR(9))");
    setup.my(
        "INSERT INTO n VALUES (1, 'a\\0b', 'x', '\\0'), (2, '\\0\\0', 'y', 'é\\0é'), (3, 'clean', 'z', '')",
    );
    let outcome = setup.sync_to(0, &["copy", "n"]);
    assert_eq!(
        setup.list("SELECT concat_ws('|', id, v, c, s) FROM n ORDER BY id"),
        ["1|ab|x|", "2||y|éé", "3|clean|z|"]
    );
    assert_eq!(outcome.n("texts_with_nul"), 4, "{}", outcome.report);
    assert_eq!(setup.sync_to(0, &["copy", "n"]).n("written"), 0);
}

#[test]
fn names_arrive_as_they_are() {
    let setup = Setup::new();
    let tables =
        ["Kunden", "order", "Größe m²", "a b", "it's", "q\"q", "b`t", "per%cent", "x$y", "select", "T.able"];
    let columns = [
        "Id", "Select", "group", "Ärger", "a b", "q\"q", "b`t", "it's", "per%cent", "x.y", "Straße", "user",
        "$1", "?", "ord", "n", "s", "d", "is_new", "differs", "values",
    ];
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let pg = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut conn = setup.conn();
    for table in tables {
        let list: Vec<String> = columns
            .iter()
            .map(|column| {
                format!("{} INT{}", quoted(column), if *column == "Id" { " PRIMARY KEY" } else { "" })
            })
            .collect();
        conn.query_drop(format!("CREATE TABLE {} ({})", quoted(table), list.join(", "))).unwrap();
        let values: Vec<String> = (0..columns.len()).map(|i| i.to_string()).collect();
        conn.query_drop(format!("INSERT INTO {} VALUES ({})", quoted(table), values.join(", "))).unwrap();
    }
    let args: Vec<&str> = ["copy"].into_iter().chain(tables).collect();
    let outcome = setup.sync_to(0, &args);
    assert_eq!(outcome.n("written"), tables.len() as u64);
    let list: Vec<String> = columns.iter().map(|column| pg(column)).collect();
    let expected: Vec<String> = (0..columns.len()).map(|i| i.to_string()).collect();
    for table in tables {
        let found = setup.rows(&format!("SELECT {} FROM {}", list.join(", "), pg(table)));
        let found: Vec<String> = found[0].iter().flatten().cloned().collect();
        assert_eq!(found, expected, "{table}");
        conn.query_drop(format!("UPDATE {} SET `x.y` = 99, `b``t` = NULL", quoted(table))).unwrap();
        conn.query_drop(format!("INSERT INTO {} (`Id`) VALUES (7)", quoted(table))).unwrap();
    }
    let outcome = setup.sync_to(0, &args);
    assert_eq!(outcome.n("written"), 2 * tables.len() as u64, "{}", outcome.report);
    for table in tables {
        assert_eq!(setup.one(&format!("SELECT \"x.y\" FROM {} WHERE \"Id\" = 0", pg(table))), "99");
    }
    assert_eq!(setup.sync_to(0, &args).n("written"), 0);
}

#[test]
fn a_name_is_found_without_regard_to_case() {
    let setup = Setup::new();
    setup.my("CREATE TABLE A_Kopf (Id INT PRIMARY KEY); INSERT INTO A_Kopf VALUES (1)");
    setup.sync_to(0, &["copy", "a_kopf"]);
    assert_eq!(setup.one("SELECT \"Id\" FROM \"A_Kopf\""), "1");
    // Set aside under one spelling, and gone under another.
    let mut conn = lax(&setup);
    conn.query_drop("ALTER TABLE A_Kopf ADD d DATE").unwrap();
    setup.sql("DROP TABLE \"A_Kopf\"");
    conn.query_drop("INSERT INTO A_Kopf VALUES (2, '2024-02-30')").unwrap();
    setup.sync_to(3, &["copy", "a_kopf"]);
    conn.query_drop("UPDATE A_Kopf SET d = '2024-02-29'").unwrap();
    setup.sync_to(0, &["copy", "A_KOPF"]);
    assert!(setup.rejected().is_empty(), "{:?}", setup.rejected());
}

#[test]
fn a_name_too_long_for_postgresql_is_refused_before_anything_is_written() {
    let setup = Setup::new();
    let (long, fits) = ("t".repeat(64), "u".repeat(63));
    let accents = "é".repeat(32);
    setup.my(&format!(
        "CREATE TABLE {long} (id INT PRIMARY KEY); CREATE TABLE {fits} (id INT PRIMARY KEY, {fits} INT);
         INSERT INTO {fits} VALUES (1, 2); INSERT INTO {long} VALUES (1);
         CREATE TABLE c (id INT PRIMARY KEY, `{accents}` INT); INSERT INTO c VALUES (1, 2)"
    ));
    let outcome = setup.sync_to(78, &["copy", &fits, &long]);
    assert!(outcome.stderr.contains(&long), "{}", outcome.stderr);
    assert_eq!(setup.one(&format!("SELECT to_regclass('{fits}')")), "NULL");
    let outcome = setup.sync_to(78, &["copy", "c"]);
    assert!(outcome.stderr.contains(&accents), "{}", outcome.stderr);
    setup.sync_to(0, &["copy", &fits]);
    assert_eq!(setup.one(&format!("SELECT {fits} FROM {fits}")), "2");
    // Under other names they arrive.
    let job = setup.file(
        "long.yaml",
        &format!(
            "source: {{table: c}}\ndestination: {{table: short}}\ncolumns: [{{from: id}}, {{from: {accents}, to: é}}]"
        ),
    );
    setup.sync_to(0, &["--job", job.to_str().unwrap()]);
    assert_eq!(setup.one("SELECT é FROM short"), "2");
}

#[test]
fn names_that_postgresql_keeps_for_itself_are_refused_with_a_hint() {
    let setup = Setup::new();
    setup.my("CREATE TABLE sys (id INT PRIMARY KEY, xmin INT); INSERT INTO sys VALUES (1, 2)");
    let outcome = setup.sync(&["copy", "sys"]);
    assert!(outcome.code == 78 && outcome.stderr.contains("xmin"), "{}", outcome.stderr);
    setup.my("CREATE TABLE ours (id INT PRIMARY KEY, _source_rowid INT)");
    let outcome = setup.sync_to(78, &["copy", "ours"]);
    assert!(outcome.stderr.contains("_source_rowid"), "{}", outcome.stderr);
    assert_eq!(setup.one("SELECT to_regclass('sys')"), "NULL");
}

#[test]
fn generated_and_invisible_columns_arrive_as_values() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE g (id INT PRIMARY KEY, a INT, v INT AS (a * 2) VIRTUAL, s VARCHAR(20) AS (concat('n', a)) STORED,
           hidden INT INVISIBLE DEFAULT 7);
         INSERT INTO g (id, a) VALUES (1, 10), (2, NULL); UPDATE g SET hidden = 8 WHERE id = 2",
    );
    setup.sync_to(0, &["copy", "g"]);
    assert_eq!(
        setup.list("SELECT concat_ws('|', id, a, v, s, hidden) FROM g ORDER BY id"),
        ["1|10|20|n10|7", "2|8"]
    );
    setup.my("UPDATE g SET a = 11 WHERE id = 1");
    assert_eq!(setup.sync_to(0, &["copy", "g"]).n("written"), 1);
    assert_eq!(setup.one("SELECT concat_ws('|', v, s) FROM g WHERE id = 1"), "22|n11");
}

#[test]
fn no_rows_make_an_empty_table_with_its_key() {
    let setup = Setup::new();
    setup.my("CREATE TABLE e (a INT, b VARCHAR(5), v INT, PRIMARY KEY (b, a)); CREATE TABLE nokey (v INT);
         CREATE TABLE eisam (id INT PRIMARY KEY) ENGINE=MyISAM");
    for _ in 0..2 {
        let outcome = setup.sync_to(0, &["copy", "e", "nokey", "eisam"]);
        assert_eq!(outcome.counts(), [0; 6], "{}", outcome.report);
        assert_eq!(setup.one("SELECT (SELECT count(*) FROM e) + (SELECT count(*) FROM nokey)"), "0");
    }
    let key =
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'e'::regclass AND indisprimary";
    assert!(setup.one(key).ends_with("(b, a)"), "{}", setup.one(key));
    setup.my("INSERT INTO e VALUES (1, 'x', 5)");
    assert_eq!(setup.sync_to(0, &["copy", "e"]).n("written"), 1);
    // A source that was emptied deletes nothing.
    setup.my("DELETE FROM e");
    setup.sync_to(0, &["copy", "e"]);
    assert_eq!(setup.one("SELECT count(*) FROM e"), "1");
}

#[test]
fn a_blob_of_100_mb_arrives_in_bounded_memory() {
    let args = vec!["--max-allowed-packet=256M".into(), "--innodb-log-file-size=1G".into()];
    let setup = Setup::with(mariadb::Options { args, ..Default::default() });
    setup.my("CREATE TABLE b (id INT PRIMARY KEY, v LONGBLOB, t LONGTEXT)");
    setup.my("INSERT INTO b VALUES (1, REPEAT(UNHEX('00FF10AB'), 25 * 1024 * 1024), NULL), (2, 'x', 'y')");
    let md5: String = setup.conn().query_first("SELECT md5(v) FROM b WHERE id = 1").unwrap().unwrap();
    for (round, n_written) in [(1, 2), (2, 0)] {
        let run = setup.run(&["copy", "b", "--report", "json"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["written"], n_written, "{}", run.stdout);
        let peak_mb = run.peak_rss_kb.unwrap() / 1024;
        println!("round {round}: {peak_mb} MB");
        assert!(peak_mb <= 260, "round {round}: {peak_mb} MB");
        assert_eq!(setup.one("SELECT md5(v) FROM b WHERE id = 1"), md5);
    }
    setup.my("UPDATE b SET t = REPEAT('é', 50 * 1024 * 1024), v = NULL WHERE id = 1");
    let run = setup.run(&["copy", "b"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let peak_mb = run.peak_rss_kb.unwrap() / 1024;
    assert!(peak_mb <= 260, "text: {peak_mb} MB");
    let md5: String = setup.conn().query_first("SELECT md5(t) FROM b WHERE id = 1").unwrap().unwrap();
    assert_eq!(setup.one("SELECT md5(t) FROM b WHERE id = 1"), md5);
}

#[test]
fn a_huge_value_in_a_myisam_table_arrives() {
    let args = vec!["--max-allowed-packet=64M".into()];
    let setup = Setup::with(mariadb::Options { args, ..Default::default() });
    setup.my("CREATE TABLE b (id INT PRIMARY KEY, v LONGBLOB) ENGINE=MyISAM");
    setup.my("INSERT INTO b SELECT seq, IF(seq = 700, REPEAT('ab', 10000000), REPEAT('x', 100)) FROM seq_1_to_1500");
    let outcome = setup.sync_to(0, &["copy", "b"]);
    assert_eq!(outcome.n("written"), 1500);
    assert_eq!(setup.one("SELECT length(v) FROM b WHERE id = 700"), "20000000");
    assert_eq!(setup.one("SELECT count(*) FROM b WHERE length(v) = 100"), "1499");
    let before = versions(&setup, "b");
    assert_eq!(setup.sync_to(0, &["copy", "b"]).n("written"), 0);
    assert_eq!(versions(&setup, "b"), before);
}

#[test]
fn several_long_values_in_a_row_arrive() {
    let args = vec!["--max-allowed-packet=128M".into(), "--innodb-log-file-size=512M".into()];
    let setup = Setup::with(mariadb::Options { args, ..Default::default() });
    setup.my("CREATE TABLE b (id INT PRIMARY KEY, v LONGBLOB, t LONGTEXT, j JSON)");
    setup.my(
        "INSERT INTO b SELECT seq, REPEAT(UNHEX('00FF10AB'), 2000000 + seq), REPEAT('é', 1000000), concat('\"', REPEAT('x', 2000000), '\"')
         FROM seq_1_to_6",
    );
    for n_written in [6, 0] {
        assert_eq!(setup.sync_to(0, &["copy", "b"]).n("written"), n_written);
    }
    let md5: Vec<String> =
        setup.conn().query("SELECT concat(md5(v), md5(t), md5(j)) FROM b ORDER BY id").unwrap();
    assert_eq!(setup.list("SELECT md5(v) || md5(t) || md5(j::text) FROM b ORDER BY id"), md5);
    // One that is refused is described by its beginning.
    setup.sql("ALTER TABLE b ADD CHECK (length(v) < 8000026)");
    setup.my("UPDATE b SET v = concat(v, 'long')");
    let outcome = setup.sync_to(3, &["copy", "b"]);
    assert_eq!((outcome.n("written"), outcome.n("rejected")), (5, 1), "{}", outcome.report);
    assert_eq!(setup.one("SELECT max(length(\"row\"::text)) < 70000 FROM sync_rejected"), "t");
}
