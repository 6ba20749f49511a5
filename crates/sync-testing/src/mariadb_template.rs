//! The data directory that every server begins with.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::mariadb::{PASSWORD, USER};
use crate::mariadb_account::Account;
use crate::pg_account::must;
use crate::template;

/// What a data directory is made with and every later start must repeat.
pub(crate) const STORAGE: [&str; 2] = ["--innodb-log-file-size=4M", "--innodb-flush-method=nosync"];

/// Copies the data directory to `to`, which must not exist.
pub(crate) fn copy(account: &Account, to: &Path) {
    // The number counts changes of what `make` does, so that an older template is left alone.
    let name = format!("sync-testing-mariadb-template-1-{}-{}", account.version(), account.uid);
    template::copy(&name, to, |dir| make(account, dir));
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
