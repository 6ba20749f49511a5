//! Rows of a result, value by value, as what a job needs them to be.

use anyhow::{Result, anyhow};
use mysql::prelude::Queryable;
use mysql::{Conn, Statement, Value};
use pg_load::encode::Misfit;
use pg_load::value::Value as Cell;

use crate::column::SourceColumn;
use crate::convert::{Options, Tally, convert};
use crate::server;

/// A row that is being read. What cannot be taken is an error that names the column.
pub(crate) struct Cells<'a> {
    values: &'a [Value],
    columns: &'a [SourceColumn],
    options: &'a Options,
    tally: &'a mut Tally,
}

/// Calls `take` for each row of the statement's result, which is read to its end.
///
/// # Errors
/// The server's, and the first of `take`.
pub(crate) fn each_row(
    conn: &mut Conn,
    statement: &Statement,
    params: Vec<Value>,
    options: &Options,
    tally: &mut Tally,
    mut take: impl FnMut(&mut Cells<'_>) -> Result<(), String>,
) -> Result<()> {
    let columns: Vec<SourceColumn> = statement.columns().iter().map(SourceColumn::from_result).collect();
    let mut values = Vec::with_capacity(columns.len());
    for row in conn.exec_iter(statement, params).map_err(server::explain)? {
        values.clear();
        values.extend(
            row.map_err(server::explain)?.unwrap_raw().into_iter().map(|value| value.unwrap_or(Value::NULL)),
        );
        let mut cells = Cells { values: &values, columns: &columns, options, tally };
        take(&mut cells).map_err(|why| anyhow!(why))?;
    }
    Ok(())
}

impl Cells<'_> {
    /// A value as the source has it.
    pub(crate) fn raw(&self, i: usize) -> &Value {
        &self.values[i]
    }

    /// A value as text.
    pub(crate) fn text(&mut self, i: usize) -> Result<Option<String>, String> {
        self.with(i, |cell| match cell {
            Cell::Null => Ok(None),
            Cell::Text(bytes) => Ok(Some(String::from_utf8_lossy(bytes).into_owned())),
            Cell::Int(n) => Ok(Some(n.to_string())),
            Cell::UInt(n) => Ok(Some(n.to_string())),
            _ => Err("no text"),
        })
    }

    /// A value as a whole number.
    pub(crate) fn int(&mut self, i: usize) -> Result<Option<i64>, String> {
        self.with(i, |cell| match cell {
            Cell::Null => Ok(None),
            Cell::Int(n) => Ok(Some(n)),
            Cell::UInt(n) => i64::try_from(n).map(Some).map_err(|_| "number out of range"),
            Cell::Text(digits) => {
                let parsed = std::str::from_utf8(digits).ok().and_then(|digits| digits.trim().parse().ok());
                parsed.map(Some).ok_or("no whole number")
            }
            _ => Err("no whole number"),
        })
    }

    /// A value as microseconds since 1970-01-01.
    pub(crate) fn moment(&mut self, i: usize) -> Result<Option<i64>, String> {
        self.with(i, |cell| match cell {
            Cell::Null => Ok(None),
            Cell::Moment(micros) => Ok(Some(micros)),
            Cell::Date(days) => Ok(Some(i64::from(days) * 86_400_000_000)),
            _ => Err("no time"),
        })
    }

    fn with<T>(
        &mut self,
        i: usize,
        read: impl FnOnce(Cell<'_>) -> Result<T, &'static str>,
    ) -> Result<T, String> {
        let column = &self.columns[i];
        let named = |reason: &str| format!("{}: {reason}", column.name);
        let converted =
            convert(&self.values[i], column, self.options, self.tally).map_err(|misfit| match misfit {
                Misfit::Reason(reason) => named(&reason),
                Misfit::NeedsNumeric => named("number out of range"),
            })?;
        read(converted.cell()).map_err(named)
    }
}
