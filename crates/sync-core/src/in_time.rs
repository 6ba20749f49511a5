//! Connecting in limited time, whatever the driver can limit by itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow};

use crate::fault::Fault;

/// More attempts than these may not hang at servers that accept connections and then say nothing.
const MAX_HANGING: usize = 32;
/// Attempts that were given up while their thread still waits.
static N_HANGING: AtomicUsize = AtomicUsize::new(0);

/// What is said of a server that took a connection, or swallowed it, and said nothing.
const SILENT: &str = "did not answer";

/// What `attempt` gives within `limit`; it runs on a thread of its own, since drivers limit only the TCP part.
///
/// `place` is the server, for people. Errors: those of the attempt; a temporary one when the time is up.
pub fn connect<T: Send + 'static>(
    place: &str,
    limit: Duration,
    attempt: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let unreachable = |why: &str| {
        Fault::temporary(
            format!("{place} {why}"),
            "check host and port, and that the server is up and not overloaded",
        )
    };
    if N_HANGING.load(Ordering::SeqCst) >= MAX_HANGING {
        return Err(unreachable("accepts connections and then does not answer"));
    }
    N_HANGING.fetch_add(1, Ordering::SeqCst);
    let (sender, receiver) = sync_channel(1);
    let spawned = thread::Builder::new().name("connect".into()).spawn(move || {
        let connected = attempt();
        N_HANGING.fetch_sub(1, Ordering::SeqCst);
        // Nobody listens any more when the time is up; the connection is dropped then.
        let _ = sender.send(connected);
    });
    if let Err(error) = spawned {
        N_HANGING.fetch_sub(1, Ordering::SeqCst);
        return Err(error).context("starting a thread to connect");
    }
    match receiver.recv_timeout(limit) {
        Ok(connected) => connected,
        Err(RecvTimeoutError::Timeout) => {
            Err(unreachable(&format!("{SILENT} within {} s", limit.as_secs_f64())))
        }
        Err(RecvTimeoutError::Disconnected) => Err(anyhow!("the attempt to connect to {place} broke off")),
    }
}

/// Whether the server said nothing at all while its time ran.
pub fn is_silence(error: &Error) -> bool {
    format!("{error:#}").contains(SILENT)
}
