//! Trying again after a failure that may pass: decorrelated jitter with an end.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::fault;
use crate::stop::Stop;

/// How long to pause between attempts, and when to give up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The shortest pause.
    pub base: Duration,
    /// The longest pause, unless a server asks for more.
    pub cap: Duration,
    /// The time from the first failure after which no further attempt begins.
    pub give_up_after: Duration,
}

impl Default for Policy {
    /// Pauses of 1 to 60 s, for 60 s in all.
    fn default() -> Policy {
        Policy {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(60),
            give_up_after: Duration::from_secs(60),
        }
    }
}

/// The pauses of one series of failures.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: Policy,
    previous: Duration,
    first_failure: Option<Instant>,
}

impl Backoff {
    /// A series without a failure so far.
    pub fn new(policy: Policy) -> Backoff {
        Backoff { policy, previous: policy.base, first_failure: None }
    }

    /// The pause before the next attempt, or `None` when it is time to give up.
    ///
    /// The pause is drawn from `base` to three times the previous one, at most `cap`; a server's `Retry-After` wins.
    pub fn next(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        self.next_at(Instant::now(), retry_after)
    }

    /// Forgets the failures, because an attempt made progress.
    pub fn reset(&mut self) {
        *self = Backoff::new(self.policy);
    }

    fn next_at(&mut self, now: Instant, retry_after: Option<Duration>) -> Option<Duration> {
        let elapsed = now - *self.first_failure.get_or_insert(now);
        let pause = retry_after.unwrap_or_else(|| self.draw());
        (elapsed + pause <= self.policy.give_up_after).then_some(pause)
    }

    fn draw(&mut self) -> Duration {
        let Policy { base, cap, .. } = self.policy;
        let span = (self.previous * 3).saturating_sub(base);
        self.previous = (base + span.mul_f64(fastrand::f64())).min(cap);
        self.previous
    }

    fn elapsed(&self) -> Option<Duration> {
        self.first_failure.map(|first| first.elapsed())
    }
}

/// The result of `attempt`, which is repeated while [`fault::verdict`] says that its error may pass.
///
/// `attempt` calls [`Backoff::reset`] whenever it has made progress. When the policy gives up, the last error comes
/// back with the context `gave up after N s` and keeps its class; when `stop` is asked, it comes back at once.
pub fn run<T>(policy: Policy, stop: &Stop, mut attempt: impl FnMut(&mut Backoff) -> Result<T>) -> Result<T> {
    let mut backoff = Backoff::new(policy);
    loop {
        let error = match attempt(&mut backoff) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if stop.asked() || !fault::verdict(&error).retry {
            return Err(error);
        }
        let tried_before = backoff.first_failure.is_some();
        let Some(pause) = backoff.next(None) else {
            let elapsed = backoff.elapsed().unwrap_or_default();
            let given_up = format!("gave up after {:.0} s", elapsed.as_secs_f64());
            return Err(if tried_before { error.context(given_up) } else { error });
        };
        log::warn!("{}; next attempt in {:.1} s", fault::one_line(&error), pause.as_secs_f64());
        if stop.sleep(pause) {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::fault::Fault;

    const FAST: Policy = Policy {
        base: Duration::from_millis(1),
        cap: Duration::from_millis(5),
        give_up_after: Duration::from_millis(40),
    };

    #[test]
    fn pauses_grow_within_their_bounds_and_end() {
        for seed in 0..200 {
            fastrand::seed(seed);
            let mut backoff = Backoff::new(Policy::default());
            let (mut now, start) = (Instant::now(), Instant::now());
            let mut previous = Duration::from_secs(1);
            while let Some(pause) = backoff.next_at(now, None) {
                assert!(pause >= Duration::from_secs(1) && pause <= Duration::from_secs(60));
                assert!(pause <= previous * 3);
                (previous, now) = (pause, now + pause);
            }
            assert!(now - start <= Duration::from_secs(61));
        }
    }

    #[test]
    fn retry_after_wins_until_it_would_last_too_long() {
        let mut backoff = Backoff::new(Policy::default());
        assert_eq!(backoff.next(Some(Duration::from_secs(7))), Some(Duration::from_secs(7)));
        assert_eq!(backoff.next(Some(Duration::from_secs(61))), None);
    }

    #[test]
    fn progress_resets_the_series() {
        let mut backoff = Backoff::new(Policy::default());
        let now = Instant::now();
        assert!(backoff.next_at(now, None).is_some());
        assert!(backoff.next_at(now + Duration::from_secs(100), None).is_none());
        backoff.reset();
        assert!(backoff.next_at(now + Duration::from_secs(100), None).is_some());
    }

    #[test]
    fn a_passing_failure_is_repeated() {
        let mut n_attempts = 0;
        let result = run(FAST, &Stop::new(), |_| {
            n_attempts += 1;
            if n_attempts < 3 { Err(Fault::temporary("not yet", "")) } else { Ok(n_attempts) }
        });
        assert_eq!(result.unwrap(), 3);
    }

    #[test]
    fn giving_up_keeps_the_class() {
        let error = run(FAST, &Stop::new(), |_| Err::<(), _>(Fault::temporary("no route", ""))).unwrap_err();
        assert!(error.to_string().starts_with("gave up after"), "{error}");
        assert_eq!(fault::verdict(&error).exit, Exit::Temporary);
    }

    #[test]
    fn other_failures_and_a_stop_end_at_once() {
        let mut n_attempts = 0;
        let failed = run(Policy::default(), &Stop::new(), |_| {
            n_attempts += 1;
            Err::<(), _>(Fault::config("wrong", ""))
        });
        assert!(failed.is_err() && n_attempts == 1);
        let stop = Stop::new();
        stop.ask();
        let error = run(Policy::default(), &stop, |_| Err::<(), _>(Fault::temporary("cut", ""))).unwrap_err();
        assert_eq!(error.to_string(), "cut");
    }
}
