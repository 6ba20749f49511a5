//! The fake of Google's server satisfies gspread, a client that was not written for it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sync_testing::sheets::{CallKind, Google, Options};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sheets_gspread.py");

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let last = String::from_utf8_lossy(&output.stderr);
    let last = last.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default();
    Err(format!("{command:?} ended with {}: {last}", output.status))
}

/// A Python with gspread, made once and kept for later runs; an error is the reason why there is none.
fn python() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // The same folder may serve two runs at a time.
    let lock = File::create(home.join("gspread.lock")).map_err(|e| e.to_string())?;
    lock.lock().map_err(|e| e.to_string())?;
    let venv = home.join("gspread");
    let python = venv.join("bin/python");
    let has_it = |python: &Path| run(Command::new(python).args(["-c", "import gspread"]));
    if has_it(&python).is_ok() {
        return Ok(python);
    }
    let _ = fs::remove_dir_all(&venv);
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let quiet = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--timeout",
        "20",
        "--retries",
        "1",
    ];
    run(Command::new(&python).args(quiet).arg("gspread"))?;
    has_it(&python)?;
    Ok(python)
}

#[test]
fn gspread_is_content() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            eprintln!("gspread was not run against the fake: {why}");
            return;
        }
    };
    let google = Google::start_with(Options { quota: None, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.json");
    fs::write(&key, google.key_json()).unwrap();
    let output =
        Command::new(python).arg(SCRIPT).arg(google.url()).arg(&key).arg(google.workbook()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{:#?}", google.calls().last());
    let calls = google.calls();
    assert!(calls.iter().any(|c| c.kind == CallKind::Token) && calls.len() > 20);
    assert_eq!(google.read(&google.workbook()).tabs.len(), 1);
}
