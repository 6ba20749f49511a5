//! One value on its way into PostgreSQL.

/// A value as its source holds it: its own type, whatever the column declares.
///
/// SQLite has the first five kinds; the others are what MySQL's binary protocol tells apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// A double; NaN and infinities included.
    Real(f64),
    /// Text as its bytes, which need not be valid UTF-8 and may hold NUL.
    Text(&'a [u8]),
    /// Bytes.
    Blob(&'a [u8]),
    /// A 64-bit integer without a sign.
    UInt(u64),
    /// A single-precision number: the shortest decimal that reads back as it, so that 0.1 is 0.1 everywhere.
    Float(f32),
    /// A day: how many since 1970-01-01.
    Date(i32),
    /// A point in time: microseconds since 1970-01-01, civil or UTC as the column has it.
    Moment(i64),
    /// A length of time in microseconds.
    Interval(i64),
    /// The `n` low bits of a big-endian number, in as few bytes as hold them.
    Bits {
        /// The number; bits above the lowest `n` do not count.
        bytes: &'a [u8],
        /// How many bits count.
        n: u32,
    },
    /// Members of a set with commas between; empty for none.
    Set(&'a [u8]),
}

impl<'a> Value<'a> {
    /// What people call it, for reasons such as "date in a bytea column".
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Value::Null => "NULL",
            Value::Int(_) | Value::Real(_) | Value::UInt(_) | Value::Float(_) => "number",
            Value::Text(_) => "text",
            Value::Blob(_) => "binary data",
            Value::Date(_) => "date",
            Value::Moment(_) => "timestamp",
            Value::Interval(_) => "interval",
            Value::Bits { .. } => "bits",
            Value::Set(_) => "set",
        }
    }

    /// The bytes that the value borrows; none for numbers and times.
    pub(crate) fn bytes(self) -> &'a [u8] {
        match self {
            Value::Text(bytes) | Value::Blob(bytes) | Value::Set(bytes) | Value::Bits { bytes, .. } => bytes,
            _ => &[],
        }
    }

    /// The value, or the plain number that it stands for: a `Float` by its digits, bits as they count.
    pub(crate) fn as_number(self) -> Value<'a> {
        match self {
            Value::UInt(n) => i64::try_from(n).map_or(self, Value::Int),
            Value::Float(f) => Value::Real(widened(f)),
            Value::Bits { bytes, n } if n <= 64 && bytes.len() <= 8 => {
                let number = bytes.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
                let number = if n < 64 { number & ((1 << n) - 1) } else { number };
                Value::UInt(number).as_number()
            }
            _ => self,
        }
    }
}

/// The double with the same shortest decimal as `f`.
fn widened(f: f32) -> f64 {
    // Every whole number of so few digits is itself in both.
    if !f.is_finite() || f.fract() == 0.0 && f.abs() < 1e7 {
        return f64::from(f);
    }
    format!("{f:e}").parse().unwrap_or(f64::from(f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_their_digits() {
        for (f, expected) in [
            (0.1, 0.1),
            (16_777_216.0, 16_777_216.0),
            (f32::MAX, 3.402_823_5e38),
            (1e-45, 1e-45),
            (-0.0, 0.0),
        ] {
            assert_eq!(widened(f), expected);
        }
        assert!(widened(f32::NAN).is_nan() && widened(f32::NEG_INFINITY) == f64::NEG_INFINITY);
        assert!(widened(-0.0).is_sign_negative());
    }

    #[test]
    fn bits_are_a_number() {
        let number = |bytes, n| Value::Bits { bytes, n }.as_number();
        assert_eq!(number(&[1], 1), Value::Int(1));
        assert_eq!(number(&[0xff], 3), Value::Int(7));
        assert_eq!(number(&[2, 1], 10), Value::Int(513));
        assert_eq!(number(&[0xff; 8], 64), Value::UInt(u64::MAX));
        assert!(matches!(number(&[0; 9], 65), Value::Bits { .. }));
    }
}
