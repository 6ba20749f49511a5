//! No password is ever said: not when all is well, and not in any way of failing.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::fs;
use std::net::TcpListener;

use common::Setup;
use common::erp::{Erp, USUAL};
use common::erp_random::Recipe;
use sync_testing::tool::{Run, Tool};

const SECRET: &str = "hunter2-geheim";
/// The same in a URL, with characters that must be escaped.
const ENCODED: &str = "hunter2%40ge%3Aheim";
const DECODED: &str = "hunter2@ge:heim";
const PING: &str = "ping-uuid-1234";

/// Both servers with accounts of these passwords.
fn setup() -> Setup {
    let setup = Setup::new();
    Erp::random(USUAL, 7, Recipe { n_orders: 30, null_numbers: true }).insert(&mut setup.conn(), 1);
    let grant = format!("SELECT ON `{}`.*", setup.database());
    for (name, password) in [("bob", SECRET), ("bert", DECODED)] {
        setup.mariadb.create_user(name, password, &[&grant]);
        setup.sql(&format!("CREATE ROLE {name} LOGIN SUPERUSER PASSWORD '{password}'"));
    }
    setup
}

/// `mysql://` and `postgresql://` URLs with these accounts.
fn urls(setup: &Setup, account: &str) -> (String, String) {
    let (_, place) = setup.url().rsplit_once('@').unwrap();
    let my = format!("mysql://{account}@127.0.0.1:{}/{}", setup.mariadb.port(), setup.database());
    (my, format!("postgresql://{account}@{place}"))
}

#[track_caller]
fn assert_clean(text: &str) {
    for secret in [SECRET, ENCODED, DECODED, PING, "hunter2", "geheim", "ge:heim"] {
        assert!(!text.contains(secret), "{secret} in:\n{text}");
    }
}

/// Runs that say all they can, in each form of report and log; nothing of it holds a secret.
#[track_caller]
fn assert_discreet(setup: &Setup, tool: impl Fn(&[&str]) -> Tool) -> Run {
    let [log, metrics] = ["log.txt", "metrics.prom"].map(|name| setup.dir().join(name).display().to_string());
    let mut last = None;
    for args in [
        &["sync", "-vv", "--report", "text"][..],
        &["sync", "-vv", "--report", "json", "--log-format", "json"],
        &["sync", "-vv", "--report", "json", "--log-file", &log],
        &["copy", "a_kopf", "-vv", "--report", "json"],
    ] {
        let run = tool(args)
            .args(["--metrics-file", &metrics, "--retry-for", "500ms"])
            .args(["--ping-url", &format!("http://127.0.0.1:1/{PING}")])
            .run();
        let written = [&log, &metrics].map(|path| fs::read_to_string(path).unwrap_or_default());
        for text in [&run.stdout, &run.stderr, &written[0], &written[1]] {
            assert_clean(text);
        }
        last = Some(run);
    }
    for args in [
        &["check"][..],
        &["inspect"],
        &["status"],
        &["rejected", "--json"],
        &["rejected"],
        &["health"],
        &["jobs", "show"],
        &["--help"],
        &["sync", "--help"],
    ] {
        let run = tool(args).arg("-vv").run();
        assert_clean(&run.stdout);
        assert_clean(&run.stderr);
    }
    last.unwrap()
}

#[test]
fn good_runs_say_no_secret() {
    let setup = setup();
    for account in [format!("bob:{SECRET}"), format!("bert:{ENCODED}")] {
        let (my, pg) = urls(&setup, &account);
        let run =
            assert_discreet(&setup, |args| setup.bare(args).env("MYSQL_URL", &my).env("DATABASE_URL", &pg));
        assert_eq!(run.code, Some(0), "{run:?}");
    }
    let file = setup.file("password", &format!("{SECRET}\n"));
    let run = assert_discreet(&setup, |args| {
        setup
            .bare(args)
            .env("MYSQL_HOST", "127.0.0.1")
            .env("MYSQL_PORT", setup.mariadb.port().to_string())
            .env("MYSQL_USER", "bob")
            .env("MYSQL_PASSWORD_FILE", &file)
            .env("MYSQL_DB", setup.database())
            .env("POSTGRES_HOST", "127.0.0.1")
            .env("POSTGRES_PORT", setup.server.port().to_string())
            .env("POSTGRES_USER", "bob")
            .env("POSTGRES_PASSWORD", SECRET)
            .env("POSTGRES_DB", setup.url().rsplit('/').next().unwrap())
    });
    assert_eq!(run.code, Some(0), "{run:?}");
    setup.list("SELECT r::text FROM sync_run r").iter().for_each(|row| assert_clean(row));
    setup.list("SELECT r::text FROM sync_rejected r").iter().for_each(|row| assert_clean(row));
}

