//! Rows into a table by key: known ones are counted, new ones inserted, others kept or updated.

use std::collections::BTreeSet;

use anyhow::Result;
use postgres::Transaction;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::Type;
use sync_core::pg::{quote_ident, quote_literal};

use crate::copy;
use crate::table::{Column, column_list};
use crate::types::ColumnType;

/// Column of the stage that tells rows apart: the source's row id.
pub const ORDINAL: &str = "_source_rowid";
/// Column that tells from which day's file a row was last written.
pub const SOURCE_FILE: &str = "_source_file";

/// What becomes of a row whose key is there with other values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnDuplicate {
    /// The row in the table stays; the new one is set aside.
    Keep,
    /// The new row overwrites one that came from the same or an older file (a date `YYYY-MM-DD`).
    Update {
        /// Day of the file that the rows come from.
        file: String,
    },
}

/// How rows are matched with a table.
pub struct Merge<'a> {
    /// Quoted destination.
    pub table: &'a str,
    /// Every column that rows carry.
    pub columns: &'a [Column],
    /// Names of the key's columns, all among `columns`.
    pub keys: &'a [String],
    /// An index on the keys exists, so that looking rows up one by one is the fast way.
    pub indexed: bool,
    /// What becomes of known keys with other values.
    pub on_duplicate: OnDuplicate,
}

/// What a merge did with its rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Rows inserted or updated.
    pub n_written: u64,
    /// Rows whose equal was there.
    pub n_duplicates: u64,
    /// Rows that a later row of the same batch, or a newer file, has replaced.
    pub n_superseded: u64,
    /// Ordinals of rows whose key was there with other values (only with [`OnDuplicate::Keep`]).
    pub conflicts: Vec<i64>,
}

/// Merges encoded rows, each led by its ordinal as int8.
///
/// `null_keys` holds, for every combination of NULLs seen in the keys, a mask with bit i set when
/// key i is NULL: each gets a comparison of its own, because an index finds `IS NULL` but not
/// `IS NOT DISTINCT FROM`.
///
/// # Errors
/// The server's refusal of any row; nothing of the batch is then written (use a savepoint).
pub fn rows(
    tx: &mut Transaction<'_>,
    merge: &Merge<'_>,
    rows: &[u8],
    null_keys: &BTreeSet<u32>,
) -> Result<Merged> {
    let n_rows = stage(tx, merge, rows)?;
    if merge.indexed {
        tx.batch_execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")?;
    }
    let merged = match &merge.on_duplicate {
        OnDuplicate::Keep => keep(tx, merge, n_rows, null_keys),
        OnDuplicate::Update { file } => update(tx, merge, n_rows, null_keys, file),
    }?;
    // After a refusal the savepoint brings both back.
    if merge.indexed {
        tx.batch_execute("SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on")?;
    }
    Ok(merged)
}

fn stage(tx: &mut Transaction<'_>, merge: &Merge<'_>, rows: &[u8]) -> Result<u64> {
    let mut columns = vec![format!("{} bigint", quote_ident(ORDINAL))];
    let mut names = vec![ORDINAL.to_owned()];
    for column in merge.columns {
        columns.push(column.stage());
        names.push(column.name.clone());
    }
    tx.batch_execute(&format!(
        "DROP TABLE IF EXISTS pg_temp.sync_stage;
         CREATE TEMP TABLE sync_stage ({}) ON COMMIT DROP",
        columns.join(", ")
    ))?;
    copy::rows(tx, "pg_temp.sync_stage", &names, rows)
}

fn keep(
    tx: &mut Transaction<'_>,
    merge: &Merge<'_>,
    n_rows: u64,
    null_keys: &BTreeSet<u32>,
) -> Result<Merged> {
    let mut merged = Merged::default();
    let n_unknown = count_unknown(tx, merge, null_keys)?;
    if n_unknown > 0 {
        for mask in null_keys {
            merged.n_written += merge.insert_first(tx, "", *mask)?;
        }
    }
    if merged.n_written < n_unknown {
        merged.conflicts = unknown(tx, merge, null_keys)?;
    }
    merged.n_duplicates = n_rows - merged.n_written - merged.conflicts.len() as u64;
    Ok(merged)
}

