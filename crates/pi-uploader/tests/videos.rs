//! Which videos are sent, whole and unmixed, and what becomes of the spool.
#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::{Setup, wait_until};
use fastrand::Rng;
use rusqlite::params;
use sync_testing::backend::{Fault, hash_of};
use sync_testing::matrix::{how_many, seed};
use sync_testing::tool::Tool;

/// Makes reading as slow as from a worn card: 128 KB in 40 ms, so that 3 MB take several transactions.
const SLOW_CARD: &str = "reading-video=sleep(40)";
const SIGKILL: Option<i32> = Some(9);

/// Names of the files in the spool.
fn spooled(setup: &Setup) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(spool(setup)) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn spool(setup: &Setup) -> PathBuf {
    setup.dir().join("surveillance.db.spool")
}

fn reason(setup: &Setup, id: i64) -> String {
    setup.one(&format!(
        "SELECT error_message FROM sync_tracking WHERE table_name = 'media' AND local_id = {id}"
    ))
}

fn on_slow_card(setup: &Setup) -> Tool {
    setup.tool(&["--once"]).env("FAILPOINTS", SLOW_CARD)
}

#[test]
fn a_video_that_changes_while_it_is_read_is_never_sent_half_and_half() {
    let mut rng = Rng::with_seed(seed());
    let setup = Setup::new();
    let videos = [vec![b'A'; 3_000_000], vec![b'B'; 3_000_000]];
    let (id, is_over) = (AtomicI64::new(1), AtomicBool::new(false));
    let mut n_restless = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            let db = setup.db();
            let mut rng = rng.fork();
            for n in 0.. {
                if is_over.load(SeqCst) {
                    return;
                }
                let sql = "UPDATE media SET video = ?1 WHERE id_media = ?2";
                db.execute(sql, params![videos[n % 2], id.load(SeqCst)]).unwrap();
                // About as long as a transaction of ours; now and then longer than the whole reading.
                let is_long = rng.u8(..8) == 0;
                thread::sleep(Duration::from_millis(if is_long { 3_000 } else { rng.u64(100..700) }));
            }
        });
        for round in 1..=how_many(8, 60) {
            setup
                .db()
                .execute(
                    "INSERT OR IGNORE INTO media VALUES (?1, ?2, format('2026-01-01T00:00:%02d', ?1), 4, 1)",
                    params![round, videos[0]],
                )
                .unwrap();
            id.store(round, SeqCst);
            let run = on_slow_card(&setup).run();
            assert!(matches!(run.code, Some(0 | 3)), "{}", run.stderr);
            if run.code == Some(3) {
                assert_eq!(reason(&setup, round), "the video changes while it is read");
                n_restless += 1;
            }
        }
        is_over.store(true, SeqCst);
    });
    setup.once_to(0);
    let wholes = videos.map(|video| hash_of(&video));
    for row in setup.backend.rows() {
        let video = row.video.unwrap();
        assert!(wholes.contains(&video.hash), "half and half: {}", row.body);
    }
    assert_eq!(setup.backend.rows().len() as i64, how_many(8, 60), "{n_restless} had to wait");
    assert_eq!(spooled(&setup), [""; 0]);
}

#[test]
fn a_video_that_is_gone_when_it_is_read_is_no_failure() {
    for change in ["DELETE FROM media", "UPDATE media SET video = x'00'"] {
        let setup = Setup::new();
        setup.media(1, 3_000_000);
        let running = on_slow_card(&setup).spawn();
        wait_until("the spool", || spooled(&setup) == ["media-1.part"]);
        setup.sql(change);
        let run = running.wait();
        assert!(matches!(run.code, Some(0 | 3)), "{}", run.stderr);
        assert_eq!((setup.backend.n_requests(), spooled(&setup)), (0, vec![]), "{change}");
        setup.once_to(0);
        setup.assert_all_served_once();
    }
}

