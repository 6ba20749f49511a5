//! Data directories made once per kind of server, version and user, and copied for each server: making one takes over a
//! second, a copy 50 ms.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::pg_account::must;

/// Copies the template of that name to `to`, which must not exist. Where there is none, `make` makes it first, as `data`
/// in the folder that it is given.
pub(crate) fn copy(name: &str, to: &Path, make: impl FnOnce(&Path)) {
    let template = ensure(name, make);
    must(Command::new("cp").args(["-a", "--reflink=auto"]).arg(&template).arg(to));
}

fn ensure(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let template = env::temp_dir().join(name);
    if template.is_dir() {
        return template;
    }
    let lock =
        File::create(format!("{}.lock", template.display())).expect("the template's lock file can be made");
    lock.lock().expect("the template's lock can be taken");
    if !template.is_dir() {
        let draft =
            tempfile::Builder::new().prefix("sync-testing-draft-").tempdir().expect("a temporary folder");
        make(draft.path());
        fs::rename(draft.path().join("data"), &template).expect("the template can be moved to its place");
    }
    template
}
