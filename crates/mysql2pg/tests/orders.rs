//! The orders arrive as they are: which are wanted, which row of each, every text and every detail.

mod common;

use common::Setup;
use common::erp::{Accessory, Datum, Erp, Log, Operation, Order, Shape, Text, USUAL, shapes};
use common::erp_random::Recipe;
use common::oracle::{self, Expected};
use fastrand::Rng;
use mysql::prelude::Queryable;
use sync_testing::matrix::{how_many, seed};

const RECIPE: Recipe = Recipe { n_orders: 60, null_numbers: false };

/// The joins of the old program, with its patterns, by the names of small letters.
const OLD_JOIN: &str =
    "FROM a_kopf k JOIN a_logbuch l ON l.id_a_kopf = k.id JOIN p_zubeh z ON z.id_a_kopf = k.id
    LEFT JOIN a_vorgang v ON v.id_a_kopf = k.id
    WHERE (z.zcode LIKE 'VR%' OR z.zcode LIKE 'SOP%' OR z.zcode LIKE 'S P%')
    AND (l.notiz LIKE '%cde Planifiée%' OR l.notiz LIKE '%cde PlanifiÃ©e%')";

/// Every version of every row: it changes when a row is written, even with the same values.
fn versions(setup: &Setup) -> Vec<String> {
    let mut all = setup.list("SELECT xmin || ' ' || ctid || id_commande FROM commandes_volets ORDER BY 1");
    all.extend(
        setup.list("SELECT xmin || ' ' || ctid || id_commande FROM commandes_volets_details ORDER BY 1"),
    );
    all
}

fn log(id: i32, at: &str, note: &str) -> Log {
    Log { id, datum: Datum::At(at.to_owned()), note: Some(note.to_owned()) }
}

fn accessory(place: (i16, i16, i16), code: &str, text: &str) -> Accessory {
    let (position, kennung, znr) = place;
    Accessory { position, kennung, znr, code: Some(code.to_owned()), text: Some(Text::clean(text)) }
}

fn operation(number: &str, name: &str) -> Operation {
    Operation { number: number.to_owned(), name: Some(Text::clean(name)) }
}

/// An order that is wanted, with one log line and one accessory.
fn simple(id: &str, number: i32) -> Order {
    let logs = vec![log(number, "2026-01-25 10:00:00", "cde Planifiée")];
    Order { logs, accessories: vec![accessory((1, 0, 1), "VR1", "volet")], ..Order::new(id, number) }
}

#[test]
fn the_oracle_agrees_with_the_old_joins() {
    let mut setup = Setup::new();
    for charset in ["utf8mb4", "latin1"] {
        let erp = Erp::random(Shape { charset, ..USUAL }, seed(), Recipe { n_orders: 300, ..RECIPE });
        erp.insert(&mut setup.conn(), 1);
        let counts = format!(
            "SELECT count(DISTINCT k.id), count(DISTINCT k.id, position, kennung, znr, coalesce(v.nummer, '')) {OLD_JOIN}"
        );
        let counts: (usize, usize) = setup.conn().query_first(counts).unwrap().unwrap();
        let expected = Expected::of(&erp);
        assert_eq!(counts, (expected.n_orders(), expected.n_details()));
        assert!(counts.0 > 50 && counts.0 < 250, "a mixture: {counts:?}");
        setup.renew();
    }
}

#[test]
fn every_shape_of_database_gives_the_same_rows() {
    let mut setup = Setup::new();
    let first = seed();
    for seed in first..first + how_many(1, 10) {
        for shape in shapes() {
            println!("{seed} {shape:?}");
            let erp = Erp::random(shape, seed, RECIPE);
            erp.insert(&mut setup.conn(), seed);
            let expected = Expected::of(&erp);
            let outcome = setup.sync_to(0, &[]);
            expected.assert(&setup);
            assert_eq!(outcome.n("rejected"), 0, "{}", outcome.report);
            setup.renew();
        }
    }
}

#[test]
fn many_seeds_agree() {
    let mut setup = Setup::new();
    let first = seed();
    for seed in first..first + how_many(5, 100) {
        println!("{seed}");
        let n_orders = Rng::with_seed(seed).usize(..200);
        let erp = Erp::random(USUAL, seed, Recipe { n_orders, ..RECIPE });
        erp.insert(&mut setup.conn(), seed);
        setup.sync_to(0, &[]);
        Expected::of(&erp).assert(&setup);
        setup.renew();
    }
}

