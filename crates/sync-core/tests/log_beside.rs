//! The log of a whole process, with a file beside standard error.

use sync_core::fault::Fault;
use sync_core::logging::{self, LogFile, LogOptions};

#[test]
fn the_file_has_what_standard_error_says_and_what_was_said_by_other_means() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/mysql_sync.log");
    logging::keep("lost, since no file is open yet");
    logging::init(
        "log_beside",
        LogOptions { file: Some(LogFile::Beside(path.clone())), ..LogOptions::default() },
    )
    .unwrap();
    log::info!("reading postgres://bob:hunter2@db/x");
    log::debug!("not asked for");
    logging::say_error("log_beside", &Fault::config("no such table", "create it"));
    logging::keep("tool: done in 1.0 s: read 1\n  set aside: a.db: torn");
    let text = std::fs::read_to_string(&path).unwrap();
    // Behind `2026-11-21 12:00:00,123`, whose form has a test of its own.
    let lines: Vec<&str> = text.lines().map(|line| &line[23..]).collect();
    assert_eq!(
        lines,
        [
            " - INFO - reading postgres://bob:***@db/x",
            " - ERROR - no such table hint: create it",
            " - INFO - tool: done in 1.0 s: read 1",
            " - INFO - set aside: a.db: torn",
        ]
    );
    let again = logging::init("log_beside", LogOptions::default());
    assert!(again.is_err(), "one logger per process");
}
