//! Running a job once, at a fixed rate, or by a cron expression.

use std::time::{Duration, Instant};

use croner::Cron;
use jiff::Zoned;

use crate::exit::Exit;
pub use crate::schedule_parse::{parse_cron, parse_duration};
use crate::stop::Stop;

/// When a job runs.
#[derive(Clone, Debug)]
pub enum When {
    /// One run.
    Once,
    /// A run at once, then one at this interval, counted from the start of the last run.
    Every(Duration),
    /// A run at each time that matches, in the local time zone.
    Cron(Box<Cron>),
}

/// The longest pause that repeated failures lead to, unless the interval itself is longer.
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// The same for cron: short enough that a schedule of minutes loses no run.
const LONGEST_CRON_BACKOFF: Duration = Duration::from_secs(30);

/// Runs `job` as `when` says, and gives what the process ends with.
///
/// A loop goes on after a failed, partial or temporary run, more slowly while failures repeat. It ends with the job's
/// own exit for a usage or configuration error, and with `Done` when `stop` is asked, or `Temporary` when the stop cut
/// the last run short.
pub fn run(when: &When, stop: &Stop, mut job: impl FnMut() -> Exit) -> Exit {
    let mut n_failures: u32 = 0;
    if let When::Cron(cron) = when
        && wait_for_cron(cron, Duration::ZERO, stop)
    {
        return Exit::Done;
    }
    loop {
        let started = Instant::now();
        let exit = job();
        if matches!(when, When::Once) || matches!(exit, Exit::Usage | Exit::Config) {
            return exit;
        }
        if stop.asked() {
            return if exit == Exit::Temporary { exit } else { Exit::Done };
        }
        n_failures = if matches!(exit, Exit::Failed | Exit::Temporary) { n_failures + 1 } else { 0 };
        let stopped = match when {
            When::Once => true,
            When::Every(interval) => {
                let pause = interval_after(*interval, n_failures);
                stop.sleep(pause.saturating_sub(started.elapsed()))
            }
            When::Cron(cron) => wait_for_cron(cron, cron_pause(n_failures), stop),
        };
        if stopped {
            return Exit::Done;
        }
    }
}

/// The interval, doubled with each failure after the first.
fn interval_after(interval: Duration, n_failures: u32) -> Duration {
    let doubled = interval.saturating_mul(2_u32.saturating_pow(n_failures.saturating_sub(1)));
    doubled.min(LONGEST_BACKOFF.max(interval))
}

fn cron_pause(n_failures: u32) -> Duration {
    match n_failures {
        0 | 1 => Duration::ZERO,
        n => interval_after(Duration::from_secs(1), n).min(LONGEST_CRON_BACKOFF),
    }
}

/// Sleeps until the first match at least `pause` from now; true when stopped meanwhile.
fn wait_for_cron(cron: &Cron, pause: Duration, stop: &Stop) -> bool {
    let earliest = Zoned::now().saturating_add(pause);
    let Ok(due) = cron.find_next_occurrence(&earliest, false) else {
        log::error!("the cron expression `{}` matches no further time", cron.as_str());
        return true;
    };
    loop {
        let Ok(left) = Duration::try_from(due.timestamp().duration_since(Zoned::now().timestamp())) else {
            return false;
        };
        if left.is_zero() {
            return false;
        }
        // In short steps, because the wall clock can be set meanwhile.
        if stop.sleep(left.min(Duration::from_secs(30))) {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_slow_the_loop_down_to_five_minutes() {
        let s = Duration::from_secs;
        let pauses: Vec<_> = [0, 1, 2, 3, 6, 60].map(|n| interval_after(s(15), n)).to_vec();
        assert_eq!(pauses, [s(15), s(15), s(30), s(60), s(300), s(300)]);
        assert_eq!(interval_after(s(900), 9), s(900));
        assert_eq!([0, 1, 2, 4, 40].map(cron_pause), [s(0), s(0), s(2), s(8), s(30)]);
    }

    #[test]
    fn one_run_gives_its_exit() {
        assert_eq!(run(&When::Once, &Stop::new(), || Exit::Partial), Exit::Partial);
    }

    #[test]
    fn a_loop_survives_failures_and_ends_by_configuration() {
        let mut exits = [Exit::Done, Exit::Failed, Exit::Partial, Exit::Temporary, Exit::Config].into_iter();
        let every = When::Every(Duration::from_millis(1));
        assert_eq!(run(&every, &Stop::new(), || exits.next().unwrap()), Exit::Config);
        assert_eq!(exits.next(), None);
    }

    #[test]
    fn a_stop_ends_the_loop() {
        for (last, ended) in
            [(Exit::Done, Exit::Done), (Exit::Partial, Exit::Done), (Exit::Temporary, Exit::Temporary)]
        {
            let stop = Stop::new();
            let job = || {
                stop.ask();
                last
            };
            assert_eq!(run(&When::Every(Duration::from_secs(60)), &stop, job), ended);
        }
    }

    #[test]
    fn cron_runs_at_its_times() {
        let when = When::Cron(Box::new(parse_cron("* * * * * *").unwrap()));
        let (stop, started) = (Stop::new(), Instant::now());
        let mut n_runs = 0;
        run(&when, &stop, || {
            n_runs += 1;
            if n_runs == 2 {
                stop.ask();
            }
            Exit::Done
        });
        assert!(n_runs == 2 && started.elapsed() < Duration::from_secs(5));
    }
}
