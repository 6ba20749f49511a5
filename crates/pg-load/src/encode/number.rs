//! Numbers and booleans, where the value is exactly what the column can hold.

use std::str;

use super::{Fit, Misfit, misfit, wrong};
use crate::numeric;
use crate::value::Value;

/// 2^63: the first double that no i64 holds.
const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;

/// For a `smallint` column.
pub(super) fn int2(value: Value<'_>) -> Result<i16, Misfit> {
    let wide = int8(value).map_err(real_misfit)?;
    i16::try_from(wide).map_err(|_| misfit("number out of the range of smallint"))
}

/// For an `integer` column.
pub(super) fn int4(value: Value<'_>) -> Result<i32, Misfit> {
    let wide = int8(value).map_err(real_misfit)?;
    i32::try_from(wide).map_err(|_| misfit("number out of the range of integer"))
}

/// For a `bigint` column.
pub(super) fn int8(value: Value<'_>) -> Result<i64, Misfit> {
    match value.as_number() {
        Value::Int(n) => Ok(n),
        Value::Real(r) if r.fract() == 0.0 && (-TWO_POW_63..TWO_POW_63).contains(&r) => Ok(r as i64),
        Value::Real(_) | Value::UInt(_) => Err(Misfit::NeedsNumeric),
        Value::Text(bytes) => {
            plain(bytes).and_then(|text| text.parse().ok()).ok_or(misfit("text in an integer column"))
        }
        _ => Err(wrong(value, "an integer column")),
    }
}

/// Smaller integers are somebody else's columns, which do not widen.
fn real_misfit(found: Misfit) -> Misfit {
    match found {
        Misfit::NeedsNumeric => misfit("fraction or out of range in an integer column"),
        reason => reason,
    }
}

/// For a `double precision` column.
pub(super) fn float8(value: Value<'_>) -> Result<f64, Misfit> {
    match value.as_number() {
        Value::Real(r) => Ok(r),
        Value::Int(n) if n as f64 as i128 == i128::from(n) => Ok(n as f64),
        Value::UInt(n) if n as f64 as u128 == u128::from(n) => Ok(n as f64),
        Value::Int(_) | Value::UInt(_) => Err(misfit("integer does not fit double precision exactly")),
        Value::Text(bytes) => {
            let text = plain(bytes).ok_or(misfit("text in a double precision column"))?;
            let parsed = text.parse().ok().filter(|r: &f64| r.is_finite());
            parsed
                .filter(|r| numeric::same_value(text, &format!("{r:e}")))
                .ok_or(misfit("text does not fit double precision exactly"))
        }
        _ => Err(wrong(value, "a double precision column")),
    }
}

/// For a `real` column: as exact as its digits, so that 0.1 is 0.1 although the double is another one.
pub(super) fn float4(value: Value<'_>) -> Result<f32, Misfit> {
    if let Value::Float(f) = value {
        return Ok(f);
    }
    match value.as_number() {
        Value::Real(r) if !r.is_finite() => Ok(r as f32),
        Value::Real(r) => {
            let narrow = r as f32;
            let fits =
                f64::from(narrow) == r || narrow.is_finite() && format!("{narrow:e}") == format!("{r:e}");
            fits.then_some(narrow).ok_or(misfit("number does not fit real exactly"))
        }
        Value::Int(n) if n as f32 as i128 == i128::from(n) => Ok(n as f32),
        Value::UInt(n) if n as f32 as u128 == u128::from(n) => Ok(n as f32),
        Value::Int(_) | Value::UInt(_) => Err(misfit("integer does not fit real exactly")),
        Value::Text(bytes) => {
            let text = plain(bytes).ok_or(misfit("text in a real column"))?;
            let parsed = text.parse().ok().filter(|r: &f32| r.is_finite());
            parsed
                .filter(|r| numeric::same_value(text, &format!("{r:e}")))
                .ok_or(misfit("text does not fit real exactly"))
        }
        _ => Err(wrong(value, "a real column")),
    }
}

/// For a `numeric` column.
pub(super) fn numeric(out: &mut Vec<u8>, value: Value<'_>) -> Fit {
    match value.as_number() {
        Value::Int(n) => numeric::from_i64(out, n),
        Value::UInt(n) => numeric::from_u64(out, n),
        Value::Real(r) => numeric::from_f64(out, r),
        Value::Text(bytes) => plain(bytes)
            .and_then(|text| numeric::from_text(out, text))
            .ok_or(misfit("text in a numeric column"))?,
        _ => return Err(wrong(value, "a numeric column")),
    }
    Ok(())
}

/// For a `boolean` column.
pub(super) fn boolean(value: Value<'_>) -> Result<bool, Misfit> {
    const WORDS: [(&str, bool); 12] = [
        ("true", true),
        ("t", true),
        ("yes", true),
        ("y", true),
        ("on", true),
        ("1", true),
        ("false", false),
        ("f", false),
        ("no", false),
        ("n", false),
        ("off", false),
        ("0", false),
    ];
    match value.as_number() {
        Value::Int(n @ 0..=1) => Ok(n == 1),
        Value::Real(r) if r == 0.0 || r == 1.0 => Ok(r == 1.0),
        Value::Int(_) | Value::UInt(_) | Value::Real(_) => {
            Err(misfit("number other than 0 and 1 in a boolean column"))
        }
        Value::Text(bytes) => WORDS
            .iter()
            .find(|(word, _)| bytes.eq_ignore_ascii_case(word.as_bytes()))
            .map(|&(_, meant)| meant)
            .ok_or(misfit("text in a boolean column")),
        _ => Err(wrong(value, "a boolean column")),
    }
}

