//! What `--help` says, word by word.

mod common;

use common::Setup;
use sync_testing::help;

#[test]
fn help_says_what_it_said_when_somebody_last_read_it() {
    trycmd::TestCases::new()
        .register_bin("mysql2pg", std::path::Path::new(env!("CARGO_BIN_EXE_mysql2pg")))
        .env("COLUMNS", "100")
        .case("tests/help/*.trycmd");
}

#[test]
fn every_help_lists_the_exit_codes() {
    let setup = Setup::new();
    help::assert_exit_codes(
        &["sync", "copy", "check", "inspect", "status", "rejected", "health", "jobs"],
        |args| setup.bare(args),
    );
}

#[test]
fn every_setting_of_the_environment_is_in_the_help() {
    let setup = Setup::new();
    let help = setup.bare(&["--help"]).run().stdout;
    for name in [
        "MYSQL_URL",
        "MYSQL_HOST",
        "MYSQL_PORT",
        "MYSQL_SOCKET",
        "MYSQL_DB",
        "MYSQL_USER",
        "MYSQL_PASSWORD",
        "MYSQL_PASSWORD_FILE",
        "MYSQL_SSL_MODE",
        "MYSQL_SSL_CA",
        "DATABASE_URL",
        "POSTGRES_HOST",
        "POSTGRES_PORT",
        "POSTGRES_DB",
        "POSTGRES_USER",
        "POSTGRES_PASSWORD",
        "POSTGRES_SCHEMA",
        "MYSQL2PG_LOG_FILE",
        "MYSQL2PG_PING_URL",
    ] {
        assert!(help.contains(name), "{name}: {help}");
    }
    assert!(!help.contains("POSTGRES_DATABASE"), "{help}");
}

#[test]
fn help_shows_no_secret_from_the_environment() {
    let setup = Setup::new();
    let tool = setup.bare(&["--help"]).env("MYSQL_PASSWORD", "hunter2").env("POSTGRES_PASSWORD", "hunter2");
    let run = tool.env("MYSQL_URL", "mysql://bob:hunter2@db/x").run();
    assert!(!run.stdout.contains("hunter2"), "{}", run.stdout);
}
