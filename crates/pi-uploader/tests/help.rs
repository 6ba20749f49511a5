//! What `--help` says, word by word.

mod common;

use common::Setup;
use sync_testing::help;

#[test]
fn help_says_what_it_said_when_somebody_last_read_it() {
    trycmd::TestCases::new()
        .register_bin("pi-uploader", std::path::Path::new(env!("CARGO_BIN_EXE_pi-uploader")))
        .env("COLUMNS", "100")
        .case("tests/help/*.trycmd");
}

#[test]
fn every_help_lists_the_exit_codes() {
    let setup = Setup::new();
    help::assert_exit_codes(
        &["sync", "check", "status", "failures", "retry", "resend", "reset", "prune", "health"],
        |args| setup.bare(args),
    );
}

#[test]
fn every_setting_of_the_environment_is_in_the_help() {
    let help = Setup::new().bare(&["--help"]).run().stdout;
    for name in [
        "LOCAL_DB_PATH",
        "BACKEND_URL",
        "SYNC_INTERVAL_MINUTES",
        "DEVICE_ID",
        "SYNC_MODE",
        "BACKEND_TOKEN",
        "BACKEND_TOKEN_FILE",
        "BACKEND_CA_FILE",
        "SYNC_CONCURRENCY",
        "SYNC_MAX_MEDIA_MB",
        "SYNC_BANDWIDTH",
        "SYNC_STATE_PATH",
        "SYNC_SPOOL_DIR",
        "SYNC_MAPPING",
        "SYNC_LANG",
        "PI_UPLOADER_PING_URL",
    ] {
        assert!(help.contains(name), "{name}: {help}");
    }
}
