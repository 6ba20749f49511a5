//! Dates as spreadsheets count them: days since 1899-12-30.
//!
//! <https://developers.google.com/workspace/sheets/api/guides/formats#about_date_time_values>

use jiff::civil::{self, Date, DateTime};

const EPOCH: Date = civil::date(1899, 12, 30);
/// Earlier dates cannot be shown.
const FIRST: Date = civil::date(1900, 1, 1);
const MICROS_A_DAY: f64 = 86_400e6;

/// The serial number of `YYYY-MM-DD`; `None` where a spreadsheet has no such date.
pub(crate) fn date_of(date: Date) -> Option<f64> {
    let days = (date >= FIRST).then(|| EPOCH.until(date).ok())??.get_days();
    Some(f64::from(days))
}

/// The same, of PostgreSQL's ISO output.
pub(crate) fn date(text: &str) -> Option<f64> {
    date_of(text.parse().ok()?)
}

/// The serial number of `YYYY-MM-DD HH:MM:SS[.ffffff]`, with or without an offset, which is left out: the local time
/// counts.
pub(crate) fn timestamp(text: &str) -> Option<f64> {
    let (day, time) = text.split_once(' ')?;
    let time = time.split(['+', '-', ' ']).next()?;
    // An era follows the offset.
    if text.ends_with("BC") {
        return None;
    }
    let moment: DateTime = format!("{day}T{time}").parse().ok()?;
    let nanos = moment.time().duration_since(civil::Time::midnight()).as_nanos();
    let day = date_of(moment.date())?;
    // A number has no room for the last microseconds of a day: rounded up they would be the next one.
    Some((day + (nanos / 1000) as f64 / MICROS_A_DAY).min((day + 1.0).next_down()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        for (text, days) in [
            ("1900-01-01", Some(2.0)),
            ("1900-02-28", Some(60.0)),
            ("1900-03-01", Some(61.0)),
            ("1970-01-01", Some(25_569.0)),
            ("2024-02-29", Some(45_351.0)),
            ("9999-12-31", Some(2_958_465.0)),
            ("1899-12-31", None),
            ("0001-01-01", None),
            ("0044-03-15 BC", None),
            ("10000-01-01", None),
            ("infinity", None),
            ("-infinity", None),
        ] {
            assert_eq!(date(text), days, "{text}");
        }
    }

    #[test]
    fn moments() {
        for (text, serial) in [
            ("2024-01-01 00:00:00", Some(45_292.0)),
            ("2024-01-01 12:00:00+01", Some(45_292.5)),
            ("2024-01-01 06:00:00-03:30", Some(45_292.25)),
            ("2024-01-01 18:00:00.5", Some(45_292.75 + 0.5 / 86_400.0)),
            ("9999-12-31 23:59:59.999999+01", Some(2_958_466_f64.next_down())),
            ("1899-12-31 23:59:59", None),
            ("0044-03-15 12:00:00+00:09:21 BC", None),
            ("0044-03-15 12:00:00 BC", None),
            ("infinity", None),
        ] {
            assert_eq!(timestamp(text), serial, "{text}");
        }
    }

    #[test]
    fn microseconds_are_kept() {
        let serial = timestamp("2024-06-01 12:34:56.123456").unwrap();
        let micros = (serial.fract() * MICROS_A_DAY).round();
        assert!((micros - 45_296_123_456.0).abs() <= 1.0, "{micros}");
    }
}
