//! What `--help` says, word by word, and what a wrong command line ends with.

mod common;

use common::Setup;
use sync_testing::help;

#[test]
fn help_says_what_it_said_when_somebody_last_read_it() {
    trycmd::TestCases::new()
        .register_bin("sqlite2pg", std::path::Path::new(env!("CARGO_BIN_EXE_sqlite2pg")))
        .env("COLUMNS", "100")
        .case("tests/help/*.trycmd");
}

#[test]
fn every_help_lists_the_exit_codes() {
    let setup = Setup::new();
    help::assert_exit_codes(&["sync", "check", "init", "status", "verify", "rejected", "health"], |args| {
        setup.bare(args)
    });
}

#[test]
fn a_wrong_command_line_ends_with_2_and_touches_nothing() {
    let setup = Setup::new();
    for args in [
        &["--no-such-option"][..],
        &["nonsense"],
        &["--since", "25/01/2026"],
        &["--batch-rows", "0"],
        &["--batch-rows", "many"],
        &["--every", "15s", "--cron", "* * * * *"],
        &["--report", "xml"],
        &["rejected", "--retry", "--discard"],
        &["--quiet", "--verbose"],
        &["health", "--max-age", "soon"],
    ] {
        let run = setup.run(args);
        assert_eq!(run.code, Some(2), "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains("Usage:") || run.stderr.contains("--help"), "{args:?}: {}", run.stderr);
    }
    assert_eq!(setup.one("SELECT to_regclass('sync_watermark')"), "NULL");
}

#[test]
fn help_shows_no_secret_from_the_environment() {
    let setup = Setup::new();
    let run = setup
        .bare(&["--help"])
        .env("POSTGRES_PASSWORD", "hunter2")
        .env("DATABASE_URL", "postgresql://bob:hunter2@db/x")
        .run();
    assert!(!run.stdout.contains("hunter2"), "{}", run.stdout);
}
