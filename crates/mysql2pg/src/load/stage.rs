//! Temporary tables that hold a run's rows until they are merged.

use anyhow::{Context, Result};
use pg_load::merge::ORDINAL;
use pg_load::types::ColumnType;
use pg_load::{bisect, copy};
use postgres::Transaction;
use sync_core::pg::quote_ident;

use super::fields::{Encoded, Field};

/// A stage: a temporary table of this transaction, whose rows are numbered.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    /// Quoted name.
    pub(crate) sql: String,
    names: Vec<String>,
}

/// A row that the server did not take, by its index in the batch, with the server's words.
pub(crate) type Refused = (usize, String);

impl Stage {
    /// Makes an empty stage for these fields.
    ///
    /// Its columns have no lengths and precisions: what a column refuses shows when rows are merged, where each row
    /// can be told from its neighbours and described.
    pub(crate) fn create(tx: &mut Transaction<'_>, name: &str, fields: &[Field]) -> Result<Stage> {
        let ordinal = format!("{} bigint", quote_ident(ORDINAL));
        let columns = fields.iter().map(|field| {
            let ty = match &field.column.ty {
                ColumnType::Other(_) => "text",
                // Without its length it would be a single bit.
                ColumnType::Bit => field.column.sql.as_str(),
                ty => ty.sql(),
            };
            format!("{} {ty}", quote_ident(&field.column.name))
        });
        let columns: Vec<String> = std::iter::once(ordinal).chain(columns).collect();
        let sql = format!("pg_temp.{}", quote_ident(name));
        tx.batch_execute(&format!(
            "DROP TABLE IF EXISTS {sql}; CREATE TEMP TABLE {} ({}) ON COMMIT DROP",
            quote_ident(name),
            columns.join(", ")
        ))
        .with_context(|| format!("make the stage {name}"))?;
        let names = std::iter::once(ORDINAL.to_owned());
        let names = names.chain(fields.iter().map(|field| field.column.name.clone())).collect();
        Ok(Stage { sql, names })
    }

    /// Adds rows; those that the server does not take are given back.
    pub(crate) fn add(&self, tx: &mut Transaction<'_>, rows: &Encoded) -> Result<Vec<Refused>> {
        copy_rows(tx, &self.sql, &self.names, rows)
    }
}

/// Copies rows into a table; those that the server does not take are given back.
pub(crate) fn copy_rows(
    tx: &mut Transaction<'_>,
    table: &str,
    columns: &[String],
    rows: &Encoded,
) -> Result<Vec<Refused>> {
    let mut refused = Vec::new();
    let mut load = |tx: &mut Transaction<'_>, range: std::ops::Range<usize>| {
        let n_kept = copy::rows(tx, table, columns, rows.rows(range.clone()))?;
        bisect::all_kept(range.len(), n_kept)
    };
    bisect::load(tx, 0..rows.n_rows(), &mut load, &mut |_| {}, &mut refused, &|_| false)
        .with_context(|| format!("copy rows into {table}"))?;
    Ok(refused)
}
