//! Where reading a table stands, and whether the table still is what it was there.

use rusqlite::Connection;
use sync_core::watermark::Position;

use super::anchor;
use super::tables::{SourceTable, quoted};

/// Where reading stands: what the next page must find unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Last row id read.
    pub(crate) rowid: Option<i64>,
    /// Hash of that row.
    pub(crate) anchor: Option<String>,
    /// Rows at or below it.
    pub(crate) n_rows: i64,
    /// Checksum of their ids.
    pub(crate) checksum: i64,
}

/// How closely the rows below the cursor are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Counted, which SQLite does fast.
    Count,
    /// Every row id: also finds ids that came in place of others.
    EveryId,
}

impl Place {
    /// Where a watermark says that reading stands.
    pub(crate) fn of(at: &Position) -> Place {
        Place { rowid: at.rowid, anchor: at.anchor.clone(), n_rows: at.n_rows, checksum: at.checksum }
    }
}

/// Whether the table still is what it was at `place`: the same row there, the same ids below.
pub(crate) fn is_unmoved(
    db: &Connection,
    table: &SourceTable,
    place: &Place,
    look: Look,
) -> rusqlite::Result<bool> {
    match (table.rowid, place.rowid) {
        (Some(name), Some(rowid)) => {
            let same_ids = match look {
                Look::Count => anchor::count_up_to(db, table, name, rowid)? == place.n_rows,
                Look::EveryId => {
                    anchor::fingerprint_up_to(db, table, name, rowid)? == (place.n_rows, place.checksum)
                }
            };
            Ok(same_ids && anchor::of_row(db, table, name, rowid)? == place.anchor)
        }
        (Some(_), None) => Ok(true),
        (None, _) => Ok(place.anchor.as_deref() == Some(&anchor::of_table(db, table)?)),
    }
}

/// Whether any row has an id above the place's.
pub(crate) fn has_rows_behind(db: &Connection, table: &SourceTable, place: &Place) -> rusqlite::Result<bool> {
    let Some(name) = table.rowid else { return Ok(false) };
    let sql =
        format!("SELECT EXISTS (SELECT 1 FROM main.{} WHERE ?1 IS NULL OR {name} > ?1)", quoted(&table.name));
    db.query_row(&sql, [place.rowid], |row| row.get(0))
}
