//! Rows in PostgreSQL's binary COPY format: a value is converted where that is exact, else it is a misfit with its reason.

mod array;
mod bits;
mod number;
mod text;
mod time;

use std::borrow::Cow;
use std::ops::AddAssign;

use crate::types::ColumnType;
use crate::value::Value;

/// What a binary COPY stream begins with: signature, no flags, no header extension.
pub const SIGNATURE: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What a binary COPY stream ends with: a row of -1 fields.
pub const TRAILER: [u8; 2] = [0xff, 0xff];

/// Longest value that PostgreSQL takes, in bytes (1 GB less what it needs itself).
const MAX_LENGTH: usize = 0x3fff_ff00;

/// From this size on a value is given exactly the room that it needs, so that it is held once.
const LONG: usize = 64 * 1024;

/// What was lost or changed on the way although the rows went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Times whose digits beyond the microsecond were cut.
    pub n_cut: u64,
    /// Timestamps that had an offset and were converted to UTC.
    pub n_shifted: u64,
}

impl AddAssign for Notes {
    fn add_assign(&mut self, other: Notes) {
        self.n_cut += other.n_cut;
        self.n_shifted += other.n_shifted;
    }
}

/// Why a value does not go into its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// A real that no bigint holds: it fits once the column is numeric.
    NeedsNumeric,
    /// The reason, for people; it never contains the value.
    Reason(Cow<'static, str>),
}

type Fit = Result<(), Misfit>;

fn misfit(reason: &'static str) -> Misfit {
    Misfit::Reason(Cow::Borrowed(reason))
}

/// The reason for a kind of value that `place` never takes: "date in a bytea column".
fn wrong(value: Value<'_>, place: &str) -> Misfit {
    Misfit::Reason(Cow::Owned(format!("{} in {place}", value.kind())))
}

/// The value as a `text` column gets it.
pub(crate) fn as_text(value: Value<'_>) -> Result<Vec<u8>, Misfit> {
    let mut out = Vec::new();
    text::text(&mut out, value)?;
    Ok(out)
}

/// Appends the head of a row: its number of fields.
pub fn begin_row(out: &mut Vec<u8>, n_fields: u16) {
    out.extend_from_slice(&n_fields.to_be_bytes());
}

