//! What becomes of a text that somebody types into a cell.

use std::sync::Arc;

use jiff::civil::{Date, DateTime, date};
use serde_json::{Map, Value, json};

use super::cell::{Held, Looks};

/// A value, and the format that comes with it.
pub(super) type Entered = (Held, Option<Looks>);

/// Reads a value of the values endpoints; `None` leaves the cell alone.
pub(super) fn read(value: &Value, is_typed: bool) -> Result<Option<Entered>, String> {
    let held = match value {
        Value::Null => return Ok(None),
        Value::Bool(b) => Held::Bool(*b),
        Value::Number(n) => n.as_f64().map_or(Held::Empty, Held::Number),
        Value::String(text) if text.is_empty() => Held::Empty,
        Value::String(text) if is_typed => return typed(text).map(Some),
        Value::String(text) => Held::text(text)?,
        Value::Array(_) => return Err(format!("list_value {value}")),
        Value::Object(_) => return Err(format!("struct_value {value}")),
    };
    Ok(Some((held, None)))
}

/// What Sheets makes of a text in an English workbook, roughly.
fn typed(text: &str) -> Result<Entered, String> {
    if let Some(text) = text.strip_prefix('\'') {
        return Ok((Held::text(text)?, None));
    }
    if text.len() > 1 && text.starts_with('=') {
        Held::text(text)?;
        return Ok((Held::Formula(text.into()), None));
    }
    let trimmed = text.trim();
    if trimmed.eq_ignore_ascii_case("true") || trimmed.eq_ignore_ascii_case("false") {
        return Ok((Held::Bool(trimmed.eq_ignore_ascii_case("true")), None));
    }
    if let Some(n) = number(trimmed) {
        return Ok((Held::Number(n), None));
    }
    if let Some(n) = trimmed.strip_suffix('%').and_then(number) {
        return Ok((Held::Number(n / 100.0), Some(format("PERCENT", "0%"))));
    }
    // A time alone would be read as well, and nothing here needs it.
    let has_shape = trimmed.as_bytes().get(4) == Some(&b'-');
    if let Some(day) = trimmed.parse::<Date>().ok().filter(|_| has_shape && trimmed.len() == 10) {
        return Ok((Held::Number(serial(day.into())), Some(format("DATE", "yyyy-mm-dd"))));
    }
    if let Some(time) = trimmed.parse::<DateTime>().ok().filter(|_| has_shape && trimmed.len() > 10) {
        return Ok((Held::Number(serial(time)), Some(format("DATE_TIME", "yyyy-mm-dd hh:mm:ss"))));
    }
    Ok((Held::text(text)?, None))
}

fn number(text: &str) -> Option<f64> {
    let is_number = text.ends_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || "+-.,eE".contains(c));
    let plain = text.replace(',', "");
    plain.parse().ok().filter(|n: &f64| is_number && n.is_finite())
}

/// Days since the end of 1899.
fn serial(time: DateTime) -> f64 {
    let since = time.duration_since(date(1899, 12, 30).into());
    since.as_secs_f64() / 86_400.0
}

fn format(kind: &str, pattern: &str) -> Looks {
    let format = json!({ "numberFormat": { "type": kind, "pattern": pattern } });
    Arc::new(Map::from_iter([("userEnteredFormat".to_owned(), format)]))
}
