//! Noticing a server that has fallen silent although the network still says that it is there.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::pg;
use crate::pg_url::PgSettings;

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
pub fn watch(
    settings: &PgSettings,
    application_name: &'static str,
    then: impl FnOnce() + Send + 'static,
) -> Result<Watch> {
    let settings = settings.clone();
    let (end, ended) = channel::<()>();
    let is_over = move |pause| ended.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected);
    thread::Builder::new()
        .name("silence".into())
        .spawn(move || {
            while !is_over(PAUSE) {
                if pg::is_silent(&settings, application_name) && !is_over(Duration::ZERO) {
                    return then();
                }
            }
        })
        .context("starting a thread to watch the server")?;
    Ok(Watch { _end: end })
}