#[test]
fn videos_that_cannot_be_sent_fail_with_their_reason_and_hold_up_nothing() {
    let setup = Setup::new();
    setup.events(5);
    setup.sql("INSERT INTO media VALUES (1, NULL, '2026-01-01T00:00:01', 4, 1), (2, x'', '2026-01-01T00:00:02', 4, 1)");
    setup.media(3, 2_000_001);
    setup.media(4, 2_000_000);
    let outcome = setup.once(&["--max-media-mb", "2"]).ended_with(3);
    let counts = ["events_sent", "media_sent", "media_failed", "waiting"].map(|name| outcome.n(name));
    assert_eq!(counts, [5, 1, 3, 3], "{}", outcome.report);
    for id in [1, 2] {
        assert_eq!(reason(&setup, id), "no video, or an empty one");
    }
    assert_eq!(reason(&setup, 3), "2000001 bytes: more than --max-media-mb");
    assert_eq!(setup.backend.n_requests(), 6);
    // Not due, they are left alone; filled in by the recorder, they are other rows.
    setup.backend.reset_log();
    setup.once(&["--max-media-mb", "2"]).ended_with(3);
    assert_eq!(setup.backend.n_requests(), 0);
    setup.sql("UPDATE media SET video = x'0a0b' WHERE id_media < 3");
    assert_eq!(setup.once(&["--max-media-mb", "2"]).ended_with(3).n("media_sent"), 2);
    assert_eq!(setup.run(&["retry", "media", "3"]).code, Some(0));
    setup.once_to(0);
    setup.assert_all_served_once();
}

#[test]
fn a_killed_runs_spool_is_used_again_or_removed() {
    for is_deleted in [false, true] {
        for failpoints in ["reading-video=10*off->return", "intended=return", "acknowledged=2*off->return"] {
            let setup = Setup::new();
            setup.media(1, 4_000_000);
            let run = setup.tool(&["--once"]).env("FAILPOINTS", failpoints).run();
            assert_eq!((run.signal, spooled(&setup).len()), (SIGKILL, 1), "{failpoints}: {run:?}");
            assert!(setup.run(&["status"]).stdout.contains("MiB"), "{failpoints}: its size is shown");
            if is_deleted {
                setup.sql("DELETE FROM media");
            }
            setup.once_to(0);
            assert_eq!(spooled(&setup), [""; 0], "{failpoints}, deleted: {is_deleted}");
            if !is_deleted {
                setup.assert_all_served_once();
            }
        }
    }
}

#[test]
fn a_video_whose_upload_was_killed_is_sent_whole_from_the_spool() {
    let setup = Setup::new();
    let video = setup.media(1, 12_000_000);
    setup.backend.script([Some(Fault::SlowRead { bytes_per_s: 1_000_000 })]);
    let running = setup.tool(&["--once"]).spawn();
    wait_until("the video's request", || setup.backend.n_requests() == 1);
    let names = spooled(&setup);
    assert!(names.len() == 1 && names[0].ends_with(".video"), "{names:?}");
    running.kill9();
    assert_eq!(running.wait().signal, SIGKILL);
    // Both readings of a file that is used again are of the database and of the file: no `.part` is begun.
    setup.backend.script([Some(Fault::status(503))]);
    setup.once_to(3);
    assert_eq!(spooled(&setup), names);
    setup.make_due();
    setup.once_to(0);
    assert_eq!(setup.backend.rows()[0].video.as_ref().unwrap().hash, hash_of(&video));
    assert_eq!(spooled(&setup), [""; 0]);
    assert_eq!(setup.assert_same_bytes(), 1);
}

