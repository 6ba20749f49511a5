//! Encoded rows into their destination; rows that the server refuses are found and set aside.

use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Error, Result};
use pg_load::merge::{self, Merge, Merged, ORDINAL};
use pg_load::rejected::{Origin, Rejected};
use pg_load::table::Column;
use pg_load::types::ColumnType;
use pg_load::{bisect, copy, table};
use postgres::Transaction;
use rusqlite::Connection;
use sync_core::pg::quote_ident;

use crate::settings::OnDuplicate;
use crate::source::files::DayFile;
use crate::source::open::Source;
use crate::source::rows::{Encoding, Rows, json_of};
use crate::target::{IDENTITY, Target};

const CONFLICT: &str = "its key is in the destination with other values";

/// What became of the rows.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) n_written: u64,
    pub(crate) n_duplicates: u64,
    pub(crate) n_superseded: u64,
    /// Row ids that the destination did not take, with the reason.
    pub(crate) refused: Vec<(i64, String)>,
}

/// Loads all of `rows`.
///
/// # Errors
/// Anything that is not about one row; [`is_collision`] tells when the destination holds rows of
/// this very identity that the watermark knows nothing of.
pub(crate) fn rows(
    tx: &mut Transaction<'_>,
    target: &Target,
    rows: &Rows,
    file: &DayFile,
    on_duplicate: OnDuplicate,
) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut refused = Vec::new();
    let mut conflicts = Vec::new();
    let mut load = |tx: &mut Transaction<'_>, range: Range<usize>| {
        let n_rows = range.len();
        let bytes = rows.slice(range);
        if target.is_keyed() {
            merge_by_key(tx, target, bytes, rows, file, on_duplicate)
        } else {
            append(tx, target, bytes, n_rows)
        }
    };
    let mut done = |merged: Merged| {
        loaded.n_written += merged.n_written;
        loaded.n_duplicates += merged.n_duplicates;
        loaded.n_superseded += merged.n_superseded;
        conflicts.extend(merged.conflicts);
    };
    bisect::load(tx, 0..rows.index.len(), &mut load, &mut done, &mut refused, &is_collision)?;
    loaded.refused.extend(refused.into_iter().map(|(i, reason)| (rows.index[i].0, reason)));
    loaded.refused.extend(conflicts.into_iter().map(|rowid| (rowid, CONFLICT.to_owned())));
    Ok(loaded)
}

/// Whether the destination already holds a row with this `_source_id` and `_source_rowid`.
pub(crate) fn is_collision(err: &Error) -> bool {
    bisect::db_error(err).is_some_and(|db| {
        db.code().code() == "23505" && db.detail().is_some_and(|detail| detail.contains(IDENTITY[1]))
    })
}

fn append(tx: &mut Transaction<'_>, target: &Target, bytes: &[u8], n_rows: usize) -> Result<Merged> {
    let mut columns: Vec<String> = IDENTITY.iter().map(|name| (*name).to_owned()).collect();
    columns.extend(target.fields.iter().map(|field| field.column.name.clone()));
    let destination = target.table.sql();
    let n_written = if target.fields.iter().any(|field| matches!(field.column.ty, ColumnType::Other(_))) {
        stage(tx, target, &[(IDENTITY[0], "int"), (IDENTITY[1], "bigint")])?;
        copy::rows(tx, "pg_temp.sync_stage", &columns, bytes)?;
        let names = table::column_list(columns.iter().map(String::as_str));
        let values = format!("{}, {}", table::column_list(IDENTITY), cast_fields(target));
        tx.execute_typed(
            &format!("INSERT INTO {destination} ({names}) SELECT {values} FROM pg_temp.sync_stage s"),
            &[],
        )?
    } else {
        copy::rows(tx, &destination, &columns, bytes)?
    };
    bisect::all_kept(n_rows, n_written)?;
    Ok(Merged { n_written, ..Merged::default() })
}

