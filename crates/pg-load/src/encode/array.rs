//! Sets as arrays of text.

use std::str;

use super::{Fit, misfit, wrong};
use crate::value::Value;

/// `pg_type.oid` of `text`.
const TEXT_OID: i32 = 25;

/// For a `text[]` column (src/backend/utils/adt/arrayfuncs.c, `array_recv`): number of dimensions, no NULLs, type of the
/// members; of the one dimension how many and its lower bound; the members with their lengths.
pub(super) fn text_array(out: &mut Vec<u8>, value: Value<'_>) -> Fit {
    let members = checked(value)?;
    let n_dimensions = i32::from(!members.is_empty());
    for word in [n_dimensions, 0, TEXT_OID] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    if members.is_empty() {
        return Ok(());
    }
    let n_members = members.split(|byte| *byte == b',').count() as i32;
    out.extend_from_slice(&n_members.to_be_bytes());
    out.extend_from_slice(&1_i32.to_be_bytes());
    for member in members.split(|byte| *byte == b',') {
        out.extend_from_slice(&(member.len() as i32).to_be_bytes());
        out.extend_from_slice(member);
    }
    Ok(())
}

/// Appends a set as the text that any array is read from: `{"a","b"}`.
pub(super) fn literal(out: &mut Vec<u8>, value: Value<'_>) -> Fit {
    let members = checked(value)?;
    out.push(b'{');
    for (i, member) in members.split(|byte| *byte == b',').enumerate().filter(|_| !members.is_empty()) {
        out.extend_from_slice(if i == 0 { b"\"" } else { b",\"" });
        for byte in member {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(*byte);
        }
        out.push(b'"');
    }
    out.push(b'}');
    Ok(())
}

fn checked(value: Value<'_>) -> Result<&[u8], super::Misfit> {
    match value {
        Value::Set(members) if members.contains(&0) => Err(misfit("NUL in text")),
        Value::Set(members) if str::from_utf8(members).is_err() => Err(misfit("text is not valid UTF-8")),
        Value::Set(members) => Ok(members),
        _ => Err(wrong(value, "an array column")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_one_dimension_of_text() {
        let mut out = Vec::new();
        text_array(&mut out, Value::Set(b"a,\xc3\xa9")).unwrap();
        let words = [1, 0, 25, 2, 1, 1].map(i32::to_be_bytes).concat();
        assert_eq!(out, [&words[..], b"a", &[0, 0, 0, 2], "é".as_bytes()].concat());
        out.clear();
        text_array(&mut out, Value::Set(b"")).unwrap();
        assert_eq!(out, [0, 0, 25].map(i32::to_be_bytes).concat());
        for refused in [Value::Set(b"a,\xe9"), Value::Set(b"\0"), Value::Text(b"{a}"), Value::Int(1)] {
            assert!(text_array(&mut out, refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn other_arrays_are_read_from_text() {
        for (set, expected) in [("", "{}"), ("a", r#"{"a"}"#), (r#"a"b,\"#, r#"{"a\"b","\\"}"#)] {
            let mut out = Vec::new();
            literal(&mut out, Value::Set(set.as_bytes())).unwrap();
            assert_eq!(str::from_utf8(&out), Ok(expected));
        }
    }
}
