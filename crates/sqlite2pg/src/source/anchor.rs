//! Anchors: proof that a table's row ids still mean the rows they meant.

use blake3::Hasher;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

use super::tables::{SourceTable, quoted};

/// Hash of the row with this id, `None` when there is no such row.
pub(crate) fn of_row(
    db: &Connection,
    table: &SourceTable,
    rowid_name: &str,
    rowid: i64,
) -> rusqlite::Result<Option<String>> {
    let sql = format!("{} WHERE {rowid_name} = ?1", table.select(rowid_name));
    let mut statement = db.prepare_cached(&sql)?;
    statement
        .query_row([rowid], |row| {
            let mut hasher = Hasher::new();
            add_row(&mut hasher, row, 1..=table.columns.len())?;
            Ok(finish(&hasher))
        })
        .optional()
}

/// Hash of a whole table that has no row ids; reads all of it.
pub(crate) fn of_table(db: &Connection, table: &SourceTable) -> rusqlite::Result<String> {
    let mut hasher = Hasher::new();
    let mut statement = db.prepare(&table.select("0"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        add_row(&mut hasher, row, 1..=table.columns.len())?;
    }
    Ok(finish(&hasher))
}

/// Rows at or below an id, by SQLite's fast whole-table count and the few rows above.
pub(crate) fn count_up_to(
    db: &Connection,
    table: &SourceTable,
    rowid_name: &str,
    rowid: i64,
) -> rusqlite::Result<i64> {
    let name = quoted(&table.name);
    let mut all = db.prepare_cached(&format!("SELECT count(*) FROM main.{name}"))?;
    let mut above =
        db.prepare_cached(&format!("SELECT count(*) FROM main.{name} WHERE {rowid_name} > ?1"))?;
    let all: i64 = all.query_row([], |row| row.get(0))?;
    let above: i64 = above.query_row([rowid], |row| row.get(0))?;
    Ok(all - above)
}

/// Rows at or below an id, and the checksum of their ids; looks at each of them.
pub(crate) fn fingerprint_up_to(
    db: &Connection,
    table: &SourceTable,
    rowid_name: &str,
    rowid: i64,
) -> rusqlite::Result<(i64, i64)> {
    let name = quoted(&table.name);
    let sql = format!("SELECT {rowid_name} FROM main.{name} WHERE {rowid_name} <= ?1");
    let mut statement = db.prepare_cached(&sql)?;
    let mut found = statement.query([rowid])?;
    let (mut n_rows, mut checksum) = (0, 0);
    while let Some(row) = found.next()? {
        n_rows += 1;
        checksum = add_rowid(checksum, row.get(0)?);
    }
    Ok((n_rows, checksum))
}

/// The checksum with one more id in it. Ids are mixed (the finalizer of SplitMix64), so that those
/// that went and those that came do not cancel out as plain sums would.
pub(crate) fn add_rowid(checksum: i64, rowid: i64) -> i64 {
    let mut mixed = rowid.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    checksum.wrapping_add((mixed ^ (mixed >> 31)).cast_signed())
}

fn add_row(
    hasher: &mut Hasher,
    row: &Row<'_>,
    columns: std::ops::RangeInclusive<usize>,
) -> rusqlite::Result<()> {
    for i in columns {
        match row.get_ref(i)? {
            ValueRef::Null => hasher.update(&[0]),
            ValueRef::Integer(value) => hasher.update(&[1]).update(&value.to_le_bytes()),
            ValueRef::Real(value) => hasher.update(&[2]).update(&value.to_bits().to_le_bytes()),
            ValueRef::Text(bytes) => add_bytes(hasher, 3, bytes),
            ValueRef::Blob(bytes) => add_bytes(hasher, 4, bytes),
        };
    }
    Ok(())
}

fn add_bytes<'a>(hasher: &'a mut Hasher, kind: u8, bytes: &[u8]) -> &'a mut Hasher {
    hasher.update(&[kind]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes)
}

fn finish(hasher: &Hasher) -> String {
    hasher.finalize().to_hex()[..32].to_owned()
}
