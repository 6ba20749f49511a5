//! Rows of the source on their way into a stage.

use std::mem;

use mysql::Value;
use pg_load::encode::{Misfit, Notes};
use pg_load::rejected::Rejected;
use pg_load::row_json;
use pg_load::value::Value as Cell;

use super::plan::Plan;
use super::transform;
use crate::convert::{Options, Tally, convert};
use crate::load::fields::{Encoded, Field};

/// A batch ends behind so many bytes, so that three of them (read, waiting, written) stay small.
const FULL: usize = 1 << 20;

/// Encoded rows, and what became of the others.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) rows: Encoded,
    /// The encoded rows as they were read, for those that the server refuses.
    pub(crate) source: Vec<Vec<Value>>,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) n_read: u64,
    pub(crate) tally: Tally,
    pub(crate) notes: Notes,
    /// A key is not as the source has it, so that two rows may now share one.
    pub(crate) has_changed_keys: bool,
}

/// Encodes rows, batch by batch.
pub(crate) struct Builder {
    plan: Plan,
    fields: Vec<Field>,
    options: Options,
    keys: Vec<usize>,
    /// Number of the last row, where rows are numbered.
    ordinal: Option<i64>,
    n_rows: i64,
    batch: Batch,
}

impl Builder {
    /// `is_numbered` leads each row by its number in the stage.
    pub(crate) fn new(plan: Plan, fields: Vec<Field>, options: Options, is_numbered: bool) -> Builder {
        let keys = plan.key_places();
        let ordinal = is_numbered.then_some(0);
        Builder { plan, fields, options, keys, ordinal, n_rows: 0, batch: Batch::default() }
    }

    /// Takes a row; true when the batch is full.
    pub(crate) fn push(&mut self, row: Vec<Value>) -> bool {
        self.n_rows += 1;
        self.batch.n_read += 1;
        let ordinal = self.ordinal.map(|ordinal| ordinal + 1);
        self.batch.rows.begin(ordinal, self.fields.len());
        match self.encode(&row) {
            Ok(()) => {
                self.batch.rows.end(true);
                self.batch.source.push(row);
                self.ordinal = ordinal;
            }
            Err(reason) => {
                self.batch.rows.end(false);
                let rejected = self.describe(&row, reason);
                self.batch.rejected.push(rejected);
            }
        }
        self.batch.rows.bytes.len() >= FULL || self.batch.rejected.len() >= 1_000
    }

    fn encode(&mut self, row: &[Value]) -> Result<(), String> {
        let Batch { rows, tally, notes, has_changed_keys, .. } = &mut self.batch;
        for (i, (field, value)) in self.fields.iter().zip(row).enumerate() {
            let column = &self.plan.source[i];
            let before = *tally;
            let converted = convert(value, column, &self.options, tally).map_err(|misfit| match misfit {
                Misfit::Reason(reason) => format!("{}: {reason}", column.name),
                Misfit::NeedsNumeric => format!("{}: number out of range", column.name),
            })?;
            let transforms = &self.plan.transforms[i];
            if self.keys.contains(&i) && (*tally != before || !transforms.is_empty()) {
                *has_changed_keys = true;
            }
            if transforms.is_empty() {
                rows.put(field, converted.cell(), notes)?;
            } else {
                rows.put(field, transform::apply(converted.cell(), transforms).value(), notes)?;
            }
        }
        Ok(())
    }

    /// The rows so far; the next batch begins.
    pub(crate) fn take(&mut self) -> Batch {
        mem::take(&mut self.batch)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.batch.n_read == 0
    }

    fn describe(&self, row: &[Value], reason: String) -> Rejected {
        describe(&self.plan, row, reason, self.n_rows, &self.options)
    }
}

/// A row as people read it, with its key, or its number where it has none.
pub(crate) fn describe(plan: &Plan, row: &[Value], reason: String, n: i64, options: &Options) -> Rejected {
    let mut tally = Tally::default();
    let converted: Vec<_> = row
        .iter()
        .zip(&plan.source)
        .map(|(value, column)| convert(value, column, options, &mut tally).ok())
        .collect();
    let raw = |i: usize| match &row[i] {
        Value::Bytes(bytes) => Cell::Text(bytes),
        _ => Cell::Null,
    };
    let cells: Vec<(&str, Cell<'_>)> = plan
        .columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let cell = converted[i].as_ref().map_or_else(|| raw(i), |converted| converted.cell());
            (column.name.as_str(), cell)
        })
        .collect();
    let keys: Vec<String> = plan.key_places().into_iter().map(|i| key_text(&row[i])).collect();
    let key = if keys.is_empty() { n.to_string() } else { keys.join("/") };
    Rejected { key, reason, row: row_json::row(&cells) }
}

fn key_text(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => {
            String::from_utf8_lossy(bytes).chars().filter(|c| *c != '\0').take(256).collect()
        }
        other => other.as_sql(false).trim_matches('\'').to_owned(),
    }
}