#[test]
fn connections_that_fail_say_no_secret() {
    let setup = setup();
    let (my, pg) = urls(&setup, &format!("bob:{SECRET}"));
    let (port, database) = (setup.mariadb.port(), setup.database());
    let at = |place: &str| format!("mysql://bob:{SECRET}@{place}");
    for (wrong, code) in [
        (at(&format!("127.0.0.1:{port}/nowhere")), 78),
        (at("127.0.0.1:1/x"), 75),
        (at("no-such-host.invalid/x"), 75),
        (at(&format!("127.0.0.1:{port}/{database}?ssl-mode=required")), 78),
        (format!("mysql://root:{SECRET}@127.0.0.1:{port}/{database}"), 78),
        (format!("mysql://alice:{ENCODED}@127.0.0.1:{port}/{database}"), 78),
        (at("127.0.0.1:99999/x"), 78),
        (at("127.0.0.1:port/x"), 78),
        (at("[::1/x"), 78),
        (at(&format!("127.0.0.1:{port}/{database}?no_such_option=1")), 78),
        (format!("mysql://bob:{SECRET}%zz@127.0.0.1:1/x"), 75),
        (format!("mysql:/bob:{SECRET}@127.0.0.1/x"), 78),
        (format!("postgres://bob:{SECRET}@127.0.0.1/x"), 78),
        (format!("bob:{SECRET}@127.0.0.1/x"), 78),
        (format!("mysql://127.0.0.1:{SECRET}/x"), 78),
    ] {
        let run = assert_discreet(&setup, |args| {
            setup.bare(args).env("MYSQL_URL", &wrong).env("DATABASE_URL", &pg)
        });
        assert_eq!(run.code, Some(code), "{wrong}: {run:?}");
        let run = setup
            .bare(&["--mysql-url", &wrong, "-vv", "--retry-for", "500ms"])
            .env("DATABASE_URL", &pg)
            .run();
        assert_clean(&run.stderr);
    }
    for wrong in [
        format!("postgres://alice:{SECRET}@127.0.0.1:{}/test", setup.server.port()),
        format!("postgres://bob:{SECRET}@127.0.0.1:1/test"),
        format!("postgres://bob:{SECRET}@127.0.0.1:port/test"),
        format!("bob:{SECRET}@127.0.0.1/test"),
    ] {
        let run = assert_discreet(&setup, |args| {
            setup.bare(args).env("MYSQL_URL", &my).env("DATABASE_URL", &wrong)
        });
        assert!(matches!(run.code, Some(75 | 78)), "{wrong}: {run:?}");
    }
}

#[test]
fn an_env_file_that_cannot_be_read_says_no_secret() {
    let setup = setup();
    for line in [
        format!("MYSQL_PASSWORD='{SECRET}"),
        format!("MYSQL PASSWORD={SECRET}"),
        SECRET.to_owned(),
        format!("MYSQL_URL=\"mysql://bob:{SECRET}@h/d"),
        format!("MYSQL_PORT={SECRET}\nMYSQL_PASSWORD={SECRET}").replacen(SECRET, "x", 1),
    ] {
        let path = setup.file("env", &line);
        let run = setup.bare(&["--env-file", path.to_str().unwrap(), "-vv", "--retry-for", "500ms"]).run();
        assert!(matches!(run.code, Some(75 | 78)), "{line}: {run:?}");
        assert_clean(&run.stderr);
    }
}

#[test]
fn the_process_list_shows_no_secret() {
    let setup = setup();
    // Accepts and never answers, so that the process stays for a look.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("mysql://bob:{SECRET}@{}/x", silent.local_addr().unwrap());
    let running = setup.bare(&[]).env("MYSQL_URL", &url).env("DATABASE_URL", setup.url()).spawn();
    silent.accept().unwrap();
    let read = |name: &str| String::from_utf8_lossy(&fs::read(name).unwrap_or_default()).into_owned();
    assert_clean(&read(&format!("/proc/{}/cmdline", running.pid())));
    for task in fs::read_dir(format!("/proc/{}/task", running.pid())).unwrap() {
        let task = task.unwrap().path().display().to_string();
        assert_clean(&read(&format!("{task}/comm")));
        assert_eq!(read(&format!("{task}/children")).trim(), "", "no child process is started");
    }
    running.term();
    assert_eq!(running.wait().code, Some(75));
}
