//! A row as JSON that `jsonb` always accepts: what a rejected row looks like in `sync_rejected`.

use std::collections::HashSet;
use std::str;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::encode;
use crate::value::Value;

/// Values longer than this are cut, in bytes.
const MAX_VALUE: usize = 1024;
/// Columns' names longer than this are cut, in bytes.
const MAX_NAME: usize = 256;
/// Most bytes of the whole row.
const MAX_ROW: usize = 64 * 1024;
/// Room kept for the count of columns left out.
const RESERVE: usize = MAX_NAME;

/// The row as one JSON object of at most 64 KiB, a member for each column.
///
/// Times and bits become strings, as PostgreSQL prints them. Text that is not valid UTF-8 or holds NUL, and blobs, become `{"base64": …}`; reals that are not finite become strings;
/// values over 1 KiB become `{"cut": beginning, "bytes": length}` or `{"base64_cut": …, "bytes": …}`. Names that repeat
/// get a number. Columns for which no room is left are counted in a last member `left_out`.
pub fn row(columns: &[(&str, Value<'_>)]) -> String {
    let mut json = String::from("{");
    let mut names = HashSet::new();
    for (i, (name, value)) in columns.iter().enumerate() {
        let key = unique(name, &mut names);
        let member = member(&key, &value_json(*value));
        if json.len() + member.len() + RESERVE > MAX_ROW {
            names.remove(&key);
            let key = unique("left_out", &mut names);
            push(&mut json, &self::member(&key, &(columns.len() - i).to_string()));
            break;
        }
        push(&mut json, &member);
    }
    json.push('}');
    json
}

fn push(json: &mut String, member: &str) {
    if json.len() > 1 {
        json.push_str(", ");
    }
    json.push_str(member);
}

fn member(key: &str, value: &str) -> String {
    format!("{}: {value}", quoted(key))
}

/// The name, or the name with a number when an earlier column has it already.
fn unique(name: &str, names: &mut HashSet<String>) -> String {
    // jsonb has no NUL.
    let name = beginning(name, MAX_NAME).replace('\0', "\u{fffd}");
    let mut key = name.clone();
    let mut n = 1;
    while !names.insert(key.clone()) {
        n += 1;
        key = format!("{name}#{n}");
    }
    key
}

fn value_json(value: Value<'_>) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Int(n) => n.to_string(),
        Value::UInt(n) => n.to_string(),
        Value::Float(_) => value_json(value.as_number()),
        Value::Real(r) if r.is_nan() => "\"NaN\"".into(),
        Value::Real(r) if r.is_infinite() => if r > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }.into(),
        Value::Real(r) => format!("{r:?}"),
        Value::Text(bytes) | Value::Set(bytes) => match str::from_utf8(bytes) {
            Ok(text) if !bytes.contains(&0) => text_json(text),
            _ => bytes_json(bytes),
        },
        Value::Date(_) | Value::Moment(_) | Value::Interval(_) | Value::Bits { .. } => {
            match encode::as_text(value).map(String::from_utf8) {
                Ok(Ok(text)) => text_json(&text),
                _ => bytes_json(value.bytes()),
            }
        }
        Value::Blob(bytes) => bytes_json(bytes),
    }
}

fn text_json(text: &str) -> String {
    let kept = beginning(text, MAX_VALUE);
    if kept.len() == text.len() {
        return quoted(text);
    }
    format!("{{\"cut\": {}, \"bytes\": {}}}", quoted(kept), text.len())
}

fn bytes_json(bytes: &[u8]) -> String {
    if bytes.len() <= MAX_VALUE {
        return format!("{{\"base64\": \"{}\"}}", STANDARD.encode(bytes));
    }
    let kept = STANDARD.encode(&bytes[..MAX_VALUE]);
    format!("{{\"base64_cut\": \"{kept}\", \"bytes\": {}}}", bytes.len())
}