/// Counts the staged rows that have no equal in the table.
fn count_unknown(tx: &mut Transaction<'_>, merge: &Merge<'_>, null_keys: &BTreeSet<u32>) -> Result<u64> {
    let mut n = 0;
    for mask in null_keys {
        let row = tx.query_typed_one(&unknown_sql(merge, "count(*)", *mask), &[])?;
        n += row.get::<_, i64>(0) as u64;
    }
    Ok(n)
}

/// Ordinals of those rows.
fn unknown(tx: &mut Transaction<'_>, merge: &Merge<'_>, null_keys: &BTreeSet<u32>) -> Result<Vec<i64>> {
    let mut ordinals = Vec::new();
    let ordinal = format!("s.{}", quote_ident(ORDINAL));
    for mask in null_keys {
        // One by one: as a list of rows a page of conflicts would take many times its size.
        let nothing: [(i32, Type); 0] = [];
        let mut rows = tx.query_typed_raw(&unknown_sql(merge, &ordinal, *mask), nothing)?;
        while let Some(row) = rows.next()? {
            ordinals.push(row.get(0));
        }
    }
    Ok(ordinals)
}

fn unknown_sql(merge: &Merge<'_>, wanted: &str, mask: u32) -> String {
    format!(
        "SELECT {wanted} FROM pg_temp.sync_stage s WHERE {pattern}
         AND NOT EXISTS (SELECT 1 FROM {table} d WHERE {same_key} AND {equal})",
        pattern = merge.null_pattern("s", mask),
        table = merge.table,
        same_key = merge.same_key("s", mask),
        equal = merge.equal("s"),
    )
}

fn update(
    tx: &mut Transaction<'_>,
    merge: &Merge<'_>,
    n_rows: u64,
    null_keys: &BTreeSet<u32>,
    file: &str,
) -> Result<Merged> {
    let keys = column_list(merge.keys.iter().map(String::as_str));
    let (table, ordinal) = (merge.table, quote_ident(ORDINAL));
    // Only a key's last row counts: the rows before it are what it corrected.
    let n_superseded = tx.execute_typed(
        &format!(
            "DELETE FROM pg_temp.sync_stage WHERE {ordinal} IN (SELECT {ordinal} FROM
               (SELECT {ordinal}, row_number() OVER (PARTITION BY {keys} ORDER BY {ordinal} DESC) AS n
                FROM pg_temp.sync_stage) x WHERE n > 1)"
        ),
        &[],
    )?;
    let mut merged = Merged { n_superseded, ..Merged::default() };
    let source_file = quote_ident(SOURCE_FILE);
    for mask in null_keys {
        let same_key = merge.same_key("s", *mask);
        let pattern = merge.null_pattern("s", *mask);
        let equal = merge.equal("s");
        let older = format!("(d.{source_file} IS NULL OR d.{source_file} <= {}::date)", quote_literal(file));
        let sql = format!(
            "SELECT count(*) FILTER (WHERE {equal}), count(*) FILTER (WHERE NOT ({equal}) AND NOT {older})
             FROM pg_temp.sync_stage s JOIN {table} d ON {same_key} WHERE {pattern}"
        );
        let row = tx.query_typed_one(&sql, &[])?;
        merged.n_duplicates += row.get::<_, i64>(0) as u64;
        merged.n_superseded += row.get::<_, i64>(1) as u64;
        let assignments = merge.assignments("s", file);
        merged.n_written += tx.execute_typed(
            &format!(
                "UPDATE {table} d SET {assignments} FROM pg_temp.sync_stage s
                 WHERE {pattern} AND {same_key} AND NOT ({equal}) AND {older}"
            ),
            &[],
        )?;
        let extra = format!("{}::date", quote_literal(file));
        merged.n_written += merge.insert_first(tx, &extra, *mask)?;
    }
    debug_assert!(merged.n_written + merged.n_duplicates + merged.n_superseded <= n_rows);
    Ok(merged)
}

