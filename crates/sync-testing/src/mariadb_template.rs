//! A data directory made once per version and user, and copied for each server: making one takes over a second, a copy
//! 50 ms.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::mariadb::{PASSWORD, USER};
use crate::mariadb_account::Account;
use crate::pg_account::must;

/// What a data directory is made with and every later start must repeat.
pub(crate) const STORAGE: [&str; 2] = ["--innodb-log-file-size=4M", "--innodb-flush-method=nosync"];

/// Copies the template's data directory to `to`, which must not exist, making the template first if there is none.
pub(crate) fn copy(account: &Account, to: &Path) {
    let template = ensure(account);
    must(Command::new("cp").args(["-a", "--reflink=auto"]).arg(&template).arg(to));
}

fn ensure(account: &Account) -> PathBuf {
    // The number counts changes of what `make` does, so that an older template is left alone.
    let name = format!("sync-testing-mariadb-template-1-{}-{}", account.version(), account.uid);
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
    let data = dir.join("data");
    must(
        account
            .install_db()
            .args(["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"])
            .args(STORAGE)
            .arg(format!("--tmpdir={}", dir.display()))
            .arg(format!("--datadir={}", data.display())),
    );
    create_user(account, &data);
}

/// Replaces the accounts without password by one with, in bootstrap mode, which needs no connection.
fn create_user(account: &Account, data: &Path) {
    let mut server = account
        .server(false)
        .arg("--bootstrap")
        .args(STORAGE)
        .arg(format!("--datadir={}", data.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("mariadbd --bootstrap starts");
    // One statement a line. The grant tables are not in force before the first.
    let statements = format!(
        "FLUSH PRIVILEGES;\n\
         DELETE FROM mysql.global_priv WHERE User = 'root' OR User = '';\n\
         FLUSH PRIVILEGES;\n\
         CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n\
         GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n"
    );
    let mut input = server.stdin.take().expect("its input is piped");
    input.write_all(statements.as_bytes()).expect("mariadbd --bootstrap reads");
    drop(input);
    let status = server.wait().expect("mariadbd --bootstrap ends");
    assert!(status.success(), "CREATE USER {USER}: {status}");
}
