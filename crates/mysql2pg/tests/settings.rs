//! Settings: where they come from, what is said of wrong ones, log file, dry run, and destinations as they are found.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::fs;

use common::erp::{Accessory, Datum, Erp, Log, Order, Text, USUAL};
use common::oracle::Expected;
use common::{READER, READER_PASSWORD, Setup};
use sync_testing::tool::{Run, Tool};

/// Three planned orders.
fn erp() -> Erp {
    let order = |n: i32| {
        let item = Accessory {
            position: 1,
            kennung: 0,
            znr: 1,
            code: Some("VR1".to_owned()),
            text: Some(Text::clean("volet")),
        };
        let datum = Datum::At("2026-01-25 10:00:00".to_owned());
        Order {
            logs: vec![Log { id: n, datum, note: Some("cde Planifiée".to_owned()) }],
            accessories: vec![item],
            ..Order::new(&format!("a{n}"), n)
        }
    };
    Erp::of(USUAL, (1..4).map(order).collect())
}

fn setup() -> Setup {
    let setup = Setup::new();
    erp().insert(&mut setup.conn(), 1);
    setup
}

/// A command with the names of the old program's settings.
fn single(setup: &Setup, command: &str) -> Tool {
    let database = setup.url().rsplit('/').next().unwrap();
    let quickly = if command == "sync" { &["--retry-for", "500ms"][..] } else { &[] };
    setup
        .tool(&[command])
        .args(quickly)
        .env("DATABASE_URL", "")
        .env("POSTGRES_HOST", "127.0.0.1")
        .env("POSTGRES_PORT", setup.server.port().to_string())
        .env("POSTGRES_DB", database)
        .env("POSTGRES_USER", "postgres")
        .env("POSTGRES_PASSWORD", sync_testing::postgres::PASSWORD)
}

#[track_caller]
fn assert_refused(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, Some(code), "{}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    assert!(!run.stderr.contains(sync_testing::postgres::PASSWORD), "{}", run.stderr);
    assert!(!run.stderr.contains(READER_PASSWORD), "{}", run.stderr);
}

#[test]
fn the_names_that_users_have_today_work() {
    let setup = setup();
    let run = single(&setup, "sync").run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    Expected::of(&erp()).assert(&setup);
}

#[test]
fn wrong_settings_of_either_side_are_named_with_advice_and_not_tried_again() {
    let setup = setup();
    for (name, value, code, said) in [
        ("MYSQL_PASSWORD", "wrong-password", 78, "MYSQL_PASSWORD"),
        ("MYSQL_USER", "nobody", 78, "MYSQL_USER"),
        ("MYSQL_USER", "", 78, "MYSQL_USER"),
        ("MYSQL_DB", "nowhere", 78, "nowhere"),
        ("MYSQL_DB", "", 78, "MYSQL_DB"),
        ("MYSQL_PORT", "1", 75, "127.0.0.1:1"),
        ("MYSQL_PORT", "x", 78, "MYSQL_PORT"),
        ("MYSQL_HOST", "no-such-host.invalid", 75, "no-such-host.invalid"),
        ("MYSQL_SSL_MODE", "sometimes", 78, "MYSQL_SSL_MODE"),
        ("MYSQL_SSL_CA", "/no/such/file", 78, "/no/such/file"),
        ("POSTGRES_PASSWORD", "wrong-password", 78, "password"),
        ("POSTGRES_USER", "nobody", 78, "nobody"),
        ("POSTGRES_USER", "", 78, "POSTGRES_USER"),
        ("POSTGRES_DB", "nowhere", 78, "nowhere"),
        ("POSTGRES_DB", "", 78, "POSTGRES_DB"),
        ("POSTGRES_PORT", "1", 75, "127.0.0.1:1"),
        ("POSTGRES_PORT", "x", 78, "POSTGRES_PORT"),
        ("POSTGRES_HOST", "no-such-host.invalid", 75, "no-such-host.invalid"),
    ] {
        for command in ["sync", "check"] {
            let run = single(&setup, command).env(name, value).run();
            assert_eq!(run.code, Some(code), "{command} {name}={value}: {}", run.stderr);
            assert_refused(&run, code, &[said]);
            // That it is no number says enough.
            assert!(run.stderr.contains("hint:") || value == "x", "{command} {name}: {}", run.stderr);
            assert!(!run.stderr.contains("wrong-password"), "{name}: {}", run.stderr);
            assert!(run.elapsed.as_secs() < 15, "{name} took {:?}", run.elapsed);
            assert!(!run.stdout.contains("wrong-password"), "{name}: {}", run.stdout);
        }
    }
    assert_eq!(setup.one("SELECT to_regclass('commandes_volets')"), "NULL");
}

