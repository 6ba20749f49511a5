//! Rows of a table, one after the other, as cells in JSON.

use anyhow::{Context as _, Result};
use postgres::Row;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::Type;

use super::Snapshot;
use super::columns::Column;
use crate::cell::Cell;

/// A cursor on a table's rows.
pub(crate) struct Reader<'a> {
    snapshot: &'a mut Snapshot,
}

impl<'a> Reader<'a> {
    /// Begins to read with this statement; the end of the savepoint ends it.
    pub(crate) fn open(snapshot: &'a mut Snapshot, select: &str) -> Result<Reader<'a>> {
        let sql = format!("DECLARE our_rows NO SCROLL CURSOR FOR {select}");
        snapshot.client.execute_typed(&sql, &[]).context("read its rows")?;
        Ok(Reader { snapshot })
    }

    /// Gives up to `n` rows to `each`; fewer are given at the end of the table only.
    pub(crate) fn read(&mut self, n: u64, mut each: impl FnMut(&Row) -> Result<()>) -> Result<u64> {
        let mut n_read = 0;
        while n_read < n {
            let asked = u64::from(self.snapshot.batch).min(n - n_read);
            let sql = format!("FETCH FORWARD {asked} FROM our_rows");
            let none = Vec::<(i32, Type)>::new();
            let mut rows = self.snapshot.client.query_typed_raw(&sql, none).context("read its rows")?;
            let mut n_fetched = 0;
            while let Some(row) = rows.next().context("read its rows")? {
                each(&row)?;
                n_fetched += 1;
            }
            n_read += n_fetched;
            if n_fetched < asked {
                break;
            }
        }
        Ok(n_read)
    }

    /// Leaves `n` rows out.
    pub(crate) fn skip(&mut self, n: u64) -> Result<()> {
        if n > 0 {
            let sql = format!("MOVE FORWARD {n} IN our_rows");
            self.snapshot.client.execute_typed(&sql, &[]).context("read its rows")?;
        }
        Ok(())
    }
}

/// Each value of a row as a cell.
pub(crate) fn cells<'r>(columns: &'r [Column], row: &'r Row) -> impl Iterator<Item = Result<Cell<'r>>> {
    columns.iter().enumerate().map(|(n, column)| Ok(Cell::of(column.kind, row.try_get(n)?)))
}

/// Writes a row as an object of type `RowData`, without empty cells at its end; gives how many texts were cut.
pub(crate) fn write_json(columns: &[Column], row: &Row, out: &mut Vec<u8>) -> Result<u64> {
    let start = out.len();
    out.extend_from_slice(br#"{"values":["#);
    let (mut end, mut n_cut) = (start, 0);
    for (n, cell) in cells(columns, row).enumerate() {
        let cell = cell?;
        if n > 0 {
            out.push(b',');
        }
        cell.write_json(out);
        n_cut += u64::from(matches!(cell, Cell::Cut(_)));
        if cell != Cell::Empty {
            end = out.len();
        }
    }
    out.truncate(end);
    out.extend_from_slice(if end == start { b"{}" } else { b"]}" });
    Ok(n_cut)
}
