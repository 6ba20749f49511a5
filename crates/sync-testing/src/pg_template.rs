//! The data directory that every cluster begins with.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::pg_account::{Account, must};
use crate::postgres::PASSWORD;
use crate::template;

/// Copies the data directory to `to`, which must not exist.
pub(crate) fn copy(account: &Account, to: &Path) {
    // The number counts changes of what `make` does, so that an older template is left alone.
    let name = format!("sync-testing-template-2-{}-{}", account.version(), account.uid);
    template::copy(&name, to, |dir| make(account, dir));
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
