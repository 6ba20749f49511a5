//! Points in time as sources spell them: ISO 8601 text, epoch seconds, epoch milliseconds.

use crate::value::Value;

/// 1970-01-01 to 2000-01-01, PostgreSQL's own epoch, in microseconds.
pub(crate) const PG_EPOCH_MICROS: i64 = 946_684_800_000_000;
/// Numbers from here on are milliseconds: as seconds they would be later than the year 5138.
const FIRST_MILLIS: f64 = 1e11;

pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A point in time that was read, and what reading it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Microseconds since 1970-01-01 UTC.
    pub micros: i64,
    /// Digits beyond the microsecond, not all zero, were cut.
    pub cut: bool,
    /// The text had an offset other than zero: converted to UTC.
    pub shifted: bool,
}

/// Reads `YYYY-MM-DD`, followed or not by a blank or `T`, `hh:mm`, `:ss`, a fraction of any length and `Z` or `±hh[:mm]`.
///
/// Text without an offset is UTC, a date alone is its midnight. Years are 0001 to 9999. `None` for anything else, also
/// for blanks around it.
pub fn parse(text: &[u8]) -> Option<Moment> {
    parse_with_zone(text).map(|(moment, _)| moment)
}

/// The same, and whether the text named a zone, be it `Z`.
pub(crate) fn parse_with_zone(text: &[u8]) -> Option<(Moment, bool)> {
    let (date, rest) = text.split_at_checked(10)?;
    let day = parse_date(date)? * MICROS_PER_DAY;
    if rest.is_empty() {
        return Some((Moment { micros: day, cut: false, shifted: false }, false));
    }
    let (micros, cut, zone) = parse_time(rest)?;
    let offset = parse_zone(zone)?;
    let micros = day + micros - offset * 60_000_000;
    Some((Moment { micros, cut, shifted: offset != 0 }, !zone.is_empty()))
}

/// 0001-01-01 and 10000-01-01 in microseconds since 1970.
const FIRST_YEAR: i64 = -62_135_596_800_000_000;
const END_OF_YEARS: i64 = 253_402_300_800_000_000;

/// Whether the microseconds since 1970 lie in the years 1 to 9999.
pub(crate) fn is_in_range(micros: i64) -> bool {
    (FIRST_YEAR..END_OF_YEARS).contains(&micros)
}

/// Reads epoch seconds, or epoch milliseconds when the number is 1e11 or more either side of zero.
///
/// Reals are rounded to the nearest microsecond. `None` for what is not a number or lies outside of the years 1 to
/// 9999: microseconds, say, are not taken for milliseconds of a far future.
pub fn from_number(value: Value<'_>) -> Option<Moment> {
    let micros = match value {
        Value::Int(n) if n.unsigned_abs() >= FIRST_MILLIS as u64 => n.checked_mul(1000)?,
        Value::Int(n) => n.checked_mul(1_000_000)?,
        Value::Real(r) => {
            let micros = (r * if r.abs() >= FIRST_MILLIS { 1e3 } else { 1e6 }).round();
            // NaN fails both.
            if !(micros >= FIRST_YEAR as f64 && micros < END_OF_YEARS as f64) {
                return None;
            }
            micros as i64
        }
        _ => return None,
    };
    is_in_range(micros).then_some(Moment { micros, cut: false, shifted: false })
}

/// Days since 1970-01-01 of a day of the Gregorian calendar, years 1 to 9999; `None` when there is no such day.
pub fn day(year: u16, month: u8, day: u8) -> Option<i32> {
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    // Four-digit years: some 3.7 million days.
    is_day(year, month, day).then(|| days(year, month, day) as i32)
}

/// The instant as `2026-01-25T10:15:00.123456`, UTC, always with six digits; `micros` count from 1970.
pub fn to_iso(micros: i64) -> String {
    let (year, month, day) = civil(micros.div_euclid(MICROS_PER_DAY));
    let time = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (time / 1_000_000, time % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}")
}

/// A day as PostgreSQL prints it, `2026-01-25`; `days` count from 1970.
pub(crate) fn date_text(days: i32) -> String {
    let (year, month, day) = civil(days.into());
    format!("{year:04}-{month:02}-{day:02}")
}

