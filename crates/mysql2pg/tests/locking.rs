//! A MyISAM reader blocks writers: ours lets them through within a moment.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]
#![allow(clippy::print_stdout, reason = "how long writers waited is for people")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::Setup;
use common::erp::{Erp, Shape, USUAL};
use mysql::prelude::Queryable;

const N_ORDERS: u32 = 20_000;
const LIMIT: Duration = Duration::from_secs(1);

fn fill(setup: &Setup, engine: &'static str) {
    Erp::of(Shape { engine, ..USUAL }, Vec::new()).insert(&mut setup.conn(), 1);
    setup.my(&format!(
        "INSERT INTO a_kopf (id, auftragstyp, aunummer) SELECT LPAD(HEX(seq), 32, '0'), 1, seq FROM seq_1_to_{N_ORDERS};
         INSERT INTO a_logbuch (id_a_kopf, code, datum, notiz)
           SELECT k.id, 'N', '2026-01-25 10:00:00', IF(s.seq = 2, 'cde Planifiée', 'client rappelé')
           FROM a_kopf k, seq_1_to_3 s;
         INSERT INTO p_zubeh (id_a_kopf, position, kennung, znr, zcode, text, stueck)
           SELECT k.id, s.seq, 0, 1, IF(s.seq < 3, 'VR12', 'XX'), 'volet', 1 FROM a_kopf k, seq_1_to_3 s"
    ));
}

/// Somebody at work in the ERP, who notes how long each statement took.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(usize, Duration, String)>,
}

impl Writer {
    fn start(setup: &Setup) -> Writer {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let mut conn = setup.conn();
        let thread = thread::spawn(move || {
            let (mut n_statements, mut longest, mut which) = (0, Duration::ZERO, String::new());
            for n in 1_u32.. {
                let id = format!("LPAD(HEX({}), 32, '0')", n * 7919 % N_ORDERS + 1);
                for sql in [
                    format!("UPDATE p_zubeh SET stueck = {n} WHERE id_a_kopf = {id}"),
                    format!(
                        "INSERT INTO p_zubeh (id_a_kopf, position, kennung, znr, zcode) VALUES ({id}, 9, 1, {}, 'ZZ')
                         ON DUPLICATE KEY UPDATE stueck = 1",
                        n % 30_000
                    ),
                    format!("INSERT INTO a_logbuch (id_a_kopf, code, datum, notiz) VALUES ({id}, 'X', NOW(), 'appel')"),
                    // By its own key: without an index on the order, looking for that would itself take long.
                    "UPDATE a_logbuch SET benutzer = 'jd' WHERE id = LAST_INSERT_ID()".to_owned(),
                ] {
                    let began = Instant::now();
                    conn.query_drop(&sql).unwrap();
                    if began.elapsed() > longest {
                        (longest, which) = (began.elapsed(), sql);
                    }
                    n_statements += 1;
                }
                if asked.load(SeqCst) {
                    break;
                }
            }
            (n_statements, longest, which)
        });
        Writer { stop, thread }
    }

    fn finish(self) -> (usize, Duration, String) {
        self.stop.store(true, SeqCst);
        self.thread.join().unwrap()
    }
}

#[test]
fn writers_of_myisam_tables_are_never_held_up_for_a_second() {
    let setup = Setup::new();
    fill(&setup, "MyISAM");
    let writer = Writer::start(&setup);
    let outcome = setup.sync_to(0, &[]);
    let (n_statements, longest, which) = writer.finish();
    println!(
        "{n_statements} statements beside a run of {} s, the longest {longest:?}",
        outcome.report["duration_s"]
    );
    assert!(longest < LIMIT, "one of {n_statements} statements was held up for {longest:?}: {which}");
    assert!(n_statements > 100, "{n_statements} statements");
    assert_eq!(outcome.n("wanted"), u64::from(N_ORDERS), "{}", outcome.report);
    assert!(outcome.stderr.contains("no snapshot of a_kopf (MyISAM)"), "{}", outcome.stderr);
    assert_eq!(setup.one("SELECT count(*) FROM commandes_volets"), N_ORDERS.to_string());
}

