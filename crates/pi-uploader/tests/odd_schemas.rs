//! Tables of other kinds than the usual, what hangs on them, and files that are damaged.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::io::{Seek as _, SeekFrom, Write as _};

use common::{Setup, VERSION_A};
use sync_testing::backend::Options;
use sync_testing::tool::Tool;

const SENSORS: &str =
    "CREATE TABLE capteur (id_capteur INTEGER PRIMARY KEY, nom_capteur TEXT, etat_capteur INTEGER);
    INSERT INTO capteur VALUES (1, 'PIR Entrée', 1), (4, 'Caméra 1', 0);";

/// A run and a check both end with 78 and say this; nothing is sent.
#[track_caller]
fn assert_named(setup: &Setup, args: &[&str], said: &str) {
    for command in [&["--once"][..], &["check"]] {
        let run = setup.run(&[command, args].concat());
        assert_eq!(run.code, Some(78), "{}", run.stderr);
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
    assert_eq!(setup.backend.n_requests(), 0);
}

#[test]
fn a_table_of_media_that_gives_no_video_in_pieces_is_named() {
    let media =
        "id_media INTEGER PRIMARY KEY, video BLOB, date TEXT, id_capteur INTEGER, numero_camera INTEGER";
    for (table, said) in [
        (
            format!("CREATE TABLE clips({media}); CREATE VIEW media AS SELECT * FROM clips"),
            "table media is a view",
        ),
        (format!("CREATE TABLE media({media}) WITHOUT ROWID"), "table media is WITHOUT ROWID"),
        (
            format!("CREATE TABLE media({media}, taille AS (length(video)))"),
            "table media has generated columns",
        ),
    ] {
        let setup = Setup::with(Options::default(), &format!("{SENSORS} {table};"));
        assert_named(&setup, &[], said);
    }
}

#[test]
fn events_may_be_a_view_or_without_rowid_or_have_generated_columns() {
    for table in [
        "CREATE TABLE e(i INTEGER PRIMARY KEY, d TEXT, id_capteur INTEGER);
         CREATE VIEW evenement AS SELECT i AS id_evenement, d AS date, id_capteur FROM e;
         INSERT INTO e VALUES (1, '2026-01-01T00:00:01', 1), (2, '2026-01-01T00:00:02', 1)",
        "CREATE TABLE evenement(id_evenement INTEGER PRIMARY KEY, date TEXT, id_capteur INTEGER) WITHOUT ROWID;
         INSERT INTO evenement VALUES (1, '2026-01-01T00:00:01', 1), (2, '2026-01-01T00:00:02', 1)",
        "CREATE TABLE evenement(id_evenement INTEGER PRIMARY KEY, t INTEGER, id_capteur INTEGER,
           date TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', t, 'unixepoch')));
         INSERT INTO evenement VALUES (1, 1, 1), (2, 2, 1)",
        "CREATE TABLE evenement(id_evenement INTEGER PRIMARY KEY, t INTEGER, id_capteur INTEGER,
           date TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', t, 'unixepoch')) STORED);
         INSERT INTO evenement VALUES (1, 1, 1), (2, 2, 1)",
    ] {
        let setup = Setup::with(Options::default(), &format!("{SENSORS} {table};"));
        let check = setup.run(&["check"]);
        assert_eq!(check.code, Some(0), "{}{}", check.stdout, check.stderr);
        setup.once_to(0);
        setup.once_to(0);
        assert_eq!(setup.served().len(), 2, "{table}");
        assert_eq!(setup.backend.rows().len(), 2, "{table}");
    }
}

#[test]
fn a_mapping_that_would_send_what_we_write_ourselves_is_refused() {
    let setup = Setup::new();
    setup.events(2);
    setup.once_to(0);
    setup.backend.reset_log();
    let mapping = setup.dir().join("names.yaml");
    let args = ["--mapping", mapping.to_str().unwrap()];
    for table in ["sync_tracking", "SYNC_archive", "sync_attempt", "sync_state"] {
        let text = format!("evenement: {{table: {table}, id: id, date: sync_date, capteur: local_id}}");
        std::fs::write(&mapping, text).unwrap();
        assert_named(&setup, &args, "is one of our own");
    }
}

#[test]
fn prune_deletes_videos_and_nothing_that_refers_to_them() {
    let schema = "CREATE TABLE capteur (id_capteur INTEGER PRIMARY KEY, nom_capteur TEXT, etat_capteur INTEGER);
        CREATE TABLE media (id_media INTEGER PRIMARY KEY, video BLOB, date TEXT, id_capteur INTEGER, numero_camera INTEGER);
        CREATE TABLE evenement (id_evenement INTEGER PRIMARY KEY, date TEXT, id_capteur INTEGER,
          clip INTEGER REFERENCES media ON DELETE CASCADE);
        CREATE TABLE note (text, clip REFERENCES Media(id_media) ON DELETE CASCADE);";
    let setup = Setup::with(Options::default(), schema);
    for id in 1..=30 {
        setup.media(id, 1_000);
    }
    setup.once_to(0);
    setup.sql(
        "UPDATE sync_tracking SET sync_date = '2025-01-01T00:00:00.000000';
         INSERT INTO evenement VALUES (1, '2026-01-01T00:00:01', 1, 7), (2, '2026-01-01T00:00:02', 1, NULL);
         INSERT INTO note VALUES ('n', 8), ('o', 7)",
    );
    let asked = setup.run(&["prune", "--sent-before", "30d"]);
    assert_eq!(asked.code, Some(1));
    let done = setup.run(&["prune", "--sent-before", "30d", "--yes"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for said in [&asked.stdout, &done.stdout] {
        assert!(said.contains("28 videos sent before"), "{said}");
        assert!(said.contains("2 stay, being referred to by evenement, note"), "{said}");
    }
    assert_eq!(setup.list("SELECT id_media FROM media"), ["7", "8"]);
    assert_eq!(setup.one("SELECT count(*) FROM evenement"), "2");
    assert_eq!(setup.one("SELECT count(*) FROM note"), "2");
    assert_eq!(setup.list("SELECT * FROM pragma_foreign_key_check"), [""; 0]);
    setup.once_to(0);
    assert_eq!(setup.served().len(), 2, "the events had not been sent");
}

#[test]
fn prune_sets_off_no_trigger() {
    let setup = Setup::new();
    setup.events(1);
    setup.media(1, 1_000);
    setup.once_to(0);
    setup.sql(
        "UPDATE sync_tracking SET sync_date = '2025-01-01T00:00:00.000000';
         CREATE TRIGGER old AFTER INSERT ON media BEGIN DELETE FROM evenement WHERE 0; END",
    );
    let tidy = "CREATE TRIGGER tidy AFTER  DELETE\n ON media BEGIN DELETE FROM evenement; END";
    setup.sql(tidy);
    let run = setup.run(&["prune", "--sent-before", "30d", "--yes"]);
    assert_eq!(run.code, Some(78), "{}", run.stderr);
    assert!(run.stderr.contains("the trigger tidy"), "{}", run.stderr);
    assert_eq!(setup.one("SELECT count(*) FROM media, evenement"), "1");
    setup.sql("DROP TRIGGER tidy");
    assert_eq!(setup.run(&["prune", "--sent-before", "30d", "--yes"]).code, Some(0));
    assert_eq!(setup.list("SELECT count(*) FROM media"), ["0"]);
}

/// Overwrites the beginning of a page, which is numbered from 1.
fn damage(setup: &Setup, page: u64) {
    setup.sql("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = delete");
    let mut file = std::fs::OpenOptions::new().write(true).open(setup.path()).unwrap();
    file.seek(SeekFrom::Start((page - 1) * 4096)).unwrap();
    file.write_all(&[0xff; 8]).unwrap();
}

#[test]
fn a_damaged_table_of_videos_keeps_no_event_back() {
    let setup = Setup::new();
    setup.events(20);
    setup.media(1, 100);
    damage(&setup, setup.one("SELECT rootpage FROM sqlite_schema WHERE name = 'media'").parse().unwrap());
    let run = setup.run(&["--once"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("malformed"), "{}", run.stderr);
    assert_eq!(setup.served().len(), 20);
}

#[test]
fn a_damaged_video_keeps_no_other_back() {
    // With the video behind all else: what stands behind it could not even be looked at.
    let schema = "CREATE TABLE media (id_media INTEGER PRIMARY KEY, date TEXT, id_capteur INTEGER, numero_camera INTEGER,
        video BLOB)";
    let setup = Setup::with(Options::default(), schema);
    for id in 1..=3 {
        setup.media(id, 100_000);
    }
    // In the middle of the second one: its chain of pages leads nowhere.
    let n_pages: u64 = setup.one("PRAGMA page_count").parse().unwrap();
    damage(&setup, n_pages - 37);
    let outcome = setup.once_to(3);
    assert_eq!((outcome.n("media_sent"), outcome.n("media_failed")), (2, 1), "{}", outcome.report);
    let reason = setup.one("SELECT error_message FROM sync_tracking WHERE sync_status = 'failed'");
    assert!(reason.contains("malformed"), "{reason}");
}

#[test]
fn an_empty_token_file_sends_nothing_without_a_token() {
    let setup = Setup::with(Options::default(), VERSION_A);
    setup.events(1);
    let file = setup.dir().join("token");
    std::fs::write(&file, "\n").unwrap();
    let run = setup.tool(&["--once"]).env("BACKEND_TOKEN_FILE", &file).run();
    assert_eq!((run.code, setup.backend.n_requests()), (Some(78), 0), "{}", run.stderr);
    assert!(run.stderr.contains("BACKEND_TOKEN_FILE is empty"), "{}", run.stderr);
}

#[test]
fn too_few_files_are_no_matter_of_rights() {
    let setup = Setup::new();
    setup.events(1);
    let mut said = Vec::new();
    for n in 4..=14 {
        let limited = format!("ulimit -n {n}; exec \"$0\" --once");
        let run = Tool::new("/bin/sh")
            .args(["-c", &limited, env!("CARGO_BIN_EXE_pi-uploader")])
            .env("LOCAL_DB_PATH", setup.path())
            .env("BACKEND_URL", setup.backend.url())
            .run();
        assert_ne!(run.code, Some(78), "{n} files: {}", run.stderr);
        if run.code == Some(1) {
            said.push(run.stderr);
        }
    }
    assert!(said.iter().any(|said| said.to_lowercase().contains("too many open files")), "{said:?}");
}
