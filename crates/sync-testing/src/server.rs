//! One running server process: started in the foreground, signalled by its id, dead when the test process is; and what
//! every server needs: a port, a folder that does not stay behind, a log.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const START_LIMIT: Duration = Duration::from_secs(60);

/// A server that runs, or has ended a moment ago.
#[derive(Debug)]
pub(crate) struct Server {
    pid: Pid,
    ended: Receiver<ExitStatus>,
}

impl Server {
    /// Starts the command with its output in `log`, and waits until it `serves`; `None` when it ends before that, as it
    /// does when its port was taken.
    pub(crate) fn start(mut command: Command, log: &Path, serves: impl Fn() -> bool) -> Option<Server> {
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("the log can be written");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
        let server = Server::spawn(command);
        let began = Instant::now();
        while began.elapsed() < START_LIMIT {
            if server.ended().is_some() {
                return None;
            }
            if serves() && server.ended().is_none() {
                return Some(server);
            }
            thread::sleep(Duration::from_millis(5));
        }
        server.quit();
        None
    }

    /// Starts the command from a thread of its own, which lives until the command ends.
    ///
    /// The thread matters: the kernel's parent-death signal looks at the thread that started the process, not at its
    /// process, and a test's thread may end long before.
    fn spawn(mut command: Command) -> Server {
        let (started, pid) = channel();
        let (ends, ended) = channel();
        thread::spawn(move || {
            let mut child = command.spawn().expect("the server starts");
            let pid = Pid::from_child(&child);
            started.send(pid).expect("the starter waits for the id");
            let status = child.wait().expect("a child can be waited for");
            // Nobody may be left to hear it.
            let _ = ends.send(status);
        });
        Server { pid: pid.recv().expect("the server starts"), ended }
    }

    /// How it ended, or `None` while it runs.
    fn ended(&self) -> Option<ExitStatus> {
        self.ended.try_recv().ok()
    }

    /// SIGQUIT: an immediate shutdown of PostgreSQL, as after a power cut; one in good order of MariaDB.
    pub(crate) fn quit(self) {
        self.signal_all(Signal::CONT);
        let _ = kill_process(self.pid, Signal::QUIT);
        if self.ended.recv_timeout(Duration::from_secs(10)).is_err() {
            self.kill();
        }
    }

    /// SIGKILL, to its children too.
    pub(crate) fn kill(self) {
        self.signal_all(Signal::KILL);
        let _ = self.ended.recv_timeout(Duration::from_secs(10));
    }

    /// Sends a signal to the server and all its children.
    pub(crate) fn signal_all(&self, signal: Signal) {
        // The parent first: stopped, it starts no further child while we look for them.
        let _ = kill_process(self.pid, signal);
        for child in children(self.pid) {
            let _ = kill_process(child, signal);
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_pid()
    }
}

/// The direct children of a process. Each PostgreSQL backend leads a session of its own, so no process group has them all.
fn children(parent: Pid) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse().ok())
        .filter(|&pid| parent_of(pid) == Some(parent.as_raw_pid()))
        .filter_map(Pid::from_raw)
        .collect()
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state ppid …": the name may hold blanks and parentheses.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// A loopback port that nothing listens on, below the range from which the kernel numbers outgoing connections:
/// otherwise a client's own port could be in the way of a restart.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(7919);
    (0..12_000)
        .map(|_| 20_000 + (start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000) as u16)
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .expect("a free port between 20000 and 32000")
}

/// A folder for a server, whose name begins with `prefix`. What killed test processes had to leave behind goes.
pub(crate) fn folder(prefix: &str) -> TempDir {
    remove_stale_folders(prefix);
    let prefix = format!("{prefix}{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary folder")
}

/// Everything that a server has logged into its folder.
pub(crate) fn log(folder: &Path) -> String {
    let log = fs::read(folder.join("log"));
    log.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
}

fn remove_stale_folders(prefix: &str) {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|n| n.strip_prefix(prefix)?.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another test may be removing it too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
