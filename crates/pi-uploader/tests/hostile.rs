//! Rows, tables, settings and answers as nobody should make them: each is told, and none stops the others.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use common::Setup;
use sync_testing::backend::{Fault, Options};

const OLD_TRACKING: &str = "CREATE TABLE sync_tracking(id INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT NOT NULL,
  local_id INTEGER NOT NULL, remote_id INTEGER, sync_date TEXT NOT NULL, sync_status TEXT NOT NULL, error_message TEXT,
  UNIQUE(table_name, local_id))";

#[test]
fn a_row_under_an_id_that_the_old_program_has_sent_for_another_goes_out() {
    let setup = Setup::new();
    setup.sql(OLD_TRACKING);
    setup.sql(
        "INSERT INTO sync_tracking (table_name, local_id, sync_date, sync_status)
         VALUES ('evenement', 1, '2025', 'success'), ('media', 1, '2025', 'success')",
    );
    // Their rows had been deleted before we came.
    setup.once_to(0);
    setup.events(1);
    setup.media(1, 10);
    setup.once_to(0);
    assert_eq!(setup.backend.rows().len(), 2);
    setup.once_to(0);
    setup.assert_all_served_once();
}

#[test]
fn a_row_with_values_that_json_cannot_have_blocks_none() {
    let setup = Setup::new();
    setup.events(3);
    setup.media(2, 10);
    setup.sql(
        "UPDATE evenement SET date = CAST(x'ff61' AS TEXT) WHERE id_evenement = 1;
         UPDATE evenement SET id_capteur = CAST(x'fe' AS TEXT) WHERE id_evenement = 2;
         INSERT INTO media VALUES (1, 5, '2026', 4, 1), (3, 2.5, '2026', 4, 1), (4, x'00', CAST(x'ff' AS TEXT), 4, 1)",
    );
    for _ in 0..2 {
        let outcome = setup.once_to(3);
        assert_eq!((outcome.n("waiting"), setup.backend.rows().len()), (5, 2), "{}", outcome.report);
    }
    let failures = setup.run(&["failures"]).stdout;
    for said in ["evenement 1  attempts 1", "date: not UTF-8", "capteur: not UTF-8", "media 1 ", "no video"] {
        assert!(failures.contains(said), "{said}: {failures}");
    }
    // Mended, they are other rows; gone, they wait for nothing.
    setup.sql("UPDATE evenement SET date = '2026-01-01T00:00:00', id_capteur = 1; DELETE FROM media WHERE id_media <> 2");
    setup.once_to(0);
    assert_eq!(setup.run(&["failures"]).code, Some(0));
}

#[test]
fn ids_that_cannot_be_tracked_are_named() {
    for (table, id) in [
        ("evenement(id_evenement TEXT PRIMARY KEY, date, id_capteur)", "'uuid-2'"),
        ("evenement(id_evenement, date, id_capteur)", "7.5"),
        ("evenement(id_evenement, date, id_capteur)", "NULL"),
        ("evenement(id_evenement INT, date, id_capteur)", "1"),
    ] {
        let schema = format!(
            "CREATE TABLE {table}; INSERT INTO evenement VALUES (1, 'a', 1), ({id}, 'b', 1);
             CREATE TABLE capteur(id_capteur, nom_capteur)"
        );
        let setup = Setup::with(Options::default(), &schema);
        for args in [&["--once"][..], &["check"]] {
            let run = setup.run(args);
            assert_eq!(run.code, Some(78), "{table}: {}", run.stderr);
            assert!(run.stderr.contains("table evenement has the id "), "{}", run.stderr);
        }
        assert_eq!(setup.backend.n_requests(), 0);
    }
}

