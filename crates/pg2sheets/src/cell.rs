//! A value of PostgreSQL, as text, becomes a cell: typed, so that nothing is parsed again.

use std::borrow::Cow;
use std::io::Write as _;

use crate::serial;

/// Most UTF-16 units that Google takes in a cell.
const LIMIT: usize = 50_000;
/// What stands at the end of a text that was cut.
const CUT: &str = "… [cut]";
/// Digits that a double keeps whatever they are.
const DIGITS: usize = 15;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Number,
    Date,
    /// With or without a time zone; PostgreSQL has converted it to ours.
    Timestamp,
    Text,
    /// As `hex:length`.
    Bytes,
}

impl Kind {
    /// One letter for the tab's metadata.
    pub(crate) fn letter(self) -> char {
        match self {
            Kind::Bool => 'b',
            Kind::Number => 'n',
            Kind::Date => 'd',
            Kind::Timestamp => 't',
            Kind::Text => 's',
            Kind::Bytes => 'x',
        }
    }

    /// Type and pattern of the number format that makes serial numbers readable.
    pub(crate) fn format(self) -> Option<(&'static str, &'static str)> {
        match self {
            Kind::Date => Some(("DATE", "yyyy-mm-dd")),
            Kind::Timestamp => Some(("DATE_TIME", "yyyy-mm-dd hh:mm:ss")),
            _ => None,
        }
    }
}

/// A cell's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Empty,
    Bool(bool),
    /// As it stands in JSON.
    Number(&'a str),
    /// Days since 1899-12-30, and the text it stands for.
    Serial(f64, &'a str),
    Text(Cow<'a, str>),
    /// The beginning of a text that no cell can hold.
    Cut(String),
}

impl<'a> Cell<'a> {
    /// The cell of a value in PostgreSQL's output format.
    pub(crate) fn of(kind: Kind, value: Option<&'a str>) -> Cell<'a> {
        let Some(text) = value else { return Cell::Empty };
        match kind {
            Kind::Bool => Cell::Bool(text == "true"),
            Kind::Number if is_exact(text) => Cell::Number(text),
            Kind::Date => serial::date(text).map_or_else(|| plain(text), |n| Cell::Serial(n, text)),
            Kind::Timestamp => serial::timestamp(text).map_or_else(|| plain(text), |n| Cell::Serial(n, text)),
            Kind::Bytes => Cell::Text(bytes(text).into()),
            Kind::Number | Kind::Text => plain(text),
        }
    }

    /// Writes the cell as an object of type `CellData`.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        // Writing into memory cannot fail.
        match self {
            Cell::Empty => out.extend_from_slice(b"{}"),
            Cell::Bool(value) => {
                let _ = write!(out, r#"{{"userEnteredValue":{{"boolValue":{value}}}}}"#);
            }
            Cell::Number(text) => {
                let _ = write!(out, r#"{{"userEnteredValue":{{"numberValue":{text}}}}}"#);
            }
            Cell::Serial(n, _) => {
                let _ = write!(out, r#"{{"userEnteredValue":{{"numberValue":{n}}}}}"#);
            }
            Cell::Text(text) => write_text(text, out),
            Cell::Cut(text) => write_text(text, out),
        }
    }

    /// What a reader of a CSV file sees.
    pub(crate) fn as_text(&self) -> Cow<'_, str> {
        match self {
            Cell::Empty => "".into(),
            Cell::Bool(true) => "TRUE".into(),
            Cell::Bool(false) => "FALSE".into(),
            Cell::Number(text) | Cell::Serial(_, text) => (*text).into(),
            Cell::Text(text) => text.as_ref().into(),
            Cell::Cut(text) => text.into(),
        }
    }
}

/// These cells as an object of type `RowData`.
pub(crate) fn row<'a>(cells: impl IntoIterator<Item = Cell<'a>>) -> Vec<u8> {
    let mut out = br#"{"values":["#.to_vec();
    for (n, cell) in cells.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        cell.write_json(&mut out);
    }
    out.extend_from_slice(b"]}");
    out
}

fn plain(text: &str) -> Cell<'_> {
    match cut(text) {
        Some(beginning) => Cell::Cut(beginning),
        None => Cell::Text(text.into()),
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"userEnteredValue":{"stringValue":"#);
    let _ = serde_json::to_writer(&mut *out, text);
    out.extend_from_slice(b"}}");
}

/// The beginning of a text that is too long for a cell, with a mark at its end.
fn cut(text: &str) -> Option<String> {
    // Each byte of UTF-8 is one unit of UTF-16 at most.
    if text.len() <= LIMIT || text.encode_utf16().count() <= LIMIT {
        return None;
    }
    let mut n_units = CUT.encode_utf16().count();
    let end = text.char_indices().find(|(_, letter)| {
        n_units += letter.len_utf16();
        n_units > LIMIT
    });
    let end = end.map_or(text.len(), |(at, _)| at);
    Some(format!("{}{CUT}", &text[..end]))
}

/// Whether a double, and every program that reads one, keeps all digits of this number.
fn is_exact(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = || mantissa.bytes().filter(u8::is_ascii_digit);
    if !digits().any(|digit| digit != b'0') {
        return digits().next().is_some();
    }
    let n_leading = digits().take_while(|digit| *digit == b'0').count();
    let last = digits().enumerate().filter(|(_, digit)| *digit != b'0').last().map_or(0, |(at, _)| at + 1);
    let is_normal = text.parse::<f64>().is_ok_and(f64::is_normal);
    last - n_leading <= DIGITS && is_normal
}

/// `hex:length`, of which only the beginning may be there, for people.
fn bytes(text: &str) -> String {
    let (hex, length) = text.split_once(':').unwrap_or((text, ""));
    match length.parse::<usize>() {
        Ok(length) if length * 2 > hex.len() => format!("\\x{hex}… ({length} bytes)"),
        _ => format!("\\x{hex}"),
    }
}

#[cfg(test)]
mod tests;
