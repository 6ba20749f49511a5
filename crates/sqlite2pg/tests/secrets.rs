//! No password and no ping address is ever said: not when all is well, and not in any way of failing.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use common::{DAY, Setup, measurements};
use sync_testing::tool::{Run, Tool};

const SECRET: &str = "hunter2-geheim";
/// The same in a URL, with a character that must be written as %40.
const ENCODED: &str = "hunter2%40geheim";
const DECODED: &str = "hunter2@geheim";
const PING: &str = "ping-uuid-1234";

/// Files that a run may write to, beside its two streams.
struct Outlets {
    log: String,
    metrics: String,
}

impl Outlets {
    fn of(setup: &Setup) -> Outlets {
        let path = |name: &str| setup.dir().join(name).to_str().unwrap().to_owned();
        Outlets { log: path("log.txt"), metrics: path("metrics.prom") }
    }

    /// One run that says all it can, in each form of report and log; nothing of it holds a secret.
    #[track_caller]
    fn assert_discreet(&self, tool: impl Fn(&[&str]) -> Tool) -> Run {
        let mut last = None;
        for args in [
            &["-vv", "--report", "text"][..],
            &["-vv", "--report", "json", "--log-format", "json"],
            &["-vv", "--report", "json", "--log-file", &self.log],
        ] {
            let run = tool(args)
                .args(["--metrics-file", &self.metrics, "--retry-for", "500ms"])
                .args(["--ping-url", &format!("http://127.0.0.1:1/{PING}")])
                .run();
            let written = [&self.log, &self.metrics].map(|path| fs::read_to_string(path).unwrap_or_default());
            for text in [&run.stdout, &run.stderr, &written[0], &written[1]] {
                assert_clean(text);
            }
            last = Some(run);
        }
        last.unwrap()
    }
}

#[track_caller]
fn assert_clean(text: &str) {
    for secret in [SECRET, ENCODED, DECODED, PING, "hunter2"] {
        assert!(!text.contains(secret), "{secret} in:\n{text}");
    }
}

/// A database with a role of that password.
fn with_role() -> Setup {
    let setup = Setup::new();
    setup.write(DAY, &measurements(&[("2026-01-25T10:00:00", 1.5)]));
    setup.sql(&format!("CREATE ROLE bob LOGIN SUPERUSER PASSWORD '{SECRET}'"));
    setup.sql(&format!("CREATE ROLE bert LOGIN SUPERUSER PASSWORD '{DECODED}'"));
    setup
}

/// The test database's URL with another user and password.
fn url_as(setup: &Setup, user: &str) -> String {
    let (_, place) = setup.url().rsplit_once('@').unwrap();
    format!("postgresql://{user}@{place}")
}

#[test]
fn a_good_run_says_no_secret() {
    let setup = with_role();
    let outlets = Outlets::of(&setup);
    for url in [
        url_as(&setup, &format!("bob:{SECRET}")),
        url_as(&setup, &format!("bert:{ENCODED}")),
        format!("{}?user=bob&password={SECRET}", setup.url().replace("postgres:sync-testing-password@", "")),
    ] {
        let run = outlets.assert_discreet(|args| setup.tool(args).env("DATABASE_URL", &url));
        assert_eq!(run.code, Some(0), "{run:?}");
    }
    let database = setup.url().rsplit('/').next().unwrap();
    let file = setup.dir().join("password");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    for (name, value) in [
        ("POSTGRES_PASSWORD", SECRET),
        ("POSTGRES_PASSWORD_FILE", file.to_str().unwrap()),
        ("PGPASSWORD", SECRET),
    ] {
        let run = outlets.assert_discreet(|args| {
            setup
                .bare(args)
                .env("SQLITE_DB_DIR", setup.dir().join("days"))
                .env("POSTGRES_HOST", "127.0.0.1")
                .env("POSTGRES_PORT", setup.server.port().to_string())
                .env("POSTGRES_USER", "bob")
                .env("POSTGRES_DATABASE", database)
                .env(name, value)
        });
        assert_eq!(run.code, Some(0), "{name}: {run:?}");
    }
    for run in setup.rows("SELECT error FROM sync_run WHERE error IS NOT NULL") {
        assert_clean(run[0].as_deref().unwrap());
    }
}