#[test]
fn the_order_of_storage_changes_nothing() {
    let setup = Setup::new();
    let seed = seed();
    for engine in ["MyISAM", "InnoDB"] {
        let erp = Erp::random(Shape { engine, ..USUAL }, seed, RECIPE);
        let expected = Expected::of(&erp);
        erp.insert(&mut setup.conn(), 1);
        setup.sync_to(0, &["--touch", "changed"]);
        expected.assert(&setup);
        let before = versions(&setup);
        erp.insert(&mut setup.conn(), 2);
        let outcome = setup.sync_to(0, &["--touch", "changed"]);
        assert_eq!(versions(&setup), before);
        assert_eq!(outcome.n("written"), 0, "{}", outcome.report);
    }
}

#[test]
fn later_runs_bring_what_has_changed() {
    let setup = Setup::new();
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    let mut erp = Erp::random(USUAL, seed, RECIPE);
    let mut expected = Expected::default();
    for round in 0..how_many(6, 60) {
        println!("round {round}");
        erp.insert(&mut setup.conn(), round);
        expected.take(&erp);
        setup.sync_to(0, if round % 2 == 0 { &[] } else { &["--touch", "changed"] });
        expected.assert(&setup);
        erp.mutate(&mut rng, RECIPE);
    }
}

#[test]
fn nothing_changed_writes_no_row() {
    let setup = Setup::new();
    let erp = Erp::random(USUAL, seed(), RECIPE);
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &["--touch", "changed"]);
    let before = versions(&setup);
    let outcome = setup.sync_to(0, &["--touch", "changed"]);
    assert_eq!(versions(&setup), before);
    assert_eq!(outcome.n("written"), 0, "{}", outcome.report);
}

#[test]
fn only_the_changed_order_is_written() {
    let setup = Setup::new();
    let mut erp = Erp::of(USUAL, vec![simple("a1", 1), simple("a2", 2), simple("a3", 3)]);
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &[]);
    let before = versions(&setup);
    erp.orders[1].status = Some(Text::clean("livré"));
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &["--touch", "changed"]);
    Expected::of(&erp).assert(&setup);
    let after = versions(&setup);
    let changed: Vec<&String> = after.iter().filter(|version| !before.contains(version)).collect();
    assert_eq!(changed.len(), 1, "the order, and none of its details: {changed:?}");
    assert!(changed[0].ends_with("a2"));
}

#[test]
fn touch_all_says_when_an_order_was_last_seen() {
    let setup = Setup::new();
    Erp::of(USUAL, vec![simple("a1", 1), simple("a2", 2)]).insert(&mut setup.conn(), 1);
    let times = "SELECT count(DISTINCT date_synchronisation) || ' ' || min(date_synchronisation) FROM commandes_volets";
    setup.sync_to(0, &[]);
    let first = setup.one(times);
    setup.sync_to(0, &[]);
    let second = setup.one(times);
    assert!(first.starts_with("1 ") && second.starts_with("1 ") && second > first, "{first} / {second}");
    setup.sync_to(0, &["--touch", "changed"]);
    assert_eq!(setup.one(times), second);
}

/// Three log lines, four accessories and three operations, of which the total order picks one each.
fn many_sided() -> Order {
    Order {
        extension: Some("B".into()),
        status: Some(Text::broken("planifié")),
        project: Some(Text::clean("Villa O'Hara")),
        logs: vec![
            log(9, "2026-01-24 08:00:00", "cde Planifiée"),
            log(5, "2026-01-25 08:00:00", "cde PlanifiÃ©e : rappel"),
            log(4, "2026-01-25 08:00:00", "cde Planifiée"),
        ],
        accessories: vec![
            accessory((1, 0, 1), "vr1", "petit"),
            accessory((3, 0, 1), "VR1", "loin"),
            accessory((2, 1, 1), "VR1", "autre sorte"),
            accessory((2, 0, 2), "VR1", "celui-ci"),
        ],
        operations: vec![operation("9", "poser"), operation("10", "scier"), operation("a", "emballer")],
        ..Order::new("00ff", 4711)
    }
}

