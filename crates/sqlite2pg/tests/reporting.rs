//! What a run says, and to whom: report, metrics, ping, run history, health.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use common::{DAY, Setup, measurements};

fn one_row(setup: &Setup, day: &str) {
    setup.write(day, &measurements(&[("2026-01-25T10:00:00", 1.5)]));
}

fn garbage(setup: &Setup, day: &str) {
    fs::write(setup.file(day), "this is no database").unwrap();
}

#[test]
fn standard_output_carries_the_json_report_and_nothing_else() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    garbage(&setup, "2026_01_24");
    for (args, n_lines) in [
        (&["--report", "json", "-vv"][..], 1),
        (&["--report", "text", "-vv"], 0),
        (&["--report", "none"], 0),
        (&[], 0),
    ] {
        let run = setup.run(args);
        assert_eq!(run.code, Some(3), "{run:?}");
        assert_eq!(run.stdout.lines().count(), n_lines, "{args:?}: {}", run.stdout);
        for line in run.stdout.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
}

#[test]
fn a_run_in_a_pipe_draws_no_progress_bar() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    let run = setup.run(&[]);
    assert!(!run.stderr.contains(['\r', '\u{1b}']), "{:?}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "the summary alone: {}", run.stderr);
}

#[test]
fn quiet_says_nothing_when_all_is_well_and_errors_otherwise() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    let run = setup.run(&["-q"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "", ""));
    let run = setup.tool(&["-q"]).env("SQLITE_DB_DIR", "/no/such/folder").run();
    assert_eq!(run.code, Some(78));
    assert!(run.stderr.contains("/no/such/folder"), "{run:?}");
}

#[test]
fn a_reader_who_leaves_does_no_harm() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    setup.sync_to(0, &[]);
    for args in [
        &["--report", "json"][..],
        &["check"],
        &["status"],
        &["status", "--files"],
        &["verify"],
        &["rejected"],
        &["--help"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sqlite2pg"))
            .args(args)
            .current_dir(setup.dir())
            .env("DATABASE_URL", setup.url())
            .env("SQLITE_DB_DIR", setup.dir().join("days"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // As `| head -1` does, only sooner.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        assert!(!said.contains("panicked") && !said.contains("roken pipe"), "{args:?}: {said}");
    }
}

#[test]
fn metrics_are_written_after_good_and_bad_runs() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    let path = setup.dir().join("sqlite2pg.prom");
    let file = path.to_str().unwrap();
    setup.sync_to(0, &["--metrics-file", file]);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("sync_rows_written_total{tool=\"sqlite2pg\",source=\"main\"} 1\n"), "{text}");
    assert!(text.contains("sync_last_run_exit_code{tool=\"sqlite2pg\",source=\"main\"} 0\n"), "{text}");
    garbage(&setup, "2026_01_24");
    setup.sync_to(3, &["--metrics-file", file]);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("sync_sources_failed{tool=\"sqlite2pg\",source=\"main\"} 1\n"), "{text}");
    assert!(text.contains("sync_last_run_exit_code{tool=\"sqlite2pg\",source=\"main\"} 3\n"), "{text}");
    assert!(!text.contains("last_success"), "{text}");
}

/// A server that notes the path of every request.
fn note_requests() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ping/uuid", listener.local_addr().unwrap());
    let (noted, paths) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 2048];
            let n = stream.read(&mut request).unwrap_or(0);
            let line = String::from_utf8_lossy(&request[..n]).into_owned();
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            if noted.send(path).is_err() {
                return;
            }
        }
    });
    (url, paths)
}

#[test]
fn the_ping_tells_begin_and_exit_code_of_every_run() {
    let setup = Setup::new();
    let (url, paths) = note_requests();
    one_row(&setup, DAY);
    setup.sync_to(0, &["--ping-url", &url]);
    garbage(&setup, "2026_01_24");
    setup.sync_to(3, &["--ping-url", &url]);
    let run = setup
        .tool(&["--ping-url", &url, "--retry-for", "500ms"])
        .env("DATABASE_URL", "postgres://u@127.0.0.1:1/d");
    assert_eq!(run.run().code, Some(75));
    let next = || paths.recv_timeout(Duration::from_secs(10)).unwrap();
    let found: Vec<String> = (0..6).map(|_| next()).collect();
    let expected = ["start", "0", "start", "3", "start", "75"].map(|end| format!("/ping/uuid/{end}"));
    assert_eq!(found, expected);
}

#[test]
fn a_ping_that_fails_changes_nothing() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    let outcome = setup.sync_to(0, &["--ping-url", "http://127.0.0.1:1/uuid"]);
    assert!(outcome.stderr.contains("ping to http://127.0.0.1:1 failed"), "{}", outcome.stderr);
}

#[test]
fn the_run_history_has_a_row_for_each_run_and_one_for_idle_runs() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    let history = "SELECT concat_ws(' ', exit_code, n_read, n_written, n_failed_sources, n_runs) FROM sync_run ORDER BY id";
    setup.sync_to(0, &[]);
    for _ in 0..3 {
        setup.sync_to(0, &[]);
    }
    assert_eq!(setup.list(history), ["0 1 1 0 1", "0 0 0 0 3"]);
    garbage(&setup, "2026_01_24");
    setup.sync_to(3, &[]);
    assert_eq!(setup.list(history), ["0 1 1 0 1", "0 0 0 0 3", "3 0 0 1 1"]);
}

#[test]
fn health_tells_whether_the_last_complete_run_is_recent() {
    let setup = Setup::new();
    one_row(&setup, DAY);
    assert_eq!(setup.run(&["health"]).code, Some(1), "no run yet");
    setup.sync_to(0, &[]);
    assert_eq!(setup.run(&["health"]).code, Some(0));
    garbage(&setup, "2026_01_24");
    setup.sync_to(3, &[]);
    assert_eq!(setup.run(&["health"]).code, Some(0), "a run that ended with 3 came to its end");
    let run = setup.run(&["health", "--max-age", "1ms"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.contains("hint: "), "{run:?}");
    let gone = setup.tool(&["health"]).env("DATABASE_URL", "postgres://u@127.0.0.1:1/d").run();
    assert_eq!(gone.code, Some(75), "{gone:?}");
}