#[test]
fn a_slow_destination_does_not_hold_up_writers_of_myisam_tables() {
    let setup = Setup::new();
    fill(&setup, "MyISAM");
    setup.sync_to(0, &[]);
    // While somebody holds the table the merge waits, with every page read.
    let mut client = setup.client();
    let mut tx = client.transaction().unwrap();
    tx.batch_execute("LOCK TABLE commandes_volets IN SHARE MODE").unwrap();
    let writer = Writer::start(&setup);
    let running = setup.tool(&[]).spawn();
    thread::sleep(Duration::from_secs(8));
    assert!(!running.has_ended(), "{}", running.stderr());
    tx.rollback().unwrap();
    let run = running.wait();
    assert_eq!(run.code, Some(0), "{run:?}");
    let (n_statements, longest, which) = writer.finish();
    println!("{n_statements} statements beside the run, the longest {longest:?}");
    assert!(longest < LIMIT, "one of {n_statements} statements was held up for {longest:?}: {which}");
}

#[test]
fn a_log_without_an_index_on_its_order_is_read_in_ranges_of_its_own_key() {
    let setup = Setup::new();
    fill(&setup, "MyISAM");
    setup.sync_to(0, &[]);
    let table = "SELECT to_jsonb(c) - 'date_synchronisation' FROM commandes_volets c ORDER BY id_commande";
    let indexed = setup.list(table);
    setup.my("ALTER TABLE a_logbuch DROP KEY id_a_kopf");
    let writer = Writer::start(&setup);
    let outcome = setup.sync_to(0, &[]);
    let (n_statements, longest, which) = writer.finish();
    println!("{n_statements} statements beside the run, the longest {longest:?}: {which}");
    assert!(longest < LIMIT, "one of {n_statements} statements was held up for {longest:?}: {which}");
    assert_eq!(outcome.n("wanted"), u64::from(N_ORDERS), "{}", outcome.report);
    assert_eq!(setup.list(table), indexed);
    let check = setup.run(&["check"]);
    assert!(check.stdout.contains("a_logbuch: MyISAM"), "{}", check.stdout);
    assert!(
        check.stdout.contains("no index begins with its order; each run reads all of it once"),
        "{}",
        check.stdout
    );
}

#[test]
fn what_keeps_writers_waiting_is_said() {
    let setup = Setup::new();
    Erp::of(Shape { engine: "MyISAM", ..USUAL }, Vec::new()).insert(&mut setup.conn(), 1);
    let said = |table: &str| format!("{table} has no index on its order: its writers wait");
    assert!(!setup.sync_to(0, &[]).stderr.contains("no index"));
    setup.my("ALTER TABLE p_zubeh DROP PRIMARY KEY; ALTER TABLE a_logbuch DROP KEY id_a_kopf");
    let stderr = setup.sync_to(0, &[]).stderr;
    assert!(stderr.contains(&said("p_zubeh")) && !stderr.contains(&said("a_logbuch")), "{stderr}");
    setup.my("ALTER TABLE a_logbuch MODIFY id INT NOT NULL, DROP PRIMARY KEY");
    let stderr = setup.sync_to(0, &[]).stderr;
    assert!(stderr.contains(&said("a_logbuch")), "{stderr}");
}

#[test]
fn innodb_is_read_in_one_snapshot_without_a_warning() {
    let setup = Setup::new();
    fill(&setup, "InnoDB");
    let writer = Writer::start(&setup);
    let outcome = setup.sync_to(0, &[]);
    let (n_statements, longest, which) = writer.finish();
    assert!(longest < LIMIT, "one of {n_statements} statements was held up for {longest:?}: {which}");
    assert!(!outcome.stderr.contains("no snapshot"), "{}", outcome.stderr);
}
