//! check, preview, status, health and the plan: what people read.

mod common;

use common::Setup;
use serde_json::json;

fn shop() -> Setup {
    let setup = Setup::new();
    setup.sql("CREATE TABLE customer (id int PRIMARY KEY, name text, password_hash text, born date, at timestamptz);
        INSERT INTO customer VALUES (1, 'Zoë, \"Z\"', '$2b$', '1980-02-29', '2024-06-01 10:00:00+00'), (2, NULL, NULL, NULL, NULL);
        CREATE TABLE log (line text); CREATE SCHEMA prisma; CREATE TABLE prisma.x (id int);
        CREATE TABLE _prisma_migrations (id int); CREATE VIEW names AS SELECT name FROM customer");
    setup
}

#[test]
fn check_says_what_is_there_and_changes_nothing() {
    let setup = shop();
    let before = setup.workbook();
    let run = setup.run(&["check"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    for text in [
        "public.customer: 2 rows, 5 columns",
        "public.log: 0 rows, 1 columns; no key",
        "sheets@demo-project.iam.gserviceaccount.com",
        "Untitled spreadsheet",
        "may change it",
        "of 10000000 cells",
        "public.customer.password_hash",
        "DB_SYNC_EXCLUDED_COLUMNS",
    ] {
        assert!(run.stdout.contains(text), "{text}: {}", run.stdout);
    }
    assert!(!run.stdout.contains("prisma"), "{}", run.stdout);
    let after = setup.workbook();
    assert_eq!((after.tabs.len(), after.metadata.len()), (before.tabs.len(), 0));
}

#[test]
fn check_goes_on_after_a_failure_and_ends_with_the_worst() {
    let setup = shop();
    setup.google.unshare(&setup.google.workbook());
    let run = setup.run(&["check"]);
    assert_eq!(run.code, Some(78));
    assert!(run.stdout.contains("hint: open https://docs.google.com/spreadsheets/d/"), "{}", run.stdout);
    assert!(
        run.stdout.contains("public.customer: 2 rows") && run.stdout.contains("password_hash"),
        "{}",
        run.stdout
    );
}

#[test]
fn preview_needs_no_google() {
    let setup = shop();
    let dir = setup.dir().join("csv");
    let tool = setup.bare(&["preview", "csv", "--include-views", "--excluded-columns", "*.password*"]);
    let run = tool.env("DB_SYNC_DATABASE_URL", setup.url()).run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    assert_eq!(
        read("customer.csv"),
        "id,name,born,at\n1,\"Zoë, \"\"Z\"\"\",1980-02-29,2024-06-01 12:00:00+02\n2,,,\n"
    );
    assert_eq!(read("log.csv"), "line\n");
    assert!(read("names.csv").starts_with("name\n"));
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 3);
}

#[test]
fn a_dry_run_says_what_it_would_do() {
    let setup = shop();
    let run = setup.run(&["--dry-run"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("public.customer") && run.stdout.contains("about 2 calls"), "{}", run.stdout);
    assert!(run.stderr.contains("password_hash"), "{}", run.stderr);
    assert_eq!(setup.workbook().tabs.len(), 1);
    setup.sync_to(0, &[]);
    assert_eq!(setup.run(&["--dry-run"]).stdout, "nothing to do: 1 call\n");
}

#[test]
fn status_and_health_know_the_last_run() {
    let setup = shop();
    assert_eq!(setup.run(&["health"]).code, Some(1));
    let status = setup.run(&["status"]);
    assert!(
        status.stdout.contains("none is known here") && status.stdout.contains("no tab of shop yet"),
        "{}",
        status.stdout
    );
    setup.sync_to(0, &[]);
    assert_eq!(setup.run(&["health"]).code, Some(0));
    assert_eq!(setup.run(&["health", "--max-age", "1ms"]).code, Some(1));
    let sheet = setup.workbook().tab("log").sheet_id;
    setup.edit(json!([{"appendDimension": {"sheetId": sheet, "dimension": "ROWS", "length": 1}}]));
    let status = setup.run(&["status"]).stdout;
    assert!(status.contains("exit code 0") && status.contains("complete"), "{status}");
    assert!(status.contains("added or deleted by hand"), "{status}");
    // Without a folder for it nothing is known, and nothing fails.
    let homeless = setup.tool(&["--state-dir", "/proc/nowhere"]).run();
    assert_eq!(homeless.code, Some(0), "{}", homeless.stderr);
    assert!(homeless.stderr.contains("DB_SYNC_STATE_DIR"), "{}", homeless.stderr);
}

#[test]
fn a_pattern_that_excludes_nothing_is_named() {
    let setup = shop();
    let run = setup.run(&["--excluded-columns", "password_hash,*.pasword*"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("no column is like *.pasword*"), "{}", run.stderr);
    assert!(!run.stderr.contains("like password_hash"), "{}", run.stderr);
    assert_eq!(setup.cells("customer", 4)[0], ["'id", "'name", "'born", "'at"]);
}

#[test]
fn tables_can_be_chosen_and_shaped() {
    let setup = shop();
    let config = setup.file(
        "pg2sheets.yaml",
        "tables:
  public.customer:
    title: Kunden
    where: name IS NOT NULL
    columns: [name, id]
  log:
    order: line DESC
  totals:
    title: Totals
    query: SELECT count(*) AS n, 'x'::text AS x FROM customer;
",
    );
    setup.sql("INSERT INTO log VALUES ('a'), ('b')");
    setup.sync_to(0, &["--config", &config, "--sheet-prefix", "DB "]);
    assert_eq!(setup.cells("DB Kunden", 2), [["'name", "'id"], ["'Zoë, \"Z\"", "1"]]);
    assert_eq!(setup.cells("DB log", 1), [["'line"], ["'b"], ["'a"]]);
    assert_eq!(setup.cells("DB Totals", 2), [["'n", "'x"], ["2", "'x"]]);
    let settled = setup.sync_to(0, &["--config", &config]);
    assert_eq!(settled.n("written"), 0);
    let outcome = setup.sync_to(3, &["--config", &config, "--tables", "log,public.nowhere"]);
    assert_eq!(outcome.report["failed"][0]["source"], "public.nowhere");
}

#[test]
fn a_wrong_file_is_named_with_the_place() {
    let setup = shop();
    for (text, why) in [
        ("tables:\n  a:\n    titel: x\n", "titel"),
        ("tables:\n  a: {query: SELECT 1, where: x}\n", "exclude each other"),
        ("tables:\n  a: {columns: []}\n", "columns"),
        ("{", "line 1"),
    ] {
        let config = setup.file("pg2sheets.yaml", text);
        let run = setup.run(&["--config", &config]);
        assert_eq!(run.code, Some(78), "{text}: {}", run.stderr);
        assert!(run.stderr.contains(why) && run.stderr.contains("pg2sheets.yaml"), "{text}: {}", run.stderr);
    }
    let config = setup.file(
        "pg2sheets.yaml",
        "tables:\n  bad: {query: SELECT nothing FROM nowhere}\n  public.customer: {columns: [nope]}\n",
    );
    let outcome = setup.sync_to(3, &["--config", &config]);
    let failed = outcome.report["failed"].to_string();
    assert!(failed.contains("nowhere") && failed.contains("there is no column nope"), "{failed}");
    assert_eq!(setup.cells("log", 1), [["'line"]], "the others are written");
}

#[test]
fn settings_come_from_a_file_of_their_own() {
    let setup = shop();
    setup.file(".env", "DB_SYNC_DATABASE_URL=postgres://nobody@127.0.0.1:1/x\n");
    let key = setup.file("key.json", &setup.google.key_json());
    let text = format!(
        "DB_SYNC_DATABASE_URL={}\nGOOGLE_SPREADSHEET_ID=https://docs.google.com/spreadsheets/d/{}/edit#gid=0\n\
         GOOGLE_APPLICATION_CREDENTIALS={key}\nDB_SYNC_STATE_DIR=state\nDB_SYNC_EXCLUDED_COLUMNS=*.password*,log.*\n",
        setup.url(),
        setup.google.workbook()
    );
    setup.file(".env.db-sync", &text);
    let run = setup.bare(&["--sheets-url", &setup.google.url()]).run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(setup.cells("customer", 4)[0], ["'id", "'name", "'born", "'at"]);
    assert_eq!(setup.workbook().tab("log").n_columns, 1);
}
