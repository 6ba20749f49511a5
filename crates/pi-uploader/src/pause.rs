//! How long a row waits for its next attempt, in seconds.

use std::time::Duration;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

/// After an answer that may change soon, for a row that failed `n_before` times before; the server's wish wins.
pub(crate) fn later(n_before: u32, retry_after: Option<Duration>) -> i64 {
    match retry_after {
        Some(pause) => i64::try_from(pause.as_secs()).unwrap_or(24 * HOUR),
        None => doubled(MINUTE, n_before).min(HOUR),
    }
}

/// After an answer that will hardly change: 1 h, 2 h, 4 h … at most a day.
pub(crate) fn refused(n_before: u32) -> i64 {
    doubled(HOUR, n_before).min(24 * HOUR)
}

fn doubled(first: i64, n_times: u32) -> i64 {
    first.saturating_mul(2_i64.saturating_pow(n_times.min(32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(
            [0, 1, 2, 5, 6, 9, u32::MAX].map(|n| later(n, None)),
            [60, 120, 240, 1920, 3600, 3600, 3600]
        );
        assert_eq!([0, 1, 2, 3, 4, 5, u32::MAX].map(|n| refused(n) / HOUR), [1, 2, 4, 8, 16, 24, 24]);
        assert_eq!(later(7, Some(Duration::from_secs(5))), 5);
    }
}
