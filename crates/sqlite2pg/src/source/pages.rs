//! Reading a table page by page, each in a short read transaction of its own.

use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use sync_core::stop::Stop;

use super::place::Place;
use super::rows::{Encoded, Encoding, Rows};
use super::{SourceFault, anchor, tables};

/// After a page beyond this size the reader waits until it is sent: one value is the most held.
const LARGE_PAGE: usize = 4 << 20;
/// A page's read transaction ends after this time, well within the second a writer may wait.
const PAGE_TIME: Duration = Duration::from_millis(250);

/// A page of rows and where reading stands behind it.
#[derive(Debug)]
pub(crate) struct Page {
    /// The rows.
    pub(crate) rows: Rows,
    /// Where reading stands now.
    pub(crate) place: Place,
    /// Why reading ends here, if it does.
    pub(crate) end: Option<End>,
}

/// Why reading ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// No row is left.
    Drained,
    /// This column must become numeric first.
    NeedsNumeric(String),
    /// Row ids have moved under the cursor: the table must be read whole.
    Moved,
    /// The table's shape changed.
    Reshaped,
}

/// How much a page may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Rows.
    pub(crate) n_rows: u32,
    /// Encoded bytes, so that memory does not depend on the table.
    pub(crate) n_bytes: usize,
}

impl Limits {
    /// Pages that go straight into their table.
    pub(crate) const APPENDED: Limits = Limits { n_rows: 10_000, n_bytes: 2 << 20 };
    /// Pages that are staged and matched by key.
    pub(crate) const KEYED: Limits = Limits { n_rows: 20_000, n_bytes: 2 << 20 };
}

/// Sends all pages behind `from` to `pages`, the last one with an end; stops early when the
/// receiver is gone or a stop is asked for.
pub(crate) fn read(
    db: &Connection,
    encoding: &Encoding,
    from: Place,
    limits: Limits,
    stop: &Stop,
    pages: &SyncSender<Page>,
) -> Result<(), SourceFault> {
    let Some(rowid_name) = encoding.table.rowid else {
        return read_without_rowid(db, encoding, limits, stop, pages);
    };
    let version = tables::schema_version(db)?;
    let mut place = from;
    while !stop.asked() {
        let page = page(db, encoding, rowid_name, &place, version, limits)?;
        place = page.place.clone();
        let (ends, is_large) = (page.end.is_some(), page.rows.bytes.len() > LARGE_PAGE);
        if pages.send(page).is_err() || ends {
            break;
        }
        if is_large {
            let pause = Page { rows: Rows::default(), place: place.clone(), end: None };
            if pages.send(pause).is_err() {
                break;
            }
        }
    }
    Ok(())
}

fn page(
    db: &Connection,
    encoding: &Encoding,
    rowid_name: &str,
    from: &Place,
    version: i64,
    limits: Limits,
) -> Result<Page, SourceFault> {
    let transaction = db.unchecked_transaction()?;
    let ended = |end| Ok(Page { rows: Rows::default(), place: from.clone(), end: Some(end) });
    if tables::schema_version(db)? != version {
        return ended(End::Reshaped);
    }
    if let Some(rowid) = from.rowid
        && anchor::of_row(db, &encoding.table, rowid_name, rowid)? != from.anchor
    {
        return ended(End::Moved);
    }
    let mut rows = Rows::default();
    let (place, mut end) = fill(db, encoding, rowid_name, from, limits, &mut rows)?;
    if end == Some(End::Drained)
        && let Some(rowid) = place.rowid
        && anchor::count_up_to(db, &encoding.table, rowid_name, rowid)? != place.n_rows
    {
        // The place keeps its count, so that a run killed before the table is read whole leaves
        // the next one to find this again.
        end = Some(End::Moved);
    }
    transaction.commit()?;
    Ok(Page { rows, place, end })
}

/// Fills `rows` from behind a place; returns the place behind them and how it ended.
fn fill(
    db: &Connection,
    encoding: &Encoding,
    rowid_name: &str,
    from: &Place,
    limits: Limits,
    rows: &mut Rows,
) -> Result<(Place, Option<End>), SourceFault> {
    let mut place = from.clone();
    let end = fill_rows(db, encoding, rowid_name, &mut place, limits, rows)?;
    if place.rowid != from.rowid
        && let Some(rowid) = place.rowid
    {
        place.anchor = anchor::of_row(db, &encoding.table, rowid_name, rowid)?;
    }
    Ok((place, end))
}

