//! PostgreSQL's binary NUMERIC: base-10000 digits, so that a decimal of any length arrives with all its digits.
//!
//! Layout (src/backend/utils/adt/numeric.c, `numeric_recv`): number of digits, weight of the first, sign, display scale,
//! each 16 bits, then the digits.

use std::io::Write;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;

/// Highest weight of a base-10000 digit: 131,072 decimal digits before the point.
const MAX_WEIGHT: i64 = 0x7FFF;
/// Most decimal digits behind the point.
const MAX_SCALE: i64 = 0x3FFF;

/// A plain decimal number, taken apart but not copied: `sign int . frac e exponent`.
struct Decimal<'a> {
    negative: bool,
    int: &'a [u8],
    frac: &'a [u8],
    exponent: i64,
}

/// Appends a decimal number written as text: optional sign, digits with an optional point, optional exponent.
///
/// The display scale is the text's own: `1.50` stays `1.50`. `None`, and nothing appended, for anything else or for more
/// digits than PostgreSQL holds (131,072 before the point, 16,383 behind it).
pub fn from_text(out: &mut Vec<u8>, s: &str) -> Option<()> {
    let decimal = parse(s.as_bytes())?;
    let n_digits = decimal.int.len() + decimal.frac.len();
    let first = (0..n_digits).find(|&i| decimal.digit(i) != 0);
    let scale = (decimal.frac.len() as i64 - decimal.exponent).max(0);
    if scale > MAX_SCALE {
        return None;
    }
    let Some(first) = first else {
        head(out, 0, 0, POSITIVE, scale as u16);
        return Some(());
    };
    let last = (first..n_digits).rev().find(|&i| decimal.digit(i) != 0).unwrap_or(first);
    // The power of ten of digit i is top - i.
    let top = decimal.int.len() as i64 + decimal.exponent - 1;
    let weight = (top - first as i64).div_euclid(4);
    let lowest = (top - last as i64).div_euclid(4);
    if weight > MAX_WEIGHT {
        return None;
    }
    let sign = if decimal.negative { NEGATIVE } else { POSITIVE };
    head(out, (weight - lowest + 1) as u16, weight as i16, sign, scale as u16);
    for group in (lowest..=weight).rev() {
        let start = top - (4 * group + 3);
        let digits = (start..start + 4).map(|i| usize::try_from(i).map_or(0, |i| decimal.digit(i)));
        let value = digits.fold(0, |sum, digit| 10 * sum + u16::from(digit));
        out.extend_from_slice(&value.to_be_bytes());
    }
    Some(())
}

/// Appends an integer.
pub fn from_i64(out: &mut Vec<u8>, value: i64) {
    integer(out, value.unsigned_abs(), if value < 0 { NEGATIVE } else { POSITIVE });
}

/// Appends an integer without a sign.
pub fn from_u64(out: &mut Vec<u8>, value: u64) {
    integer(out, value, POSITIVE);
}

fn integer(out: &mut Vec<u8>, mut rest: u64, sign: u16) {
    let mut groups = [0u16; 5];
    let mut n = 0;
    while rest > 0 {
        groups[n] = (rest % 10_000) as u16;
        rest /= 10_000;
        n += 1;
    }
    let n_zero = groups[..n].iter().take_while(|&&g| g == 0).count();
    head(out, (n - n_zero) as u16, n.saturating_sub(1) as i16, sign, 0);
    for group in groups[n_zero..n].iter().rev() {
        out.extend_from_slice(&group.to_be_bytes());
    }
}

/// Appends a double as the shortest decimal that reads back as the same double; NaN and infinities as they are
/// (infinities need PostgreSQL 14).
pub fn from_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        return head(out, 0, 0, NAN, 0);
    }
    if value.is_infinite() {
        let sign = if value > 0.0 { INFINITY } else { MINUS_INFINITY };
        return head(out, 0, 0, sign, 0);
    }
    // The shortest form has 17 digits, a point, two signs, an `e` and three digits of exponent at most.
    let mut text = [0; 32];
    let mut rest = &mut text[..];
    let written = write!(rest, "{value:e}").is_ok();
    let n_left = rest.len();
    let text = std::str::from_utf8(&text[..32 - n_left]).unwrap_or_default();
    let encoded = from_text(out, text);
    debug_assert!(written && encoded.is_some(), "every finite double is a decimal number: {text}");
}

/// Whether two texts are plain decimal numbers of the same value, such as `12.50` and `1.25e1`.
pub(crate) fn same_value(a: &str, b: &str) -> bool {
    let value = |s: &str| {
        let mut body = Vec::new();
        from_text(&mut body, s)?;
        // Two bytes of display scale do not belong to the value.
        body.drain(6..8);
        Some(body)
    };
    value(a).is_some_and(|a| value(b) == Some(a))
}

/// The powers of ten of the first and the last digit of a plain decimal number that are not 0: (3, -1) for `1230.50`.
/// `None` for zero and for what is no number.
pub(crate) fn extent(s: &[u8]) -> Option<(i64, i64)> {
    let decimal = parse(s)?;
    let n_digits = decimal.int.len() + decimal.frac.len();
    let first = (0..n_digits).find(|&i| decimal.digit(i) != 0)?;
    let last = (first..n_digits).rev().find(|&i| decimal.digit(i) != 0)?;
    let top = decimal.int.len() as i64 + decimal.exponent - 1;
    Some((top - first as i64, top - last as i64))
}

fn head(out: &mut Vec<u8>, n_digits: u16, weight: i16, sign: u16, scale: u16) {
    for word in [n_digits, weight as u16, sign, scale] {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

impl Decimal<'_> {
    /// Digit `i` counted from the first written one; 0 behind the last.
    fn digit(&self, i: usize) -> u8 {
        let written = self.int.get(i).or_else(|| self.frac.get(i - self.int.len()));
        written.map_or(0, |b| b - b'0')
    }
}

fn parse(s: &[u8]) -> Option<Decimal<'_>> {
    let (negative, s) = split_sign(s);
    let (int, s) = split_digits(s);
    let (frac, s) = match s.split_first() {
        Some((b'.', rest)) => split_digits(rest),
        _ => (&s[..0], s),
    };
    if int.is_empty() && frac.is_empty() {
        return None;
    }
    let exponent = match s.split_first() {
        None => 0,
        Some((b'e' | b'E', rest)) => parse_exponent(rest)?,
        Some(_) => return None,
    };
    Some(Decimal { negative, int, frac, exponent })
}

fn parse_exponent(s: &[u8]) -> Option<i64> {
    let (negative, s) = split_sign(s);
    let (digits, rest) = split_digits(s);
    if digits.is_empty() || !rest.is_empty() {
        return None;
    }
    // Far beyond what PostgreSQL holds, and far from overflow.
    let size = digits.iter().fold(0, |sum, b| (10 * sum + i64::from(b - b'0')).min(1 << 40));
    Some(if negative { -size } else { size })
}

fn split_sign(s: &[u8]) -> (bool, &[u8]) {
    match s.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, s),
    }
}

fn split_digits(s: &[u8]) -> (&[u8], &[u8]) {
    s.split_at(s.iter().take_while(|b| b.is_ascii_digit()).count())
}

#[cfg(test)]
mod tests;
