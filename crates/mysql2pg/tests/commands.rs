//! `check`, `inspect`, `status`, `rejected`, `health` and `jobs show`; what is set aside, and destinations as they are found.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use common::Setup;
use common::erp::{Accessory, Datum, Erp, Log, Operation, Order, Shape, Text, USUAL};
use common::erp_random::Recipe;
use common::oracle::Expected;
use mysql::prelude::Queryable;
use sync_testing::matrix::seed;

fn log(id: i32, note: &str) -> Log {
    Log { id, datum: Datum::At("2026-01-25 10:00:00".to_owned()), note: Some(note.to_owned()) }
}

fn accessory(position: i16, code: &str) -> Accessory {
    let text = Some(Text::clean("volet"));
    Accessory { position, kennung: 0, znr: 1, code: Some(code.to_owned()), text }
}

/// A planned order with two details.
fn planned(n: i32) -> Order {
    Order {
        logs: vec![log(n * 10, "cde Planifiée")],
        accessories: vec![accessory(1, "VR1"), accessory(2, "SOP2")],
        ..Order::new(&format!("a{n}"), n)
    }
}

fn erp(n_orders: i32) -> Erp {
    Erp::of(USUAL, (1..=n_orders).map(planned).collect())
}

/// The number behind the words of a label at the start of a line.
#[track_caller]
fn number(text: &str, label: &str) -> i64 {
    let after = |line: &str| {
        let mut words = line.split_whitespace();
        label.split_whitespace().all(|word| words.next() == Some(word)).then(|| words.next()?.parse().ok())?
    };
    text.lines().find_map(after).unwrap_or_else(|| panic!("{label}: {text}"))
}

#[test]
fn check_says_what_it_found_and_whether_a_run_would_do() {
    let setup = Setup::new();
    Erp { shape: Shape { engine: "MyISAM", ..USUAL }, ..erp(3) }.insert(&mut setup.conn(), 1);
    let run = setup.run(&["check"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    for said in [
        "source",
        "MariaDB",
        "erp_reader",
        "a_kopf: MyISAM, about 3 rows",
        "destination",
        "connections",
        "rights",
    ] {
        assert!(run.stdout.contains(said), "{said}: {}", run.stdout);
    }
    assert_eq!(setup.one("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"), "0");
    setup.sql("CREATE ROLE poor LOGIN PASSWORD 'p'; REVOKE ALL ON SCHEMA public FROM public");
    let poor = setup.url().replace("postgres:sync-testing-password", "poor:p");
    let run = setup.tool(&["check"]).env("DATABASE_URL", &poor).run();
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stdout.contains("rights") && run.stdout.contains("hint:"), "{}", run.stdout);
    let run = setup.tool(&["sync"]).env("DATABASE_URL", &poor).run();
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.contains("hint:"), "{}", run.stderr);
}

#[test]
fn missing_tables_and_columns_are_named_with_78() {
    let setup = Setup::new();
    let first = erp(3);
    first.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &[]);
    for (sql, said) in [
        ("DROP TABLE a_vorgang", "table a_vorgang"),
        ("ALTER TABLE a_kopf DROP COLUMN aufstatus", "column aufstatus in table a_kopf"),
        ("ALTER TABLE p_zubeh CHANGE znr nr SMALLINT", "column znr in table p_zubeh"),
        (
            "DROP TABLE a_logbuch; ALTER TABLE p_zubeh DROP COLUMN text",
            "table a_logbuch, column text in table p_zubeh",
        ),
    ] {
        first.insert(&mut setup.conn(), 1);
        setup.my(sql);
        for command in [
            &["check"][..],
            &["sync"],
            &["sync", "--dry-run"],
            &["inspect"],
            &["sync", "--missing", "delete"],
        ] {
            let run = setup.run(command);
            assert_eq!(run.code, Some(78), "{command:?}: {run:?}");
            let all = format!("{}{}", run.stdout, run.stderr);
            assert!(all.contains(said) && all.contains("hint:"), "{command:?} {said}: {all}");
        }
        Expected::of(&first).assert(&setup);
    }
    for table in ["a_kopf", "p_zubeh", "a_vorgang", "a_logbuch"] {
        setup.my(&format!("DROP TABLE IF EXISTS {table}"));
    }
    let run = setup.run(&["check"]);
    assert!(
        run.stdout.contains("table a_kopf, table a_logbuch, table p_zubeh, table a_vorgang"),
        "{}",
        run.stdout
    );
}

