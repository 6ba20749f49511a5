//! What strangers tried: odd databases, roles, files and settings.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;

use common::Setup;
use sync_testing::outcome::Outcome;
use sync_testing::proxy::Proxy;

/// A setup with one good table.
fn shop() -> Setup {
    let setup = Setup::new();
    setup.sql("CREATE TABLE good (id int PRIMARY KEY, v text); INSERT INTO good VALUES (1, 'x')");
    setup
}

/// The one table or view that could not be written.
fn failed(outcome: &Outcome) -> (String, String) {
    let failed = outcome.report["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 1, "{failed:?}");
    let text = |name: &str| failed[0][name].as_str().unwrap().to_owned();
    (text("source"), text("reason"))
}

#[test]
fn a_slow_view_takes_its_part_of_the_time_and_no_more() {
    let setup = shop();
    setup.sql("CREATE VIEW a_slow AS SELECT pg_sleep(60)::text AS x");
    let outcome = setup.sync_to(3, &["--include-views", "--deadline", "6s"]);
    assert!(outcome.report["duration_s"].as_f64().unwrap() < 6.0, "{}", outcome.report);
    assert_eq!(failed(&outcome).0, "public.a_slow");
    assert_eq!(setup.cells("good", 2)[1], ["1", "'x"]);
}

#[test]
fn a_link_that_swallows_everything_ends_with_the_deadline() {
    let setup = shop();
    setup.sql("INSERT INTO good SELECT n, repeat('x', 1000) FROM generate_series(2, 20000) n");
    let port = setup.url().rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
    let proxy = Proxy::to(port);
    let url = proxy.url(setup.url());
    let running = setup.tool(&["--database-url", &url, "--deadline", "2s", "--report", "json"]).spawn();
    while proxy.n_bytes_down() < 100_000 {
        std::thread::yield_now();
    }
    proxy.black_hole(true);
    let run = running.wait();
    assert_eq!(run.code, Some(75), "{}", run.stderr);
    assert!(run.elapsed.as_secs() < 30, "{:?}", run.elapsed);
}

#[test]
fn no_error_of_one_table_keeps_the_others_back() {
    let setup = shop();
    for code in ["08006", "57P03", "40001", "53100", "55P03", "XX000"] {
        setup.sql(&format!(
            "CREATE OR REPLACE FUNCTION boom() RETURNS text LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'boom' USING ERRCODE = '{code}'; END $$;
             CREATE OR REPLACE VIEW a_bad AS SELECT boom() AS x; UPDATE good SET v = '{code}'"
        ));
        let outcome = setup.sync_to(3, &["--include-views"]);
        let (source, reason) = failed(&outcome);
        assert!(source == "public.a_bad" && reason.contains("boom"), "{source} {reason}");
        assert_eq!(setup.cells("good", 2)[1], ["1".to_owned(), format!("'{code}")]);
    }
}

#[test]
fn a_view_that_fails_in_a_late_row_is_named() {
    let setup = shop();
    setup.sql("CREATE VIEW late AS SELECT n, 1 / (900 - n) AS x FROM generate_series(1, 1000) n");
    let (source, reason) = failed(&setup.sync_to(3, &["--include-views"]));
    assert!(source == "public.late" && reason.contains("division by zero"), "{source} {reason}");
}

#[test]
fn a_view_of_chance_is_named_as_such() {
    let setup = shop();
    setup.sql("CREATE VIEW dice AS SELECT random() AS x");
    let (source, reason) = failed(&setup.sync_to(3, &["--include-views"]));
    assert!(source == "public.dice" && reason.contains("random()"), "{source} {reason}");
}

#[test]
fn rights_to_some_columns_are_enough_for_these() {
    let setup = shop();
    let role = format!("some{}", std::process::id());
    setup.sql(&format!(
        "CREATE TABLE part (id int PRIMARY KEY, open text, secret text); INSERT INTO part VALUES (1, 'a', 'b');
         CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT SELECT (id, open) ON part TO {role}; GRANT SELECT ON good TO {role}"
    ));
    let rest = setup.url().rsplit_once('@').unwrap().1.to_owned();
    let url = format!("postgres://{role}:x@{rest}");
    let (source, reason) = failed(&setup.sync_to(3, &["--database-url", &url]));
    assert!(source == "public.part" && reason.contains("GRANT"), "{source} {reason}");
    setup.sync_to(0, &["--database-url", &url, "--excluded-columns", "secret"]);
    assert_eq!(setup.cells("part", 2), [["'id", "'open"], ["1", "'a"]]);
}

#[test]
fn a_policy_that_would_hide_rows_is_told_apart_from_a_missing_right() {
    let setup = shop();
    let role = format!("policed{}", std::process::id());
    setup.sql(&format!(
        "CREATE TABLE own (id int PRIMARY KEY); ALTER TABLE own ENABLE ROW LEVEL SECURITY;
         CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT SELECT ON own, good TO {role}"
    ));
    let rest = setup.url().rsplit_once('@').unwrap().1.to_owned();
    let (source, reason) =
        failed(&setup.sync_to(3, &["--database-url", &format!("postgres://{role}:x@{rest}")]));
    assert!(source == "public.own" && reason.contains("BYPASSRLS"), "{source} {reason}");
}

#[test]
fn a_database_of_another_encoding_is_read() {
    let setup = shop();
    let name = format!("latin{}", std::process::id());
    setup.sql(&format!(
        "CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    ));
    let url = format!("{}/{name}", setup.url().rsplit_once('/').unwrap().0);
    setup.server.client(&url).batch_execute("CREATE TABLE t (v text); INSERT INTO t VALUES ('é')").unwrap();
    setup.sync_to(0, &["--database-url", &url]);
    assert_eq!(setup.cells("t", 1), [["'v"], ["'é"]]);
}

#[test]
fn a_database_without_tables_may_have_some_later() {
    let setup = Setup::new();
    let run = setup.run(&[]);
    assert_eq!(run.code, Some(1), "a loop goes on: {}", run.stderr);
    assert!(run.stderr.contains("no tables"), "{}", run.stderr);
    setup.sql("CREATE SCHEMA prisma; CREATE TABLE prisma.x (id int)");
    assert_eq!(setup.run(&[]).code, Some(78), "none of those that are there is wanted");
}

#[test]
fn a_kept_token_that_no_header_can_carry_is_thrown_away() {
    let setup = shop();
    setup.sync_to(0, &[]);
    let state = fs::read_dir(setup.dir().join("state")).unwrap().map(|file| file.unwrap().path());
    let token = state.filter(|path| path.to_str().unwrap().contains("token-")).last().unwrap();
    let text = fs::read_to_string(&token).unwrap();
    fs::write(&token, text.replace("\"access_token\":\"", "\"access_token\":\"a\\n")).unwrap();
    setup.sync_to(0, &[]);
}

#[test]
fn previews_never_share_a_file_and_a_failed_one_leaves_the_old() {
    let setup = Setup::new();
    setup.sql(
        "CREATE TABLE \" lead\" (a int); CREATE TABLE \".lead\" (b int); CREATE TABLE \"..\" (c int);
        CREATE TABLE linked (d int); CREATE TABLE late (e int); INSERT INTO late VALUES (1)",
    );
    let dir = setup.dir().join("csv");
    fs::create_dir(&dir).unwrap();
    let target = setup.file("target", "mine");
    symlink(&target, dir.join("linked.csv")).unwrap();
    fs::write(dir.join("late.csv"), "before\n").unwrap();
    let config = setup.file("c.yaml", "tables: {late: {where: '1 / (e - 1) = 1'}}");
    let run =
        setup.bare(&["preview", "csv", "--config", &config]).env("DB_SYNC_DATABASE_URL", setup.url()).run();
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 5, "{}", run.stdout);
    assert_eq!(fs::read_to_string(target).unwrap(), "mine");
    assert_eq!(fs::read_to_string(dir.join("late.csv")).unwrap(), "before\n");
}

#[test]
fn settings_that_mean_something_else_are_refused() {
    let setup = shop();
    let twice = setup.file("twice.yaml", "tables: {good: {title: A}, public.good: {title: B}}");
    for (args, why) in [
        (["--excluded-table-prefixes", "prisma,_"], "every table"),
        (["--config", &twice], "twice"),
        (["--last-synced", "here"], "no cell"),
        (["--spreadsheet-id", "x"], "no id of a workbook"),
    ] {
        let run = setup.run(&args);
        assert_eq!(run.code, Some(78), "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(why) && run.stderr.contains("hint: "), "{args:?}: {}", run.stderr);
    }
    let comment = setup.file("comment.yaml", "tables: {good: {where: 'id = 1 -- the first'}}");
    setup.sync_to(0, &["--config", &comment]);
}
