//! Rejected rows tried again: in the file they may have been corrected, in PostgreSQL the column.

use anyhow::Result;
use pg_load::table;
use sync_core::commit::{self, Counts, Durable};
use sync_core::report::Count;
use sync_core::watermark::Watermark;

use crate::append::{self, Next, Work};
use crate::load;
use crate::session::Session;
use crate::source::open::Source;
use crate::source::pages::{self, End};
use crate::source::rows::Rows;

/// Keys fetched from the list at once.
const CHUNK: i64 = 500;

/// Reads the rejected rows of this table again; those that pass now leave the list with the
/// transaction that writes them.
pub(crate) fn rejected(
    session: &mut Session<'_>,
    source: &mut Source,
    work: &Work<'_>,
    mark: &Watermark,
) -> Result<Next> {
    let path = source.path();
    let mut after = None;
    loop {
        let origin = work.origin(session.settings, mark.generation);
        let keys = origin.numeric_keys(&mut session.client, after, CHUNK)?;
        let Some(last) = keys.last().copied() else {
            return Ok(Next::Done);
        };
        let mut rest = keys.as_slice();
        while !rest.is_empty() {
            if session.stop.asked() {
                return Ok(Next::Stopped);
            }
            let (rows, n_done, end) = pages::by_rowid(&source.db, &work.encoding, rest)?;
            rest = rest.get(n_done..).unwrap_or_default();
            if deliver(session, work, mark, rows, &path)? == Delivered::KnownBefore {
                return Ok(Next::Whole);
            }
            if let Some(End::NeedsNumeric(column)) = end {
                return Ok(Next::Widen(column));
            }
        }
        after = Some(last);
    }
}

/// What became of rows tried again.
#[derive(PartialEq, Eq)]
enum Delivered {
    /// They arrived, or remain on the list.
    Done,
    /// The destination has one of them already, under a cursor that was lost since.
    KnownBefore,
}

fn deliver(
    session: &mut Session<'_>,
    work: &Work<'_>,
    mark: &Watermark,
    rows: Rows,
    path: &(std::path::PathBuf, bool),
) -> Result<Delivered> {
    let origin = work.origin(session.settings, mark.generation);
    let mut tx = commit::begin(&mut session.client, Durable::Yes)?;
    let txid = commit::txid(&mut tx)?;
    let loaded = match load::rows(&mut tx, work.target, &rows, work.file, session.settings.on_duplicate) {
        Err(err) if load::is_collision(&err) => return Ok(Delivered::KnownBefore),
        other => other?,
    };
    if !table::is_unchanged(&mut tx, &work.target.table)? {
        return Ok(Delivered::Done);
    }
    let arrived: Vec<i64> = rows
        .index
        .iter()
        .map(|(rowid, _)| *rowid)
        .filter(|rowid| !loaded.refused.iter().any(|(refused, _)| refused == rowid))
        .collect();
    // Taking rows off the list is this transaction's compare-and-set.
    if origin.take_off(&mut tx, &arrived)? != arrived.len() as u64 {
        return Ok(Delivered::Done);
    }
    origin.set_aside(&mut tx, &rows.rejected)?;
    load::set_aside(&mut tx, &origin, path, &work.encoding, &loaded.refused)?;
    let counts = Counts {
        of: vec![
            (Count::Read, loaded.n_written + loaded.n_duplicates + loaded.n_superseded),
            (Count::Written, loaded.n_written),
            (Count::Duplicates, loaded.n_duplicates),
        ],
        notes: append::notes(rows.notes, loaded.n_superseded),
    };
    commit::commit(&mut session.state.ledger, session.report, tx, (txid, Durable::Yes), counts)?;
    Ok(Delivered::Done)
}