/// Appends one field: its length and the value in the binary form of `ty`.
///
/// What was lost is counted in `notes`.
///
/// # Errors
/// The value has no exact form in that type; `out` and `notes` are then as they were.
pub fn field(out: &mut Vec<u8>, value: Value<'_>, ty: &ColumnType, notes: &mut Notes) -> Result<(), Misfit> {
    if value == Value::Null {
        out.extend_from_slice(&(-1i32).to_be_bytes());
        return Ok(());
    }
    let start = out.len();
    let n_bytes = value.bytes().len();
    if n_bytes > MAX_LENGTH {
        return Err(misfit("value longer than 1 GB"));
    }
    if n_bytes > LONG {
        // Length word, jsonb version.
        out.reserve_exact(n_bytes + 5);
    }
    out.extend_from_slice(&[0; 4]);
    if let Err(misfit) = body(out, value, ty, notes) {
        out.truncate(start);
        return Err(misfit);
    }
    let length = (out.len() - start - 4) as i32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn body(out: &mut Vec<u8>, value: Value<'_>, ty: &ColumnType, notes: &mut Notes) -> Fit {
    match ty {
        ColumnType::Int2 => out.extend_from_slice(&number::int2(value)?.to_be_bytes()),
        ColumnType::Int4 => out.extend_from_slice(&number::int4(value)?.to_be_bytes()),
        ColumnType::Int8 => out.extend_from_slice(&number::int8(value)?.to_be_bytes()),
        ColumnType::Float4 => out.extend_from_slice(&number::float4(value)?.to_be_bytes()),
        ColumnType::Float8 => out.extend_from_slice(&number::float8(value)?.to_be_bytes()),
        ColumnType::Numeric => number::numeric(out, value)?,
        ColumnType::Other(name) if matches!(value, Value::Set(_)) && name.ends_with("[]") => {
            array::literal(out, value)?;
        }
        ColumnType::Text | ColumnType::Other(_) => text::text(out, value)?,
        ColumnType::Bytea => text::bytea(out, value)?,
        ColumnType::Bool => out.push(u8::from(number::boolean(value)?)),
        ColumnType::Date => out.extend_from_slice(&time::date(value)?.to_be_bytes()),
        ColumnType::Timestamp | ColumnType::Timestamptz => {
            out.extend_from_slice(&time::timestamp(value, notes)?.to_be_bytes());
        }
        ColumnType::Json => text::json(out, value)?,
        ColumnType::Jsonb => {
            // Version of the format: what follows is JSON text.
            out.push(1);
            text::jsonb(out, value)?;
        }
        ColumnType::Uuid => out.extend_from_slice(&text::uuid(value)?),
        ColumnType::Interval => time::interval(out, value, notes)?,
        ColumnType::Bit | ColumnType::Varbit => bits::bits(out, value)?,
        ColumnType::TextArray => array::text_array(out, value)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: Value<'_>, ty: &ColumnType) -> Result<Vec<u8>, Misfit> {
        let mut out = b"before".to_vec();
        let mut notes = Notes::default();
        let fit = field(&mut out, value, ty, &mut notes);
        assert!(out.starts_with(b"before"));
        let rest = out.split_off(6);
        match fit {
            Ok(()) => {
                assert_eq!(rest[..4], (rest.len() as i32 - 4).to_be_bytes());
                Ok(rest[4..].to_vec())
            }
            Err(misfit) => {
                assert!(rest.is_empty(), "out is as it was");
                assert_eq!(notes, Notes::default());
                Err(misfit)
            }
        }
    }

    #[test]
    fn null_has_length_minus_one() {
        let mut out = Vec::new();
        begin_row(&mut out, 1);
        field(&mut out, Value::Null, &ColumnType::Int8, &mut Notes::default()).unwrap();
        assert_eq!(out, [0, 1, 0xff, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn dates_are_days_without_a_time() {
        let day = |text: &'static str| encoded(Value::Text(text.as_bytes()), &ColumnType::Date);
        assert_eq!(day("2000-01-02"), Ok(vec![0, 0, 0, 1]));
        assert_eq!(day("1999-12-31 00:00:00.0"), Ok(vec![0xff; 4]));
        for text in
            ["2000-01-02 00:00:01", "2000-01-02T00:00Z", "2000-01-02 00:00:00.0000001", "02/01/2000", ""]
        {
            assert!(day(text).is_err(), "{text}");
        }
        assert!(encoded(Value::Int(5), &ColumnType::Date).is_err());
    }

    #[test]
    fn timestamps_note_what_they_lost() {
        let (mut out, mut notes) = (Vec::new(), Notes::default());
        for text in ["2000-01-01 00:00:00.0000019", "2000-01-01 00:00:00+01:00", "2000-01-01"] {
            field(&mut out, Value::Text(text.as_bytes()), &ColumnType::Timestamptz, &mut notes).unwrap();
        }
        assert_eq!(notes, Notes { n_cut: 1, n_shifted: 1 });
        let mut sum = notes;
        sum += notes;
        assert_eq!(sum, Notes { n_cut: 2, n_shifted: 2 });
        assert_eq!(out[4..12], 1i64.to_be_bytes());
        assert_eq!(encoded(Value::Int(946_684_800), &ColumnType::Timestamp), Ok(vec![0; 8]));
        assert!(encoded(Value::Real(f64::NAN), &ColumnType::Timestamp).is_err());
    }

    #[test]
    fn a_long_value_is_held_once() {
        let long = vec![b'x'; 10_000_000];
        let mut out = Vec::new();
        for ty in [ColumnType::Text, ColumnType::Bytea] {
            out = Vec::new();
            field(&mut out, Value::Text(&long), &ty, &mut Notes::default()).unwrap();
            assert!(out.capacity() < long.len() + 100);
        }
        assert_eq!(out.len(), long.len() + 4);
    }

    #[test]
    fn misfits_leave_no_trace_in_any_type() {
        let bad = Value::Blob(b"\xff\0\xfe");
        for ty in [
            ColumnType::Int2,
            ColumnType::Int4,
            ColumnType::Int8,
            ColumnType::Float4,
            ColumnType::Float8,
            ColumnType::Numeric,
            ColumnType::Text,
            ColumnType::Bool,
            ColumnType::Date,
            ColumnType::Timestamp,
            ColumnType::Timestamptz,
            ColumnType::Json,
            ColumnType::Jsonb,
            ColumnType::Uuid,
            ColumnType::Interval,
            ColumnType::Bit,
            ColumnType::Varbit,
            ColumnType::TextArray,
            ColumnType::Other("x".into()),
        ] {
            assert!(matches!(encoded(bad, &ty), Err(Misfit::Reason(_))), "{ty:?}");
        }
        assert_eq!(encoded(bad, &ColumnType::Bytea), Ok(b"\xff\0\xfe".to_vec()));
    }
}