#[test]
fn tables_of_ours_that_somebody_has_dropped_are_made_again() {
    for dropped in ["TABLE sync_archive", "INDEX idx_sync_status", "TABLE sync_state", "TABLE sync_attempt"] {
        let setup = Setup::new();
        setup.events(2);
        setup.once_to(0);
        setup.sql(&format!(
            "DROP {dropped}; UPDATE evenement SET date = '2026-01-01T00:00:00' WHERE id_evenement = 2"
        ));
        setup.once_to(0);
        let kind = dropped.split(' ').next_back().unwrap();
        assert_eq!(setup.one(&format!("SELECT count(*) FROM sqlite_schema WHERE name = '{kind}'")), "1");
    }
}

#[test]
fn looking_needs_no_table_that_only_a_run_writes() {
    let setup = Setup::new();
    setup.events(1);
    setup.backend.script([Some(Fault::status(422))]);
    setup.once_to(3);
    setup.sql("DROP TABLE sync_archive; DROP INDEX idx_sync_status");
    let failures = setup.run(&["failures"]).stdout;
    assert!(failures.contains("evenement 1  attempts 1"), "{failures}");
}

#[test]
fn a_tracking_table_that_lacks_a_column_is_named_before_anything_is_sent() {
    let setup = Setup::new();
    setup.events(1);
    setup.sql(&OLD_TRACKING.replace("remote_id INTEGER, ", ""));
    let run = setup.run(&["--once"]);
    assert_eq!((run.code, setup.backend.n_requests()), (Some(78), 0), "{}", run.stderr);
    assert!(run.stderr.contains("remote_id"), "{}", run.stderr);
}

#[test]
fn wrong_settings_send_nothing_anywhere() {
    let setup = Setup::new();
    setup.events(1);
    let database = setup.path().display().to_string();
    for (name, value, said) in [
        ("BACKEND_URL", "http://127.0.0.1:70000", "no http or https URL"),
        ("BACKEND_URL", "http://127.0.0.1/?a=b", "no http or https URL"),
        ("BACKEND_TOKEN", "one\ntwo", "BACKEND_TOKEN"),
        ("DEVICE_ID", " ", "DEVICE_ID"),
        ("SYNC_STATE_PATH", &database, "is the recorder's database itself"),
        ("SYNC_STATE_PATH", "/no/such/folder/s.db", "there is no folder /no/such/folder"),
    ] {
        let run = setup.tool(&["--once"]).env(name, value).run();
        assert_eq!(run.code, Some(78), "{name}={value}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{name}={value}: {}", run.stderr);
    }
    assert_eq!(setup.backend.n_requests(), 0);
    let text = setup.dir().join("notes.txt");
    std::fs::write(
        &text,
        "not a database, but long enough to be taken for one by its size alone ".repeat(20),
    )
    .unwrap();
    let run = setup.tool(&["--once"]).env("SYNC_STATE_PATH", &text).run();
    assert!(run.stderr.contains("notes.txt: file is not a database"), "{}", run.stderr);
}

#[test]
fn long_names_and_passwords_in_urls_do_not_harm_the_box() {
    let setup = Setup::new();
    let long = "x".repeat(100_000);
    let run = setup.tool(&["--once"]).env("DEVICE_ID", &long).run();
    assert_eq!(run.code, Some(0), "{:.300}", run.stderr);
    let url = setup.backend.url().replace("://", "://me:hunter2@");
    for args in [&["--once"][..], &["check"]] {
        let run = setup.tool(args).env("BACKEND_URL", &url).run();
        assert!(!format!("{}{}", run.stdout, run.stderr).contains("hunter2"), "{}", run.stderr);
    }
}

#[test]
fn a_server_cannot_write_on_the_terminal_of_whoever_reads() {
    let setup = Setup::new();
    setup.events(1);
    let body = "\u{1b}[31mred\u{1b}[2J\u{7}".to_owned();
    setup.backend.script([Some(Fault::Status { code: 422, headers: Vec::new(), body })]);
    let run = setup.run(&["--once"]);
    assert!(run.stderr.contains("HTTP 422 [31mred[2J") && !run.stderr.contains('\u{1b}'), "{}", run.stderr);
    assert!(!setup.run(&["failures"]).stdout.contains('\u{1b}'));
}
