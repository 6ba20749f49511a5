//! What the server gets: every row once, in the API's words, with a key of its own.

mod common;

use std::time::{Duration, Instant};

use common::{Setup, VERSION_B};
use sync_testing::backend::{Kind, Options, hash_of};

#[test]
fn an_event_is_sent_in_the_words_of_the_api() {
    let setup = Setup::new();
    setup.sql("INSERT INTO evenement VALUES (42, '2025-12-18T17:30:00.123456', 1)");
    let outcome = setup.once_to(0);
    assert_eq!((outcome.n("events_sent"), outcome.n("waiting")), (1, 0), "{}", outcome.report);
    let requests = setup.backend.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/api/evenements"));
    let body = r#"{"date":"2025-12-18T17:30:00.123456","capteur":{"id":1,"nom":"PIR Entrée","etat":1},"device_id":"raspberry-1","source":"sync_service"}"#;
    assert_eq!(request.body, body);
    assert_eq!(request.content_length, Some(body.len() as u64));
    let key = request.key.as_deref().unwrap();
    assert!(key.len() == 36 && key.as_bytes()[14] == b'5', "a uuid of version 5: {key}");
    let tracked =
        setup.one("SELECT table_name, local_id, remote_id, sync_status, error_message FROM sync_tracking");
    assert_eq!(tracked, format!("evenement 42 {} success NULL", setup.backend.rows()[0].id));
    let date: jiff::civil::DateTime = setup.one("SELECT sync_date FROM sync_tracking").parse().unwrap();
    let now = jiff::Zoned::now().datetime();
    assert!(now.duration_since(date).as_secs() < 60, "local time: {date}");
}

#[test]
fn a_video_is_sent_as_base64() {
    let setup = Setup::new();
    for (id, n_bytes) in [(1, 1), (2, 3_000), (3, 999_999), (4, 3_000_001)] {
        setup.media(id, n_bytes);
    }
    assert_eq!(setup.once_to(0).n("media_sent"), 4);
    setup.assert_all_served_once();
    let requests = setup.backend.requests();
    assert!(requests.iter().all(|request| request.path == "/api/media" && request.complete));
    let body = r#"{"date":"2025-12-18T18:00:01","capteur":{"id":4,"nom":"Caméra 1"},"numero_camera":1,"video_data":"","device_id":"raspberry-1","source":"sync_service"}"#;
    assert_eq!(requests[0].body, body);
    assert!(
        !setup.dir().join("surveillance.db.spool").exists()
            || setup.run(&["status"]).stdout.contains("spool: 0 B")
    );
}

