//! One running postmaster: started in the foreground, signalled by its id, dead when the test process is.

use std::fs;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A postmaster that runs, or has ended a moment ago.
#[derive(Debug)]
pub(crate) struct Server {
    pid: Pid,
    ended: Receiver<ExitStatus>,
}

impl Server {
    /// Starts the command from a thread of its own, which lives until the command ends.
    ///
    /// The thread matters: the kernel's parent-death signal looks at the thread that started the process, not at its
    /// process, and a test's thread may end long before.
    pub(crate) fn start(mut command: Command) -> Server {
        let (started, pid) = channel();
        let (ends, ended) = channel();
        thread::spawn(move || {
            let mut child = command.spawn().expect("postgres starts");
            let pid = Pid::from_child(&child);
            started.send(pid).expect("the starter waits for the id");
            let status = child.wait().expect("a child can be waited for");
            // Nobody may be left to hear it.
            let _ = ends.send(status);
        });
        Server { pid: pid.recv().expect("postgres starts"), ended }
    }

    /// How the postmaster ended, or `None` while it runs.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.ended.try_recv().ok()
    }

    /// Immediate shutdown, as after a power cut: no checkpoint, all connections cut, recovery at the next start.
    pub(crate) fn quit(self) {
        self.signal_all(Signal::CONT);
        let _ = kill_process(self.pid, Signal::QUIT);
        if self.ended.recv_timeout(Duration::from_secs(10)).is_err() {
            self.signal_all(Signal::KILL);
            let _ = self.ended.recv_timeout(Duration::from_secs(10));
        }
    }

    /// Sends a signal to the postmaster and all its children.
    pub(crate) fn signal_all(&self, signal: Signal) {
        // The postmaster first: stopped, it starts no further child while we look for them.
        let _ = kill_process(self.pid, signal);
        for child in children(self.pid) {
            let _ = kill_process(child, signal);
        }
    }

    /// Process id of the postmaster.
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
