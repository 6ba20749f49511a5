//! What the commands say and change, the settings they take, and what they end with.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use common::Setup;
use sync_testing::backend::{Fault, Options};
use sync_testing::tool::Tool;

#[test]
fn status_counts_what_was_sent_failed_and_waits() {
    let setup = Setup::new();
    let before = setup.run(&["status"]);
    assert_eq!(before.code, Some(0), "{}", before.stderr);
    assert!(before.stdout.contains("last success: never"), "{}", before.stdout);
    setup.events(5);
    setup.media(1, 100);
    setup.backend.script([None, Some(Fault::status(422))]);
    setup.once_to(3);
    setup.events(2);
    let status = setup.run(&["status"]).stdout;
    let rows: Vec<Vec<&str>> = status.lines().map(|line| line.split_whitespace().collect()).collect();
    for row in [["evenement", "failed", "1"], ["evenement", "success", "4"], ["media", "success", "1"]] {
        assert!(rows.contains(&row.to_vec()), "{row:?}: {status}");
    }
    assert!(rows.contains(&vec!["evenement", "to", "send", "3"]), "{status}");
    assert!(status.contains("oldest waiting: evenement, 2025-12-18T00:00:02.123456 ("), "{status}");
    let french = setup.tool(&["status"]).env("LANG", "C").run().stdout;
    assert!(french.contains("plus ancien en attente"), "{french}");
}

