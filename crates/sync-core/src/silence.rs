//! Noticing a server that has fallen silent although the network still says that it is there.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

#[cfg(feature = "pg")]
use crate::pg::{self, PgSettings};

/// How often a busy server is asked for a sign of life.
const PAUSE: Duration = Duration::from_secs(10);

/// A watch over one server; dropping it ends the watch.
#[derive(Debug)]
pub struct Watch {
    _end: Sender<()>,
}

/// Asks the server every 10 s for another connection, and calls `then` once it gives none within the connect timeout.
///
/// A dead peer is found by TCP itself; this is for one whose machine, or whose proxy, still acknowledges every byte.
/// A server that is only busy, or refuses, answers.
#[cfg(feature = "pg")]
pub fn watch(
    settings: &PgSettings,
    application_name: &'static str,
    then: impl FnOnce() + Send + 'static,
) -> Result<Watch> {
    let settings = settings.clone();
    watch_with(move || pg::is_silent(&settings, application_name), then)
}

/// The same for any server: asks `is_silent` every 10 s on a thread of its own, and calls `then` once it says so.
///
/// `is_silent` must come back by itself, and must say no of a server that refuses. Fails when no thread can be started.
pub fn watch_with(
    is_silent: impl Fn() -> bool + Send + 'static,
    then: impl FnOnce() + Send + 'static,
) -> Result<Watch> {
    watch_every(PAUSE, is_silent, then)
}

fn watch_every(
    pause: Duration,
    is_silent: impl Fn() -> bool + Send + 'static,
    then: impl FnOnce() + Send + 'static,
) -> Result<Watch> {
    let (end, ended) = channel::<()>();
    let is_over = move |pause| ended.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected);
    thread::Builder::new()
        .name("silence".into())
        .spawn(move || {
            while !is_over(pause) {
                if is_silent() && !is_over(Duration::ZERO) {
                    return then();
                }
            }
        })
        .context("starting a thread to watch the server")?;
    Ok(Watch { _end: end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    static N_ASKED: AtomicUsize = AtomicUsize::new(0);

    #[test]
    fn a_server_is_asked_until_it_is_silent() {
        let (said, heard) = channel();
        let is_silent = || N_ASKED.fetch_add(1, SeqCst) == 2;
        let then = move || said.send(()).unwrap();
        let _watch = watch_every(Duration::from_millis(1), is_silent, then).unwrap();
        heard.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(N_ASKED.load(SeqCst), 3);
    }

    #[test]
    fn a_watch_that_was_dropped_says_nothing() {
        let (said, heard) = channel::<()>();
        drop(watch_with(|| true, move || said.send(()).unwrap()).unwrap());
        assert_eq!(heard.recv_timeout(Duration::from_secs(10)), Err(RecvTimeoutError::Disconnected));
    }
}