impl Merge<'_> {
    /// Inserts the first staged row of every key that the table has not.
    fn insert_first(&self, tx: &mut Transaction<'_>, source_file: &str, mask: u32) -> Result<u64> {
        let mut names = column_list(self.columns.iter().map(|column| column.name.as_str()));
        let mut values: Vec<String> = self.columns.iter().map(|column| column.cast("s")).collect();
        if !source_file.is_empty() {
            names = format!("{names}, {}", quote_ident(SOURCE_FILE));
            values.push(source_file.to_owned());
        }
        let values = values.join(", ");
        let (table, ordinal) = (self.table, quote_ident(ORDINAL));
        let pattern = self.null_pattern("s", mask);
        let sql = if self.indexed && mask == 0 {
            // The index finds a key's first row by itself; only NULLs are beyond older servers.
            format!(
                "INSERT INTO {table} ({names}) SELECT {values} FROM pg_temp.sync_stage s WHERE {pattern}
                 ORDER BY s.{ordinal} ON CONFLICT ({keys}) DO NOTHING",
                keys = column_list(self.keys.iter().map(String::as_str)),
            )
        } else {
            let keys: Vec<String> = self.keys.iter().map(|key| format!("s.{}", quote_ident(key))).collect();
            let keys = keys.join(", ");
            format!(
                "INSERT INTO {table} ({names}) SELECT DISTINCT ON ({keys}) {values} FROM pg_temp.sync_stage s
                 WHERE {pattern} AND NOT EXISTS (SELECT 1 FROM {table} d WHERE {same_key})
                 ORDER BY {keys}, s.{ordinal}",
                same_key = self.same_key("s", mask),
            )
        };
        Ok(tx.execute_typed(&sql, &[] as &[(&(dyn postgres::types::ToSql + Sync), Type)])?)
    }

    fn assignments(&self, stage: &str, file: &str) -> String {
        let mut all: Vec<String> = self
            .values()
            .map(|column| format!("{} = {}", quote_ident(&column.name), column.cast(stage)))
            .collect();
        all.push(format!("{} = {}::date", quote_ident(SOURCE_FILE), quote_literal(file)));
        all.join(", ")
    }

    fn values(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !self.keys.contains(&column.name))
    }

    fn key_columns(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.keys.iter().enumerate().filter_map(|(i, key)| {
            self.columns.iter().find(|column| column.name == *key).map(|column| (i, column))
        })
    }

    fn same_key(&self, stage: &str, mask: u32) -> String {
        let parts: Vec<String> = self
            .key_columns()
            .map(|(i, column)| match mask >> i & 1 {
                0 => format!("d.{} = {}", quote_ident(&column.name), column.cast(stage)),
                _ => format!("d.{} IS NULL", quote_ident(&column.name)),
            })
            .collect();
        parts.join(" AND ")
    }

    fn null_pattern(&self, stage: &str, mask: u32) -> String {
        let parts: Vec<String> = self
            .key_columns()
            .map(|(i, column)| {
                let is = if mask >> i & 1 == 0 { "IS NOT NULL" } else { "IS NULL" };
                format!("{stage}.{} {is}", quote_ident(&column.name))
            })
            .collect();
        parts.join(" AND ")
    }

    fn equal(&self, stage: &str) -> String {
        let parts: Vec<String> = self
            .values()
            .map(|column| {
                let (there, here) = (format!("d.{}", quote_ident(&column.name)), column.cast(stage));
                match column.ty {
                    // Types without an equality of their own are compared as they print.
                    ColumnType::Json | ColumnType::Other(_) => {
                        format!("{there}::text IS NOT DISTINCT FROM ({here})::text")
                    }
                    _ => format!("{there} IS NOT DISTINCT FROM {here}"),
                }
            })
            .collect();
        if parts.is_empty() { "true".to_owned() } else { parts.join(" AND ") }
    }
}
