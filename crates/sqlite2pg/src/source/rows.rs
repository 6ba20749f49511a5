//! Rows of SQLite as tuples of binary COPY.

use std::collections::BTreeSet;

use pg_load::encode::{self, Misfit, Notes};
use pg_load::rejected::Rejected;
use pg_load::types::ColumnType;
use pg_load::value::Value;
use pg_load::{fit, row_json, timestamp};
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::plan::Field;
use super::tables::SourceTable;

/// How rows of one table are encoded.
#[derive(Clone, Debug)]
pub(crate) struct Encoding {
    /// The table they come from.
    pub(crate) table: SourceTable,
    /// Its columns on their way.
    pub(crate) fields: Vec<Field>,
    /// `_source_id` that leads every tuple, before the row id.
    pub(crate) source_id: Option<i32>,
    /// Which fields are the configured key.
    pub(crate) keys: Vec<usize>,
    /// Index of the column with the row's time.
    pub(crate) timestamp: Option<usize>,
    /// Older rows are left out: microseconds since 1970-01-01 UTC.
    pub(crate) start: Option<i64>,
    /// Integer columns may become numeric when a real arrives.
    pub(crate) may_widen: bool,
}

/// Encoded rows and what was learnt of them.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Tuples of binary COPY without header and trailer.
    pub(crate) bytes: Vec<u8>,
    /// Row id and first byte of each tuple.
    pub(crate) index: Vec<(i64, usize)>,
    /// Rows that do not fit their columns.
    pub(crate) rejected: Vec<Rejected>,
    /// Bytes of JSON in `rejected`.
    pub(crate) n_rejected_bytes: usize,
    /// Which combinations of NULLs the keys have.
    pub(crate) null_keys: BTreeSet<u32>,
    /// Rows left out because they are older than the start.
    pub(crate) n_skipped: u64,
    /// Conversions that changed how a value is written.
    pub(crate) notes: Notes,
    /// Newest time among the rows, in microseconds since 1970-01-01 UTC.
    pub(crate) last_timestamp: Option<i64>,
}

/// What became of a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Encoded {
    /// Encoded, set aside or left out: the cursor may pass it.
    Done,
    /// This field's integer column must become numeric before the row can be encoded.
    NeedsNumeric(usize),
}

impl Rows {
    /// Rows that were read, whatever became of them.
    pub(crate) fn n_read(&self) -> u64 {
        (self.index.len() + self.rejected.len()) as u64 + self.n_skipped
    }

    /// The bytes of some tuples, by their positions in `index`.
    pub(crate) fn slice(&self, range: std::ops::Range<usize>) -> &[u8] {
        let start = self.index.get(range.start).map_or(self.bytes.len(), |(_, at)| *at);
        let end = self.index.get(range.end).map_or(self.bytes.len(), |(_, at)| *at);
        &self.bytes[start..end]
    }

    /// Encodes one row whose values start at column `first` of the result.
    pub(crate) fn add(
        &mut self,
        encoding: &Encoding,
        row: &Row<'_>,
        first: usize,
        rowid: i64,
    ) -> rusqlite::Result<Encoded> {
        let time = match encoding.timestamp {
            Some(i) => time_of(value(row.get_ref(first + i)?)),
            None => None,
        };
        if let (Some(start), Some(time)) = (encoding.start, time)
            && time < start
        {
            self.n_skipped += 1;
            return Ok(Encoded::Done);
        }
        let at = self.bytes.len();
        let lead = 1 + u16::from(encoding.source_id.is_some());
        encode::begin_row(&mut self.bytes, lead + encoding.fields.len() as u16);
        if let Some(id) = encoding.source_id {
            self.bytes.extend_from_slice(&4_i32.to_be_bytes());
            self.bytes.extend_from_slice(&id.to_be_bytes());
        }
        self.bytes.extend_from_slice(&8_i32.to_be_bytes());
        self.bytes.extend_from_slice(&rowid.to_be_bytes());
        let mut notes = Notes::default();
        for (position, field) in encoding.fields.iter().enumerate() {
            let value = value(row.get_ref(first + field.index)?);
            if let Err(misfit) = encode_field(&mut self.bytes, field, value, &mut notes) {
                self.bytes.truncate(at);
                return self.misfit(encoding, row, first, rowid, position, misfit);
            }
        }
        self.notes += notes;
        self.null_keys.insert(null_mask(encoding, row, first)?);
        self.index.push((rowid, at));
        self.last_timestamp = self.last_timestamp.max(time);
        Ok(Encoded::Done)
    }

    fn misfit(
        &mut self,
        encoding: &Encoding,
        row: &Row<'_>,
        first: usize,
        rowid: i64,
        position: usize,
        misfit: Misfit,
    ) -> rusqlite::Result<Encoded> {
        let field = &encoding.fields[position];
        let reason = match misfit {
            Misfit::NeedsNumeric if encoding.may_widen && field.column.ty == ColumnType::Int8 => {
                return Ok(Encoded::NeedsNumeric(position));
            }
            Misfit::NeedsNumeric => "a real number in an integer column".into(),
            Misfit::Reason(reason) => reason,
        };
        let column = &encoding.table.columns[field.index].name;
        let json = json_of(&encoding.table, row, first)?;
        self.n_rejected_bytes += json.len();
        let reason = format!("{column}: {reason}");
        self.rejected.push(Rejected { key: rowid.to_string(), reason, row: json });
        Ok(Encoded::Done)
    }
}

fn encode_field(out: &mut Vec<u8>, field: &Field, value: Value<'_>, notes: &mut Notes) -> Result<(), Misfit> {
    let value = field.limit.map_or(Ok(value), |limit| fit::fit(value, limit, notes))?;
    encode::field(out, value, &field.column.ty, notes)
}

/// A row as JSON for people who look at rejected rows.
pub(crate) fn json_of(table: &SourceTable, row: &Row<'_>, first: usize) -> rusqlite::Result<String> {
    let mut columns = Vec::with_capacity(table.columns.len());
    for (i, column) in table.columns.iter().enumerate() {
        columns.push((column.name.as_str(), value(row.get_ref(first + i)?)));
    }
    Ok(row_json::row(&columns))
}

fn null_mask(encoding: &Encoding, row: &Row<'_>, first: usize) -> rusqlite::Result<u32> {
    let mut mask = 0;
    for (bit, field) in encoding.keys.iter().enumerate() {
        let index = encoding.fields[*field].index;
        if matches!(row.get_ref(first + index)?, ValueRef::Null) {
            mask |= 1 << bit;
        }
    }
    Ok(mask)
}

fn value(value: ValueRef<'_>) -> Value<'_> {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(bytes) => Value::Text(bytes),
        ValueRef::Blob(bytes) => Value::Blob(bytes),
    }
}

/// The time that a value stands for, in microseconds since 1970-01-01 UTC, if it stands for one.
fn time_of(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Text(bytes) => timestamp::parse(bytes),
        number => timestamp::from_number(number),
    }
    .map(|moment| moment.micros)
}
