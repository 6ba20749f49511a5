//! Columns with a length or a precision: what they would change in silence.
//!
//! PostgreSQL rounds into `numeric(10,2)` and `timestamp(0)` and cuts blanks at the end of what is too long for
//! `varchar(3)`, without a word. A row is either delivered as it is or set aside, so these are looked at before.

use std::borrow::Cow;

use crate::encode::{Misfit, Notes};
use crate::timestamp::{self, Moment};
use crate::types::ColumnType;
use crate::value::Value;

/// What a column keeps of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Digits behind the decimal point.
    Decimals(usize),
    /// Digits of the second.
    SecondDigits(u32),
    /// Characters of text.
    Chars(usize),
}

/// The limit in a type as the catalog prints it, such as `numeric(10,2)`.
pub fn limit(ty: &ColumnType, sql: &str) -> Option<Limit> {
    let (_, rest) = sql.split_once('(')?;
    let (inside, _) = rest.split_once(')')?;
    match ty {
        ColumnType::Numeric => {
            let (_, scale) = inside.split_once(',').unwrap_or((inside, "0"));
            // A negative scale rounds whole numbers: nothing can be said before the server did.
            Some(Limit::Decimals(scale.trim().parse().ok()?))
        }
        ColumnType::Timestamp | ColumnType::Timestamptz => {
            Some(Limit::SecondDigits(inside.trim().parse().ok()?))
        }
        ColumnType::Text if sql.starts_with("character varying") => {
            Some(Limit::Chars(inside.trim().parse().ok()?))
        }
        _ => None,
    }
}

/// What to write instead of a value: `None` for the value itself, or a time whose further digits are cut and counted.
///
/// # Errors
/// A misfit when the column would change the value in silence.
pub fn fit(value: Value<'_>, limit: Limit, notes: &mut Notes) -> Result<Option<String>, Misfit> {
    let reason = |reason: &'static str| Misfit::Reason(Cow::Borrowed(reason));
    match limit {
        Limit::Decimals(scale) if n_decimals(value).is_some_and(|n| n > scale) => {
            Err(reason("more decimals than its column keeps"))
        }
        Limit::Chars(n) if is_longer_by_blanks(value, n) => Err(reason("longer than its column")),
        Limit::SecondDigits(digits) if digits < 6 => {
            let Some(moment) = moment(value) else { return Ok(None) };
            let step = 10_i64.pow(6 - digits);
            let kept = moment.micros - moment.micros.rem_euclid(step);
            if kept == moment.micros {
                return Ok(None);
            }
            notes.n_cut += 1;
            notes.n_shifted += u64::from(moment.shifted);
            Ok(Some(timestamp::to_iso(kept)))
        }
        _ => Ok(None),
    }
}

fn moment(value: Value<'_>) -> Option<Moment> {
    match value {
        Value::Text(bytes) => timestamp::parse(bytes),
        number => timestamp::from_number(number),
    }
}

/// Digits behind the point that a number really has; `None` for what is no number.
fn n_decimals(value: Value<'_>) -> Option<usize> {
    let text = match value {
        Value::Int(_) => return Some(0),
        Value::Real(real) => Cow::Owned(format!("{real}")),
        Value::Text(bytes) => Cow::Borrowed(std::str::from_utf8(bytes).ok()?),
        Value::Null | Value::Blob(_) => return None,
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let zeros = if fraction.is_empty() { whole.len() - whole.trim_end_matches('0').len() } else { 0 };
    let n = i64::try_from(fraction.len()).ok()? - i64::try_from(zeros).ok()? - exponent;
    Some(usize::try_from(n).unwrap_or(0))
}

fn is_longer_by_blanks(value: Value<'_>, n: usize) -> bool {
    let Value::Text(bytes) = value else { return false };
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    text.chars().count() > n && text.trim_end_matches(' ').chars().count() <= n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_from_types() {
        assert_eq!(limit(&ColumnType::Numeric, "numeric(10,2)"), Some(Limit::Decimals(2)));
        assert_eq!(limit(&ColumnType::Numeric, "numeric"), None);
        assert_eq!(limit(&ColumnType::Numeric, "numeric(5,-2)"), None);
        let ty = "timestamp(0) without time zone";
        assert_eq!(limit(&ColumnType::Timestamp, ty), Some(Limit::SecondDigits(0)));
        assert_eq!(limit(&ColumnType::Text, "character varying(3)"), Some(Limit::Chars(3)));
        assert_eq!(limit(&ColumnType::Text, "character(3)"), None);
    }

    #[test]
    fn decimals_are_those_that_count() {
        for (text, n) in [
            ("1.50", 1),
            ("1.999", 3),
            ("100", 0),
            ("1e-3", 3),
            ("1.5e1", 0),
            ("10e-1", 0),
            ("0.001", 3),
            ("-2.", 0),
        ] {
            assert_eq!(n_decimals(Value::Text(text.as_bytes())), Some(n), "{text}");
        }
        assert_eq!(n_decimals(Value::Real(0.1)), Some(1));
        assert_eq!(n_decimals(Value::Real(1e-7)), Some(7));
        assert_eq!(n_decimals(Value::Text(b"abc")), Some(0), "the encoder refuses it");
    }

    #[test]
    fn a_time_is_cut_and_not_rounded() {
        let mut notes = Notes::default();
        let cut = fit(Value::Text(b"2026-01-25 10:00:00.6"), Limit::SecondDigits(0), &mut notes);
        assert_eq!(cut, Ok(Some("2026-01-25T10:00:00.000000".to_owned())));
        assert_eq!(notes.n_cut, 1);
        assert_eq!(fit(Value::Text(b"2026-01-25 10:00:01"), Limit::SecondDigits(0), &mut notes), Ok(None));
    }
}
