//! One value on its way into PostgreSQL.

/// A value as SQLite and its like hold it: its own type, whatever the column declares.
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
}
