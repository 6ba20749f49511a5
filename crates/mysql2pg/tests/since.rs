//! `--since`: only orders whose log moved are read, each of them whole, and the cursor never runs ahead of the clock.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use common::Setup;
use common::erp::{Accessory, Datum, Erp, Log, Order, Text, USUAL};
use common::oracle::Expected;
use mysql::prelude::Queryable;
use sync_testing::outcome::Outcome;

const AUTO: [&str; 2] = ["--since", "auto"];

/// Ten planned orders, whose log lines are of one minute each from 10:00 on.
fn erp() -> Erp {
    let order = |n: i32| {
        let item = Accessory {
            position: 1,
            kennung: 0,
            znr: 1,
            code: Some("VR1".to_owned()),
            text: Some(Text::clean("volet")),
        };
        let datum = Datum::At(format!("2026-01-25 10:{n:02}:00"));
        Order {
            logs: vec![Log { id: n + 1, datum, note: Some("cde Planifiée".to_owned()) }],
            accessories: vec![item],
            ..Order::new(&format!("{n:08x}"), n)
        }
    };
    Erp::of(USUAL, (0..10).map(order).collect())
}

/// Adds a log line of this time to an order, planned or not.
fn log(erp: &mut Erp, order: usize, at: &str, note: &str) {
    let line = Log { id: erp.next_log, datum: Datum::At(at.to_owned()), note: Some(note.to_owned()) };
    erp.next_log += 1;
    erp.orders[order].logs.push(line);
}

fn cursor(setup: &Setup) -> String {
    setup.one("SELECT timestamp '1970-01-01' + last_timestamp * interval '1 us' FROM sync_watermark")
}

/// A source and a destination that have seen a full run.
fn synced(erp: &Erp) -> Setup {
    let setup = Setup::new();
    erp.insert(&mut setup.conn(), 1);
    let outcome = setup.sync_to(0, &AUTO);
    assert_eq!(outcome.n("read"), 10, "the first run is a full one: {}", outcome.report);
    assert_eq!(cursor(&setup), "2026-01-25 10:09:00");
    setup
}

fn sync(setup: &Setup, erp: &Erp) -> Outcome {
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &AUTO)
}

#[test]
fn only_orders_whose_log_moved_are_read_and_each_of_them_whole() {
    let mut erp = erp();
    let setup = synced(&erp);
    // Two hours on, so that the others are behind the overlap.
    log(&mut erp, 3, "2026-01-25 12:00:00", "rappel : cde Planifiée");
    erp.orders[3].status = Some(Text::clean("livré"));
    let second = Accessory { znr: 2, ..erp.orders[3].accessories[0].clone() };
    erp.orders[3].accessories.push(second);
    sync(&setup, &erp);
    let mut expected = Expected::of(&erp);
    expected.assert(&setup);
    assert_eq!(cursor(&setup), "2026-01-25 12:00:00");
    // Another note moves an order just as well; what moved without the log stays unseen.
    log(&mut erp, 4, "2026-01-25 13:30:00", "client rappelé");
    erp.orders[4].status = Some(Text::clean("payé"));
    expected.take(&erp);
    erp.orders[5].status = Some(Text::clean("sans trace"));
    let outcome = sync(&setup, &erp);
    assert_eq!(outcome.n("read"), 2, "orders 3 and 4: {}", outcome.report);
    expected.assert(&setup);
    let outcome = setup.sync_to(0, &[]);
    assert_eq!(outcome.n("read"), 10, "{}", outcome.report);
    Expected::of(&erp).assert(&setup);
}