/// Text that holds only what numbers are written with: no `inf`, no blanks.
fn plain(bytes: &[u8]) -> Option<&str> {
    let numeric = |b: &u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    bytes.iter().all(numeric).then(|| str::from_utf8(bytes).ok()).flatten().filter(|s| !s.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &str) -> Value<'_> {
        Value::Text(s.as_bytes())
    }

    #[test]
    fn integers_take_what_is_whole() {
        assert_eq!(int8(Value::Int(i64::MIN)), Ok(i64::MIN));
        assert_eq!(int8(Value::Real(-5.0)), Ok(-5));
        assert_eq!(int8(text("+0042")), Ok(42));
        assert_eq!(int8(text("-9223372036854775808")), Ok(i64::MIN));
        for value in [Value::Real(0.5), Value::Real(1e19), Value::Real(TWO_POW_63), Value::Real(f64::NAN)] {
            assert_eq!(int8(value), Err(Misfit::NeedsNumeric));
            assert!(matches!(int4(value), Err(Misfit::Reason(_))));
        }
        for refused in ["", "abc", "12,5", "1.0", " 1", "9223372036854775808"] {
            assert_eq!(int8(text(refused)), Err(misfit("text in an integer column")), "{refused}");
        }
        assert_eq!(int2(Value::Int(32_767)), Ok(32_767));
        assert!(int2(Value::Int(32_768)).is_err() && int4(Value::Int(1 << 31)).is_err());
    }

    #[test]
    fn doubles_take_what_reads_back() {
        assert_eq!(float8(Value::Int(1 << 53)), Ok(9_007_199_254_740_992.0));
        assert!(float8(Value::Int((1 << 53) + 1)).is_err() && float8(Value::Int(i64::MAX)).is_err());
        assert_eq!(float8(Value::Int(i64::MIN)), Ok(-TWO_POW_63));
        assert_eq!(float8(Value::Real(f64::INFINITY)), Ok(f64::INFINITY));
        for (s, expected) in [("12.5", 12.5), ("0.10", 0.1), ("-1e3", -1000.0), (".5", 0.5)] {
            assert_eq!(float8(text(s)), Ok(expected), "{s}");
        }
        for refused in
            ["12,5", "abc", "", "Infinity", "nan", "1e400", "1e-400", "0.10000000000000000001", "1 "]
        {
            assert!(float8(text(refused)).is_err(), "{refused}");
        }
    }

    #[test]
    fn reals_take_what_shows_the_same_digits() {
        assert_eq!(float4(Value::Real(0.5)), Ok(0.5));
        assert_eq!(float4(Value::Real(0.1)), Ok(0.1));
        assert_eq!(float4(text("0.1")), Ok(0.1));
        assert_eq!(float4(Value::Int(1 << 24)), Ok(16_777_216.0));
        assert!(float4(Value::Real(f64::NAN)).is_ok_and(f32::is_nan));
        for refused in [
            Value::Real(0.123_456_789_012),
            Value::Real(1e300),
            Value::Int((1 << 24) + 1),
            text("0.123456789"),
        ] {
            assert!(float4(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn typed_numbers_go_where_they_are_exact() {
        assert_eq!(int8(Value::UInt(7)), Ok(7));
        assert_eq!(int8(Value::UInt(u64::MAX)), Err(Misfit::NeedsNumeric));
        assert_eq!(int2(Value::Float(-5.0)), Ok(-5));
        assert_eq!(int4(Value::Bits { bytes: &[1, 0], n: 9 }), Ok(256));
        assert_eq!(float8(Value::Float(0.1)), Ok(0.1));
        assert_eq!(float4(Value::Float(0.1)), Ok(0.1));
        assert_eq!(float8(Value::UInt(1 << 63)), Ok(TWO_POW_63));
        assert!(float8(Value::UInt(u64::MAX)).is_err() && float4(Value::UInt(u64::MAX)).is_err());
        let digits = |value| {
            let mut out = Vec::new();
            numeric(&mut out, value).map(|()| out)
        };
        assert_eq!(digits(Value::UInt(u64::MAX)), digits(text("18446744073709551615")));
        assert_eq!(digits(Value::Float(0.1)), digits(text("0.1")));
        assert_eq!(boolean(Value::Bits { bytes: &[1], n: 1 }), Ok(true));
        assert!(boolean(Value::Bits { bytes: &[2], n: 8 }).is_err() && boolean(Value::UInt(2)).is_err());
        for value in [Value::Date(1), Value::Moment(1), Value::Interval(1), Value::Set(b"1")] {
            assert!(int8(value).is_err() && float8(value).is_err() && float4(value).is_err(), "{value:?}");
            assert!(digits(value).is_err() && boolean(value).is_err(), "{value:?}");
        }
        assert_eq!(int8(Value::Date(1)), Err(misfit("date in an integer column")));
    }

    #[test]
    fn booleans_take_their_words() {
        for value in [Value::Int(1), Value::Real(1.0), text("TRUE"), text("y"), text("On"), text("1")] {
            assert_eq!(boolean(value), Ok(true));
        }
        for value in [Value::Int(0), Value::Real(-0.0), text("False"), text("NO"), text("off"), text("0")] {
            assert_eq!(boolean(value), Ok(false));
        }
        for value in [Value::Int(2), Value::Real(0.5), text(""), text("vrai"), text("tru"), Value::Blob(b"1")]
        {
            assert!(boolean(value).is_err(), "{value:?}");
        }
    }
}
