//! Which PostgreSQL programs a test runs, and as whom: PostgreSQL refuses to run as root.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder with PostgreSQL's programs, and the account that they run under.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Folder that holds `initdb` and `postgres`.
    pub(crate) bin: PathBuf,
    /// User and group that the programs run as; `None` when the test's own account will do.
    user: Option<(u32, u32)>,
    /// The user id that the programs run with: part of the template's name, since only this user may read it.
    pub(crate) uid: u32,
}

/// The account for this machine: `PG_BIN`, then `PATH`, then the newest of `/usr/lib/postgresql`.
pub(crate) fn find() -> Account {
    let uid = rustix::process::geteuid().as_raw();
    let user = (uid == 0).then(unprivileged_user);
    Account { bin: find_bin(), user, uid: user.map_or(uid, |(uid, _)| uid) }
}

impl Account {
    /// A command for one of PostgreSQL's programs, run unprivileged.
    ///
    /// `dies_with_us`: the kernel sends it SIGQUIT (immediate shutdown) when the thread that started it ends.
    pub(crate) fn command(&self, program: &str, dies_with_us: bool) -> Command {
        let program = self.bin.join(program);
        let mut command = if self.user.is_none() && !dies_with_us {
            Command::new(program)
        } else {
            let mut setpriv = Command::new("setpriv");
            if let Some((uid, gid)) = self.user {
                setpriv.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into()]);
            }
            if dies_with_us {
                // QUIT rather than KILL: the postmaster then takes its children and its shared memory with it.
                setpriv.args(["--pdeathsig", "QUIT"]);
            }
            setpriv.arg("--").arg(program);
            setpriv
        };
        command
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .current_dir("/");
        command
    }

    /// Gives a file or folder to the account that the programs run under.
    pub(crate) fn own(&self, path: &Path) {
        if let Some((uid, gid)) = self.user {
            chown(path, Some(uid), Some(gid)).unwrap_or_else(|e| panic!("chown {}: {e}", path.display()));
        }
    }

    /// The version line of the programs, such as `15.13`, to tell templates apart.
    pub(crate) fn version(&self) -> String {
        let output = self.command("postgres", false).arg("--version").output();
        let output = output.expect("postgres --version runs");
        let line = String::from_utf8_lossy(&output.stdout).into_owned();
        line.split_whitespace().nth(2).expect("postgres --version names a version").to_owned()
    }
}

fn find_bin() -> PathBuf {
    let listed = env::var_os("PG_BIN").map(PathBuf::from).into_iter();
    let path = env::var_os("PATH").unwrap_or_default();
    listed
        .chain(env::split_paths(&path))
        .chain(distribution_bins())
        .find(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
        .expect("no PostgreSQL server programs in PG_BIN, PATH or /usr/lib/postgresql: install package `postgresql`")
}

/// Debian's `/usr/lib/postgresql/<version>/bin`, newest first.
fn distribution_bins() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/usr/lib/postgresql") else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path().join("bin"))))
        .collect();
    found.sort_by_key(|&(version, _)| std::cmp::Reverse(version));
    found.into_iter().map(|(_, bin)| bin).collect()
}

fn unprivileged_user() -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| {
            let line = passwd.lines().find(|l| l.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2);
            Some((ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
        })
        .expect("a user `postgres` or `nobody` to run PostgreSQL as")
}

/// Runs a command to its end, and panics with everything it said unless it succeeds.
pub(crate) fn must(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{:?}: {e}", command.get_program()));
    assert!(
        output.status.success(),
        "{:?} {:?}: {}\n{}{}",
        command.get_program(),
        command.get_args().collect::<Vec<&OsStr>>(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
