//! One value on either side as a text that is equal when the values are.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rusqlite::types::ValueRef;

/// What PostgreSQL is asked for so that nothing is lost on the way.
pub(crate) fn destination_sql(column: &str, ty: &str) -> String {
    match ty {
        "float8" => format!("encode(float8send({column}), 'hex')"),
        "bytea" => format!("encode({column}, 'hex')"),
        "timestamp" | "timestamptz" => {
            format!("(extract(epoch from {column}) * 1000000)::bigint::text")
        }
        _ => format!("{column}::text"),
    }
}

/// What PostgreSQL answered, in the common form.
pub(crate) fn written(cell: String, ty: &str) -> String {
    match ty {
        "numeric" if !cell.ends_with("Infinity") => plain_decimal(&cell),
        "json" | "jsonb" => sorted_json(&cell),
        _ => cell,
    }
}

/// A value of SQLite as it must be in a column of this type.
pub(crate) fn source(value: rusqlite::types::Value, ty: &str) -> Option<String> {
    let value = ValueRef::from(&value);
    if value == ValueRef::Null {
        return None;
    }
    Some(match ty {
        "int2" | "int4" | "int8" => integer(value),
        "float8" => format!("{:016x}", double(value).to_bits()),
        "numeric" => match value {
            ValueRef::Real(r) if r.is_infinite() && r > 0.0 => "Infinity".to_owned(),
            ValueRef::Real(r) if r.is_infinite() => "-Infinity".to_owned(),
            ValueRef::Real(r) => plain_decimal(&format!("{r}")),
            other => plain_decimal(&text(other)),
        },
        "bytea" => hex(bytes(value)),
        "bool" => match text(value).to_lowercase().as_str() {
            "1" | "1.0" | "true" => "true".to_owned(),
            "0" | "0.0" | "false" => "false".to_owned(),
            other => panic!("not a boolean: {other}"),
        },
        "timestamp" | "timestamptz" => micros(value).to_string(),
        "json" | "jsonb" => sorted_json(&text(value)),
        "uuid" => text(value).to_lowercase(),
        _ => text(value),
    })
}

fn bytes(value: ValueRef<'_>) -> &[u8] {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        other => panic!("no bytes: {other:?}"),
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(r) => format!("{r:?}"),
        other => String::from_utf8(bytes(other).to_vec()).unwrap(),
    }
}

fn integer(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Real(r) => format!("{r:.0}"),
        other => text(other).parse::<i64>().unwrap().to_string(),
    }
}

fn double(value: ValueRef<'_>) -> f64 {
    match value {
        ValueRef::Real(r) => r,
        other => text(other).parse().unwrap(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Digits without a leading or trailing zero that says nothing.
fn plain_decimal(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.trim_start_matches('+')),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    format!("{sign}{whole}.{fraction}")
}

fn sorted_json(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    value.to_string()
}

/// Microseconds since 1970 UTC: text with or without an offset, epoch seconds or milliseconds.
fn micros(value: ValueRef<'_>) -> i64 {
    match value {
        ValueRef::Integer(n) if n.abs() >= 100_000_000_000 => n * 1000,
        ValueRef::Integer(n) => n * 1_000_000,
        ValueRef::Real(r) if r.abs() >= 1e11 => (r * 1e3).round() as i64,
        ValueRef::Real(r) => (r * 1e6).round() as i64,
        other => {
            let text = text(other);
            let at = text.parse::<Timestamp>().unwrap_or_else(|_| {
                let civil: DateTime = text.parse().unwrap();
                civil.to_zoned(TimeZone::UTC).unwrap().timestamp()
            });
            at.as_nanosecond().div_euclid(1000).try_into().unwrap()
        }
    }
}
