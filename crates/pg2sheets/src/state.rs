//! The last run, in a file: for `status` and `health`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use jiff::Timestamp;
use sync_core::atomic;
use sync_core::exit::Exit;
use sync_core::fault::Fault;
use sync_core::report::Report;

use crate::google::token::make;

fn file(dir: &Path) -> PathBuf {
    dir.join("last-run.json")
}

/// What is known of earlier runs.
#[derive(Debug, Default, serde::Deserialize, serde::Serialize)]
pub(crate) struct Runs {
    /// The report of the last one.
    pub(crate) last: serde_json::Value,
    /// When one last came to its end, in seconds since 1970.
    pub(crate) complete_at: Option<i64>,
}

impl Runs {
    /// Nothing, where nothing can be read.
    pub(crate) fn read(dir: Option<&Path>) -> Runs {
        Runs::load(dir).unwrap_or_default()
    }

    /// Nothing, where no run was noted.
    ///
    /// # Errors
    /// When this user may not see what was.
    pub(crate) fn load(dir: Option<&Path>) -> Result<Runs> {
        let Some(file) = dir.map(file) else { return Ok(Runs::default()) };
        match fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Fault::failed(
                format!("read {}: {error}", file.display()),
                "ask as the user who runs it, or with its DB_SYNC_STATE_DIR",
            )),
            text => Ok(text.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()),
        }
    }

    /// When a run last came to its end.
    pub(crate) fn complete_at(&self) -> Option<Timestamp> {
        self.complete_at.and_then(|at| Timestamp::from_second(at).ok())
    }
}

/// Notes a run; a folder that cannot be written costs a warning.
pub(crate) fn note(dir: Option<&Path>, report: &Report, exit: Exit) {
    let Some(dir) = dir else { return };
    let mut runs = Runs::read(Some(dir));
    runs.last = serde_json::from_str(&report.json()).unwrap_or_default();
    if matches!(exit, Exit::Done | Exit::Partial) {
        runs.complete_at = Some(Timestamp::now().as_second());
    }
    let text = serde_json::to_string(&runs).unwrap_or_default();
    let noted = make(dir).map_err(Into::into).and_then(|()| atomic::write_atomically(&file(dir), &text));
    if let Err(error) = noted {
        log::warn!("the run is not noted for `status` and `health`: {error:#}; see DB_SYNC_STATE_DIR");
    }
}
