//! Rows on their way into a stage: each value checked against its destination column, then encoded.

use pg_load::encode::{self, Misfit, Notes};
use pg_load::fit::{self, Limit};
use pg_load::table::Column;
use pg_load::value::Value;

/// A destination column that rows carry.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// The column as the catalog describes it.
    pub(crate) column: Column,
    /// NULL is refused.
    pub(crate) required: bool,
    limit: Option<Limit>,
}

impl Field {
    pub(crate) fn new(column: Column, required: bool) -> Field {
        let limit = fit::limit(&column.ty, &column.sql);
        Field { column, required, limit }
    }
}

/// Encoded rows, each of which can be sent by itself.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    /// Tuples without the stream's header and trailer.
    pub(crate) bytes: Vec<u8>,
    /// Where each tuple ends.
    pub(crate) ends: Vec<usize>,
}

impl Encoded {
    /// Number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.ends.len()
    }

    /// The tuples of these rows.
    pub(crate) fn rows(&self, range: std::ops::Range<usize>) -> &[u8] {
        let start = range.start.checked_sub(1).map_or(0, |before| self.ends[before]);
        let end = range.end.checked_sub(1).map_or(0, |last| self.ends[last]);
        &self.bytes[start..end]
    }

    /// Takes the last row out again.
    pub(crate) fn pop(&mut self) {
        self.ends.pop();
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// Appends a row led by its ordinal, when there is one.
    ///
    /// # Errors
    /// The reason why a value does not go into its column, which it names; the row is then left out.
    pub(crate) fn push<'v>(
        &mut self,
        ordinal: Option<i64>,
        fields: &[Field],
        values: impl IntoIterator<Item = Value<'v>>,
        notes: &mut Notes,
    ) -> Result<(), String> {
        self.begin(ordinal, fields.len());
        let mut pairs = fields.iter().zip(values);
        let put = pairs.try_for_each(|(field, value)| self.put(field, value, notes));
        self.end(put.is_ok());
        put
    }

    /// Begins a row, led by its ordinal when there is one.
    pub(crate) fn begin(&mut self, ordinal: Option<i64>, n_fields: usize) {
        // A table has 1,600 columns at most.
        encode::begin_row(&mut self.bytes, (n_fields + usize::from(ordinal.is_some())) as u16);
        if let Some(ordinal) = ordinal {
            self.bytes.extend_from_slice(&8_i32.to_be_bytes());
            self.bytes.extend_from_slice(&ordinal.to_be_bytes());
        }
    }

    /// Appends a value to the row that was begun.
    ///
    /// # Errors
    /// The reason why it does not go into its column, which it names.
    pub(crate) fn put(&mut self, field: &Field, value: Value<'_>, notes: &mut Notes) -> Result<(), String> {
        field
            .encode(&mut self.bytes, value, notes)
            .map_err(|reason| format!("{}: {reason}", field.column.name))
    }

    /// Ends the row that was begun: it is kept, or taken back.
    pub(crate) fn end(&mut self, is_kept: bool) {
        if is_kept {
            self.ends.push(self.bytes.len());
        } else {
            self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
        }
    }
}

impl Field {
    fn encode(&self, out: &mut Vec<u8>, value: Value<'_>, notes: &mut Notes) -> Result<(), String> {
        if self.required && value == Value::Null {
            return Err("NULL where the column is NOT NULL".to_owned());
        }
        let reason = |misfit| match misfit {
            Misfit::NeedsNumeric => "number out of range".to_owned(),
            Misfit::Reason(reason) => reason.into_owned(),
        };
        let value = match self.limit {
            Some(limit) => fit::fit(value, limit, notes).map_err(reason)?,
            None => value,
        };
        encode::field(out, value, &self.column.ty, notes).map_err(reason)
    }
}
