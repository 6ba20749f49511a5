//! Columns with a length or a precision: what they would refuse, and what they would change in silence.
//!
//! PostgreSQL rounds into `numeric(10,2)` and `timestamp(0)` and cuts blanks at the end of what is too long for
//! `varchar(3)`, without a word. A row is either delivered as it is or set aside, so these are looked at before; and
//! what it would refuse is known without asking it, so that a bad row costs no second try of its neighbours.

use std::borrow::Cow;
use std::io::Write;

use crate::encode::{self, Misfit, Notes};
use crate::numeric;
use crate::timestamp;
use crate::types::ColumnType;
use crate::value::Value;

/// What a column keeps of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Decimal digits.
    Digits {
        /// All of them.
        precision: i64,
        /// Those behind the decimal point; below zero, whole numbers are rounded too.
        scale: i64,
    },
    /// Digits of the second.
    SecondDigits(u32),
    /// Characters of text.
    Chars {
        /// How many.
        n: usize,
        /// In `character(n)` blanks at the end mean nothing.
        padded: bool,
    },
    /// Bits of a bit string.
    Bits {
        /// How many.
        n: usize,
        /// `bit(n)` takes no fewer either.
        exact: bool,
    },
}

/// The limit in a type as the catalog prints it, such as `numeric(10,2)`; its short forms, such as `varchar(3)`, too.
pub fn limit(ty: &ColumnType, sql: &str) -> Option<Limit> {
    let Some((name, rest)) = sql.split_once('(') else {
        return (sql == "bit").then_some(Limit::Bits { n: 1, exact: true });
    };
    let (inside, _) = rest.split_once(')')?;
    let number = || inside.trim().parse().ok();
    match ty {
        ColumnType::Numeric => {
            let (precision, scale) = inside.split_once(',').unwrap_or((inside, "0"));
            Some(Limit::Digits {
                precision: precision.trim().parse().ok()?,
                scale: scale.trim().parse().ok()?,
            })
        }
        ColumnType::Timestamp | ColumnType::Timestamptz | ColumnType::Interval => {
            Some(Limit::SecondDigits(inside.trim().parse().ok()?))
        }
        ColumnType::Text => match name {
            "character varying" | "varchar" => Some(Limit::Chars { n: number()?, padded: false }),
            "character" | "char" | "bpchar" => Some(Limit::Chars { n: number()?, padded: true }),
            _ => None,
        },
        ColumnType::Bit => Some(Limit::Bits { n: number()?, exact: true }),
        ColumnType::Varbit => Some(Limit::Bits { n: number()?, exact: false }),
        _ => None,
    }
}

/// The value that goes to the column: as it is, or a time whose further digits are cut and counted.
///
/// # Errors
/// A misfit when the column would refuse the value, with the server's words, or change it in silence.
pub fn fit<'a>(value: Value<'a>, limit: Limit, notes: &mut Notes) -> Result<Value<'a>, Misfit> {
    match limit {
        _ if value == Value::Null => Ok(value),
        Limit::Digits { precision, scale } => fit_digits(value, precision, scale).map(|()| value),
        Limit::Chars { n, padded } => fit_chars(value, n, padded).map(|()| value),
        Limit::Bits { n, exact } => fit_bits(value, n, exact).map(|()| value),
        Limit::SecondDigits(digits) => Ok(fit_second(value, digits, notes)),
    }
}

fn reason(reason: &'static str) -> Misfit {
    Misfit::Reason(Cow::Borrowed(reason))
}

fn fit_digits(value: Value<'_>, precision: i64, scale: i64) -> Result<(), Misfit> {
    let number = value.as_number();
    if matches!(number, Value::Real(r) if r.is_infinite()) {
        return Err(reason("numeric field overflow"));
    }
    match extent(number) {
        Some((_, last)) if last < -scale => Err(reason("more decimals than its column keeps")),
        Some((first, _)) if first >= precision - scale => Err(reason("numeric field overflow")),
        _ => Ok(()),
    }
}

/// Powers of ten of a number's first and last digit; `None` for zero and for what is no number.
fn extent(number: Value<'_>) -> Option<(i64, i64)> {
    // 20 digits and a sign, or the shortest form of a double with its exponent.
    let mut text = [0; 32];
    let mut rest = &mut text[..];
    let written = match number {
        Value::Text(bytes) => return numeric::extent(bytes),
        Value::Int(n) => write!(rest, "{n}"),
        Value::UInt(n) => write!(rest, "{n}"),
        Value::Real(r) => write!(rest, "{r:e}"),
        _ => return None,
    };
    let n_left = rest.len();
    written.ok().and_then(|()| numeric::extent(&text[..32 - n_left]))
}

fn fit_chars(value: Value<'_>, n: usize, padded: bool) -> Result<(), Misfit> {
    let bytes = match value {
        Value::Text(bytes) | Value::Blob(bytes) | Value::Set(bytes) => Cow::Borrowed(bytes),
        _ => Cow::Owned(encode::as_text(value)?),
    };
    if bytes.len() <= n {
        return Ok(());
    }
    // The encoder refuses what is not UTF-8.
    let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(()) };
    if text.chars().nth(n).is_none() {
        return Ok(());
    }
    if text.trim_end_matches(' ').chars().nth(n).is_none() {
        return if padded { Ok(()) } else { Err(reason("longer than its column")) };
    }
    let name = if padded { "character" } else { "character varying" };
    Err(Misfit::Reason(format!("value too long for type {name}({n})").into()))
}

fn fit_bits(value: Value<'_>, n: usize, exact: bool) -> Result<(), Misfit> {
    let length = match value {
        Value::Bits { n, .. } => n as usize,
        Value::Text(digits) => digits.len(),
        // The encoder refuses it.
        _ => return Ok(()),
    };
    let refused = match exact {
        true if length != n => format!("bit string length {length} does not match type bit({n})"),
        false if length > n => format!("bit string too long for type bit varying({n})"),
        _ => return Ok(()),
    };
    Err(Misfit::Reason(refused.into()))
}

fn fit_second<'a>(value: Value<'a>, digits: u32, notes: &mut Notes) -> Value<'a> {
    if digits >= 6 {
        return value;
    }
    let step = 10_i64.pow(6 - digits);
    // Towards zero for lengths, towards the past for points in time: digits are cut, not rounded.
    let interval = |micros: i64| (micros - micros % step, Value::Interval(micros - micros % step), micros);
    let moment = |micros: i64| {
        let kept = micros - micros.rem_euclid(step);
        (kept, Value::Moment(kept), micros)
    };
    let mut shifted = false;
    let (kept, instead, micros) = match value {
        Value::Interval(micros) => interval(micros),
        Value::Moment(micros) => moment(micros),
        Value::Text(bytes) => match (timestamp::parse(bytes), timestamp::parse_interval(bytes)) {
            (Some(found), _) => {
                shifted = found.shifted;
                moment(found.micros)
            }
            (None, Some((micros, _))) => interval(micros),
            (None, None) => return value,
        },
        Value::Date(_) => return value,
        number => match timestamp::from_number(number.as_number()) {
            Some(found) => moment(found.micros),
            None => return value,
        },
    };
    if kept == micros {
        return value;
    }
    notes.n_cut += 1;
    notes.n_shifted += u64::from(shifted);
    instead
}

#[cfg(test)]
mod tests;
