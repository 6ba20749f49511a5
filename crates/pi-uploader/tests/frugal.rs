//! Big videos beside a recorder at work: it does not wait for us, its WAL stays short, and our memory small.
#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{Setup, wait_until};
use sync_testing::backend::Fault;
use sync_testing::matrix::how_many;

/// A video of so many random bytes, without holding it here.
fn big_video(setup: &Setup, n_bytes: u64) {
    setup.sql(&format!("INSERT INTO media VALUES (1, randomblob({n_bytes}), '2025-12-18T18:00:00', 4, 1)"));
    setup.sql("PRAGMA wal_checkpoint(TRUNCATE)");
}

/// The recorder: it inserts events until it is told to stop; gives the longest that one took, and their number.
fn record(setup: &Setup, is_over: &AtomicBool, pause: Duration) -> (Duration, u32) {
    let db = setup.db();
    db.pragma_update(None, "synchronous", "off").unwrap();
    let (mut longest, mut n) = (Duration::ZERO, 0);
    while !is_over.load(SeqCst) {
        let began = Instant::now();
        let sql =
            "INSERT INTO evenement (date, id_capteur) VALUES (format('2026-01-01T00:00:00.%06d', ?1), 1)";
        db.execute(sql, [n]).unwrap();
        longest = longest.max(began.elapsed());
        n += 1;
        thread::sleep(pause);
    }
    (longest, n)
}

#[test]
fn the_recorder_never_waits_longer_than_a_second_whatever_its_journal() {
    for journal in ["delete", "wal"] {
        let setup = Setup::new();
        setup.sql(&format!("PRAGMA journal_mode = {journal}"));
        big_video(&setup, 60_000_000);
        let is_over = AtomicBool::new(false);
        let (longest, n) = thread::scope(|scope| {
            let recorder = scope.spawn(|| record(&setup, &is_over, Duration::from_millis(5)));
            // As slow as a card: several transactions, and a second reading because others have written.
            let slow = setup.tool(&["--once"]).env("FAILPOINTS", "reading-video=sleep(3)");
            let run = slow.run();
            is_over.store(true, SeqCst);
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            assert!(run.elapsed > Duration::from_secs(3), "{:?}", run.elapsed);
            recorder.join().unwrap()
        });
        eprintln!("{journal}: the longest of {n} waits was {longest:?}");
        assert!(longest < Duration::from_secs(1), "{journal}: {longest:?}");
        assert!(n > 10, "{journal}: {n} events");
        setup.once_to(0);
        setup.assert_all_served_once();
    }
}

#[test]
fn a_big_video_takes_little_memory() {
    let setup = Setup::new();
    big_video(&setup, how_many(60_000_000, 500_000_000));
    let run = setup.run(&["--once"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let peak = run.peak_rss_kb.unwrap();
    eprintln!("{peak} kB");
    // Without optimisation the program itself is larger.
    let most = if cfg!(debug_assertions) { 40_000 } else { 24 * 1024 };
    assert!(peak < most, "{peak} kB");
    setup.assert_all_served_once();
}

#[test]
fn a_long_backlog_takes_little_memory() {
    let setup = Setup::new();
    setup.events(how_many(20_000, 100_000));
    let run = setup.run(&["--once"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let peak = run.peak_rss_kb.unwrap();
    eprintln!("{peak} kB");
    assert!(peak < if cfg!(debug_assertions) { 40_000 } else { 24 * 1024 }, "{peak} kB");
}

#[test]
fn the_wal_stays_short_while_a_video_is_sent() {
    let setup = Setup::new();
    big_video(&setup, 12_000_000);
    setup.backend.script([Some(Fault::SlowRead { bytes_per_s: 2_500_000 })]);
    let running = setup.tool(&["--once"]).spawn();
    wait_until("the video's request", || setup.backend.n_requests() == 1);
    let is_over = AtomicBool::new(false);
    let (n, longest_wal) = thread::scope(|scope| {
        let recorder = scope.spawn(|| record(&setup, &is_over, Duration::from_millis(1)));
        let wal = format!("{}-wal", setup.path().display());
        let mut longest_wal = 0;
        while setup.backend.rows().is_empty() && !running.has_ended() {
            longest_wal = longest_wal.max(std::fs::metadata(&wal).map_or(0, |meta| meta.len()));
            thread::sleep(Duration::from_millis(5));
        }
        is_over.store(true, SeqCst);
        (recorder.join().unwrap().1, longest_wal)
    });
    let run = running.wait();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    eprintln!("{n} commits of the recorder, WAL of {longest_wal} bytes at most");
    // Each takes a page at least: had it not begun anew, the WAL would be longer than that.
    assert!(n > 1_500, "{n} commits while the video was sent");
    assert!((1..=4 << 20).contains(&longest_wal), "{longest_wal} bytes");
    setup.once_to(0);
    setup.assert_all_served_once();
}

#[test]
fn a_long_history_of_another_program_is_taken_over_in_steps() {
    let setup = Setup::new();
    let numbers = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 22000)";
    setup.sql(&format!(
        "PRAGMA journal_mode = delete;
         INSERT INTO evenement {numbers} SELECT n, '2025-01-01T00:00:00.' || n, 1 FROM n;
         CREATE TABLE sync_tracking(id INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT NOT NULL, local_id INTEGER NOT NULL,
           remote_id INTEGER, sync_date TEXT NOT NULL, sync_status TEXT NOT NULL, error_message TEXT, UNIQUE(table_name, local_id));
         INSERT INTO sync_tracking (table_name, local_id, remote_id, sync_date, sync_status)
           {numbers} SELECT 'evenement', n, n, '2025-01-01T00:00:00', 'success' FROM n WHERE n NOT IN (7, 8000, 22000)"
    ));
    // Killed behind the second step, and then behind the third.
    for n_steps in 1..=2 {
        let run =
            setup.tool(&["--once"]).env("FAILPOINTS", format!("taken-over={n_steps}*off->return")).run();
        assert_eq!((run.signal, setup.backend.n_requests()), (Some(9), 0), "{run:?}");
    }
    let half: u32 = setup.one("SELECT count(*) FROM sync_attempt").parse().unwrap();
    assert!((1..21_997).contains(&half), "{half}");
    let is_over = AtomicBool::new(false);
    let (longest, n) = thread::scope(|scope| {
        let recorder = scope.spawn(|| record(&setup, &is_over, Duration::from_millis(5)));
        let run = setup.tool(&["--once"]).env("FAILPOINTS", "acknowledging=return").run();
        is_over.store(true, SeqCst);
        assert_eq!(run.signal, Some(9), "{run:?}");
        recorder.join().unwrap()
    });
    assert!(longest < Duration::from_secs(1) && n > 10, "{longest:?}, {n} events");
    let outcome = setup.once_to(0);
    assert_eq!(outcome.n("written"), u64::from(n) + 3, "{}", outcome.report);
    // Once for all: another row under an old id is new.
    setup.sql("UPDATE evenement SET date = '2026-01-02T00:00:00' WHERE id_evenement = 12000");
    assert_eq!(setup.once_to(0).n("written"), 1);
}