#[test]
fn a_run_is_shown_in_the_language_of_the_environment() {
    let setup = Setup::new();
    setup.events(1);
    let run = setup.tool(&["--once"]).env("LANG", "C").run();
    for part in [
        "Appareil",
        "raspberry-1",
        "Table de suivi prête",
        "À envoyer : 1 événements",
        "✅ Événement 1 → Serveur (ID: 1)",
        "Rapport de Synchronisation",
        "1 envoyés, 0 échoués",
        "Durée",
    ] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert!(run.stdout.is_empty(), "{}", run.stdout);
    let again = setup.tool(&["--once", "--lang", "en"]).env("LANG", "C").run();
    for part in ["Device", "Everything has been sent already", "Synchronisation report"] {
        assert!(again.stderr.contains(part), "{part}: {}", again.stderr);
    }
    let quiet = setup.run(&["--once", "-q"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
}

#[test]
fn many_rows_have_a_line_per_hundred() {
    let setup = Setup::new();
    setup.events(450);
    let lines = |stderr: &str| stderr.lines().filter(|line| line.contains("→ Server")).count();
    assert_eq!(lines(&setup.run(&["--once"]).stderr), 99 + 4);
    setup.events(450);
    assert_eq!(lines(&setup.run(&["--once", "-v"]).stderr), 450);
}

#[test]
fn a_dry_run_changes_nothing() {
    let setup = Setup::new();
    setup.events(7);
    for _ in 0..2 {
        let run = setup.run(&["--dry-run"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stderr.contains("To send: 7 events, 0 media"), "{}", run.stderr);
        assert_eq!(setup.backend.n_requests(), 0);
    }
    assert_eq!(setup.list("SELECT name FROM sqlite_schema WHERE name LIKE 'sync%'"), [""; 0]);
}

#[test]
fn a_report_that_nobody_can_have_is_told() {
    let setup = Setup::new();
    setup.events(2);
    let redirected = ["-c", "exec \"$0\" --once --report json >/dev/full", env!("CARGO_BIN_EXE_pi-uploader")];
    let run = Tool::new("/bin/sh")
        .args(redirected)
        .env("LOCAL_DB_PATH", setup.path())
        .env("BACKEND_URL", setup.backend.url())
        .run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stderr.contains("the report cannot be written to standard output: No space"),
        "{}",
        run.stderr
    );
    setup.assert_all_served_once();
}

#[test]
fn the_mode_decides_whether_a_run_is_followed_by_others() {
    let setup = Setup::new();
    setup.events(1);
    assert_eq!(setup.tool(&[]).env("SYNC_MODE", "once").run().code, Some(0));
    for mode in ["continuous", "periodic"] {
        let looping = setup.tool(&[]).env("SYNC_MODE", mode).spawn();
        looping.wait_stderr("Synchronisation report", Duration::from_secs(10));
        assert!(looping.stderr().contains(mode), "{}", looping.stderr());
        looping.term();
        let run = looping.wait();
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stderr.contains("Final statistics"), "{}", run.stderr);
    }
    setup.assert_all_served_once();
}

#[test]
fn a_second_instance_ends_at_once() {
    let setup = Setup::new();
    let first = setup.tool(&[]).spawn();
    first.wait_stderr("Synchronisation report", Duration::from_secs(10));
    for args in [&["--once"][..], &[]] {
        let second = setup.run(args);
        assert_eq!(second.code, Some(75), "{}", second.stderr);
        assert!(second.stderr.contains("another pi-uploader is at work"), "{}", second.stderr);
    }
    // Looking is allowed.
    assert_eq!(setup.run(&["status"]).code, Some(0));
    first.term();
    first.wait();
    setup.once_to(0);
}

#[test]
fn check_says_what_it_found_and_changes_nothing() {
    let setup = Setup::new();
    setup.events(3);
    let run = setup.run(&["check"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    for part in
        ["evenement: 3 rows, 3 to send", "media: 0 rows", "can be written", "free", "answers (HTTP 200"]
    {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert_eq!(setup.list("SELECT name FROM sqlite_schema WHERE name LIKE 'sync%'"), [""; 0]);
    setup.backend.down();
    let run = setup.run(&["check"]);
    assert_eq!(run.code, Some(75), "{}", run.stdout);
    let missing = setup.tool(&["check"]).env("LOCAL_DB_PATH", "/nowhere/x.db").run();
    assert_eq!(missing.code, Some(78));
    assert!(missing.stderr.contains("there is no database /nowhere/x.db"), "{}", missing.stderr);
    let text = setup.dir().join("text.db");
    fs::write(&text, "this is no database, only a text that is long enough to be looked at as one, or is it")
        .unwrap();
    let run = setup.tool(&["--once"]).env("LOCAL_DB_PATH", &text).run();
    assert_eq!(run.code, Some(78), "{}", run.stderr);
}

#[test]
fn health_looks_at_the_last_complete_run_and_the_backlog() {
    let setup = Setup::new();
    assert_eq!(setup.run(&["health"]).code, Some(1), "no run yet");
    setup.once_to(0);
    assert_eq!(setup.run(&["health", "--max-age", "1h"]).code, Some(0));
    setup.events(4);
    assert_eq!(setup.run(&["health", "--max-backlog", "4"]).code, Some(0));
    let run = setup.run(&["health", "--max-backlog", "3"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("4 rows wait, more than 3"), "{}", run.stderr);
    setup.sql("UPDATE sync_state SET value = value - 7200 WHERE name = 'last_complete_at'");
    assert_eq!(setup.run(&["health", "--max-age", "1h"]).code, Some(1));
    // A run that reached nobody is no complete one.
    setup.backend.down();
    setup.once_to(75);
    assert_eq!(setup.run(&["health", "--max-age", "1h"]).code, Some(1));
}

#[test]
fn prune_deletes_what_the_server_has_had_for_long() {
    let setup = Setup::new();
    for id in 1..=45 {
        setup.media(id, 1_000);
    }
    setup.once_to(0);
    setup.sql("UPDATE sync_tracking SET sync_date = '2025-01-01T00:00:00.000000' WHERE local_id <= 43");
    // Under an id that was used again is another video.
    setup.media(7, 2_000);
    let asked = setup.run(&["prune", "--sent-before", "30d"]);
    assert_eq!(asked.code, Some(1));
    assert!(asked.stdout.contains("42 videos sent before"), "{}", asked.stdout);
    assert_eq!(setup.one("SELECT count(*) FROM media"), "45");
    let done = setup.run(&["prune", "--sent-before", "30d", "--yes"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(setup.list("SELECT id_media FROM media"), ["7", "44", "45"]);
    setup.once_to(0);
    assert_eq!(setup.backend.rows().len(), 46);
}

#[test]
fn tracking_elsewhere_leaves_a_read_only_database_alone() {
    let setup = Setup::with(Options::default(), common::VERSION_A);
    setup.events(10);
    setup.media(1, 2_000_000);
    // As on a read-only mount: no journal can be written beside it.
    setup.db().pragma_update(None, "journal_mode", "delete").unwrap();
    let before = fs::read(setup.path()).unwrap();
    fs::set_permissions(setup.path(), fs::Permissions::from_mode(0o444)).unwrap();
    let state = setup.dir().join("état.db");
    let state = state.to_str().unwrap();
    setup.once(&["--state", state]).ended_with(0);
    assert_eq!(setup.backend.rows().len(), 11);
    setup.once(&["--state", state]).ended_with(0);
    assert_eq!(setup.backend.rows().len(), 11);
    assert!(fs::read(setup.path()).unwrap() == before);
    let status = setup.run(&["status", "--state", state]).stdout;
    assert!(status.contains("success    10") || status.contains("success  10"), "{status}");
    assert_eq!(setup.run(&["prune", "--sent-before", "1s", "--yes", "--state", state]).code, Some(78));
}

#[test]
fn settings_that_cannot_be_are_refused_and_secrets_not_shown() {
    let setup = Setup::new();
    for (name, value) in [
        ("SYNC_INTERVAL_MINUTES", "often"),
        ("SYNC_MODE", "never"),
        ("SYNC_CONCURRENCY", "0"),
        ("SYNC_LANG", "xx"),
        ("SYNC_MAPPING", "/nowhere.yaml"),
    ] {
        let run = setup.tool(&["--once"]).env(name, value).run();
        assert_eq!(run.code, Some(78), "{name}={value}: {}", run.stderr);
    }
    fs::write(setup.dir().join(".env"), "DEVICE_ID=from-dotenv\nBACKEND_TOKEN=hunter2\n").unwrap();
    setup.events(1);
    let run = setup.run(&["--once", "-vv"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("from-dotenv") && !run.stderr.contains("hunter2"), "{}", run.stderr);
    assert_eq!(setup.backend.requests()[0].authorization.as_deref(), Some("Bearer hunter2"));
    let help = setup.tool(&["--help"]).env("BACKEND_TOKEN", "hunter2").run().stdout;
    assert!(!help.contains("hunter2"));
    for args in [
        &["resend"][..],
        &["retry", "evenement"],
        &["resend", "capteur", "1"],
        &["--every", "soon"],
        &["prune"],
    ] {
        assert_eq!(setup.run(args).code, Some(2), "{args:?}");
    }
}
