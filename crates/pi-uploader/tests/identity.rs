//! What counts as sent: the row, not its id; whatever becomes of ids, cards, clocks and tracking tables.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::path::Path;

use common::Setup;
use rusqlite::Connection;
use serde_json::Value;
use sync_testing::backend::{Fault, Kind};

/// `sync_tracking` as the program before this one made it.
const OLD_TRACKING: &str = "
    CREATE TABLE sync_tracking (id INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT NOT NULL,
      local_id INTEGER NOT NULL, remote_id INTEGER, sync_date TEXT NOT NULL,
      sync_status TEXT NOT NULL CHECK(sync_status IN ('pending','success','failed')), error_message TEXT,
      UNIQUE(table_name, local_id));
    CREATE INDEX idx_sync_status ON sync_tracking(sync_status, table_name);";

/// Dates of the requests since the log was last emptied.
fn dates(setup: &Setup) -> Vec<String> {
    let date = |body: &str| serde_json::from_str::<Value>(body).unwrap()["date"].as_str().unwrap().to_owned();
    let dates: Vec<String> = setup.backend.requests().iter().map(|request| date(&request.body)).collect();
    setup.backend.reset_log();
    dates
}

fn date_of(setup: &Setup, id: i64) -> String {
    setup.one(&format!("SELECT date FROM evenement WHERE id_evenement = {id}"))
}

#[test]
fn a_new_row_under_an_old_id_goes_out_and_the_old_one_is_archived() {
    let setup = Setup::new();
    setup.events(3);
    setup.media(1, 2_000);
    setup.media(2, 2_000);
    setup.once_to(0);
    dates(&setup);
    let old =
        setup.one("SELECT remote_id FROM sync_tracking WHERE table_name = 'evenement' AND local_id = 3");
    setup.sql("DELETE FROM evenement WHERE id_evenement = 3; DELETE FROM media WHERE id_media = 2");
    setup.sql("INSERT INTO evenement (date, id_capteur) VALUES ('2026-01-01T00:00:00', 1)");
    // The same date and sensor: the video alone is another, by its length.
    setup.media(2, 2_001);
    assert_eq!(setup.one("SELECT max(id_evenement) FROM evenement"), "3", "the id is used again");
    assert_eq!(setup.once_to(0).n("written"), 2);
    assert_eq!(dates(&setup), ["2026-01-01T00:00:00", "2025-12-18T18:00:02"]);
    assert_eq!(setup.backend.rows().len(), 7);
    let archived =
        "SELECT table_name, local_id, remote_id, sync_status FROM sync_archive ORDER BY table_name";
    assert_eq!(setup.list(archived), [format!("evenement 3 {old} success"), "media 2 2 success".to_owned()]);
    let now =
        setup.one("SELECT remote_id FROM sync_tracking WHERE table_name = 'evenement' AND local_id = 3");
    assert_eq!((now.as_str(), setup.tracked().len()), ("4", 5));
    assert_eq!(setup.once_to(0).n("written"), 0);
}

#[test]
fn a_failed_row_leaves_its_successor_a_clean_slate() {
    let setup = Setup::new();
    setup.events(1);
    setup.backend.script([Some(Fault::status(422))]);
    setup.once_to(3);
    setup.sql("DELETE FROM evenement; INSERT INTO evenement VALUES (1, '2026-01-01T00:00:00', 1)");
    setup.once_to(0);
    assert_eq!(setup.tracked(), ["evenement 1 success"]);
    assert!(setup.one("SELECT sync_status, error_message FROM sync_archive").starts_with("failed HTTP 422"));
    setup.assert_all_served_once();
}

#[test]
fn a_database_made_anew_is_sent_while_the_state_stays() {
    let setup = Setup::new();
    setup.events(30);
    setup.media(1, 5_000);
    let state = setup.dir().join("state.db").display().to_string();
    setup.once(&["--state", &state]).ended_with(0);
    assert_eq!(setup.one("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'sync%'"), "0");
    for file in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{file}", setup.path().display()));
    }
    setup.sql(common::VERSION_A);
    setup.sql("INSERT INTO evenement VALUES (1, '2026-02-01T00:00:00', 1), (2, '2026-02-01T00:00:01', 1)");
    setup.media(1, 6_000);
    let outcome = setup.once(&["--state", &state]).ended_with(0);
    assert_eq!(outcome.n("written"), 3, "{}", outcome.report);
    assert_eq!(setup.backend.rows().len(), 31 + 3);
    assert_eq!(setup.once(&["--state", &state]).ended_with(0).n("written"), 0);
    let tracking = Connection::open(&state).unwrap();
    let n: i64 = tracking.query_row("SELECT count(*) FROM sync_archive", [], |row| row.get(0)).unwrap();
    assert_eq!(n, 3);
}

