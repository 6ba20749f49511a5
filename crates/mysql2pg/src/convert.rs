//! Values of MySQL's binary protocol as PostgreSQL takes them; what had to be changed is counted.

use std::borrow::Cow;
use std::ops::AddAssign;

use mysql::Value;
use pg_load::encode::Misfit;
use pg_load::value::Value as Cell;
use pg_load::{json, timestamp};

use crate::column::{Kind, SourceColumn};
use crate::mojibake;

/// Bytes of a geometry before its WKB: the number of its reference system.
const SRID: usize = 4;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// What users may choose about values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Undo double-encoded UTF-8.
    pub(crate) fix_encoding: bool,
    /// `tinyint(1)` is boolean.
    pub(crate) tinyint1_bool: bool,
}

/// Values that did not arrive as they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Dates with a zero in them, now NULL.
    pub(crate) n_zero_dates: u64,
    /// Texts that had NUL in them, now without.
    pub(crate) n_nuls: u64,
    /// Texts that were double-encoded, in part or whole.
    pub(crate) n_repaired: u64,
    /// JSON values that had `\u0000` in them, now without.
    pub(crate) n_json_nuls: u64,
}

impl Tally {
    /// The counts by the names that a report gives them.
    pub(crate) fn notes(self) -> [(&'static str, u64); 4] {
        [
            ("zero_dates", self.n_zero_dates),
            ("texts_with_nul", self.n_nuls),
            ("repaired_texts", self.n_repaired),
            ("json_with_nul", self.n_json_nuls),
        ]
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.n_zero_dates += other.n_zero_dates;
        self.n_nuls += other.n_nuls;
        self.n_repaired += other.n_repaired;
        self.n_json_nuls += other.n_json_nuls;
    }
}

/// A value that is ready for its column: the source's own bytes, or others where they had to be changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Converted<'a> {
    /// As it is in the source.
    Kept(Cell<'a>),
    /// Text that was changed.
    Text(Vec<u8>),
    /// A set that was changed.
    Set(Vec<u8>),
}

impl Converted<'_> {
    /// The value to encode.
    pub(crate) fn cell(&self) -> Cell<'_> {
        match self {
            Converted::Kept(cell) => *cell,
            Converted::Text(bytes) => Cell::Text(bytes),
            Converted::Set(bytes) => Cell::Set(bytes),
        }
    }
}

/// The value of a column as PostgreSQL takes it. Timestamps are UTC where the session's time zone is.
///
/// # Errors
/// A reason, for a day that does not exist and for bytes that are not what their type says. `tally` is then as it was.
pub(crate) fn convert<'a>(
    value: &'a Value,
    column: &SourceColumn,
    options: &Options,
    tally: &mut Tally,
) -> Result<Converted<'a>, Misfit> {
    let cell = match *value {
        Value::NULL => Cell::Null,
        Value::Int(n) => Cell::Int(n),
        Value::UInt(n) => Cell::UInt(n),
        Value::Float(f) => Cell::Float(f),
        Value::Double(f) => Cell::Real(f),
        Value::Date(year, month, day, hour, minute, second, micros) => {
            if year == 0 || month == 0 || day == 0 {
                tally.n_zero_dates += 1;
                return Ok(Converted::Kept(Cell::Null));
            }
            let days = timestamp::day(year, month, day).ok_or(misfit("a day that does not exist"))?;
            match column.kind {
                Kind::Date => Cell::Date(days),
                _ => Cell::Moment(
                    i64::from(days) * MICROS_PER_DAY + clock(hour.into(), minute, second, micros)?,
                ),
            }
        }
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            let hours = i64::from(days) * 24 + i64::from(hours);
            let length = clock(hours, minutes, seconds, micros)?;
            Cell::Interval(if negative { -length } else { length })
        }
        Value::Bytes(ref bytes) => return convert_bytes(bytes, column.kind, options, tally),
    };
    Ok(Converted::Kept(cell))
}

fn misfit(reason: &'static str) -> Misfit {
    Misfit::Reason(Cow::Borrowed(reason))
}

/// Microseconds of a time; of a time of day when there are less than 24 hours.
fn clock(hours: i64, minutes: u8, seconds: u8, micros: u32) -> Result<i64, Misfit> {
    if minutes > 59 || seconds > 59 || micros > 999_999 {
        return Err(misfit("a time that does not exist"));
    }
    let seconds = (hours * 60 + i64::from(minutes)) * 60 + i64::from(seconds);
    Ok(seconds * MICROS_PER_SECOND + i64::from(micros))
}

fn convert_bytes<'a>(
    bytes: &'a [u8],
    kind: Kind,
    options: &Options,
    tally: &mut Tally,
) -> Result<Converted<'a>, Misfit> {
    Ok(Converted::Kept(match kind {
        Kind::Text => {
            return Ok(match clean(bytes, options, tally) {
                None => Converted::Kept(Cell::Text(bytes)),
                Some(text) => Converted::Text(text),
            });
        }
        Kind::Set => {
            return Ok(match clean(bytes, options, tally) {
                None => Converted::Kept(Cell::Set(bytes)),
                Some(text) => Converted::Set(text),
            });
        }
        Kind::Json => match json::without_nul_escapes(bytes) {
            (Cow::Borrowed(json), _) => Cell::Text(json),
            (Cow::Owned(json), _) => {
                tally.n_json_nuls += 1;
                return Ok(Converted::Text(json));
            }
        },
        Kind::Bytes => Cell::Blob(bytes),
        Kind::Geometry => match bytes.get(SRID..) {
            Some(wkb) if !wkb.is_empty() => Cell::Blob(wkb),
            _ => return Err(misfit("bytes that are no geometry")),
        },
        Kind::Bit(n) => Cell::Bits { bytes, n },
        // Decimals and UUIDs, and what is no text but comes as such.
        _ => Cell::Text(bytes),
    }))
}

/// The text without NUL and as it was before it was double-encoded; `None` when it stays.
fn clean(bytes: &[u8], options: &Options, tally: &mut Tally) -> Option<Vec<u8>> {
    let without_nul = bytes.contains(&0).then(|| {
        tally.n_nuls += 1;
        bytes.iter().copied().filter(|byte| *byte != 0).collect::<Vec<u8>>()
    });
    let text = without_nul.as_deref().unwrap_or(bytes);
    if options.fix_encoding
        && mojibake::may_be_broken(text)
        // What is not UTF-8 is refused by its column.
        && let Ok(text) = std::str::from_utf8(text)
        && let Some(repaired) = mojibake::repair(text)
    {
        tally.n_repaired += 1;
        return Some(repaired.into_bytes());
    }
    without_nul
}

#[cfg(test)]
mod tests;
