//! Ending a run early: the first SIGTERM or SIGINT asks, the second kills.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::exit::Exit;

/// The wish that the run end soon; every clone sees the same wish.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    asked: Mutex<Option<Instant>>,
    changed: Condvar,
}

/// A watch over one run, from [`Stop::on_overdue`]; dropping it ends the watch.
#[derive(Debug)]
#[must_use = "dropping the watch ends it"]
pub struct Watch {
    stop: Stop,
    is_over: Arc<AtomicBool>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        // With the lock, so that this waits for a `then` that has begun.
        let guard = self.stop.lock();
        self.is_over.store(true, SeqCst);
        drop(guard);
        self.stop.shared.changed.notify_all();
    }
}

impl Stop {
    /// A stop that only [`Stop::ask`] sets; for tests.
    pub fn new() -> Stop {
        Stop::default()
    }

    /// A stop set by the first SIGTERM or SIGINT; the second ends the process at once with exit code 75.
    ///
    /// Fails when the operating system refuses a signal handler or a thread.
    pub fn on_signals() -> Result<Stop> {
        let stop = Stop::new();
        install(&stop).context("installing the signal handlers")?;
        Ok(stop)
    }

    /// Asks every holder of this stop to end soon.
    pub fn ask(&self) {
        self.lock().get_or_insert_with(Instant::now);
        self.shared.changed.notify_all();
    }

    /// Whether somebody asked.
    pub fn asked(&self) -> bool {
        self.lock().is_some()
    }

    /// Sleeps for `pause`, or until somebody asks; true when the sleep was cut short (or never begun) for that.
    pub fn sleep(&self, pause: Duration) -> bool {
        let guard = self.lock();
        let waited = self.shared.changed.wait_timeout_while(guard, pause, |asked| asked.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_some()
    }

    /// Calls `then` on a thread of its own when the watch still lives `grace` after somebody asked.
    ///
    /// A tool prints its report and exits there, so that a statement which hangs cannot hold up a shutdown. `then`
    /// must not ask this stop for anything.
    pub fn on_overdue(&self, grace: Duration, then: impl FnOnce() + Send + 'static) -> Watch {
        let is_over = Arc::new(AtomicBool::new(false));
        let (stop, over) = (self.clone(), Arc::clone(&is_over));
        thread::spawn(move || {
            let changed = &stop.shared.changed;
            let waited = changed.wait_while(stop.lock(), |asked| asked.is_none() && !over.load(SeqCst));
            let guard = waited.unwrap_or_else(PoisonError::into_inner);
            let left = guard.map_or(Duration::ZERO, |at| grace.saturating_sub(at.elapsed()));
            let waited = changed.wait_timeout_while(guard, left, |_| !over.load(SeqCst));
            let _guard = waited.unwrap_or_else(PoisonError::into_inner);
            if !over.load(SeqCst) {
                then();
            }
        });
        Watch { stop: self.clone(), is_over }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn install(stop: &Stop) -> io::Result<()> {
    let second = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // In this order: the first signal finds the flag unset, and sets it.
        flag::register_conditional_shutdown(signal, Exit::Temporary.code().into(), Arc::clone(&second))?;
        flag::register(signal, Arc::clone(&second))?;
    }
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let stop = stop.clone();
    thread::Builder::new().name("signals".into()).spawn(move || {
        for _ in signals.forever() {
            stop.ask();
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn sleep_ends_when_asked() {
        let stop = Stop::new();
        assert!(!stop.sleep(Duration::from_millis(1)));
        let other = stop.clone();
        let started = Instant::now();
        thread::spawn(move || other.ask());
        assert!(stop.sleep(Duration::from_secs(30)));
        assert!(started.elapsed() < Duration::from_secs(5));
        assert!(stop.asked());
        assert!(stop.sleep(Duration::from_secs(30)), "a stop stays asked");
    }

    #[test]
    fn overdue_is_called_after_the_grace() {
        let stop = Stop::new();
        let (sender, receiver) = mpsc::channel();
        let _watch = stop.on_overdue(Duration::from_millis(20), move || sender.send(()).unwrap());
        assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err(), "nobody asked yet");
        let asked = Instant::now();
        stop.ask();
        receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(asked.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn a_watch_that_was_dropped_does_nothing() {
        let stop = Stop::new();
        let (sender, receiver) = mpsc::channel::<()>();
        drop(stop.on_overdue(Duration::ZERO, move || sender.send(()).unwrap()));
        stop.ask();
        assert_eq!(
            receiver.recv_timeout(Duration::from_secs(10)),
            Err(mpsc::RecvTimeoutError::Disconnected),
            "the thread has ended without a call"
        );
    }

    #[test]
    fn a_signal_asks() {
        let stop = Stop::on_signals().unwrap();
        signal_hook::low_level::raise(SIGTERM).unwrap();
        assert!(stop.sleep(Duration::from_secs(10)));
    }
}