fn merge_by_key(
    tx: &mut Transaction<'_>,
    target: &Target,
    bytes: &[u8],
    rows: &Rows,
    file: &DayFile,
    on_duplicate: OnDuplicate,
) -> Result<Merged> {
    let columns: Vec<Column> = target.fields.iter().map(|field| field.column.clone()).collect();
    let merge = Merge {
        table: &target.table.sql(),
        columns: &columns,
        keys: &target.keys,
        indexed: target.indexed,
        on_duplicate: match on_duplicate {
            OnDuplicate::Keep => merge::OnDuplicate::Keep,
            OnDuplicate::Update => merge::OnDuplicate::Update { file: file.day.to_string() },
        },
    };
    merge::rows(tx, &merge, bytes, &rows.null_keys)
}

/// Makes an empty `pg_temp.sync_stage` with these leading columns and all fields.
pub(crate) fn stage(tx: &mut Transaction<'_>, target: &Target, lead: &[(&str, &str)]) -> Result<()> {
    let lead = lead.iter().map(|(name, ty)| format!("{} {ty}", quote_ident(name)));
    let fields = target.fields.iter().map(|field| field.column.stage());
    let columns: Vec<String> = lead.chain(fields).collect();
    tx.batch_execute(&format!(
        "DROP TABLE IF EXISTS pg_temp.sync_stage;
         CREATE TEMP TABLE sync_stage ({}) ON COMMIT DROP",
        columns.join(", ")
    ))?;
    Ok(())
}

/// Staged fields of alias `s` as the destination's types.
pub(crate) fn cast_fields(target: &Target) -> String {
    let fields: Vec<String> = target.fields.iter().map(|field| field.column.cast("s")).collect();
    fields.join(", ")
}

/// Statement that casts the staged rows with ordinals `$1` to `$2`, so that one which its type refuses
/// is found while its neighbours are known; `None` when the stage has the destination's types.
pub(crate) fn try_casts_sql(target: &Target) -> Option<String> {
    let fields = target.fields.iter().filter(|field| matches!(field.column.ty, ColumnType::Other(_)));
    let casts: Vec<String> = fields.map(|field| field.column.cast("s")).collect();
    (!casts.is_empty()).then(|| {
        let ordinal = quote_ident(ORDINAL);
        let casts = casts.join(", ");
        format!(
            "SELECT count(ROW({casts})) FROM pg_temp.sync_stage s WHERE s.{ordinal} BETWEEN $1::bigint AND $2::bigint"
        )
    })
}

/// The names of a stage that is led by the row id alone.
pub(crate) fn stage_columns(target: &Target) -> Vec<String> {
    let fields = target.fields.iter().map(|field| field.column.name.clone());
    std::iter::once(ORDINAL.to_owned()).chain(fields).collect()
}

/// Rows described at once: each may be 64 KiB of JSON.
const DESCRIBED: usize = 100;

/// Puts rows that the destination refused on the list of rejected ones, looked up in the source
/// again for people who will read why.
pub(crate) fn set_aside(
    tx: &mut Transaction<'_>,
    origin: &Origin<'_>,
    path: &(PathBuf, bool),
    encoding: &Encoding,
    refused: &[(i64, String)],
) -> Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let db = Source::reopen(&path.0, path.1).ok();
    for refused in refused.chunks(DESCRIBED) {
        let rows: Vec<Rejected> = refused
            .iter()
            .map(|(rowid, reason)| Rejected {
                key: rowid.to_string(),
                reason: reason.clone(),
                row: db
                    .as_ref()
                    .and_then(|db| row_json(db, encoding, *rowid))
                    .unwrap_or_else(|| "{}".to_owned()),
            })
            .collect();
        origin.set_aside(tx, &rows)?;
    }
    Ok(())
}

fn row_json(db: &Connection, encoding: &Encoding, rowid: i64) -> Option<String> {
    let table = &encoding.table;
    let sql = match table.rowid {
        Some(name) => format!("{} WHERE {name} = ?1", table.select(name)),
        // A private copy is scanned in the same order each time.
        None => format!("{} LIMIT 1 OFFSET ?1 - 1", table.select("0")),
    };
    let mut statement = db.prepare_cached(&sql).ok()?;
    statement.query_row([rowid], |row| json_of(table, row, 1)).ok()
}