#[test]
fn lines_of_the_last_hour_before_the_cursor_are_looked_at_again() {
    let mut erp = erp();
    let setup = synced(&erp);
    log(&mut erp, 9, "2026-01-25 15:00:00", "cde Planifiée");
    sync(&setup, &erp);
    let mut expected = Expected::of(&erp);
    // Two machines whose clocks are behind: by 59 minutes, and by 61.
    log(&mut erp, 1, "2026-01-25 14:01:00", "cde Planifiée");
    expected.take(&erp);
    log(&mut erp, 2, "2026-01-25 13:59:00", "cde Planifiée");
    let outcome = sync(&setup, &erp);
    assert_eq!(outcome.n("read"), 2, "orders 1 and 9: {}", outcome.report);
    expected.assert(&setup);
}

#[test]
fn a_line_in_the_future_does_not_move_the_cursor_beyond_the_clock() {
    for zone in ["SYSTEM", "+05:00", "-08:00"] {
        let mut erp = erp();
        let setup = synced(&erp);
        setup.mariadb.sql("", &format!("SET GLOBAL time_zone = '{zone}'"));
        let now: String = setup.conn().query_first("SELECT CAST(NOW() AS CHAR)").unwrap().unwrap();
        let soon: String =
            setup.conn().query_first("SELECT CAST(NOW() + INTERVAL 40 MINUTE AS CHAR)").unwrap().unwrap();
        log(&mut erp, 3, &now, "cde Planifiée");
        log(&mut erp, 4, &soon, "cde Planifiée");
        log(&mut erp, 5, "2099-01-01 00:00:00", "cde Planifiée");
        sync(&setup, &erp);
        Expected::of(&erp).assert(&setup);
        assert_eq!(cursor(&setup), now, "{zone}");
        log(&mut erp, 6, &now, "cde Planifiée");
        let outcome = sync(&setup, &erp);
        assert_eq!(outcome.n("read"), 4, "{zone}: {}", outcome.report);
        Expected::of(&erp).assert(&setup);
        assert_eq!(cursor(&setup), now, "{zone}");
    }
}

#[test]
fn after_a_day_a_full_set_is_read_by_itself() {
    let mut erp = erp();
    let setup = synced(&erp);
    let back = |hours: u32| {
        setup.sql(&format!("UPDATE sync_watermark SET position = position - {hours} * 3600000000"));
    };
    let n_read = |outcome: &Outcome| outcome.n("read");
    log(&mut erp, 9, "2026-01-25 15:00:00", "cde Planifiée");
    sync(&setup, &erp);
    back(23);
    erp.orders[0].status = Some(Text::clean("sans trace"));
    assert_eq!(n_read(&sync(&setup, &erp)), 1, "order 9, whose line is that of the cursor");
    back(1);
    assert_eq!(n_read(&setup.sync_to(0, &AUTO)), 10, "the last full run is a day ago");
    Expected::of(&erp).assert(&setup);
    assert_eq!(n_read(&setup.sync_to(0, &AUTO)), 1, "the next one is due in a day");
}

#[test]
fn a_chosen_time_is_obeyed_and_does_not_move_the_cursor() {
    let mut erp = erp();
    let setup = synced(&erp);
    let outcome = setup.sync_to(0, &["--since", "2026-01-25T10:07:00"]);
    assert_eq!(outcome.n("read"), 3, "10:07, 10:08 and 10:09: {}", outcome.report);
    let outcome = setup.sync_to(0, &["--since", "2026-01-25 10:08:30"]);
    assert_eq!(outcome.n("read"), 1, "{}", outcome.report);
    let outcome = setup.sync_to(0, &["--since", "2026-01-26"]);
    assert_eq!(outcome.n("read"), 0, "{}", outcome.report);
    log(&mut erp, 3, "2026-01-25 12:00:00", "cde Planifiée");
    log(&mut erp, 4, "2026-01-25 18:00:00", "cde Planifiée");
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &["--since", "2026-01-25T17:00:00"]);
    assert_eq!(cursor(&setup), "2026-01-25 10:09:00", "the line of 12:00 is not yet seen");
    setup.sync_to(0, &AUTO);
    Expected::of(&erp).assert(&setup);
    assert_eq!(cursor(&setup), "2026-01-25 18:00:00");
    for text in ["yesterday", "25/01/2026", "", "2026-13-01"] {
        let run = setup.run(&["--since", text]);
        assert_eq!(run.code, Some(78), "{text}: {run:?}");
        assert!(run.stderr.contains("--since") && run.stderr.contains("hint:"), "{}", run.stderr);
    }
}

