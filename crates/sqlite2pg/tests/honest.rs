//! What is said about rows is true: safe to delete, equal, written, and nothing hidden from us.

mod common;

use std::process::Command;

use common::{DAY, Setup, oracle};
use sync_testing::postgres::PASSWORD;

const ROWS: &str = "CREATE TABLE m (id INTEGER PRIMARY KEY, v REAL);
    WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100) INSERT INTO m SELECT i, i FROM c;";

fn synced() -> Setup {
    let setup = Setup::new();
    setup.write(DAY, ROWS);
    setup.sync_to(0, &[]);
    setup
}

fn files(setup: &Setup) -> String {
    setup.run(&["status", "--files"]).stdout
}

#[test]
fn a_file_is_safe_to_delete_when_all_of_it_is_there() {
    assert!(files(&synced()).contains("safe to delete"));
}

#[test]
fn a_file_is_not_safe_to_delete_when_rows_were_deleted_in_postgresql() {
    let setup = synced();
    setup.sql("DELETE FROM m WHERE id > 50");
    setup.sync_to(0, &[]);
    assert!(files(&setup).contains("50 rows missing"), "{}", files(&setup));
}

#[test]
fn a_file_is_not_safe_to_delete_when_a_row_was_edited_in_it() {
    let setup = synced();
    setup.write(DAY, "UPDATE m SET v = 999 WHERE id = 5");
    setup.sync_to(0, &[]);
    assert!(files(&setup).contains("1 rows missing"), "{}", files(&setup));
}

#[test]
fn a_file_is_not_safe_to_delete_when_a_table_is_not_copied() {
    let setup = Setup::new();
    setup.write(DAY, ROWS);
    setup.write(DAY, "CREATE VIRTUAL TABLE words USING fts5(x); INSERT INTO words VALUES ('hello')");
    setup.sync_to(0, &[]);
    assert!(files(&setup).contains("not copied: words"), "{}", files(&setup));
    assert!(setup.run(&["check"]).stdout.contains("not copied: words"));
}

#[test]
fn verify_counts_rows_that_do_not_fit_even_when_they_were_given_up() {
    let setup = Setup::new();
    setup.write(DAY, "CREATE TABLE m (a INT); INSERT INTO m VALUES ('abc'), (1)");
    setup.sync_to(3, &[]);
    setup.run(&["rejected", "--discard"]);
    let run = setup.run(&["verify"]);
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stdout.contains("1 rows that do not fit"), "{}", run.stdout);
    assert!(!files(&setup).contains("safe to delete"));
}

#[test]
fn verify_is_clean_when_a_newer_file_has_replaced_a_row() {
    let setup = Setup::new();
    setup.config("key_columns: [key]\non_duplicate: update\n");
    setup.write("2026_01_24", "CREATE TABLE r (key TEXT, v INT); INSERT INTO r VALUES ('a', 1)");
    setup.write(
        "2026_01_25",
        "CREATE TABLE r (key TEXT, v INT); INSERT INTO r VALUES ('a', 2), ('b', 1), ('b', 3)",
    );
    setup.sync_to(0, &[]);
    let run = setup.run(&["verify"]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn ids_that_came_below_the_cursor_in_place_of_others_arrive() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE m (id INTEGER PRIMARY KEY, v TEXT);
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100)
         INSERT INTO m SELECT i * 7919 % 100000, 'a' || i FROM c",
    );
    setup.sync_to(0, &[]);
    setup.write(
        DAY,
        "DELETE FROM m WHERE id IN (SELECT id FROM m ORDER BY id LIMIT 10);
         INSERT INTO m SELECT id + 1, 'b' || id FROM m ORDER BY id LIMIT 8",
    );
    assert_eq!(setup.sync_to(0, &[]).n("written"), 8);
    setup.write(
        DAY,
        "DELETE FROM m WHERE v LIKE 'b%'; INSERT INTO m SELECT id + 2, 'c' || id FROM m ORDER BY id LIMIT 8",
    );
    assert_eq!(setup.sync_to(0, &[]).n("written"), 8);
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn rows_hidden_by_a_policy_are_not_inserted_again() {
    let setup = synced();
    let role = setup.url().replace(&format!("postgres:{PASSWORD}@"), "worker:secret@");
    setup.sql(
        "CREATE ROLE worker LOGIN PASSWORD 'secret'; GRANT ALL ON ALL TABLES IN SCHEMA public TO worker;
        GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO worker; GRANT ALL ON SCHEMA public TO worker",
    );
    setup.sql(
        "ALTER TABLE m ENABLE ROW LEVEL SECURITY; ALTER TABLE m FORCE ROW LEVEL SECURITY;
        CREATE POLICY p ON m FOR SELECT USING (id > 50); CREATE POLICY q ON m FOR INSERT WITH CHECK (true)",
    );
    let run = setup.tool(&["verify", "--repair"]).env("DATABASE_URL", &role).run();
    assert_ne!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.contains("row-level security"), "{run:?}");
    assert_eq!(setup.list("SELECT count(*) FROM m"), ["100"]);
}

#[test]
fn a_row_that_a_trigger_swallows_is_set_aside() {
    let setup = synced();
    setup.sql(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS
         $$BEGIN IF new.id % 2 = 0 THEN RETURN NULL; END IF; RETURN new; END$$;
         CREATE TRIGGER t BEFORE INSERT ON m FOR EACH ROW EXECUTE FUNCTION f()",
    );
    setup.write(DAY, "INSERT INTO m SELECT id + 100, v FROM m WHERE id <= 10");
    let run = setup.sync_to(3, &[]);
    assert_eq!((run.n("written"), run.n("rejected")), (5, 5));
}

#[test]
fn a_pipe_with_a_days_name_holds_nobody_up() {
    let setup = synced();
    let pipe = setup.file("2026_01_26");
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    setup.write(DAY, "INSERT INTO m VALUES (101, 1)");
    let run = setup.sync_to(3, &[]);
    assert_eq!(run.n("written"), 1);
}

#[test]
fn a_log_file_that_cannot_be_opened_is_said() {
    let run = synced().run(&["--log-file", "/"]);
    assert_eq!(run.code, Some(78));
    assert!(run.stderr.contains("cannot open the log file"), "{}", run.stderr);
}