fn fill_rows(
    db: &Connection,
    encoding: &Encoding,
    rowid_name: &str,
    place: &mut Place,
    limits: Limits,
    rows: &mut Rows,
) -> Result<Option<End>, SourceFault> {
    let behind = if place.rowid.is_some() {
        format!("WHERE {rowid_name} > ?1")
    } else {
        "WHERE ?1 IS NULL".to_owned()
    };
    let sql = format!("{} {behind} ORDER BY {rowid_name}", encoding.table.select(rowid_name));
    let mut statement = db.prepare_cached(&sql)?;
    let mut found = statement.query([place.rowid])?;
    let started = Instant::now();
    while let Some(row) = found.next()? {
        let rowid = row.get(0)?;
        if let Encoded::NeedsNumeric(field) = rows.add(encoding, row, 1, rowid)? {
            let column = encoding.fields[field].column.name.clone();
            return Ok(Some(End::NeedsNumeric(column)));
        }
        place.rowid = Some(rowid);
        place.n_rows += 1;
        place.checksum = anchor::add_rowid(place.checksum, rowid);
        if is_full(rows, limits) || started.elapsed() > PAGE_TIME {
            return Ok(None);
        }
    }
    Ok(Some(End::Drained))
}

fn is_full(rows: &Rows, limits: Limits) -> bool {
    rows.n_read() >= u64::from(limits.n_rows)
        || rows.bytes.len() >= limits.n_bytes
        || rows.n_rejected_bytes >= limits.n_bytes
}

/// Reads a table that has no row ids, from a private copy: rows are told apart by their ordinal.
fn read_without_rowid(
    db: &Connection,
    encoding: &Encoding,
    limits: Limits,
    stop: &Stop,
    pages: &SyncSender<Page>,
) -> Result<(), SourceFault> {
    let table_anchor = anchor::of_table(db, &encoding.table)?;
    let mut statement = db.prepare(&encoding.table.select("0"))?;
    let mut found = statement.query([])?;
    let mut rows = Rows::default();
    let mut n_rows = 0;
    let mut end = End::Drained;
    while let Some(row) = found.next()? {
        if stop.asked() {
            return Ok(());
        }
        if let Encoded::NeedsNumeric(field) = rows.add(encoding, row, 1, n_rows + 1)? {
            end = End::NeedsNumeric(encoding.fields[field].column.name.clone());
            break;
        }
        n_rows += 1;
        if is_full(&rows, limits) {
            let place = Place { rowid: Some(n_rows), anchor: None, n_rows, checksum: 0 };
            let page = Page { rows: std::mem::take(&mut rows), place, end: None };
            if pages.send(page).is_err() {
                return Ok(());
            }
        }
    }
    let place = Place { rowid: Some(n_rows), anchor: Some(table_anchor), n_rows, checksum: 0 };
    let _ = pages.send(Page { rows, place, end: Some(end) });
    Ok(())
}

/// Encodes the rows with these ids, as many as a page holds; ids that are gone are left out.
/// Returns how many ids were dealt with.
pub(crate) fn by_rowid(
    db: &Connection,
    encoding: &Encoding,
    rowids: &[i64],
) -> Result<(Rows, usize, Option<End>), SourceFault> {
    let mut rows = Rows::default();
    let Some(name) = encoding.table.rowid else {
        return Ok((rows, rowids.len(), None));
    };
    let transaction = db.unchecked_transaction()?;
    let sql = format!("{} WHERE {name} = ?1", encoding.table.select(name));
    let mut statement = db.prepare_cached(&sql)?;
    let mut n_done = 0;
    for rowid in rowids {
        if is_full(&rows, Limits::APPENDED) {
            break;
        }
        let mut found = statement.query([rowid])?;
        if let Some(row) = found.next()?
            && let Encoded::NeedsNumeric(field) = rows.add(encoding, row, 1, *rowid)?
        {
            let end = End::NeedsNumeric(encoding.fields[field].column.name.clone());
            return Ok((rows, n_done, Some(end)));
        }
        n_done += 1;
    }
    drop(statement);
    transaction.commit()?;
    Ok((rows, n_done, None))
}
