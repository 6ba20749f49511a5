//! Rows that are to go and that the destination does not let go: they stay and are told, and nothing else waits for them.

mod common;

use common::Setup;
use common::erp::{Accessory, Datum, Erp, Log, Order, Text, USUAL};
use common::oracle::Expected;

/// Orders of two accessories each.
fn erp(n_orders: i32) -> Erp {
    let order = |n: i32| {
        let datum = Datum::At("2026-01-25 10:00:00".to_owned());
        let item =
            |znr| Accessory { position: 1, kennung: 1, znr, code: Some("VR 1".to_owned()), text: None };
        Order {
            logs: vec![Log { id: n + 1, datum, note: Some("cde Planifiée".to_owned()) }],
            accessories: vec![item(1), item(2)],
            ..Order::new(&format!("{n:08x}"), n)
        }
    };
    Erp::of(USUAL, (0..n_orders).map(order).collect())
}

fn synced(erp: &Erp) -> Setup {
    let setup = Setup::new();
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &[]);
    setup
}

const RAISES: &str = "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
    IF OLD.id_commande = '00000002' THEN RAISE EXCEPTION 'commande facturée'; END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END; END$$;";
const SWALLOWS: &str = "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
    RETURN CASE WHEN OLD.id_commande = '00000002' THEN NULL WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END; END$$;";

#[test]
fn orders_that_cannot_be_deleted_or_marked_hold_up_nothing() {
    for (policy, guard, reason) in [
        (
            "delete",
            "CREATE TABLE facture (id varchar(32) REFERENCES commandes_volets); INSERT INTO facture VALUES ('00000002')".to_owned(),
            "violates foreign key constraint",
        ),
        ("delete", format!("{RAISES} CREATE TRIGGER no BEFORE DELETE ON commandes_volets FOR EACH ROW EXECUTE FUNCTION no()"), "commande facturée"),
        ("delete", format!("{SWALLOWS} CREATE TRIGGER no BEFORE DELETE ON commandes_volets FOR EACH ROW EXECUTE FUNCTION no()"), "look at its triggers"),
        (
            "mark",
            format!("{RAISES} CREATE TRIGGER no BEFORE UPDATE ON commandes_volets FOR EACH ROW WHEN (NEW.absent_depuis IS NOT NULL) EXECUTE FUNCTION no()"),
            "commande facturée",
        ),
    ] {
        let mut erp = erp(6);
        let setup = synced(&erp);
        let missing = ["--missing", policy];
        setup.sync_to(0, &missing);
        setup.sql(&guard);
        // Two go at once; one of them may.
        let gone: Vec<Order> = erp.orders.drain(1..3).collect();
        erp.insert(&mut setup.conn(), 1);
        setup.sync_to(0, &missing);
        erp.orders[0].status = Some(Text::clean("livré"));
        erp.orders.push(Order { logs: gone[0].logs.clone(), accessories: gone[0].accessories.clone(), ..Order::new("0000000a", 10) });
        erp.insert(&mut setup.conn(), 1);
        for _ in 0..2 {
            let outcome = setup.sync_to(3, &missing);
            assert_eq!(outcome.n("rejected"), 1, "{guard}: {}", outcome.report);
            let rejected = setup.rejected();
            assert_eq!(rejected.len(), 1, "{rejected:?}");
            assert!(rejected[0].starts_with("00000002 ") && rejected[0].contains(reason), "{rejected:?}");
        }
        let there = "SELECT id_commande FROM commandes_volets WHERE";
        let expected = if policy == "delete" { vec![] } else { vec!["00000001".to_owned()] };
        let first = format!("{there} id_commande = '00000001' AND true");
        assert_eq!(setup.list(&first), expected, "{guard}");
        assert_eq!(setup.list(&format!("{there} statut = 'livré' OR id_commande = '0000000a' ORDER BY 1")), ["00000000", "0000000a"]);
        let details = "SELECT count(*) FROM commandes_volets_details WHERE id_commande = '00000002'";
        assert_eq!(setup.one(details), "2", "what stays stays whole: {guard}");
        // The reason goes, and so does the order.
        setup.sql("DROP TABLE IF EXISTS facture; DROP FUNCTION IF EXISTS no CASCADE");
        setup.sync_to(0, &missing);
        assert_eq!(setup.rejected(), [""; 0]);
        setup.sql("DELETE FROM commandes_volets WHERE id_commande IN ('00000001', '00000002');
            DELETE FROM commandes_volets_details WHERE id_commande IN ('00000001', '00000002')");
        Expected::of(&erp).assert(&setup);
    }
}

#[test]
fn details_that_cannot_be_deleted_hold_up_nothing() {
    let mut erp = erp(4);
    let setup = synced(&erp);
    setup.sql(
        "CREATE TABLE stock (id varchar(32), p int, k int, z int, o varchar(20),
        FOREIGN KEY (id, p, k, z, o) REFERENCES commandes_volets_details);
        INSERT INTO stock SELECT id_commande, position, kennung, znr, numero_operation
        FROM commandes_volets_details WHERE id_commande = '00000001' AND znr = 2",
    );
    for order in &mut erp.orders {
        order.accessories.truncate(1);
        order.status = Some(Text::clean("livré"));
    }
    erp.insert(&mut setup.conn(), 1);
    setup.sync_to(3, &[]);
    assert_eq!(setup.one("SELECT count(*) FROM commandes_volets WHERE statut = 'livré'"), "4");
    let left = "SELECT id_commande || znr FROM commandes_volets_details ORDER BY 1";
    assert_eq!(setup.list(left), ["000000001", "000000011", "000000012", "000000021", "000000031"]);
    let rejected = setup.rejected();
    assert!(rejected.len() == 1 && rejected[0].contains("00000001/1/1/2/"), "{rejected:?}");
    setup.sql("DROP TABLE stock");
    setup.sync_to(0, &[]);
    Expected::of(&erp).assert(&setup);
}

#[test]
fn rows_of_a_copied_table_that_cannot_be_deleted_hold_up_nothing() {
    let setup = Setup::new();
    setup.my("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)");
    let copy = ["copy", "t", "--missing", "delete"];
    setup.sync_to(0, &copy);
    setup.sql("CREATE TABLE uses (id int REFERENCES t); INSERT INTO uses VALUES (1)");
    setup.my("DELETE FROM t WHERE id < 3; UPDATE t SET v = 33");
    setup.sync_to(0, &copy);
    setup.sync_to(3, &copy);
    assert_eq!(setup.list("SELECT id || '=' || v FROM t ORDER BY 1"), ["1=1", "3=33"]);
    assert_eq!(setup.rejected().len(), 1);
}
