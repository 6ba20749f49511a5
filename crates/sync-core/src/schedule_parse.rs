//! Reading durations and cron expressions from the command line.

use std::str::FromStr as _;
use std::time::Duration;

use croner::Cron;
use jiff::Zoned;

/// A duration from `15`, `15s`, `5m`, `1h30m`, `2d` or `500ms`; a bare number is seconds.
///
/// The error is a sentence that shows what is accepted; zero is refused.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let refused = || format!("`{text}` is not a duration: write 15s, 5m, 1h30m, 2d or 500ms");
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<u64>() {
        return nonzero(Duration::from_secs(seconds), text);
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
        let number: u64 = rest[..digits].parse().map_err(|_| refused())?;
        let unit_end =
            rest[digits..].find(|c: char| !c.is_ascii_alphabetic()).map_or(rest.len(), |n| digits + n);
        let millis = match &rest[digits..unit_end] {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(refused()),
        };
        let part = number.checked_mul(millis).map(Duration::from_millis).ok_or_else(refused)?;
        total = total.checked_add(part).ok_or_else(refused)?;
        rest = rest[unit_end..].trim_start();
    }
    nonzero(total, text)
}

fn nonzero(duration: Duration, text: &str) -> Result<Duration, String> {
    match duration {
        Duration::ZERO => Err(format!("`{text}` is no time at all: write 15s, 5m, 1h30m, 2d or 500ms")),
        // A century: beyond it, sums with the clock overflow.
        long if long > Duration::from_secs(100 * 366 * 86_400) => {
            Err(format!("`{text}` is more than 100 years"))
        }
        _ => Ok(duration),
    }
}

/// A cron expression of five fields, or of six with the seconds first.
///
/// The error is a sentence that shows what is accepted; an expression that never matches is refused.
pub fn parse_cron(text: &str) -> Result<Cron, String> {
    let expected = "write five fields such as '*/5 * * * *', or six with the seconds first";
    let n_fields = text.split_whitespace().count();
    if !text.trim_start().starts_with('@') && n_fields != 5 && n_fields != 6 {
        return Err(format!("`{text}` has {n_fields} fields: {expected}"));
    }
    let cron =
        Cron::from_str(text).map_err(|e| format!("`{text}` is not a cron expression ({e}): {expected}"))?;
    match cron.find_next_occurrence(&Zoned::now(), false) {
        Ok(_) => Ok(cron),
        Err(_) => Err(format!("`{text}` never matches")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("15", 15_000),
            ("15s", 15_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("500ms", 500),
            (" 1h 5s ", 3_605_000),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "0",
            "0s",
            "s",
            "5x",
            "-1",
            "1.5h",
            "5m3",
            "99999999999999999999",
            "18446744073709551615d",
            "9e9",
        ] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.contains("15s") || error.contains("years"), "{text}: {error}");
        }
    }

    #[test]
    fn cron_expressions() {
        assert!(parse_cron("*/5 * * * *").is_ok());
        assert!(parse_cron("*/15 * * * * *").is_ok());
        assert!(parse_cron("@hourly").is_ok());
        assert!(parse_cron("* * *").unwrap_err().contains("3 fields"));
        assert!(parse_cron("61 * * * *").unwrap_err().contains("not a cron expression"));
        assert!(parse_cron("0 0 30 2 *").unwrap_err().contains("never matches"));
        let at: Zoned = "2026-01-02T03:04:05[Europe/Zurich]".parse().unwrap();
        let next = parse_cron("30 2 * * *").unwrap().find_next_occurrence(&at, false).unwrap();
        assert_eq!(next.to_string(), "2026-01-03T02:30:00+01:00[Europe/Zurich]");
    }
}
