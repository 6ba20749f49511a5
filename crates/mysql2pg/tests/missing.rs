//! Orders that the source has no longer: kept, marked or deleted after two full runs, and never by mistake.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::time::Duration;

use common::Setup;
use common::erp::{Accessory, Datum, Erp, Log, Order, Text, USUAL};
use common::oracle::Expected;
use sync_testing::matrix::how_many;
use sync_testing::outcome::Outcome;
use sync_testing::proxy::Proxy;

const MARK: [&str; 2] = ["--missing", "mark"];
const DELETE: [&str; 2] = ["--missing", "delete"];

/// Planned orders with two details each.
fn erp(n_orders: usize) -> Erp {
    let order = |n: usize| {
        let number = i32::try_from(n).unwrap();
        let item = |position| Accessory {
            position,
            kennung: 0,
            znr: 1,
            code: Some("VR1".to_owned()),
            text: Some(Text::clean("volet")),
        };
        let datum = Datum::At("2026-01-25 10:00:00".to_owned());
        Order {
            logs: vec![Log { id: number + 1, datum, note: Some("cde Planifiée".to_owned()) }],
            accessories: vec![item(1), item(2)],
            ..Order::new(&format!("{n:08x}"), number)
        }
    };
    Erp::of(USUAL, (0..n_orders).map(order).collect())
}

/// A destination that has these orders.
fn synced(erp: &Erp) -> Setup {
    let setup = Setup::new();
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &[]);
    setup
}

fn absent(setup: &Setup) -> Vec<String> {
    setup.list("SELECT row_key FROM sync_missing ORDER BY 1")
}

fn marked(setup: &Setup) -> Vec<String> {
    setup.list("SELECT id_commande FROM commandes_volets WHERE absent_depuis IS NOT NULL ORDER BY 1")
}

#[test]
fn missing_orders_are_kept_unless_told_otherwise() {
    let mut erp = erp(5);
    let setup = synced(&erp);
    let expected = Expected::of(&erp);
    erp.orders.truncate(3);
    erp.insert(&mut setup.conn(), 1);
    for _ in 0..3 {
        setup.sync_to(0, &[]);
        expected.assert(&setup);
        assert_eq!(absent(&setup), [""; 0]);
    }
}

#[test]
fn an_order_is_deleted_with_its_details_in_the_second_full_run_without_it() {
    let mut erp = erp(5);
    let setup = synced(&erp);
    let mut expected = Expected::of(&erp);
    let gone = erp.orders.remove(2).id;
    erp.insert(&mut setup.conn(), 1);
    let outcome = setup.sync_to(0, &DELETE);
    expected.assert(&setup);
    assert_eq!(absent(&setup), [gone.as_str()]);
    assert_eq!((outcome.n("newly_absent"), outcome.n("deleted")), (1, 0), "{}", outcome.report);
    let outcome = setup.sync_to(0, &DELETE);
    expected.forget(&gone);
    expected.assert(&setup);
    assert_eq!(absent(&setup), [""; 0]);
    assert_eq!((outcome.n("newly_absent"), outcome.n("deleted")), (0, 1), "{}", outcome.report);
    setup.sync_to(0, &DELETE);
    expected.assert(&setup);
}

#[test]
fn an_order_is_marked_with_the_time_of_its_first_absence_and_unmarked_when_it_comes_back() {
    let mut erp = erp(5);
    let setup = synced(&erp);
    let expected = Expected::of(&erp);
    let gone = erp.orders.remove(2);
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &MARK);
    assert_eq!((marked(&setup), absent(&setup)), (vec![], vec![gone.id.clone()]));
    let outcome = setup.sync_to(0, &MARK);
    assert_eq!(outcome.n("marked_absent"), 1, "{}", outcome.report);
    assert_eq!(marked(&setup), [gone.id.as_str()]);
    expected.assert(&setup);
    let since = setup.one(
        "SELECT c.absent_depuis AT TIME ZONE current_setting('TimeZone') = m.first_missing_at
         FROM commandes_volets c JOIN sync_missing m ON m.row_key = c.id_commande",
    );
    assert_eq!(since, "t", "the time of the first absence");
    let time = setup.one("SELECT max(absent_depuis) FROM commandes_volets");
    let outcome = setup.sync_to(0, &MARK);
    assert_eq!(outcome.n("marked_absent"), 0, "{}", outcome.report);
    assert_eq!(setup.one("SELECT max(absent_depuis) FROM commandes_volets"), time, "the mark stays");
    erp.orders.push(gone);
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &MARK);
    assert_eq!((marked(&setup), absent(&setup)), (vec![], vec![]));
    expected.assert(&setup);
}

