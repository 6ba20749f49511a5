//! Settings: where they come from, which one wins, and what is said of wrong ones.

mod common;

use std::fs;

use common::{DAY, Setup, measurements};
use sync_testing::tool::{Run, Tool};

/// One day with one row.
fn setup() -> Setup {
    let setup = Setup::new();
    setup.write(DAY, &measurements(&[("10:00", 0.5)]));
    setup
}

/// The parts of the database's URL: port and name.
fn parts(setup: &Setup) -> (String, String) {
    let database = setup.url().rsplit('/').next().expect("a URL has parts").to_owned();
    (setup.server.port().to_string(), database)
}

/// The tool with single settings instead of a URL.
fn single(setup: &Setup) -> Tool {
    let (port, database) = parts(setup);
    setup
        .bare(&[])
        .env("SQLITE_DB_DIR", setup.dir().join("days"))
        .env("POSTGRES_HOST", "127.0.0.1")
        .env("POSTGRES_PORT", port)
        .env("POSTGRES_DATABASE", database)
        .env("POSTGRES_USER", "postgres")
        .env("POSTGRES_PASSWORD", sync_testing::postgres::PASSWORD)
}

#[track_caller]
fn assert_refused(run: &Run, words: &[&str]) {
    assert_eq!(run.code, Some(78), "{}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    assert_eq!(run.stdout, "");
    assert!(!run.stderr.contains(sync_testing::postgres::PASSWORD), "{}", run.stderr);
}

#[test]
fn the_names_that_users_have_today_work() {
    let setup = setup();
    let run = single(&setup).run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(setup.one("SELECT count(*) FROM m"), "1");
}

#[test]
fn a_missing_database_user_or_folder_is_named() {
    let setup = setup();
    for name in ["POSTGRES_DATABASE", "POSTGRES_USER"] {
        assert_refused(&single(&setup).env(name, "").run(), &[name, "hint:"]);
    }
    assert_refused(&single(&setup).env("SQLITE_DB_DIR", "").run(), &["SQLITE_DB_DIR", "hint:"]);
    let run = single(&setup).env("SQLITE_DB_DIR", "/no/such/folder").run();
    assert_refused(&run, &["/no/such/folder", "SQLITE_DB_DIR"]);
}

#[test]
fn a_wrong_password_database_or_role_is_a_setting_and_not_tried_again() {
    let setup = setup();
    for (name, value) in [
        ("POSTGRES_PASSWORD", "wrong-password"),
        ("POSTGRES_DATABASE", "no_such_database"),
        ("POSTGRES_USER", "no_such_role"),
    ] {
        let run = single(&setup).env(name, value).run();
        assert_refused(&run, &["hint:"]);
        assert!(run.elapsed.as_secs() < 10, "{name} took {:?}", run.elapsed);
        assert!(!run.stderr.contains("wrong-password"), "{}", run.stderr);
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let setup = setup();
    for (yaml, words) in [
        ("source_name: a\nbatch_row: 5\n", ["batch_row", "2"]),
        ("tables:\n  include: [\"*\"]\n  exlude: [x]\n", ["exlude", "3"]),
        ("batch_rows: many\n", ["batch_rows", "1"]),
        ("source_name: [\n", ["config.yaml", "1"]),
    ] {
        setup.config(yaml);
        assert_refused(&setup.run(&[]), &[words[0], words[1], "config.yaml"]);
    }
}

#[test]
fn values_that_make_no_sense_are_refused_by_name() {
    let setup = setup();
    for (yaml, word) in [
        ("batch_rows: 0", "batch_rows"),
        ("sync_interval_seconds: 0", "sync_interval_seconds"),
        ("sync_interval_seconds: -5", "sync_interval_seconds"),
        ("key_columns: []", "key_columns"),
        ("source_name: \"\"", "source_name"),
        ("destination: { table: \"\" }", "destination.table"),
        ("tables: { include: [\"[\"] }", "tables.include"),
        ("destination: { table: \"{foo}\" }", "destination.table"),
        ("on_duplicate: replace", "on_duplicate"),
    ] {
        setup.config(yaml);
        assert_refused(&setup.run(&[]), &[word]);
    }
    setup.config("");
    assert_refused(&single(&setup).env("POSTGRES_PORT", "x").run(), &["POSTGRES_PORT", "x"]);
    let run = setup.tool(&[]).env("SYNC_INTERVAL_SECONDS", "soon").run();
    assert_refused(&run, &["SYNC_INTERVAL_SECONDS", "soon"]);
}

/// The source name that a run used, or what it said.
fn source_of(run: &Run) -> String {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("a JSON report");
    report["source"].as_str().expect("the report names its source").to_owned()
}

#[test]
fn a_flag_wins_over_the_environment_over_dotenv_over_yaml_over_the_default() {
    let setup = setup();
    let json = ["--report", "json"];
    assert_eq!(source_of(&setup.run(&json)), "main");
    setup.config("source_name: yaml");
    assert_eq!(source_of(&setup.run(&json)), "yaml");
    fs::write(setup.dir().join(".env"), "SQLITE2PG_SOURCE_NAME=dotenv\n").unwrap();
    assert_eq!(source_of(&setup.run(&json)), "dotenv");
    let tool = setup.tool(&json).env("SQLITE2PG_SOURCE_NAME", "environment");
    assert_eq!(source_of(&tool.run()), "environment");
    assert_eq!(source_of(&tool.args(["--source-name", "flag"]).run()), "flag");
    fs::write(setup.dir().join("other.env"), "SQLITE2PG_SOURCE_NAME=other\n").unwrap();
    let run = setup.run(&["--report", "json", "--env-file", "other.env"]);
    assert_eq!(source_of(&run), "other");
    fs::write(setup.dir().join("other.yaml"), "source_name: unused\nbatch_rows: 1\n").unwrap();
    let run = setup.run(&["--report", "json", "--config", "other.yaml"]);
    assert_eq!(source_of(&run), "dotenv");
}

#[test]
fn a_url_wins_over_the_single_settings() {
    let setup = setup();
    let run = single(&setup).env("POSTGRES_DATABASE", "nowhere").env("DATABASE_URL", setup.url()).run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let run = single(&setup)
        .args(["--database-url", setup.url()])
        .env("DATABASE_URL", "postgresql://x@127.0.0.1:1/x")
        .run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn a_secret_may_come_from_a_file() {
    let setup = setup();
    let path = setup.dir().join("secret");
    fs::write(&path, format!("{}\n", sync_testing::postgres::PASSWORD)).unwrap();
    let run = single(&setup).env("POSTGRES_PASSWORD", "").env("POSTGRES_PASSWORD_FILE", &path).run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let run = single(&setup).env("POSTGRES_PASSWORD_FILE", &path).run();
    assert_refused(&run, &["POSTGRES_PASSWORD_FILE", "both set"]);
    let run = single(&setup).env("POSTGRES_PASSWORD", "").env("POSTGRES_PASSWORD_FILE", "/no/such").run();
    assert_refused(&run, &["POSTGRES_PASSWORD_FILE", "/no/such"]);
}

#[test]
fn home_and_variables_expand_in_paths() {
    let setup = setup();
    let tool = || setup.bare(&[]).env("DATABASE_URL", setup.url());
    setup.config("sqlite_db_dir: \"~/days\"");
    let run = tool().env("HOME", setup.dir()).run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    setup.config("sqlite_db_dir: \"${MACHINE_ROOT}/days\"");
    let run = tool().env("MACHINE_ROOT", setup.dir()).run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_refused(&tool().run(), &["sqlite_db_dir", "MACHINE_ROOT"]);
    assert_eq!(setup.one("SELECT count(*) FROM m"), "1");
}

#[test]
fn columns_may_be_called_y_and_n() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE m (n INTEGER, y INTEGER, no TEXT); INSERT INTO m VALUES (1, 2, 'a'), (1, 2, 'a')",
    );
    for keys in ["[n, y]", "{ m: [y, n, no] }", "n"] {
        setup.config(&format!("key_columns: {keys}\ntimestamp_column: no"));
        let outcome = setup.sync_to(0, &["--source-name", keys]);
        assert_eq!(outcome.n("read"), 2);
    }
    assert_eq!(setup.one("SELECT count(*) FROM m"), "1");
}

#[test]
fn tables_are_chosen_by_patterns() {
    let setup = Setup::new();
    setup.config("tables: { include: [\"m*\", pc-test], exclude: [\"*_tmp\"] }");
    for name in ["m1", "m2_tmp", "pc-test", "other"] {
        setup.write(DAY, &format!("CREATE TABLE \"{name}\" (v TEXT); INSERT INTO \"{name}\" VALUES ('x')"));
    }
    assert_eq!(setup.sync_to(0, &[]).n("written"), 2);
    assert_eq!(setup.list("SELECT table_name FROM sync_watermark ORDER BY 1"), ["m1", "pc-test"]);
    setup.config("tables: { exclude: [\"*_tmp\"] }");
    assert_eq!(
        setup.sync_to(0, &[]).n("written"),
        1,
        "tables let in later are read in files that did not change"
    );
}

#[test]
fn days_restrict_a_run() {
    let setup = Setup::new();
    for day in ["2026_01_23", "2026_01_24", DAY, "2026_01_26"] {
        setup.write(day, &measurements(&[("10:00", 0.5)]));
    }
    setup.sync_to(0, &["--since", "2026-01-24", "--until", "2026-01-25"]);
    assert_eq!(setup.list("SELECT file FROM sync_watermark ORDER BY 1"), ["2026_01_24.db", "2026_01_25.db"]);
    assert_eq!(setup.sync_to(0, &[]).n("written"), 2);
}

#[test]
fn a_dry_run_counts_and_writes_nothing() {
    let setup = setup();
    let outcome = setup.sync_to(0, &["--dry-run"]);
    assert_eq!((outcome.n("read"), outcome.n("written")), (1, 0));
    assert_eq!(
        setup.list("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
        [""; 0]
    );
    setup.sync_to(0, &[]);
    setup.write(DAY, &measurements(&[("10:01", 1.5), ("10:02", 2.5)]));
    let before = setup.list("SELECT w::text FROM sync_watermark w");
    assert_eq!(setup.sync_to(0, &["--dry-run"]).counts(), [2, 0, 0, 0, 0, 0]);
    assert_eq!(setup.list("SELECT w::text FROM sync_watermark w"), before);
    assert_eq!(setup.sync_to(0, &[]).n("written"), 2);
}