#[test]
fn inspect_counts_what_is_there_and_what_is_lost_at_each_step() {
    let mut orders = vec![Order::new("b1", 1)];
    orders.extend((2..4).map(|n| Order { logs: vec![log(n, "client rappelé")], ..planned(n) }));
    orders.push(Order { accessories: Vec::new(), ..planned(4) });
    orders.extend((5..7).map(|n| Order { accessories: vec![accessory(1, "XX")], ..planned(n) }));
    orders.extend((7..11).map(|n| Order {
        logs: vec![
            log(n * 10, "cde Planifiée"),
            log(n * 10 + 1, "rappel : cde PlanifiÃ©e"),
            log(n * 10 + 2, "payé"),
        ],
        accessories: vec![accessory(1, "VR1"), accessory(2, "VR1"), accessory(3, "SOP2"), accessory(4, "XX")],
        operations: if n == 7 { Vec::new() } else { vec![operation("10"), operation("20")] },
        ..planned(n)
    }));
    let setup = Setup::new();
    Erp::of(USUAL, orders).insert(&mut setup.conn(), 1);
    let run = setup.tool(&["inspect"]).env("DATABASE_URL", "postgresql://x@127.0.0.1:1/x").run();
    assert_eq!(run.code, Some(0), "the destination is not asked: {run:?}");
    let text = &run.stdout;
    for (label, n) in [
        ("a_kopf InnoDB", 10),
        ("a_logbuch InnoDB", 17),
        ("a_vorgang InnoDB", 6),
        ("VR1", 10),
        ("SOP2", 6),
        ("cde Planifiée", 7),
        ("cde PlanifiÃ©e", 4),
        ("orders", 10),
        ("… with a log line", 9),
        ("… with a wanted note", 7),
        ("… and an accessory", 6),
        ("… and a wanted accessory", 4),
        ("orders and their wanted notes", 11),
        ("… and wanted accessories", 24),
        ("… and operations", 6 + 3 * 12),
    ] {
        assert_eq!(number(text, label), n, "{label}: {text}");
    }
    for why in ["no log line at all", "not planned", "without any accessory", "with other accessories only"] {
        assert!(text.contains(why), "{why}: {text}");
    }
    let run = setup.tool(&["inspect", "--codes", "XX", "--note", "payé"]).run();
    assert_eq!(number(&run.stdout, "… and a wanted accessory"), 4, "{}", run.stdout);
}

fn operation(number: &str) -> Operation {
    Operation { number: number.to_owned(), name: None }
}

#[test]
fn inspect_agrees_with_the_old_join() {
    let setup = Setup::new();
    let erp = Erp::random(USUAL, seed(), Recipe { n_orders: 300, null_numbers: true });
    erp.insert(&mut setup.conn(), 1);
    let sql = "SELECT count(*), count(DISTINCT k.id) FROM a_kopf k JOIN a_logbuch l ON l.id_a_kopf = k.id
         JOIN p_zubeh z ON z.id_a_kopf = k.id LEFT JOIN a_vorgang v ON v.id_a_kopf = k.id
         WHERE (z.zcode LIKE 'VR%' OR z.zcode LIKE 'SOP%' OR z.zcode LIKE 'S P%')
         AND (l.notiz LIKE '%cde Planifiée%' OR l.notiz LIKE '%cde PlanifiÃ©e%')";
    let (n_rows, n_orders): (i64, i64) = setup.conn().query_first(sql).unwrap().unwrap();
    let run = setup.run(&["inspect"]);
    assert_eq!(number(&run.stdout, "… and operations"), n_rows, "{}", run.stdout);
    assert_eq!(number(&run.stdout, "… and a wanted accessory"), n_orders, "{}", run.stdout);
}

#[test]
fn status_shows_the_last_run_of_every_job() {
    let setup = Setup::new();
    let run = setup.run(&["status"]);
    assert_eq!((run.code, run.stdout.contains("no run yet")), (Some(0), true), "{run:?}");
    assert_eq!(setup.one("SELECT to_regclass('sync_run')"), "NULL");
    erp(3).insert(&mut setup.conn(), 1);
    setup.sync_to(0, &[]);
    let run = setup.run(&["status"]);
    for said in ["commandes_volets", "done", "2026-01-25T10:00:00"] {
        assert!(run.stdout.contains(said), "{said}: {}", run.stdout);
    }
    setup.my("UPDATE a_kopf SET aunummer = NULL WHERE id = 'a1'; DELETE FROM a_kopf WHERE id = 'a2'");
    setup.sync_to(3, &["--missing", "mark"]);
    let run = setup.run(&["status"]);
    assert_eq!(run.code, Some(0));
    let line = run.stdout.lines().find(|line| line.contains("commandes_volets")).unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(cells[2..], ["partial", "2", "0", "1", "1", "2026-01-25T10:00:00.000000"], "{}", run.stdout);
    setup.my("DROP TABLE p_zubeh");
    assert_eq!(setup.run(&[]).code, Some(78));
    let run = setup.run(&["status"]);
    assert!(run.stdout.contains("configuration: ") && run.stdout.contains("p_zubeh"), "{}", run.stdout);
}