/// A point in time as PostgreSQL prints it, `2026-01-25 10:15:00.5`; `micros` count from 1970.
pub(crate) fn moment_text(micros: i64) -> String {
    let mut text = to_iso(micros).replacen('T', " ", 1);
    without_zeros(&mut text);
    text
}

/// A length of time as PostgreSQL prints it, `-838:59:59.5`.
pub(crate) fn interval_text(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{fraction:06}");
    without_zeros(&mut text);
    text
}

/// Cuts the zeros at the end of a fraction, and the point when none is left.
fn without_zeros(text: &mut String) {
    let kept = text.trim_end_matches('0').trim_end_matches('.').len();
    text.truncate(kept);
}

/// Reads `[-]h:mm` with hours of any length, `:ss` and a fraction: microseconds, and whether digits were cut.
pub(crate) fn parse_interval(text: &[u8]) -> Option<(i64, bool)> {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        rest => (1, rest),
    };
    let n = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let hours: i64 = std::str::from_utf8(&text[..n]).ok()?.parse().ok().filter(|_| n <= 9)?;
    let (&[b':', m1, m2], rest) = text[n..].split_first_chunk()? else { return None };
    let (seconds, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (two(*s1, *s2)?, rest),
        rest => (0, rest),
    };
    let (fraction, cut, rest) = match rest {
        [b'.', rest @ ..] => parse_fraction(rest)?,
        rest => (0, false, rest),
    };
    let minutes = two(m1, m2).filter(|minutes| *minutes < 60 && seconds < 60 && rest.is_empty())?;
    Some((sign * (((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction), cut))
}

/// Days since 1970 of `YYYY-MM-DD`; the text has ten bytes.
fn parse_date(text: &[u8]) -> Option<i64> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else {
        return None;
    };
    let year = 100 * two(y1, y2)? + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    is_day(year, month, day).then(|| days(year, month, day))
}

fn is_day(year: i64, month: i64, day: i64) -> bool {
    let in_calendar = (1..=9999).contains(&year) && (1..=12).contains(&month);
    in_calendar && day >= 1 && day <= days_in_month(year, month)
}

/// Microseconds into the day, whether digits were cut, and what follows: the zone.
fn parse_time(text: &[u8]) -> Option<(i64, bool, &[u8])> {
    let (&[b' ' | b'T', h1, h2, b':', m1, m2], rest) = text.split_first_chunk()? else {
        return None;
    };
    let (hour, minute) = (two(h1, h2)?, two(m1, m2)?);
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (two(*s1, *s2)?, rest),
        [b':', ..] => return None,
        _ => return within_day(hour, minute, 0).map(|micros| (micros, false, rest)),
    };
    let micros = within_day(hour, minute, second)?;
    let [b'.' | b',', rest @ ..] = rest else {
        return Some((micros, false, rest));
    };
    let (fraction, cut, rest) = parse_fraction(rest)?;
    Some((micros + fraction, cut, rest))
}

fn within_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let valid = hour < 24 && minute < 60 && second < 60;
    valid.then_some(((hour * 60 + minute) * 60 + second) * 1_000_000)
}

/// Microseconds of a fraction of any length, whether more was there, and what follows the digits.
fn parse_fraction(text: &[u8]) -> Option<(i64, bool, &[u8])> {
    let n = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(n).filter(|_| n > 0)?;
    let micros =
        digits.iter().chain([b'0'; 6].iter()).take(6).fold(0, |sum, b| 10 * sum + i64::from(b - b'0'));
    let cut = digits.iter().skip(6).any(|&b| b != b'0');
    Some((micros, cut, rest))
}

/// Minutes east of UTC; at most 15:59, as in PostgreSQL.
fn parse_zone(text: &[u8]) -> Option<i64> {
    let (sign, hour, minute) = match *text {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2] => (sign, two(h1, h2)?, 0),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => (sign, two(h1, h2)?, two(m1, m2)?),
        _ => return None,
    };
    if hour > 15 || minute > 59 {
        return None;
    }
    match sign {
        b'+' => Some(60 * hour + minute),
        b'-' => Some(-60 * hour - minute),
        _ => None,
    }
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(10 * tens + ones))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date of the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    // The year begins in March, so that the leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a number of days since 1970 (the inverse, same source).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests;