#[test]
fn a_failing_connection_says_no_secret() {
    let setup = with_role();
    let outlets = Outlets::of(&setup);
    let port = setup.server.port();
    let wrong = [
        (format!("postgres://alice:{SECRET}@127.0.0.1:{port}/test"), 78),
        (format!("postgres://postgres:{SECRET}@127.0.0.1:{port}/test"), 78),
        (format!("postgres://bob:{SECRET}@127.0.0.1:{port}/nowhere"), 78),
        (format!("postgres://bob:{SECRET}@127.0.0.1:{port}/test?sslmode=require"), 78),
        (format!("postgres://bob:{SECRET}@127.0.0.1:1/test"), 75),
        (format!("postgres://bob:{SECRET}@no-such-host.invalid/test"), 75),
        (format!("host=127.0.0.1 port={port} user=alice password={SECRET} dbname=test"), 78),
        (format!("host=127.0.0.1 port={port} user=alice password='{SECRET}' dbname=test"), 78),
    ];
    for (url, code) in wrong {
        let run = outlets.assert_discreet(|args| setup.tool(args).env("DATABASE_URL", &url));
        assert_eq!(run.code, Some(code), "{url}: {run:?}");
        let run = setup.tool(&["--database-url", &url, "--retry-for", "500ms", "-vv"]).run();
        assert_eq!(run.code, Some(code), "{url}: {run:?}");
        assert_clean(&run.stderr);
    }
}

#[test]
fn a_setting_that_cannot_be_read_says_no_secret() {
    let setup = with_role();
    let outlets = Outlets::of(&setup);
    for url in [
        format!("postgres://bob:{SECRET}@127.0.0.1:99999/test"),
        format!("postgres://bob:{SECRET}@127.0.0.1:port/test"),
        format!("postgres://bob:{SECRET}@[::1/test"),
        format!("postgres://bob:{SECRET}@127.0.0.1/test?sslmode=sometimes"),
        format!("postgres://bob:{SECRET}@127.0.0.1/test?no_such_option=1"),
        format!("postgres://bob:{SECRET}%zz@127.0.0.1/test"),
        format!("postgres:/bob:{SECRET}@127.0.0.1/test"),
        format!("mysql://bob:{SECRET}@127.0.0.1/test"),
        format!("bob:{SECRET}@127.0.0.1/test"),
        format!("postgres://127.0.0.1:{SECRET}/test"),
        format!("postgres://bob:{SECRET}@127.0.0.1:1:2/test"),
        format!("host=127.0.0.1 password={SECRET} port=x"),
        format!("host=127.0.0.1 password='{SECRET} port=1"),
        format!("password={SECRET}"),
    ] {
        let run = outlets.assert_discreet(|args| setup.tool(args).env("DATABASE_URL", &url));
        assert!(matches!(run.code, Some(75 | 78)), "{url}: {run:?}");
    }
    for yaml in [
        format!("database_url: postgres://bob:{SECRET}@h/d"),
        format!("password: {SECRET}"),
        format!("POSTGRES_PASSWORD: {SECRET}"),
    ] {
        setup.config(&yaml);
        let run = setup.run(&["-vv"]);
        assert_eq!(run.code, Some(78), "{yaml}: {run:?}");
        assert_clean(&run.stderr);
    }
}

#[test]
fn an_env_file_that_cannot_be_read_says_no_secret() {
    let setup = with_role();
    for line in [
        format!("POSTGRES_PASSWORD='{SECRET}"),
        format!("POSTGRES PASSWORD={SECRET}"),
        SECRET.to_owned(),
        format!("DATABASE_URL=\"postgres://bob:{SECRET}@h/d"),
    ] {
        let path = setup.dir().join("env");
        fs::write(&path, &line).unwrap();
        let run = setup.bare(&["--env-file", path.to_str().unwrap(), "-vv", "--retry-for", "500ms"]).run();
        assert!(matches!(run.code, Some(75 | 78)), "{line}: {run:?}");
        assert_clean(&run.stderr);
    }
}

#[test]
fn a_failure_in_the_database_leaves_no_secret_in_the_run_history() {
    let setup = with_role();
    setup.sql("CREATE TABLE m(id int)");
    let url = url_as(&setup, &format!("bob:{SECRET}"));
    let outlets = Outlets::of(&setup);
    let run = outlets.assert_discreet(|args| setup.tool(args).env("DATABASE_URL", &url));
    assert_eq!(run.code, Some(78), "{run:?}");
    let errors = setup.list("SELECT error FROM sync_run");
    assert!(!errors.is_empty());
    errors.iter().for_each(|error| assert_clean(error));
}

#[test]
fn the_process_list_shows_no_secret() {
    let setup = with_role();
    // Accepts and never answers, so that the process stays for a look.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://bob:{SECRET}@{}/test", silent.local_addr().unwrap());
    let running = setup
        .tool(&["--retry-for", "500ms"])
        .env("DATABASE_URL", &url)
        .env("SQLITE2PG_PING_URL", format!("http://127.0.0.1:1/{PING}"))
        .spawn();
    silent.accept().unwrap();
    for task in fs::read_dir(format!("/proc/{}/task", running.pid())).unwrap() {
        let task = task.unwrap().path();
        assert_clean(&read(&task.join("comm")));
        let children = read(&task.join("children"));
        assert_eq!(children.trim(), "", "no child process is started");
    }
    assert_clean(&read(Path::new(&format!("/proc/{}/cmdline", running.pid()))));
    running.term();
    assert!(running.wait().elapsed < Duration::from_secs(30));
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