#[test]
fn unknown_options_and_values_end_with_2_and_touch_nothing() {
    let setup = setup();
    for args in [
        &["--missing", "forget"][..],
        &["--touch", "some"],
        &["--report", "xml"],
        &["--min-rows", "-1"],
        &["--min-rows", "many"],
        &["--log-format", "yaml"],
        &["--every", "soon"],
        &["--no-such-option"],
        &["nonsense"],
        &["health", "--max-age", "old"],
        &["jobs", "list"],
        &["--quiet", "--verbose"],
        &["copy"],
    ] {
        let run = setup.run(args);
        assert_eq!(run.code, Some(2), "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains("Usage:") || run.stderr.contains("--help"), "{args:?}: {}", run.stderr);
    }
    for args in [&["--cron", "nonsense"][..], &["--since", "soon"], &["--codes", ""], &["--note", " "]] {
        assert_refused(&setup.run(args), 78, &[args[0], "hint:"]);
    }
    assert_eq!(setup.one("SELECT to_regclass('sync_run')"), "NULL");
}

#[test]
fn a_flag_wins_over_the_environment_over_dotenv() {
    let setup = setup();
    setup.file(".env", "MYSQL_DB=of_dotenv\nMYSQL_USER=of_dotenv\nPOSTGRES_SCHEMA=erp\n");
    let bare = || {
        setup
            .bare(&["--retry-for", "500ms"])
            .env("DATABASE_URL", setup.url())
            .env("MYSQL_HOST", "127.0.0.1")
            .env("MYSQL_PORT", setup.mariadb.port().to_string())
            .env("MYSQL_USER", READER)
            .env("MYSQL_PASSWORD", READER_PASSWORD)
    };
    assert_refused(&bare().run(), 78, &["of_dotenv"]);
    assert_refused(&bare().env("MYSQL_DB", "of_environment").run(), 78, &["of_environment"]);
    let tool = bare().env("MYSQL_DB", "of_environment").args(["--mysql-db", setup.database()]);
    assert_eq!(tool.run().code, Some(0));
    assert_eq!(setup.one("SELECT count(*) FROM erp.commandes_volets"), "3");
    assert_eq!(setup.one("SELECT to_regclass('public.sync_run')"), "NULL");
    let other = setup.file("other.env", &format!("MYSQL_DB={}\n", setup.database()));
    let run = bare().args(["--env-file", other.to_str().unwrap()]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(setup.one("SELECT count(*) FROM public.commandes_volets"), "3", "the other file only");
    assert_refused(&bare().args(["--env-file", "/no/such"]).run(), 78, &["/no/such"]);
}

#[test]
fn a_url_wins_over_the_single_settings() {
    let setup = setup();
    let password = "it%27s%3Aa%2Fp%40ss%25word";
    let (port, database) = (setup.mariadb.port(), setup.database());
    let url = format!("mysql://{READER}:{password}@127.0.0.1:{port}/{database}");
    let run = setup
        .tool(&[])
        .env("MYSQL_URL", &url)
        .env("MYSQL_HOST", "nowhere.invalid")
        .env("MYSQL_DB", "x")
        .run();
    assert_eq!(run.code, Some(0), "{run:?}");
    let socket = setup.mariadb.socket();
    let run = setup.tool(&[]).env("MYSQL_SOCKET", socket).env("MYSQL_HOST", "nowhere.invalid").run();
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn a_password_may_come_from_a_file() {
    let setup = setup();
    let mine = setup.file("my-secret", &format!("{READER_PASSWORD}\n"));
    let theirs = setup.file("pg-secret", &format!("{}\n", sync_testing::postgres::PASSWORD));
    let files = || {
        let tool = single(&setup, "sync").env("MYSQL_PASSWORD", "").env("MYSQL_PASSWORD_FILE", &mine);
        tool.env("POSTGRES_PASSWORD", "").env("POSTGRES_PASSWORD_FILE", &theirs)
    };
    assert_eq!(files().run().code, Some(0));
    assert_refused(
        &files().env("MYSQL_PASSWORD_FILE", "/no/such").run(),
        78,
        &["MYSQL_PASSWORD_FILE", "/no/such"],
    );
    assert_refused(&files().env("MYSQL_PASSWORD", "x").run(), 78, &["MYSQL_PASSWORD_FILE", "both set"]);
}

#[test]
fn a_log_file_is_written_beside_the_console_in_the_old_form() {
    let setup = setup();
    for by_flag in [true, false] {
        let path = setup.dir().join(if by_flag { "logs/flag.log" } else { "deep/er/env.log" });
        let tool = setup.tool(&["--min-rows", "10"]);
        let tool = match by_flag {
            true => tool.arg("--log-file").arg(&path).env("MYSQL2PG_LOG_FILE", "/no/such/x"),
            false => tool.env("MYSQL2PG_LOG_FILE", &path),
        };
        let run = tool.run();
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.stderr.contains("fewer than --min-rows 10"), "{}", run.stderr);
        assert!(run.stderr.contains("done in"), "{}", run.stderr);
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.splitn(3, " - ").collect()).collect();
        assert!(lines.iter().any(|line| line[1] == "WARNING" && line[2].contains("--min-rows 10")), "{text}");
        assert!(lines.iter().any(|line| line[1] == "INFO" && line[2].contains("done in")), "{text}");
        for line in &lines {
            assert_eq!((line.len(), line[0].len()), (3, "2026-01-25 10:00:00,000".len()), "{text}");
        }
        assert_eq!(tool.run().code, Some(0));
        assert!(fs::read_to_string(&path).unwrap().starts_with(&text), "it goes on");
    }
    let below_a_file = setup.file("file", "").join("x.log");
    let run = setup.tool(&["--log-file"]).arg(&below_a_file).run();
    assert_refused(&run, 78, &[below_a_file.to_str().unwrap(), "hint:"]);
}

#[test]
fn a_dry_run_says_what_it_would_do_and_writes_nothing() {
    let setup = setup();
    let outcome = setup.sync_to(0, &["--dry-run"]);
    assert_eq!((outcome.n("read"), outcome.n("written"), outcome.n("details_written")), (3, 3, 3));
    let objects = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(setup.list(objects), [""; 0]);
    let outcome = setup.sync_to(0, &["--dry-run", "--missing", "mark", "--postgres-schema", "erp"]);
    assert_eq!(outcome.n("written"), 3, "{}", outcome.report);
    assert_eq!(setup.one("SELECT to_regnamespace('erp')"), "NULL");
    setup.sync_to(0, &[]);
    let mut changed = erp();
    changed.orders[0].number = None;
    changed.orders[1].status = Some(Text::clean("livré"));
    changed.orders.pop();
    changed.insert(&mut setup.conn(), 1);
    let state = || {
        [
            "commandes_volets",
            "commandes_volets_details",
            "sync_run",
            "sync_watermark",
            "sync_missing",
            "sync_rejected",
        ]
        .map(|table| setup.list(&format!("SELECT xmin || t::text FROM {table} t ORDER BY 1")))
    };
    let before = state();
    for since in [&[][..], &["--since", "2026-01-01"], &["--missing", "delete"], &["--missing", "mark"]] {
        let args: Vec<&str> = since.iter().copied().chain(["--dry-run", "--touch", "changed"]).collect();
        let outcome = setup.sync(&args);
        assert_eq!((outcome.n("written"), outcome.n("rejected")), (1, 1), "{since:?}: {}", outcome.report);
        assert_eq!(state(), before, "{since:?}");
    }
    assert_eq!(
        setup.one("SELECT count(*) FROM information_schema.columns WHERE column_name = 'absent_depuis'"),
        "0"
    );
}

#[test]
fn metrics_are_written_after_good_partial_and_failed_runs() {
    let setup = setup();
    let path = setup.dir().join("mysql2pg.prom");
    let args = ["--metrics-file", path.to_str().unwrap(), "--retry-for", "500ms"];
    let metrics = |code: i32| {
        assert_eq!(setup.run(&args).code, Some(code));
        fs::read_to_string(&path).unwrap()
    };
    let line =
        |name: &str, n: u64| format!("sync_{name}{{tool=\"mysql2pg\",source=\"commandes_volets\"}} {n}\n");
    let text = metrics(0);
    for line in [line("rows_read_total", 3), line("rows_written_total", 3), line("last_run_exit_code", 0)] {
        assert!(text.contains(&line), "{line}{text}");
    }
    assert!(
        text.contains("sync_last_success_timestamp_seconds") && text.contains("duration_seconds"),
        "{text}"
    );
    setup.my("UPDATE a_kopf SET aunummer = NULL WHERE id = 'a1'");
    let text = metrics(3);
    for line in [line("rows_rejected_total", 1), line("rows_set_aside", 1), line("last_run_exit_code", 3)] {
        assert!(text.contains(&line), "{line}{text}");
    }
    setup.my("DROP TABLE p_zubeh");
    assert!(metrics(78).contains(&line("last_run_exit_code", 78)));
}

#[test]
fn few_orders_are_warned_of_and_end_with_3_when_strict() {
    let setup = setup();
    let few = |args: &[&str], code: i32, warned: bool| {
        let outcome = setup.sync_to(code, args);
        assert_eq!(outcome.stderr.contains("orders found"), warned, "{args:?}: {}", outcome.stderr);
    };
    few(&["--min-rows", "3", "--strict"], 0, false);
    few(&["--min-rows", "4"], 0, true);
    few(&["--min-rows", "4", "--strict"], 3, true);
    setup.my("UPDATE a_logbuch SET notiz = 'annulée' WHERE id = 1");
    few(&["--strict"], 0, false);
    setup.my("UPDATE a_logbuch SET notiz = 'annulée'");
    few(&["--strict", "--dry-run"], 3, true);
    few(&["--strict", "--since", "2026-01-01"], 0, false);
    few(&["--strict"], 3, true);
    few(&["--strict"], 0, false);
    Expected::of(&erp()).assert(&setup);
}
