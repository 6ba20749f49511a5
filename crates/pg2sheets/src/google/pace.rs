//! Not too many calls, and pauses that grow while the server has no time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Calls a minute; Google allows 60 reads and 60 writes.
const CALLS: usize = 50;
const MINUTE: Duration = Duration::from_secs(60);
/// The longest pause that we choose ourselves.
const CAP: Duration = Duration::from_secs(64);

/// When the next call may be made.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The last calls, the oldest first.
    calls: VecDeque<Instant>,
    n_failures: u32,
}

impl Pace {
    /// How long to wait before a call at `now`.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        match self.calls.front() {
            Some(first) if self.calls.len() == CALLS => (*first + MINUTE).saturating_duration_since(now),
            _ => Duration::ZERO,
        }
    }

    /// A call is made.
    pub(crate) fn count(&mut self, now: Instant) {
        if self.calls.len() == CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(now);
    }

    /// The pause after another failure: 1 s, 2 s, 4 s and so on with a random part, or what the server asks for.
    pub(crate) fn pause(&mut self, retry_after: Option<Duration>) -> Duration {
        let pause =
            Duration::from_secs(1 << self.n_failures.min(6)) + Duration::from_secs_f64(fastrand::f64());
        self.n_failures += 1;
        // A time that is over says nothing.
        retry_after.filter(|pause| !pause.is_zero()).unwrap_or(pause.min(CAP))
    }

    /// A change was made.
    pub(crate) fn reset(&mut self) {
        self.n_failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_calls_a_minute() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        for n in 0..CALLS as u64 {
            let now = start + Duration::from_secs(n);
            assert_eq!(pace.wait(now), Duration::ZERO);
            pace.count(now);
        }
        assert_eq!(pace.wait(start + Duration::from_secs(49)), Duration::from_secs(11));
        pace.count(start + MINUTE);
        assert_eq!(pace.wait(start + MINUTE), Duration::from_secs(1));
    }

    #[test]
    fn pauses_double() {
        let mut pace = Pace::default();
        for least in [1, 2, 4, 8, 16, 32, 64, 64] {
            let pause = pace.pause(None);
            assert!((least..=least + 1).contains(&pause.as_secs()) && pause <= CAP, "{pause:?}");
        }
        assert_eq!(pace.pause(Some(Duration::from_secs(100))), Duration::from_secs(100));
        assert!(pace.pause(Some(Duration::ZERO)) >= Duration::from_secs(60));
        pace.reset();
        assert!(pace.pause(None) < Duration::from_secs(2) + Duration::from_millis(1));
    }
}
