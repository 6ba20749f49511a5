//! Running a built tool as a user would, from a clean environment.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A run that lasts longer is killed, and the test fails.
const LIMIT: Duration = Duration::from_secs(120);

/// What a run of a tool came to.
#[derive(Clone, Debug)]
pub struct Run {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// All of standard output, invalid UTF-8 replaced.
    pub stdout: String,
    /// All of standard error, invalid UTF-8 replaced.
    pub stderr: String,
    /// From before its start until after its end.
    pub elapsed: Duration,
    /// Most memory that it held at once, in kB (VmHWM, looked at every 5 ms); `None` if it ended before the first look.
    pub peak_rss_kb: Option<u64>,
}

/// A tool to be run: its program, arguments, environment and working directory.
#[derive(Debug)]
pub struct Tool {
    program: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    dir: Option<PathBuf>,
}

impl Tool {
    /// A tool by the path of its program: callers pass `env!("CARGO_BIN_EXE_name")`.
    pub fn new(program: impl AsRef<Path>) -> Tool {
        Tool { program: program.as_ref().to_owned(), args: Vec::new(), envs: Vec::new(), dir: None }
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Tool {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Tool {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets a variable; beside these the tool sees only `PATH`, and `HOME` as an empty folder.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Tool {
        self.envs.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets the working directory; else it is the empty home.
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Tool {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Runs the tool to its end; after 120 s it is killed and the test fails with what it said.
    pub fn run(&self) -> Run {
        self.spawn().wait()
    }

    /// Starts the tool and returns at once.
    pub fn spawn(&self) -> Running {
        let home =
            tempfile::Builder::new().prefix("sync-testing-home-").tempdir().expect("a temporary folder");
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path())
            .envs(self.envs.iter().map(|(name, value)| (name, value)))
            .current_dir(self.dir.as_deref().unwrap_or(home.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        start(command, home)
    }
}

/// A tool that has been started; dropping it kills it.
#[derive(Debug)]
pub struct Running {
    pid: Pid,
    began: Instant,
    ended: Receiver<(ExitStatus, Instant)>,
    gone: Arc<AtomicBool>,
    stdout: Output,
    stderr: Output,
    peak_rss_kb: Arc<AtomicU64>,
    // Removed after the run.
    _home: TempDir,
}

#[derive(Debug)]
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

fn start(mut command: Command, home: TempDir) -> Running {
    let began = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{:?}: {e}", command.get_program()));
    let pid = Pid::from_child(&child);
    let stdout = collect(child.stdout.take().expect("stdout is piped"));
    let stderr = collect(child.stderr.take().expect("stderr is piped"));
    let gone = Arc::new(AtomicBool::new(false));
    let peak_rss_kb = Arc::new(AtomicU64::new(0));
    let (watched, peak) = (Arc::clone(&gone), Arc::clone(&peak_rss_kb));
    thread::spawn(move || watch_memory(pid, &watched, &peak));
    let (ends, ended) = channel();
    let mark = Arc::clone(&gone);
    thread::spawn(move || {
        let status = child.wait().expect("a child can be waited for");
        mark.store(true, SeqCst);
        // Nobody may be left to hear it.
        let _ = ends.send((status, Instant::now()));
    });
    Running { pid, began, ended, gone, stdout, stderr, peak_rss_kb, _home: home }
}

impl Running {
    /// Process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.gone.load(SeqCst)
    }

    /// Kills it with SIGKILL, at whatever instruction it is.
    pub fn kill9(&self) {
        self.signal(Signal::KILL);
    }

    /// Asks it to end with SIGTERM.
    pub fn term(&self) {
        self.signal(Signal::TERM);
    }

    /// Standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until standard error holds `needle`; panics with what it holds after `timeout`, or when the tool has ended.
    pub fn wait_stderr(&self, needle: &str, timeout: Duration) {
        let began = Instant::now();
        loop {
            let ended = self.has_ended();
            let said = self.stderr();
            if said.contains(needle) {
                return;
            }
            // After its end the last words may still be on their way to us.
            let late = if ended { timeout.min(Duration::from_secs(1)) } else { timeout };
            assert!(
                began.elapsed() < late,
                "no {needle:?} on stderr within {late:?} (ended: {ended}):\n{said}"
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for its end; after 120 s it is killed and the test fails with what it said.
    pub fn wait(mut self) -> Run {
        let Ok((status, at)) = self.ended.recv_timeout(LIMIT) else {
            self.kill9();
            panic!("killed after {LIMIT:?}\nstdout:\n{}\nstderr:\n{}", self.stdout.text(), self.stderr());
        };
        Run {
            code: status.code(),
            signal: status.signal(),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
            elapsed: at - self.began,
            peak_rss_kb: Some(self.peak_rss_kb.load(SeqCst)).filter(|&kb| kb > 0),
        }
    }

    fn signal(&self, signal: Signal) {
        if !self.has_ended() {
            let _ = kill_process(self.pid, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill9();
    }
}

impl Output {
    fn text(&self) -> String {
        let bytes = self.bytes.lock().expect("the reader does not panic");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.text()
    }
}

/// Reads a pipe to its end in a thread of its own, so that the tool never waits for us.
fn collect(mut pipe: impl Read + Send + 'static) -> Output {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&bytes);
    let reader = thread::spawn(move || {
        let mut buffer = [0; 64 * 1024];
        while let Ok(n @ 1..) = pipe.read(&mut buffer) {
            shared.lock().expect("no thread panics with the output").extend_from_slice(&buffer[..n]);
        }
    });
    Output { bytes, reader: Some(reader) }
}

fn watch_memory(pid: Pid, gone: &AtomicBool, peak_kb: &AtomicU64) {
    let path = format!("/proc/{}/status", pid.as_raw_pid());
    while !gone.load(SeqCst) {
        if let Some(kb) = fs::read_to_string(&path).ok().as_deref().and_then(high_water_mark) {
            peak_kb.fetch_max(kb, SeqCst);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// `VmHWM` of a /proc/PID/status text, in kB.
fn high_water_mark(status: &str) -> Option<u64> {
    status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