#[test]
fn an_order_that_comes_back_must_be_absent_twice_again() {
    let mut erp = erp(5);
    let setup = synced(&erp);
    let expected = Expected::of(&erp);
    let gone = erp.orders.pop().unwrap();
    for _ in 0..3 {
        erp.insert(&mut setup.conn(), 1);
        setup.sync_to(0, &DELETE);
        assert_eq!(absent(&setup), [gone.id.as_str()]);
        let mut back = erp.clone();
        back.orders.push(gone.clone());
        back.insert(&mut setup.conn(), 1);
        setup.sync_to(0, &DELETE);
        assert_eq!(absent(&setup), [""; 0]);
    }
    expected.assert(&setup);
}

#[test]
fn a_run_that_keeps_and_sees_an_order_again_counts_as_a_sighting() {
    let mut erp = erp(5);
    let setup = synced(&erp);
    let expected = Expected::of(&erp);
    let all = erp.clone();
    erp.orders.pop();
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &DELETE);
    all.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &[]);
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &DELETE);
    expected.assert(&setup);
}

#[test]
fn too_many_at_once_are_held_back_without_force() {
    for (policy, is_done) in [("mark", "marked_absent"), ("delete", "deleted")] {
        // More than 100, and more than 10 %.
        let mut erp = erp(400);
        let setup = synced(&erp);
        let mut expected = Expected::of(&erp);
        let gone = erp.orders.split_off(299);
        erp.insert(&mut setup.conn(), 1);
        let args = ["--missing", policy];
        setup.sync_to(0, &args);
        for _ in 0..2 {
            let outcome = setup.sync_to(3, &args);
            assert_eq!(outcome.n(is_done), 0, "{}", outcome.report);
            assert!(outcome.report["failed"].to_string().contains("--force"), "{}", outcome.report);
            assert!(outcome.stderr.contains("101 orders are no longer in the source"), "{}", outcome.stderr);
            expected.assert(&setup);
        }
        let outcome = setup.sync_to(0, &["--missing", policy, "--force"]);
        assert_eq!(outcome.n(is_done), 101, "{}", outcome.report);
        if policy == "delete" {
            gone.iter().for_each(|order| expected.forget(&order.id));
        } else {
            assert_eq!(marked(&setup).len(), 101);
        }
        expected.assert(&setup);
    }
}

#[test]
fn a_hundred_or_a_tenth_may_go() {
    for (n_orders, n_gone) in [(150, 100), (1_100, 110)] {
        let mut erp = erp(n_orders);
        let setup = synced(&erp);
        erp.orders.truncate(n_orders - n_gone);
        erp.insert(&mut setup.conn(), 1);
        setup.sync_to(0, &DELETE);
        let outcome = setup.sync_to(0, &DELETE);
        assert_eq!(outcome.n("deleted"), n_gone as u64, "{}", outcome.report);
        Expected::of(&erp).assert(&setup);
    }
}

#[test]
fn an_order_that_lives_but_is_no_longer_planned_is_not_missing() {
    let mut erp = erp(5);
    let setup = synced(&erp);
    let expected = Expected::of(&erp);
    erp.orders[0].logs.clear();
    erp.orders[1].accessories.clear();
    erp.orders[2].logs[0].note = Some("annulée".to_owned());
    erp.orders[3].accessories.iter_mut().for_each(|item| item.code = None);
    erp.insert(&mut setup.conn(), 1);
    for policy in [MARK, DELETE, DELETE, MARK] {
        setup.sync_to(0, &policy);
        expected.assert(&setup);
        assert_eq!(absent(&setup), [""; 0]);
    }
}

#[test]
fn a_rejected_order_is_not_missing() {
    let mut erp = erp(5);
    let setup = synced(&erp);
    let expected = Expected::of(&erp);
    erp.orders[1].number = None;
    erp.insert(&mut setup.conn(), 1);
    for policy in [DELETE, DELETE, MARK, MARK] {
        setup.sync_to(3, &policy);
        expected.assert(&setup);
        assert_eq!(absent(&setup), [""; 0]);
    }
}

#[test]
fn an_empty_source_deletes_nothing_and_warns() {
    let erp = erp(5);
    let setup = synced(&erp);
    Erp::of(USUAL, Vec::new()).insert(&mut setup.conn(), 1);
    for policy in [DELETE, DELETE, DELETE, MARK, MARK] {
        let outcome = setup.sync_to(0, &policy);
        assert!(outcome.stderr.contains("no orders at all"), "{}", outcome.stderr);
        Expected::of(&erp).assert(&setup);
        assert_eq!(absent(&setup), [""; 0]);
    }
    setup.sync_to(0, &["--missing", "delete", "--force"]);
    setup.sync_to(0, &["--missing", "delete", "--force"]);
    assert_eq!(setup.one("SELECT count(*) FROM commandes_volets_details"), "0");
}