#[test]
fn status_shows_the_cursor_of_every_table() {
    let setup = Setup::new();
    setup.my("CREATE TABLE a (id INT PRIMARY KEY, n INT); INSERT INTO a VALUES (1, 7), (2, 41);
        CREATE TABLE b (id INT PRIMARY KEY, n INT); INSERT INTO b VALUES (1, 12)");
    let cursors = || setup.run(&["status"]).stdout;
    assert_eq!(setup.run(&["copy", "a", "--incremental", "n"]).code, Some(0));
    assert!(cursors().trim_end().ends_with(" 41"), "{}", cursors());
    assert_eq!(setup.run(&["copy", "b", "--incremental", "n"]).code, Some(0));
    assert!(["a.n 41", "b.n 12"].iter().all(|cursor| cursors().contains(cursor)), "{}", cursors());
}

#[test]
fn health_is_0_after_a_recent_run_and_else_1() {
    let setup = Setup::new();
    let health = |args: &[&str]| {
        let args: Vec<&str> = ["health"].iter().chain(args).copied().collect();
        setup.run(&args)
    };
    let run = health(&[]);
    assert_eq!((run.code, run.stderr.contains("no run has come to its end")), (Some(1), true), "{run:?}");
    erp(3).insert(&mut setup.conn(), 1);
    setup.sync_to(0, &[]);
    assert_eq!(health(&[]).code, Some(0));
    assert_eq!(health(&["--max-age", "1m", "--job", "commandes_volets"]).code, Some(0));
    assert_eq!(health(&["--job", "autre"]).code, Some(1));
    setup.sql("UPDATE sync_run SET started_at = started_at - interval '50 min', finished_at = finished_at - interval '50 min'");
    let run = health(&[]);
    assert_eq!((run.code, run.stderr.contains("hint:")), (Some(1), true), "45 minutes: {run:?}");
    assert_eq!(health(&["--max-age", "1h"]).code, Some(0));
    setup.my("DROP TABLE p_zubeh");
    assert_eq!(setup.run(&[]).code, Some(78));
    assert_eq!(health(&[]).code, Some(1), "a run that failed is none that came to its end");
}

#[test]
fn jobs_show_prints_the_job_without_any_setting() {
    let setup = Setup::new();
    let run = setup.bare(&["jobs", "show"]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    erp(3).insert(&mut setup.conn(), 1);
    let path = setup.file("job.yaml", &run.stdout);
    let outcome = setup.sync_to(0, &["--job", path.to_str().unwrap()]);
    assert_eq!(outcome.n("written"), 6, "each detail is a row: {}", outcome.report);
    let run = setup.run(&["check", "--job", path.to_str().unwrap()]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

/// An id that is longer than its column.
const LONG: &str = "fffffffffffffffffffffffffffffffff";

/// Every order changes; five of six are refused, each for a reason of its own, and so is a new one.
fn change_and_damage(setup: &Setup) {
    setup.sql(
        "ALTER TABLE commandes_volets ADD CHECK (statut <> 'interdit');
         CREATE UNIQUE INDEX une_seule ON commandes_volets (affaire)",
    );
    for table in [
        "a_kopf MODIFY id",
        "a_kopf MODIFY aualpha",
        "a_logbuch MODIFY id_a_kopf",
        "p_zubeh MODIFY id_a_kopf",
    ] {
        setup.my(&format!("ALTER TABLE {table} VARCHAR(40)"));
    }
    setup.my(&format!(
        "UPDATE a_kopf SET aufstatus = 'neuf'; UPDATE p_zubeh SET text = 'neuf';
         UPDATE a_kopf SET aunummer = NULL WHERE id = 'a1'; UPDATE a_kopf SET aualpha = 'trop long' WHERE id = 'a2';
         UPDATE a_kopf SET aufstatus = 'interdit' WHERE id = 'a3'; UPDATE a_kopf SET kommission = 'prise' WHERE id = 'a4';
         SET SESSION sql_mode = 'ALLOW_INVALID_DATES'; UPDATE a_logbuch SET datum = '2026-02-31 00:00:00' WHERE id_a_kopf = 'a5';
         INSERT INTO a_kopf (id, aunummer) VALUES ('{LONG}', 9);
         INSERT INTO a_logbuch (id, id_a_kopf, notiz) VALUES (900, '{LONG}', 'cde Planifiée');
         INSERT INTO p_zubeh (id_a_kopf, position, kennung, znr, zcode) VALUES ('{LONG}', 1, 0, 1, 'VR1')"
    ));
}

#[track_caller]
fn assert_each_has_its_reason(setup: &Setup) {
    let reasons = setup.rejected();
    let words = [
        ("a1", "numero_commande: NULL"),
        ("a2", "extension"),
        ("a3", "check"),
        ("a4", "une_seule"),
        ("a5", "datum"),
        (LONG, "id_commande"),
    ];
    assert_eq!(reasons.len(), words.len(), "{reasons:?}");
    for (reason, (key, word)) in reasons.iter().zip(words) {
        assert!(reason.starts_with(&format!("{key} ")) && reason.contains(word), "{word}: {reasons:?}");
    }
}

#[track_caller]
fn assert_rejected_lists_six(setup: &Setup) {
    let run = setup.run(&["rejected"]);
    assert_eq!((run.code, run.stdout.lines().count()), (Some(3), 6), "{run:?}");
    assert!(run.stdout.contains("trop long"), "{}", run.stdout);
    let run = setup.run(&["rejected", "--json"]);
    let rows: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((run.code, rows.len()), (Some(3), 6));
    assert!(
        rows.iter().any(|row| row["row_key"] == "a2" && row["row"]["extension"] == "trop long"),
        "{rows:?}"
    );
}

#[test]
fn orders_are_set_aside_each_with_its_reason_and_come_back_when_repaired() {
    let setup = Setup::new();
    let mut orders = erp(6);
    orders.orders[5].project = Some(Text::clean("prise"));
    orders.insert(&mut setup.conn(), 1);
    setup.sync_to(0, &[]);
    let before = Expected::of(&orders);
    change_and_damage(&setup);
    for n_written in [1, 0] {
        let outcome = setup.sync_to(3, &[]);
        assert_eq!(
            (outcome.n("read"), outcome.n("written"), outcome.n("rejected")),
            (7, n_written, 6),
            "{}",
            outcome.report
        );
        assert_each_has_its_reason(&setup);
        let texts = setup.list(
            "SELECT DISTINCT description_accessoire FROM commandes_volets_details WHERE id_commande <> 'a6'",
        );
        assert_eq!(texts, ["volet"], "details of what was refused stay as they were");
        assert_eq!(setup.list("SELECT statut FROM commandes_volets WHERE statut IS NOT NULL"), ["neuf"]);
    }
    assert_rejected_lists_six(&setup);
    setup.my(&format!("DELETE FROM a_kopf WHERE id = '{LONG}'"));
    orders.orders[5].status = Some(Text::clean("livré"));
    setup.sql("DROP INDEX une_seule");
    orders.insert(&mut setup.conn(), 1);
    let mut expected = before;
    expected.take(&orders);
    setup.sync_to(0, &[]);
    expected.assert(&setup);
    let run = setup.run(&["rejected"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{run:?}");
}

/// The table as the old program made it, with rows of its own.
const OLD_TABLE: &str = "CREATE TABLE commandes_volets (
      id_commande varchar(32) PRIMARY KEY, numero_commande integer NOT NULL, extension varchar(5), statut varchar(50),
      affaire varchar(100), date_modification timestamp, code_accessoire varchar(20), description_accessoire text,
      numero_operation varchar(20), description_operation text,
      date_synchronisation timestamp DEFAULT CURRENT_TIMESTAMP);
    INSERT INTO commandes_volets (id_commande, numero_commande, affaire, date_synchronisation)
      VALUES ('a1', 99, 'ancienne', '2025-01-01'), ('parti', 98, 'gardée', '2025-01-01');";

#[test]
fn the_table_of_the_old_program_is_taken_over() {
    let setup = Setup::new();
    let orders = erp(3);
    orders.insert(&mut setup.conn(), 1);
    setup.sql(OLD_TABLE);
    let outcome = setup.sync_to(0, &["--touch", "changed"]);
    assert_eq!((outcome.n("written"), outcome.n("details_written")), (3, 6), "{}", outcome.report);
    let kept = "SELECT numero_commande || affaire || date_synchronisation FROM commandes_volets WHERE id_commande = 'parti'";
    assert_eq!(setup.one(kept), "98gardée2025-01-01 00:00:00");
    setup.sql("DELETE FROM commandes_volets WHERE id_commande = 'parti'");
    Expected::of(&orders).assert(&setup);
    assert_eq!(setup.sync_to(0, &["--touch", "changed"]).n("written"), 0);
}

#[test]
fn a_destination_that_lacks_its_index_or_a_column_is_refused_with_the_statement_that_helps() {
    let setup = Setup::new();
    erp(3).insert(&mut setup.conn(), 1);
    for (damage, said) in [
        ("ALTER TABLE commandes_volets DROP CONSTRAINT commandes_volets_pkey", "CREATE UNIQUE INDEX ON"),
        ("ALTER TABLE commandes_volets DROP COLUMN statut", "ADD COLUMN \"statut\" varchar(50)"),
        (
            "ALTER TABLE commandes_volets DROP COLUMN date_synchronisation",
            "ADD COLUMN date_synchronisation timestamp",
        ),
    ] {
        setup.sql(&format!("DROP TABLE IF EXISTS commandes_volets; {OLD_TABLE} {damage}"));
        for args in [&[][..], &["--dry-run"]] {
            let run = setup.run(args);
            assert_eq!(run.code, Some(78), "{damage}: {run:?}");
            assert!(run.stderr.contains(said) && run.stderr.contains("hint:"), "{damage}: {}", run.stderr);
        }
        assert_eq!(setup.one("SELECT to_regclass('commandes_volets_details')"), "NULL");
        let line = setup.run(&[]).stderr;
        let statement = line.lines().find_map(|line| line.trim().strip_prefix("hint: ")).unwrap().to_owned();
        setup.sql(&statement);
        setup.sync_to(0, &[]);
        setup.sql("DROP TABLE commandes_volets_details");
    }
}

#[test]
fn a_view_in_the_place_of_the_destination_is_refused() {
    let setup = Setup::new();
    erp(3).insert(&mut setup.conn(), 1);
    setup.sql("CREATE VIEW commandes_volets AS SELECT 'x'::text AS id_commande; CREATE VIEW p_zubeh AS SELECT 1 AS position");
    for args in [&[][..], &["copy", "p_zubeh"], &["check"]] {
        let run = setup.run(args);
        assert_eq!(run.code, Some(78), "{run:?}");
        let said = run.stdout + &run.stderr;
        assert!(said.contains("is a view") && said.contains("hint: drop or rename it"), "{args:?}: {said}");
    }
}

#[test]
fn the_time_of_synchronisation_is_on_the_server_s_own_clock() {
    for (ty, now) in [("timestamp", "now() AT TIME ZONE 'Europe/Paris'"), ("timestamptz", "now()")] {
        let setup = Setup::new();
        let mut orders = erp(3);
        orders.insert(&mut setup.conn(), 1);
        let database = setup.url().rsplit('/').next().unwrap();
        setup.sql(&format!("ALTER DATABASE {database} SET timezone = 'Europe/Paris'"));
        if ty == "timestamptz" {
            setup.sql(&OLD_TABLE.replace(
                "date_synchronisation timestamp DEFAULT",
                "date_synchronisation timestamptz DEFAULT",
            ));
        }
        setup.sync_to(0, &[]);
        let age = |column: &str| {
            let sql =
                format!("SELECT max(abs(extract(epoch FROM {column} - ({now})))) < 60 FROM commandes_volets");
            setup.one(&format!("{sql} WHERE id_commande <> 'parti'"))
        };
        assert_eq!(age("date_synchronisation"), "t", "{ty}");
        orders.orders.pop();
        orders.insert(&mut setup.conn(), 1);
        for _ in 0..2 {
            setup.sync_to(0, &["--missing", "mark"]);
        }
        let now = "now() AT TIME ZONE 'Europe/Paris'";
        let sql = format!(
            "SELECT abs(extract(epoch FROM absent_depuis - ({now}))) < 60 FROM commandes_volets WHERE id_commande = 'a3'"
        );
        assert_eq!(setup.one(&sql), "t", "{ty}: absent_depuis is a timestamp without a zone");
        assert_eq!(setup.one("SELECT min(date_modification) FROM commandes_volets"), "2026-01-25 10:00:00");
    }
}