#[test]
fn one_row_of_many_is_chosen_by_a_total_order() {
    let setup = Setup::new();
    let erp = Erp::of(USUAL, vec![many_sided()]);
    for shuffle in 0..4 {
        erp.insert(&mut setup.conn(), shuffle);
        setup.sync_to(0, &[]);
        let row = setup.one("SELECT to_jsonb(c) - 'date_synchronisation' FROM commandes_volets c");
        let row: serde_json::Value = serde_json::from_str(&row).unwrap();
        let expected = serde_json::json!({
            "id_commande": "00ff", "numero_commande": 4711, "extension": "B", "statut": "planifié",
            "affaire": "Villa O'Hara", "date_modification": "2026-01-25T08:00:00", "code_accessoire": "VR1",
            "description_accessoire": "celui-ci", "numero_operation": "10", "description_operation": "scier",
        });
        assert_eq!(row, expected);
        assert_eq!(setup.one("SELECT count(*) FROM commandes_volets_details"), "12");
        Expected::of(&erp).assert(&setup);
    }
}

#[test]
fn both_spellings_of_the_note_are_found() {
    let setup = Setup::new();
    let notes = [
        ("a1", "cde Planifiée"),
        ("a2", "le 3 : cde PlanifiÃ©e !"),
        ("a3", "CDE PLANIFIÉE"),
        ("a4", "Planifiée"),
    ];
    let order = |(id, note)| Order { logs: vec![log(1, "2026-01-25 08:00:00", note)], ..simple(id, 1) };
    let mut orders: Vec<Order> = notes.into_iter().map(order).collect();
    (1..).zip(&mut orders).for_each(|(id, order)| order.logs[0].id = id);
    let erp = Erp::of(USUAL, orders);
    for charset in ["utf8mb4", "latin1"] {
        Erp { shape: Shape { charset, ..USUAL }, ..erp.clone() }.insert(&mut setup.conn(), 1);
        setup.sync_to(0, &[]);
        assert_eq!(setup.list("SELECT id_commande FROM commandes_volets ORDER BY 1"), ["a1", "a2", "a3"]);
        setup.sql("DROP TABLE commandes_volets, commandes_volets_details");
    }
}

#[test]
fn ids_are_joined_as_the_source_joins_them() {
    let setup = Setup::new();
    let mut order = simple("0fab", 1);
    order.id_elsewhere = "0FAB".into();
    let erp = Erp::of(USUAL, vec![simple("0faa", 2), order, simple("0fac", 3)]);
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &[]);
    Expected::of(&erp).assert(&setup);
}

#[test]
fn orders_without_number_are_set_aside_and_the_others_arrive() {
    let setup = Setup::new();
    let seed = seed();
    let erp = Erp::random(USUAL, seed, Recipe { null_numbers: true, n_orders: 200 });
    erp.insert(&mut setup.conn(), 1);
    let refused = oracle::refused(&erp);
    let outcome = setup.sync_to(3, &[]);
    Expected::of(&erp).assert(&setup);
    assert_eq!(outcome.n("rejected"), refused.len() as u64, "{}", outcome.report);
    assert_eq!(setup.rejected().len(), refused.len());
}

#[test]
fn details_can_be_left_out() {
    let setup = Setup::new();
    let erp = Erp::random(USUAL, seed(), RECIPE);
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &["--no-details"]);
    Expected::of(&erp).assert_orders(&setup);
    assert_eq!(setup.one("SELECT to_regclass('commandes_volets_details')"), "NULL");
}

#[test]
fn ids_of_another_collation_are_found_all_the_same_and_said_so() {
    let setup = Setup::new();
    let erp = Erp::random(USUAL, seed(), RECIPE);
    erp.insert(&mut setup.conn(), 1);
    let utf8 = setup.sync_to(0, &[]);
    assert!(!utf8.stderr.contains("no index joins them"), "{}", utf8.stderr);
    Expected::of(&erp).assert(&setup);
    for table in ["a_logbuch", "p_zubeh", "a_vorgang"] {
        setup.my(&format!(
            "ALTER TABLE {table} MODIFY id_a_kopf VARCHAR(32) CHARACTER SET latin1 COLLATE latin1_german1_ci NOT NULL"
        ));
    }
    setup.sql("TRUNCATE commandes_volets, commandes_volets_details");
    let latin1 = setup.sync_to(0, &[]);
    assert!(
        latin1.stderr.contains("p_zubeh.id_a_kopf is latin1_german1_ci and a_kopf.id utf8mb4"),
        "{}",
        latin1.stderr
    );
    assert!(setup.run(&["check"]).stdout.contains("no index joins them"));
    Expected::of(&erp).assert(&setup);
}
