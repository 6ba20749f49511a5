//! Encoded rows into a table by binary COPY.

use std::fmt;
use std::io::Write;

use anyhow::{Context, Result};
use postgres::Transaction;

use crate::encode::{SIGNATURE, TRAILER};
use crate::table::column_list;

/// What goes to the server at once. The client library flushes every 4 KiB when it is given
/// small pieces and copies the whole piece when it is given large ones.
const PIECE: usize = 128 * 1024;

/// The server refused a COPY before it took the first byte: the table is not as it was, or may not be written to.
///
/// The connection must not be used any more. The driver answers such a refusal with one end of
/// statement too many, so that every later answer would be taken for that of the statement after it.
#[derive(Debug)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write to {}", self.0)
    }
}

/// Sends `rows` (encoded tuples without the stream's header and trailer) and returns how many
/// rows the server took.
///
/// # Errors
/// The server's refusal; the transaction is then aborted up to its last savepoint, or, with a
/// [`Refused`] in the error, the whole connection is lost.
pub fn rows(tx: &mut Transaction<'_>, table: &str, columns: &[String], rows: &[u8]) -> Result<u64> {
    let columns = column_list(columns.iter().map(String::as_str));
    let sql = format!("COPY {table} ({columns}) FROM STDIN WITH (FORMAT binary)");
    let mut writer = tx.copy_in(&sql).with_context(|| Refused(table.to_owned()))?;
    writer.write_all(&SIGNATURE)?;
    for piece in rows.chunks(PIECE) {
        writer.write_all(piece)?;
    }
    writer.write_all(&TRAILER)?;
    Ok(writer.finish()?)
}

/// Runs `work` inside a savepoint: its failure is returned and leaves the transaction usable.
pub fn guarded<T>(
    tx: &mut Transaction<'_>,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T>,
) -> Result<T> {
    let mut inner = tx.savepoint("batch")?;
    let done = work(&mut inner)?;
    inner.commit()?;
    Ok(done)
}