#[test]
fn a_source_that_breaks_in_the_middle_of_a_read_deletes_nothing() {
    let erp = erp(5_000);
    let mut setup = synced(&erp);
    let proxy = Proxy::to(setup.mariadb.port());
    for round in 0..how_many(3, 15) {
        let running = setup
            .tool(&DELETE)
            .args(["--retry-for", "500ms"])
            .env("MYSQL_PORT", proxy.port().to_string())
            .spawn();
        let before = proxy.n_bytes_down();
        while proxy.n_bytes_down() < before + 60_000 + 60_000 * round {
            assert!(!running.has_ended(), "{}", running.stderr());
            std::thread::sleep(Duration::from_millis(1));
        }
        setup.mariadb.kill9();
        let run = running.wait();
        assert_eq!(run.code, Some(75), "{run:?}");
        setup.mariadb.start_again();
        Expected::of(&erp).assert(&setup);
        assert_eq!(absent(&setup), [""; 0]);
    }
    setup.sync_to(0, &DELETE);
    assert_eq!(absent(&setup), [""; 0]);
}

#[test]
fn a_right_that_was_lost_ends_the_run_with_78_and_deletes_nothing() {
    let erp = erp(5);
    let setup = synced(&erp);
    let database = setup.database();
    let tables = ["a_kopf", "a_logbuch", "p_zubeh", "a_vorgang"];
    for (lost, left) in tables.iter().flat_map(|lost| [(lost, ""), (lost, "INSERT")]) {
        let mut grants: Vec<String> = tables
            .iter()
            .filter(|table| *table != lost)
            .map(|table| format!("SELECT ON `{database}`.`{table}`"))
            .collect();
        // With another right the table is still listed.
        grants.extend((!left.is_empty()).then(|| format!("{left} ON `{database}`.`{lost}`")));
        let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
        setup.mariadb.create_user(common::READER, common::READER_PASSWORD, &grants);
        for args in [&["sync", "--missing", "delete"][..], &["check"]] {
            let run = setup.run(args);
            assert_eq!(run.code, Some(78), "{lost} {left} {args:?}: {run:?}");
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains(lost) && said.contains("hint:"), "{lost} {left} {args:?}: {said}");
        }
        Expected::of(&erp).assert(&setup);
        assert_eq!(absent(&setup), [""; 0]);
    }
}

#[test]
fn missing_and_since_contradict_each_other() {
    let setup = synced(&erp(2));
    for (policy, since) in [("mark", "auto"), ("delete", "2026-01-25T10:00:00")] {
        let run = setup.run(&["--missing", policy, "--since", since]);
        assert_eq!(run.code, Some(78), "{run:?}");
        assert!(run.stderr.contains("--since") && run.stderr.contains("--missing"), "{}", run.stderr);
    }
    assert_eq!(Outcome::of(&setup.run(&["--since", "auto", "--report", "json"])).code, 0);
}

#[test]
fn whatever_run_sees_an_order_again_takes_its_mark_off() {
    for args in [&[][..], &DELETE, &["--touch", "changed"], &["--since", "2020-01-01"]] {
        let mut erp = erp(5);
        let setup = synced(&erp);
        let gone = erp.orders.remove(2);
        erp.insert(&mut setup.conn(), 1);
        setup.sync_to(0, &MARK);
        setup.sync_to(0, &MARK);
        assert_eq!(marked(&setup), [gone.id.as_str()]);
        erp.orders.push(gone);
        erp.insert(&mut setup.conn(), 1);
        setup.sync_to(0, args);
        assert_eq!((marked(&setup), absent(&setup)), (vec![], vec![]), "{args:?}");
        Expected::of(&erp).assert(&setup);
    }
}

#[test]
fn what_another_database_lacks_is_no_first_absence_of_this_one() {
    let mut erp = erp(5);
    let setup = synced(&erp);
    let expected = Expected::of(&erp);
    let gone = erp.orders.remove(2);
    let other = setup.mariadb.database();
    setup.my(&format!("GRANT SELECT, SHOW VIEW ON {other}.* TO erp_reader"));
    erp.insert(&mut setup.mariadb.conn(&other), 1);
    let run = setup.tool(&DELETE).env("MYSQL_DB", &other).run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(absent(&setup), [gone.id.as_str()]);
    erp.insert(&mut setup.conn(), 1);
    assert_eq!(setup.sync_to(0, &DELETE).n("deleted"), 0);
    expected.assert(&setup);
}
