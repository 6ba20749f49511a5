//! Memory does not depend on the number of orders.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]
#![allow(clippy::print_stdout, reason = "how much a run took is for people")]

mod common;

use common::Setup;
use common::erp::{Erp, Shape, USUAL};

/// What a run may take, in kB.
const LIMIT_KB: u64 = 64 * 1024;

/// Makes `n` planned orders of the usual size: three log lines, two shutters and another part, two operations.
fn fill(setup: &Setup, engine: &'static str, n: u32) {
    Erp::of(Shape { engine, ..USUAL }, Vec::new()).insert(&mut setup.conn(), 1);
    setup.my(&format!(
        "INSERT INTO a_kopf (id, auftragstyp, aunummer, aualpha, kommission, aufstatus)
           SELECT LPAD(HEX(seq * 2654435761 % 4294967291), 32, '0'), 1, seq, 'A',
             CONCAT('Villa Forêt nº ', seq), 'planifié' FROM seq_1_to_{n};
         INSERT INTO a_logbuch (id_a_kopf, code, datum, notiz)
           SELECT k.id, 'N', '2026-01-25 10:00:00' + INTERVAL s.seq MINUTE,
             IF(s.seq = 2, 'cde Planifiée pour la semaine', 'client rappelé') FROM a_kopf k, seq_1_to_3 s;
         INSERT INTO p_zubeh (id_a_kopf, position, kennung, znr, zcode, text, stueck)
           SELECT k.id, s.seq, 0, 1, IF(s.seq < 3, 'VR12', 'XX'), 'volet roulant à lames', 1 FROM a_kopf k, seq_1_to_3 s;
         INSERT INTO a_vorgang (id_a_kopf, nummer, bezeichnung)
           SELECT k.id, CONCAT(s.seq, '0'), 'scier les lames' FROM a_kopf k, seq_1_to_2 s"
    ));
}

/// The peak of resident memory of a run over `n` orders, in kB.
fn peak(engine: &'static str, n: u32, args: &[&str]) -> u64 {
    let setup = Setup::new();
    fill(&setup, engine, n);
    let run = setup.tool(args).args(["--report", "none"]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(setup.one("SELECT count(*) FROM commandes_volets"), n.to_string());
    assert_eq!(setup.one("SELECT count(*) FROM commandes_volets_details"), (4 * n).to_string());
    run.peak_rss_kb.expect("it ran long enough to be looked at")
}

#[test]
fn three_times_the_orders_take_no_more_memory() {
    let (small, large) = (peak("InnoDB", 20_000, &[]), peak("InnoDB", 60_000, &[]));
    println!("{small} kB, then {large} kB");
    assert!(large * 10 <= small * 15, "{small} kB, then {large} kB");
    assert!(large <= LIMIT_KB, "{large} kB");
}

#[test]
fn looking_for_missing_orders_takes_no_more_memory() {
    let args = ["--missing", "mark"];
    let (small, large) = (peak("InnoDB", 20_000, &args), peak("InnoDB", 60_000, &args));
    println!("{small} kB, then {large} kB");
    assert!(large * 10 <= small * 15, "{small} kB, then {large} kB");
    assert!(large <= LIMIT_KB, "{large} kB");
}

#[test]
fn orders_in_myisam_take_no_more_memory() {
    let (small, large) = (peak("MyISAM", 20_000, &[]), peak("MyISAM", 60_000, &[]));
    println!("{small} kB, then {large} kB");
    assert!(large * 10 <= small * 15, "{small} kB, then {large} kB");
    assert!(large <= LIMIT_KB, "{large} kB");
}
