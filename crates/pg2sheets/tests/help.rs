//! What `--help` says, word by word.

mod common;

use common::Setup;
use sync_testing::help;

#[test]
fn help_says_what_it_said_when_somebody_last_read_it() {
    trycmd::TestCases::new()
        .register_bin("pg2sheets", std::path::Path::new(env!("CARGO_BIN_EXE_pg2sheets")))
        .env("COLUMNS", "100")
        .case("tests/help/*.trycmd");
}

#[test]
fn every_help_lists_the_exit_codes() {
    let setup = Setup::new();
    help::assert_exit_codes(&["sync", "check", "preview", "status", "diff", "health"], |args| {
        setup.bare(args)
    });
}

#[test]
fn every_setting_of_the_environment_is_in_the_help() {
    let setup = Setup::new();
    let help = setup.bare(&["--help"]).run().stdout;
    for name in [
        "DB_SYNC_DATABASE_URL",
        "GOOGLE_SPREADSHEET_ID",
        "GOOGLE_CREDENTIALS_BASE64",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "DB_SYNC_CONFIG",
        "DB_SYNC_INCLUDE_VIEWS",
        "DB_SYNC_INCLUDED_SCHEMAS",
        "DB_SYNC_EXCLUDED_SCHEMAS",
        "DB_SYNC_EXCLUDED_TABLE_PREFIXES",
        "DB_SYNC_EXCLUDED_COLUMNS",
        "DB_SYNC_SHEET_PREFIX",
        "DB_SYNC_SOURCE_NAME",
        "DB_SYNC_TIMEZONE",
        "DB_SYNC_BATCH_SIZE",
        "DB_SYNC_STATE_DIR",
        "DB_SYNC_LOG_LEVEL",
        "DB_SYNC_PING_URL",
    ] {
        assert!(help.contains(name), "{name}: {help}");
    }
}
