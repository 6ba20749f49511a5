//! A data directory made once per version and user, and copied for each cluster: initdb takes a second, a copy 50 ms.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::pg_account::{Account, must};
use crate::postgres::PASSWORD;

/// Copies the template's data directory to `to`, which must not exist, making the template first if there is none.
pub(crate) fn copy(account: &Account, to: &Path) {
    let template = ensure(account);
    must(Command::new("cp").args(["-a", "--reflink=auto"]).arg(&template).arg(to));
}

fn ensure(account: &Account) -> PathBuf {
    // The number counts changes of what `make` does, so that an older template is left alone.
    let name = format!("sync-testing-template-2-{}-{}", account.version(), account.uid);
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
        make(account, draft.path());
        fs::rename(draft.path().join("data"), &template).expect("the template can be moved to its place");
    }
    template
}

fn make(account: &Account, dir: &Path) {
    account.own(dir);
    let password = dir.join("password");
    fs::write(&password, PASSWORD).expect("the password file can be written");
    account.own(&password);
    let data = dir.join("data");
    // 1 MB WAL segments: an empty cluster is 25 MB instead of 40.
    must(
        account
            .command("initdb", false)
            .args([
                "--no-sync",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C",
                "--wal-segsize=1",
                "-A",
                "scram-sha-256",
            ])
            .arg("--pwfile")
            .arg(&password)
            .arg("-D")
            .arg(&data),
    );
    create_database(account, &data);
}

/// Adds database `test` in single-user mode, which needs no server.
fn create_database(account: &Account, data: &Path) {
    let mut single = account
        .command("postgres", false)
        .args(["--single", "-F", "-D"])
        .arg(data)
        .arg("postgres")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("postgres --single starts");
    let mut input = single.stdin.take().expect("its input is piped");
    input.write_all(b"CREATE DATABASE test;\n").expect("postgres --single reads");
    drop(input);
    let status = single.wait().expect("postgres --single ends");
    assert!(status.success(), "CREATE DATABASE test: {status}");
}
