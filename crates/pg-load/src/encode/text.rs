//! Text, bytes, JSON and UUIDs.

use std::io::Write;
use std::str;

use serde::de::IgnoredAny;

use super::{Fit, Misfit, bits, misfit, wrong};
use crate::json::{Found, scan};
use crate::timestamp::{date_text, interval_text, moment_text};
use crate::value::Value;

/// JSON nested deeper might exhaust the server's stack.
const MAX_DEPTH: usize = 1000;

/// For a `text` column, and for any that the server casts text to.
pub(super) fn text(out: &mut Vec<u8>, value: Value<'_>) -> Fit {
    match value {
        Value::Int(n) => append(out, format_args!("{n}")),
        Value::UInt(n) => append(out, format_args!("{n}")),
        Value::Real(r) if r.is_infinite() => {
            out.extend_from_slice(if r > 0.0 { b"Infinity" } else { b"-Infinity" });
        }
        Value::Real(r) => append(out, format_args!("{r:?}")),
        Value::Float(_) => return text(out, value.as_number()),
        Value::Text(bytes) | Value::Set(bytes) if bytes.contains(&0) => return Err(misfit("NUL in text")),
        Value::Text(bytes) | Value::Set(bytes) if str::from_utf8(bytes).is_err() => {
            return Err(misfit("text is not valid UTF-8"));
        }
        Value::Blob(bytes) if bytes.contains(&0) || str::from_utf8(bytes).is_err() => {
            return Err(misfit("binary data in a text column"));
        }
        Value::Text(bytes) | Value::Blob(bytes) | Value::Set(bytes) => out.extend_from_slice(bytes),
        Value::Date(days) => out.extend_from_slice(date_text(days).as_bytes()),
        Value::Moment(micros) => out.extend_from_slice(moment_text(micros).as_bytes()),
        Value::Interval(micros) => out.extend_from_slice(interval_text(micros).as_bytes()),
        Value::Bits { bytes, n } => bits::digits(out, bytes, n)?,
        Value::Null => {}
    }
    Ok(())
}

/// For a `bytea` column; bits come as the bytes of their number.
pub(super) fn bytea(out: &mut Vec<u8>, value: Value<'_>) -> Fit {
    match value {
        Value::Text(bytes) | Value::Blob(bytes) | Value::Bits { bytes, .. } => out.extend_from_slice(bytes),
        _ => return Err(wrong(value, "a bytea column")),
    }
    Ok(())
}

/// For a `json` column, which keeps the text as it is.
pub(super) fn json(out: &mut Vec<u8>, value: Value<'_>) -> Fit {
    json_text(out, value).map(drop)
}

/// The text for a `jsonb` column, which has neither NUL nor numbers beyond `numeric`.
pub(super) fn jsonb(out: &mut Vec<u8>, value: Value<'_>) -> Fit {
    let found = json_text(out, value)?;
    if found.nul {
        return Err(misfit("NUL in jsonb"));
    }
    if found.huge_number {
        return Err(misfit("number in jsonb out of the range of numeric"));
    }
    Ok(())
}

fn json_text(out: &mut Vec<u8>, value: Value<'_>) -> Result<Found, Misfit> {
    let bytes = match value {
        Value::Text(bytes) | Value::Blob(bytes) => bytes,
        Value::Real(_) | Value::Float(_) if !is_finite(value) => {
            return Err(misfit("number that is not finite in a JSON column"));
        }
        Value::Int(_) | Value::UInt(_) | Value::Real(_) | Value::Float(_) => {
            return text(out, value).map(|()| Found::default());
        }
        _ => return Err(wrong(value, "a JSON column")),
    };
    let valid = str::from_utf8(bytes).ok().filter(|s| serde_json::from_str::<IgnoredAny>(s).is_ok());
    let found = scan(valid.ok_or(misfit("text that is not JSON in a JSON column"))?);
    if found.lone_surrogate {
        return Err(misfit("half a surrogate pair in JSON"));
    }
    if found.depth > MAX_DEPTH {
        return Err(misfit("JSON nested too deeply"));
    }
    out.extend_from_slice(bytes);
    Ok(found)
}

fn is_finite(value: Value<'_>) -> bool {
    matches!(value.as_number(), Value::Real(r) if r.is_finite())
}

/// The bytes of a UUID: 36 characters with hyphens, 32 without, or the 16 bytes themselves.
pub(super) fn uuid(value: Value<'_>) -> Result<[u8; 16], Misfit> {
    match value {
        Value::Blob(bytes) => bytes.try_into().map_err(|_| misfit("binary data in a uuid column")),
        Value::Text(text) => parse_uuid(text).ok_or(misfit("text that is no UUID in a uuid column")),
        _ => Err(wrong(value, "a uuid column")),
    }
}

fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    let mut digits = [0; 32];
    match text.len() {
        32 => digits.copy_from_slice(text),
        36 => {
            let parts = [(0, 8), (9, 13), (14, 18), (19, 23), (24, 36)];
            let mut n = 0;
            for (start, end) in parts {
                if start > 0 && text[start - 1] != b'-' {
                    return None;
                }
                digits[n..n + end - start].copy_from_slice(&text[start..end]);
                n += end - start;
            }
        }
        _ => return None,
    }
    let mut uuid = [0; 16];
    for (byte, pair) in uuid.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (char::from(pair[0]).to_digit(16)?, char::from(pair[1]).to_digit(16)?);
        *byte = (16 * high + low) as u8;
    }
    Some(uuid)
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing into a Vec cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(encode: fn(&mut Vec<u8>, Value<'_>) -> Fit, value: Value<'_>) -> Result<String, Misfit> {
        let mut out = Vec::new();
        encode(&mut out, value).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_kind_becomes_text() {
        for (value, expected) in [
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::Real(5.0), "5.0"),
            (Value::Real(1e300), "1e300"),
            (Value::Real(f64::NEG_INFINITY), "-Infinity"),
            (Value::Real(f64::NAN), "NaN"),
            (Value::Blob("été".as_bytes()), "été"),
            (Value::UInt(u64::MAX), "18446744073709551615"),
            (Value::Float(0.1), "0.1"),
            (Value::Float(f32::INFINITY), "Infinity"),
            (Value::Date(11_016), "2000-02-29"),
            (Value::Moment(1_500_000), "1970-01-01 00:00:01.5"),
            (Value::Interval(-43_200_000_000), "-12:00:00"),
            (Value::Bits { bytes: &[5], n: 4 }, "0101"),
            (Value::Set(b"a,b"), "a,b"),
        ] {
            assert_eq!(put(text, value).as_deref(), Ok(expected));
        }
        assert_eq!(put(text, Value::Text(b"a\0b")), Err(misfit("NUL in text")));
        assert_eq!(put(text, Value::Text(b"\xe9t\xe9")), Err(misfit("text is not valid UTF-8")));
        assert_eq!(put(text, Value::Text(b"\xed\xa0\x80")), Err(misfit("text is not valid UTF-8")));
        assert_eq!(put(text, Value::Blob(b"a\0b")), Err(misfit("binary data in a text column")));
    }

    #[test]
    fn json_is_what_the_server_accepts() {
        for good in [r#"{"a": [1, "\u00e9\ud83d\ude00", 1e10]}"#, "null", " 1 ", r#""\\ud800""#, "1e131071"] {
            assert_eq!(put(jsonb, Value::Text(good.as_bytes())).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "{",
            "abc",
            "'a'",
            "01",
            "NaN",
            "\"\n\"",
            r#""\ud800""#,
            r#""\udc00\ud800""#,
            r#""\ud800\ud800\udc00""#,
        ] {
            assert!(put(json, Value::Text(bad.as_bytes())).is_err(), "{bad}");
        }
        for bad in [r#""a\u0000""#, "1e131072", "[1e-16384]"] {
            assert!(put(json, Value::Text(bad.as_bytes())).is_ok(), "{bad}");
            assert!(put(jsonb, Value::Text(bad.as_bytes())).is_err(), "{bad}");
        }
        let deep = |n| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(put(jsonb, Value::Text(deep(1000).as_bytes())).is_ok());
        assert!(put(jsonb, Value::Text(deep(1001).as_bytes())).is_err());
        assert_eq!(put(json, Value::Real(0.1)).as_deref(), Ok("0.1"));
        assert_eq!(put(jsonb, Value::Float(0.1)).as_deref(), Ok("0.1"));
        assert_eq!(put(jsonb, Value::UInt(u64::MAX)).as_deref(), Ok("18446744073709551615"));
        for value in [Value::Real(f64::INFINITY), Value::Float(f32::NAN), Value::Date(1), Value::Set(b"1")] {
            assert!(put(json, value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn uuids_come_in_three_spellings() {
        let bytes: [u8; 16] = std::array::from_fn(|i| i as u8 * 17);
        assert_eq!(uuid(Value::Text(b"00112233-4455-6677-8899-AABBCCddeeff")), Ok(bytes));
        assert_eq!(uuid(Value::Text(b"00112233445566778899aabbccddeeff")), Ok(bytes));
        assert_eq!(uuid(Value::Blob(&bytes)), Ok(bytes));
        for bad in ["", "00112233-4455-6677-8899-aabbccddeefg", "00112233x4455-6677-8899-aabbccddeeff"] {
            assert!(uuid(Value::Text(bad.as_bytes())).is_err(), "{bad}");
        }
        assert_eq!(put(bytea, Value::Bits { bytes: &[5], n: 4 }).as_deref(), Ok("\u{5}"));
        assert!(uuid(Value::Blob(&bytes[1..])).is_err() && uuid(Value::Int(1)).is_err());
    }
}
