//! Which MariaDB programs a test runs, and as whom: MariaDB refuses to run as root.

use std::env;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

/// MariaDB's programs, and the account that they run under.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    server: PathBuf,
    install_db: PathBuf,
    /// The folder below which the packages were unpacked; `None` when they are installed.
    unpacked: Option<PathBuf>,
    /// User and group that the programs run as; `None` when the test's own account will do.
    user: Option<(u32, u32)>,
    /// The user id that the programs run with: part of the template's name, since only this user may read it.
    pub(crate) uid: u32,
}

/// The account for this machine: programs of `PATH` and the system's folders first, then the ones unpacked below
/// `~/.cache/sync-tools/root`.
pub(crate) fn find() -> Account {
    let uid = rustix::process::geteuid().as_raw();
    let user = (uid == 0).then(unprivileged_user);
    let uid = user.map_or(uid, |(uid, _)| uid);
    let cache = cache();
    // Starters of unpacked programs lie there; they hide where the programs really are.
    let starters = cache.join("bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let system: Vec<PathBuf> = env::split_paths(&path)
        .filter(|dir| *dir != starters)
        .chain(["/usr/sbin", "/usr/libexec", "/usr/bin"].map(PathBuf::from))
        .collect();
    if let Some((server, install_db)) = programs(&system) {
        return Account { server, install_db, unpacked: None, user, uid };
    }
    let root = cache.join("root");
    let below: Vec<PathBuf> = ["usr/sbin", "usr/libexec", "usr/bin"].map(|dir| root.join(dir)).into();
    let (server, install_db) = programs(&below).unwrap_or_else(|| {
        panic!(
            "no mariadbd with mariadb-install-db in PATH, /usr/sbin, /usr/libexec or below {}: install packages \
             `mariadb-server-core` and `mariadb-client-core`",
            root.display()
        )
    });
    Account { server, install_db, unpacked: Some(root), user, uid }
}

impl Account {
    /// The server's command with the options that every use of it needs, run unprivileged.
    ///
    /// `dies_with_us`: the kernel kills it when the thread that started it ends.
    pub(crate) fn server(&self, dies_with_us: bool) -> Command {
        let mut command = self.command(&self.server, dies_with_us);
        command.arg("--no-defaults").args(self.places());
        command
    }

    /// The command that makes a data directory, run unprivileged.
    pub(crate) fn install_db(&self) -> Command {
        let mut command = self.command(&self.install_db, false);
        command.arg("--no-defaults").args(self.places());
        command
    }

    /// Gives a file or folder to the account that the programs run under.
    pub(crate) fn own(&self, path: &Path) {
        if let Some((uid, gid)) = self.user {
            chown(path, Some(uid), Some(gid)).unwrap_or_else(|e| panic!("chown {}: {e}", path.display()));
        }
    }

    /// The version of the programs, such as `10.11.11-MariaDB`, to tell templates apart.
    pub(crate) fn version(&self) -> String {
        let output = self.command(&self.server, false).arg("--version").output();
        let output = output.expect("mariadbd --version runs");
        let line = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = line.split_whitespace().skip_while(|word| *word != "Ver").nth(1);
        let version = version.unwrap_or_else(|| {
            panic!("{}: {line}{}", self.server.display(), String::from_utf8_lossy(&output.stderr))
        });
        version.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-")
    }

    fn command(&self, program: &Path, dies_with_us: bool) -> Command {
        let mut command = Command::new("setpriv");
        if let Some((uid, gid)) = self.user {
            command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into()]);
        }
        if dies_with_us {
            command.args(["--pdeathsig", "KILL"]);
        }
        command.arg("--").arg(program);
        command
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .current_dir("/");
        if let Some(root) = &self.unpacked {
            command.env("LD_LIBRARY_PATH", libraries(root));
        }
        command
    }

    /// Where unpacked programs find what they were built to look for below `/usr`.
    fn places(&self) -> Vec<String> {
        let Some(root) = &self.unpacked else {
            return Vec::new();
        };
        let usr = root.join("usr");
        [
            ("basedir", usr.clone()),
            ("lc-messages-dir", usr.join("share/mysql")),
            ("character-sets-dir", usr.join("share/mysql/charsets")),
            ("plugin-dir", usr.join("lib/mysql/plugin")),
        ]
        .map(|(name, path)| format!("--{name}={}", path.display()))
        .into()
    }
}

fn cache() -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache");
    env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("sync-tools")
}

/// The server and the maker of data directories, each from the first folder that has it.
fn programs(dirs: &[PathBuf]) -> Option<(PathBuf, PathBuf)> {
    let first = |names: [&str; 2]| {
        names.iter().find_map(|name| dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file()))
    };
    Some((first(["mariadbd", "mysqld"])?, first(["mariadb-install-db", "mysql_install_db"])?))
}

/// The library folders of an unpacked tree, joined as the loader wants them.
fn libraries(root: &Path) -> String {
    let folders = ["usr/lib", "lib"].map(|dir| fs::read_dir(root.join(dir)));
    let found: Vec<String> = folders
        .into_iter()
        .flatten()
        .flat_map(|entries| entries.flatten())
        .filter(|entry| entry.file_name().to_string_lossy().contains("-linux-gnu"))
        .map(|entry| entry.path().display().to_string())
        .collect();
    found.join(":")
}

fn unprivileged_user() -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
    ["mysql", "nobody"]
        .iter()
        .find_map(|name| {
            let line = passwd.lines().find(|l| l.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2);
            Some((ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
        })
        .expect("a user `mysql` or `nobody` to run MariaDB as")
}