/// As much of the text's beginning as fits, cut between two characters.
fn beginning(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(s: &str) -> Value<'_> {
        Value::Text(s.as_bytes())
    }

    #[test]
    fn every_kind_of_value_has_its_form() {
        let columns = [
            ("a", Value::Null),
            ("b", Value::Int(i64::MIN)),
            ("c", Value::Real(0.1)),
            ("d", Value::Real(f64::NEG_INFINITY)),
            ("e", text("\"été\"\n")),
            ("f", text("a\0")),
            ("g", Value::Text(b"\xff")),
            ("h", Value::Blob(b"")),
        ];
        assert_eq!(
            row(&columns),
            r#"{"a": null, "b": -9223372036854775808, "c": 0.1, "d": "-Infinity", "e": "\"été\"\n", "#
                .to_owned()
                + r#""f": {"base64": "YQA="}, "g": {"base64": "/w=="}, "h": {"base64": ""}}"#
        );
        assert_eq!(row(&[]), "{}");
    }

    #[test]
    fn typed_values_have_their_form() {
        let columns = [
            ("a", Value::UInt(u64::MAX)),
            ("b", Value::Float(0.1)),
            ("c", Value::Float(f32::NAN)),
            ("d", Value::Date(0)),
            ("e", Value::Moment(1)),
            ("f", Value::Interval(-1_000_000)),
            ("g", Value::Bits { bytes: &[2], n: 3 }),
            ("h", Value::Set(b"x,y")),
            ("i", Value::Bits { bytes: &[2], n: 30 }),
        ];
        assert_eq!(
            row(&columns),
            r#"{"a": 18446744073709551615, "b": 0.1, "c": "NaN", "d": "1970-01-01", "#.to_owned()
                + r#""e": "1970-01-01 00:00:00.000001", "f": "-00:00:01", "g": "010", "h": "x,y", "#
                + r#""i": {"base64": "Ag=="}}"#
        );
    }

    #[test]
    fn names_that_repeat_lose_no_value() {
        let columns =
            [("", Value::Int(1)), ("", Value::Int(2)), ("#2", Value::Int(3)), ("a\0", Value::Int(4))];
        assert_eq!(row(&columns), "{\"\": 1, \"#2\": 2, \"#2#2\": 3, \"a\u{fffd}\": 4}");
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let long = "é".repeat(600) + "x";
        let long = format!("a{long}");
        assert_eq!(
            row(&[("t", text(&long))]),
            format!("{{\"t\": {{\"cut\": \"{}\", \"bytes\": 1202}}}}", &long[..1023])
        );
        let cut = row(&[("t", Value::Blob(&[0; 2000]))]);
        assert!(cut.starts_with("{\"t\": {\"base64_cut\": \"AAAA") && cut.ends_with("\", \"bytes\": 2000}}"));
    }

    #[test]
    fn a_wide_row_is_bounded_and_counts_what_is_left_out() {
        let value = "\u{1}".repeat(1024);
        let names: Vec<String> = (0..500).map(|i| format!("column {i}")).collect();
        let columns: Vec<_> = names.iter().map(|name| (name.as_str(), text(&value))).collect();
        let json = row(&columns);
        assert!(json.len() <= MAX_ROW);
        let parsed: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&json).unwrap();
        let n_left_out = parsed["left_out"].as_u64().unwrap() as usize;
        assert_eq!(parsed.len() - 1 + n_left_out, 500);
    }

    proptest! {
        #[test]
        fn any_row_is_json_with_every_column(columns: Vec<(String, Vec<u8>, bool)>) {
            let columns: Vec<_> = columns.iter()
                .map(|(name, bytes, blob)| (name.as_str(), if *blob { Value::Blob(bytes) } else { Value::Text(bytes) }))
                .collect();
            let parsed: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&row(&columns)).unwrap();
            prop_assert!(parsed.contains_key("left_out") || parsed.len() == columns.len());
        }
    }
}