#[test]
fn a_chosen_time_in_a_first_run_leaves_the_full_set_to_the_next() {
    let erp = erp();
    let setup = Setup::new();
    erp.insert(&mut setup.conn(), 1);
    let outcome = setup.sync_to(0, &["--since", "2026-01-25T10:08:00"]);
    assert_eq!(outcome.n("read"), 2, "{}", outcome.report);
    let outcome = setup.sync_to(0, &AUTO);
    assert_eq!(outcome.n("read"), 10, "{}", outcome.report);
    Expected::of(&erp).assert(&setup);
}

#[test]
fn rejected_orders_are_tried_again_though_their_log_did_not_move() {
    let mut erp = erp();
    let setup = Setup::new();
    erp.orders[0].number = None;
    log(&mut erp, 9, "2026-01-25 15:00:00", "cde Planifiée");
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(3, &AUTO);
    let outcome = setup.sync_to(3, &AUTO);
    assert_eq!((outcome.n("read"), outcome.n("rejected")), (2, 1), "orders 0 and 9: {}", outcome.report);
    erp.orders[0].number = Some(7);
    let outcome = sync(&setup, &erp);
    assert_eq!((outcome.n("read"), outcome.n("rejected")), (2, 0), "{}", outcome.report);
    assert_eq!(setup.rejected(), [""; 0]);
    Expected::of(&erp).assert(&setup);
    assert_eq!(setup.sync_to(0, &AUTO).n("read"), 1);
}

#[test]
fn many_changed_orders_are_all_read() {
    let mut erp = erp();
    let template = erp.orders[0].clone();
    for n in 0..2_300 {
        let line = Log { id: erp.next_log, ..template.logs[0].clone() };
        erp.next_log += 1;
        erp.orders.push(Order { logs: vec![line], ..template.clone() });
        let order = erp.orders.last_mut().unwrap();
        order.id = format!("f{n:07x}");
        order.id_elsewhere = order.id.to_uppercase();
    }
    let setup = Setup::new();
    erp.insert(&mut setup.conn(), 1);
    let outcome = setup.sync_to(0, &["--since", "2026-01-25T10:00:00"]);
    assert_eq!(outcome.n("read"), 2_310, "{}", outcome.report);
    Expected::of(&erp).assert(&setup);
}

#[test]
fn an_emptied_or_dropped_destination_is_filled_again() {
    let mut erp = erp();
    let setup = synced(&erp);
    log(&mut erp, 3, "2026-01-25 12:00:00", "cde Planifiée");
    for loss in ["TRUNCATE commandes_volets, commandes_volets_details", "DROP TABLE commandes_volets"] {
        setup.sql(loss);
        sync(&setup, &erp);
        Expected::of(&erp).assert(&setup);
    }
    assert!(sync(&setup, &erp).n("read") < 10, "and then the cursor counts again");
}

#[test]
fn a_clock_that_was_set_back_hides_no_order() {
    let mut erp = erp();
    let setup = synced(&erp);
    // As it is after runs while the clock was three hours ahead.
    setup.sql(
        "UPDATE sync_watermark SET last_timestamp = extract(epoch FROM now() + interval '3 hours') * 1000000",
    );
    log(&mut erp, 3, "2026-01-26 12:00:00", "rappel : cde Planifiée");
    let outcome = sync(&setup, &erp);
    assert_eq!(outcome.n("read"), 10, "a full run: {}", outcome.report);
    Expected::of(&erp).assert(&setup);
    assert_eq!(cursor(&setup), "2026-01-26 12:00:00");
    assert_eq!(sync(&setup, &erp).n("read"), 1);
}