/// One run on another card.
#[track_caller]
fn run_on(setup: &Setup, card: &Path) {
    let run = setup.tool(&["--once"]).env("LOCAL_DB_PATH", card).run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn a_cloned_card_takes_nothing_for_sent_that_was_not() {
    let setup = Setup::new();
    setup.events(10);
    setup.once_to(0);
    // Unsent when the card is cloned, so that both send them.
    setup.events(5);
    let clone = setup.dir().join("clone.db");
    setup.sql(&format!("VACUUM INTO '{}'", clone.display()));
    setup.sql("INSERT INTO evenement (date, id_capteur) VALUES ('2026-03-01T00:00:00', 1)");
    let card = Connection::open(&clone).unwrap();
    let other = "INSERT INTO evenement (date, id_capteur) VALUES ('2026-03-02T00:00:00', 1);
        UPDATE evenement SET date = '2026-03-02T00:00:01' WHERE id_evenement = 10";
    card.execute_batch(other).unwrap();
    drop(card);
    setup.once_to(0);
    run_on(&setup, &clone);
    run_on(&setup, &clone);
    let served = setup.served();
    // 15 of both, one of this card, two of the other.
    assert_eq!(served.len(), 18);
    assert!(served.values().all(|n| *n == 1), "{served:?}");
    for date in ["2026-03-01T00:00:00", "2026-03-02T00:00:00", "2026-03-02T00:00:01"] {
        assert!(served.contains_key(date), "{date}");
    }
    assert_eq!(setup.assert_same_bytes(), 5, "sent by both cards, one on the server");
}

#[test]
fn the_table_of_the_old_program_is_taken_over() {
    let setup = Setup::new();
    setup.events(5);
    setup.media(1, 2_000);
    setup.media(2, 2_000);
    setup.sql(OLD_TRACKING);
    setup.sql(
        "INSERT INTO sync_tracking (table_name, local_id, remote_id, sync_date, sync_status, error_message) VALUES
         ('evenement', 1, 501, '2025-12-18T17:30:00.5', 'success', NULL),
         ('evenement', 2, NULL, '2025-12-18T17:30:01.5', 'failed', 'Serveur inaccessible'),
         ('evenement', 3, NULL, '2025-12-18T17:30:02.5', 'pending', NULL),
         ('media', 1, 77, '2025-12-18T17:30:03.5', 'success', NULL)",
    );
    let old = "SELECT id, local_id, remote_id, sync_date FROM sync_tracking WHERE remote_id IN (501, 77)";
    let before = setup.list(old);
    let status = setup.run(&["status"]).stdout;
    assert!(status.contains("to send"), "{status}");
    assert_eq!(
        setup.one("SELECT count(*) FROM sqlite_schema WHERE name = 'sync_attempt'"),
        "0",
        "only looked at"
    );
    let outcome = setup.once_to(0);
    assert_eq!((outcome.n("events_sent"), outcome.n("media_sent")), (4, 1), "{}", outcome.report);
    let expected: Vec<String> = (2..=5).map(|id| date_of(&setup, id)).collect();
    assert_eq!(dates(&setup)[..4], expected);
    assert_eq!(setup.list(old), before, "what the old program sent is left as it was");
    assert!(setup.tracked().iter().all(|row| row.ends_with("success")), "{:?}", setup.tracked());
    // Taken over, its ids may be used again as well.
    setup.sql("DELETE FROM evenement WHERE id_evenement = 1; INSERT INTO evenement VALUES (1, '2026-01-01T00:00:00', 1)");
    setup.once_to(0);
    assert_eq!(dates(&setup), ["2026-01-01T00:00:00"]);
}

#[test]
fn what_is_written_into_tracking_after_the_take_over_stands() {
    let setup = Setup::new();
    setup.events(3);
    setup.once_to(0);
    setup.events(1);
    // Somebody who does not want an event sent says so, as with the old program.
    setup.sql("INSERT INTO sync_tracking (table_name, local_id, sync_date, sync_status) VALUES ('evenement', 4, '', 'success')");
    assert_eq!(setup.once_to(0).n("written"), 0);
}

#[test]
fn deleting_the_tracking_sends_all_again() {
    let setup = Setup::new();
    setup.events(20);
    setup.media(1, 2_000);
    setup.once_to(0);
    let first = dates(&setup);
    setup.sql("DELETE FROM sync_tracking");
    assert_eq!(setup.once_to(0).n("written"), 21);
    assert_eq!(dates(&setup), first);
    setup.assert_all_served_once();
    setup.sql("DELETE FROM sync_tracking WHERE local_id = 7");
    assert_eq!(setup.once_to(0).n("written"), 1);
    assert_eq!(dates(&setup), [date_of(&setup, 7)]);
}

#[test]
fn marking_failed_rows_pending_tries_them_at_once() {
    let setup = Setup::new();
    setup.events(5);
    setup.backend.script([None, Some(Fault::status(422)), Some(Fault::status(503)), None]);
    setup.once_to(3);
    dates(&setup);
    assert_eq!(setup.once_to(3).n("read"), 0, "not due yet");
    setup.sql("UPDATE sync_tracking SET sync_status = 'pending' WHERE sync_status = 'failed'");
    setup.once_to(0);
    assert_eq!(dates(&setup), [date_of(&setup, 2), date_of(&setup, 3)]);
    setup.assert_all_served_once();
}

#[test]
fn a_due_time_that_only_a_wrong_clock_explains_counts_as_due() {
    let setup = Setup::new();
    setup.events(1);
    setup.backend.always(Some(Fault::status(422)));
    setup.once_to(3);
    let (hour, day, years) = (3_600, 86_400, 10 * 365 * 86_400);
    // Set ten years ahead and back again, or at 1970 when the row failed.
    for (from_now, is_due) in
        [(hour, false), (day - 60, false), (day + 60, true), (years, true), (-hour, true), (-years, true)]
    {
        setup.sql(&format!("UPDATE sync_attempt SET next_attempt_at = unixepoch() + {from_now}"));
        setup.backend.reset_log();
        setup.once_to(3);
        assert_eq!(setup.backend.n_requests() == 1, is_due, "{from_now} s from now");
    }
    setup.sql("UPDATE sync_attempt SET next_attempt_at = 0");
    setup.backend.no_faults();
    setup.once_to(0);
    assert!(setup.backend.rows().iter().all(|row| row.kind == Kind::Evenement));
}
