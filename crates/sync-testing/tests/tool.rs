//! Tools run from a clean environment and are seen to their end.

use std::time::Duration;

use sync_testing::tool::Tool;

fn sh(script: &str) -> Tool {
    Tool::new("/bin/sh").args(["-c", script])
}

#[test]
fn reports_code_outputs_and_environment() {
    let run = sh("echo out; echo err >&2; env; exit 3").env("A", "b").run();
    assert_eq!((run.code, run.signal, run.stderr.as_str()), (Some(3), None, "err\n"));
    assert!(run.stdout.starts_with("out\n") && run.stdout.contains("A=b\n"));
    assert!(!run.stdout.contains("CARGO"), "nothing is inherited: {}", run.stdout);
}

#[test]
fn signals_reach_it() {
    let running =
        sh("trap 'echo bye >&2; exit 7' TERM; echo ready >&2; while :; do sleep 0.05; done").spawn();
    running.wait_stderr("ready", Duration::from_secs(10));
    running.term();
    let run = running.wait();
    assert_eq!((run.code, run.stderr.as_str()), (Some(7), "ready\nbye\n"));

    let running = sh("exec sleep 60").spawn();
    running.kill9();
    assert_eq!(running.wait().signal, Some(9));
}

#[test]
fn peak_memory_is_seen() {
    let run = sh("x=$(head -c 20000000 /dev/zero | tr '\\0' x); sleep 0.1").run();
    let peak = run.peak_rss_kb.expect("it ran long enough");
    assert!(peak > 15_000, "{peak} kB");
}

#[test]
fn works_in_the_folder_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let run = sh("pwd").dir(dir.path()).run();
    assert_eq!(run.stdout.trim_end(), dir.path().canonicalize().unwrap().to_str().unwrap());
}