#[test]
fn a_spooled_video_that_is_not_the_rows_any_more_is_not_sent() {
    let setup = Setup::new();
    setup.media(1, 2_000_000);
    setup.backend.script([Some(Fault::status(503))]);
    setup.once_to(3);
    assert_eq!(spooled(&setup).len(), 1);
    // Of the same length and date, so that the row's fingerprint stays.
    let video = setup.media(1, 2_000_000);
    setup.make_due();
    setup.once_to(0);
    assert_eq!(setup.backend.rows()[0].video.as_ref().unwrap().hash, hash_of(&video));
    let keys: Vec<_> = setup.backend.requests().into_iter().map(|request| request.key).collect();
    assert_ne!(keys[0], keys[1], "other bytes go under another key");
    // Nor is one that a failing disk has damaged.
    setup.media(2, 2_000_000);
    setup.backend.script([Some(Fault::status(503))]);
    setup.once_to(3);
    std::fs::write(spool(&setup).join(&spooled(&setup)[0]), vec![0; 2_000_000]).unwrap();
    setup.make_due();
    setup.once_to(0);
    setup.assert_all_served_once();
}

#[test]
fn a_video_for_which_there_is_no_room_waits_and_all_else_goes_on() {
    let setup = Setup::new();
    setup.events(3);
    setup.media(1, 2_000_000);
    setup.media(2, 2_000);
    // Nothing is ever free there.
    for _ in 0..2 {
        let outcome = setup.once(&["--spool", "/proc"]).ended_with(3);
        assert_eq!(outcome.n("waiting"), 1, "{}", outcome.report);
        assert_eq!(reason(&setup, 1), "no room in the spool: 2000000 bytes, 0 free");
    }
    assert_eq!(setup.backend.rows().len(), 4);
    assert_eq!(setup.one("SELECT sum(attempts) FROM sync_attempt"), "0", "the video is not to blame");
    setup.once_to(0);
    setup.assert_all_served_once();
}

#[test]
fn a_spool_that_cannot_be_is_named_and_holds_up_no_event() {
    let setup = Setup::new();
    setup.events(3);
    setup.media(1, 2_000_000);
    setup.media(2, 2_000);
    let file = setup.dir().join("file");
    std::fs::write(&file, "").unwrap();
    for spool in [file.clone(), file.join("below")] {
        let run = setup.run(&["--once", "--spool", &spool.display().to_string()]);
        assert!(run.code.is_some_and(|code| code != 0), "{}", run.stderr);
        assert!(run.stderr.contains(&spool.display().to_string()), "{}", run.stderr);
        assert_eq!(setup.one("SELECT count(*) FROM sync_tracking WHERE table_name = 'evenement'"), "3");
    }
    // Nor does one that fails while it is written.
    std::fs::create_dir_all(spool(&setup).join("media-1.part")).unwrap();
    let outcome = setup.once_to(3);
    assert!(reason(&setup, 1).starts_with("the spool cannot be used: "), "{}", reason(&setup, 1));
    assert_eq!((outcome.n("waiting"), setup.backend.rows().len()), (1, 4), "{}", outcome.report);
    std::fs::remove_dir(spool(&setup).join("media-1.part")).unwrap();
    setup.once_to(0);
    setup.assert_all_served_once();
}

#[test]
fn a_video_cut_off_near_its_end_is_sent_again_whole() {
    let setup = Setup::new();
    for (id, n_bytes) in [(1, 3_000_000), (2, 900_000)] {
        setup.media(id, n_bytes);
        let cut = Fault::CutRequest { after_bytes: n_bytes as u64 * 4 / 3 / 10 * 9 };
        setup.backend.script([Some(cut.clone()), Some(cut)]);
        setup.backend.reset_log();
        let outcome = setup.once_to(3);
        assert_eq!((outcome.n("media_failed"), outcome.n("waiting")), (1, 1), "{}", outcome.report);
        setup.make_due();
        setup.once_to(0);
        let requests = setup.backend.requests();
        let is_complete: Vec<bool> = requests.iter().map(|request| request.complete).collect();
        assert_eq!(is_complete, [false, false, true]);
        assert!(requests.iter().all(|request| request.key == requests[0].key), "one key");
    }
    setup.assert_all_served_once();
    assert_eq!(spooled(&setup), [""; 0]);
}