#[test]
fn the_newer_version_of_the_tables_is_known() {
    let setup = Setup::with(Options::default(), VERSION_B);
    setup.sql(
        "INSERT INTO evenement VALUES (1, 'e-1', '2025-12-18T17:30:00', 1.5, 0, 1, '{}'), (2, 'e-2', '2025-12-18T17:31:00', 2.5, 1, 1, NULL);
         INSERT INTO media VALUES (1, 'video', x'414243', 3, 1.0, '2025-12-18T17:32:00', 1.0, 4, 1, 2, '720p', 'h264')",
    );
    setup.once_to(0);
    let rows = setup.backend.rows();
    let events: Vec<&str> =
        rows.iter().filter(|row| row.kind == Kind::Evenement).map(|row| row.body.as_str()).collect();
    assert!(events[0].contains(r#""etat":0"#) && events[1].contains(r#""etat":1"#), "{events:?}");
    let media = rows.iter().find(|row| row.kind == Kind::Media).unwrap();
    assert!(
        media.body.contains(r#""date":"2025-12-18T17:32:00""#) && media.body.contains(r#""numero_camera":2"#)
    );
    assert_eq!(media.video.as_ref().unwrap().hash, hash_of(b"ABC"));
}

#[test]
fn other_names_come_from_a_mapping() {
    let schema = "CREATE TABLE \"les capteurs\" (n INTEGER PRIMARY KEY, label TEXT);
        CREATE TABLE alarmes (k INTEGER PRIMARY KEY, quand TEXT, qui INT, \"état\" INT);
        CREATE TABLE films (k INTEGER PRIMARY KEY, quand TEXT, qui INT, cam INT, données BLOB);
        INSERT INTO \"les capteurs\" VALUES (7, 'Porte');
        INSERT INTO alarmes VALUES (5, '2025-12-18T17:30:00', 7, 3);
        INSERT INTO films VALUES (6, '2025-12-18T17:31:00', 7, 9, x'00ff');";
    let setup = Setup::with(Options::default(), schema);
    let mapping = "capteur: {table: les capteurs, id: n, nom: label}
evenement: {table: alarmes, id: k, date: quand, capteur: qui, etat: état}
media: {table: films, id: k, date: quand, capteur: qui, camera: cam, video: données}
";
    std::fs::write(setup.dir().join("mapping.yaml"), mapping).unwrap();
    setup.once(&["--mapping", "mapping.yaml"]).ended_with(0);
    let bodies: Vec<String> = setup.backend.rows().into_iter().map(|row| row.body).collect();
    assert!(
        bodies.iter().any(|body| body.contains(r#""capteur":{"id":7,"nom":"Porte","etat":3}"#)),
        "{bodies:?}"
    );
    assert!(bodies.iter().any(|body| body.contains(r#""numero_camera":9"#)), "{bodies:?}");
    assert_eq!(setup.tracked(), ["evenement 5 success", "media 6 success"]);
    for (text, said) in [
        (mapping.replace("quand, capteur", "wann, capteur"), "has no column wann"),
        (mapping.replace("camera:", "kamera:"), "kamera"),
    ] {
        std::fs::write(setup.dir().join("mapping.yaml"), text).unwrap();
        let run = setup.run(&["--once", "--mapping", "mapping.yaml"]);
        assert_eq!(run.code, Some(78), "{}", run.stderr);
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
}

#[test]
fn what_is_not_there_is_not_sent() {
    let setup = Setup::new();
    setup.sql("INSERT INTO evenement VALUES (1, '2025-12-18T17:30:00', 99); DROP TABLE media");
    assert_eq!(setup.once_to(0).n("events_sent"), 1);
    let body = setup.backend.rows()[0].body.clone();
    assert!(body.contains(r#""capteur":{"id":99,"nom":null,"etat":null}"#), "a sensor that is gone: {body}");
    setup.sql("DROP TABLE capteur; INSERT INTO evenement VALUES (2, '2025-12-18T17:31:00', 1)");
    assert_eq!(setup.once_to(0).n("events_sent"), 1);
    setup.sql("ALTER TABLE evenement RENAME COLUMN date TO tag");
    let run = setup.run(&["--once"]);
    assert_eq!(run.code, Some(78));
    assert!(run.stderr.contains("evenement has no column date"), "{}", run.stderr);
    setup.sql("DROP TABLE evenement");
    assert_eq!(setup.run(&["--once"]).code, Some(78));
}

#[test]
fn a_row_that_json_cannot_hold_is_set_aside_with_its_reason() {
    let setup = Setup::new();
    setup.events(3);
    setup.sql("UPDATE evenement SET date = x'00ff' WHERE id_evenement = 2");
    let outcome = setup.once_to(3);
    assert_eq!((outcome.n("events_sent"), outcome.n("events_failed")), (2, 1), "{}", outcome.report);
    let failures = setup.run(&["failures"]);
    assert_eq!(failures.code, Some(3));
    assert!(
        failures.stdout.contains("evenement 2") && failures.stdout.contains("date: bytes"),
        "{}",
        failures.stdout
    );
}

#[test]
fn a_second_run_sends_nothing_and_touches_no_row() {
    let setup = Setup::new();
    setup.events(250);
    setup.media(1, 5_000);
    setup.once_to(0);
    setup.assert_all_served_once();
    let (n, tracking) = (setup.backend.n_requests(), setup.list("SELECT * FROM sync_tracking ORDER BY id"));
    let outcome = setup.once_to(0);
    assert_eq!(outcome.n("written"), 0);
    assert_eq!(setup.backend.n_requests(), n);
    assert_eq!(setup.list("SELECT * FROM sync_tracking ORDER BY id"), tracking);
}

#[test]
fn several_connections_send_each_row_once() {
    let setup = Setup::new();
    setup.events(1_000);
    setup.once(&["--concurrency", "8"]).ended_with(0);
    setup.assert_all_served_once();
    assert_eq!(setup.backend.n_connections(), 8);
}

#[test]
fn one_connection_serves_a_run() {
    let setup = Setup::new();
    setup.events(300);
    setup.once_to(0);
    assert_eq!(setup.backend.n_connections(), 1);
}

#[test]
fn the_recorders_tables_are_left_alone() {
    let setup = Setup::new();
    setup.events(50);
    setup.media(1, 2_000_000);
    let dump = |table: &str| setup.list(&format!("SELECT *, rowid FROM {table} ORDER BY rowid"));
    let schema = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sync_%' AND name NOT LIKE 'sqlite_%' AND name <> 'idx_sync_status' ORDER BY 1";
    let before = (
        dump("capteur"),
        dump("evenement"),
        setup.list("SELECT id_media, hex(video) FROM media"),
        setup.list(schema),
    );
    setup.once_to(0);
    let after = (
        dump("capteur"),
        dump("evenement"),
        setup.list("SELECT id_media, hex(video) FROM media"),
        setup.list(schema),
    );
    assert!(before == after);
}

#[test]
fn bandwidth_is_kept_to() {
    let setup = Setup::new();
    setup.media(1, 300_000);
    let began = Instant::now();
    setup.once(&["--bandwidth", "200000"]).ended_with(0);
    // 400,000 bytes of base64, the first tenth of a second's worth at once.
    assert!(began.elapsed() >= Duration::from_millis(1_800), "{:?}", began.elapsed());
    setup.assert_all_served_once();
}
