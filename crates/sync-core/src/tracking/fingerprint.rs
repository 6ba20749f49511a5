//! What tells a row from another one under the same id.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

/// A fingerprint as SQL has made it: text whose bytes need not be UTF-8, since it holds texts of the row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(Vec<u8>);

impl From<&str> for Fingerprint {
    fn from(text: &str) -> Fingerprint {
        Fingerprint(text.into())
    }
}

impl FromSql for Fingerprint {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Fingerprint> {
        match value {
            ValueRef::Text(bytes) => Ok(Fingerprint(bytes.into())),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

impl ToSql for Fingerprint {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}
