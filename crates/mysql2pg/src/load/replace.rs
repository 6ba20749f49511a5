//! A table without a key: all of its rows are replaced at once, and only where there is any difference.

use anyhow::Result;
use pg_load::merge::ORDINAL;
use pg_load::table::column_list;
use pg_load::types::ColumnType;
use pg_load::{bisect, copy};
use postgres::Transaction;
use postgres::types::Type;
use sync_core::pg::quote_ident;

use super::merge::Merged;
use super::stage::Stage;
use super::target::Target;

/// Replaces the destination's rows by the staged ones.
pub(crate) fn rows(tx: &mut Transaction<'_>, target: &Target, stage: &Stage) -> Result<Merged> {
    let table = target.table.sql();
    let sql = format!("SELECT count(*), coalesce(max({}), 0) FROM {}", quote_ident(ORDINAL), stage.sql);
    let row = tx.query_typed_one(&sql, &[])?;
    let (n_rows, highest) = (row.get::<_, i64>(0) as u64, row.get::<_, i64>(1));
    if is_same(tx, target, stage)? {
        return Ok(Merged { n_unchanged: n_rows, ..Merged::default() });
    }
    // Not TRUNCATE: readers go on seeing the old rows until the commit.
    tx.batch_execute(&format!("DELETE FROM {table}"))?;
    let mut merged = Merged { n_new: n_rows, ..Merged::default() };
    match copy::guarded(tx, |tx| insert(tx, target, stage, None, n_rows)) {
        Ok(()) => {}
        Err(err) if bisect::is_about_a_row(&err) => insert_in_parts(tx, target, stage, highest, &mut merged)?,
        Err(err) => return Err(err),
    }
    Ok(merged)
}

/// Whether both hold the same rows, each as often.
fn is_same(tx: &mut Transaction<'_>, target: &Target, stage: &Stage) -> Result<bool> {
    let columns = |alias: &str| {
        let columns: Vec<String> = target
            .fields
            .iter()
            .map(|field| {
                let column = &field.column;
                let value =
                    if alias == "s" { column.cast("s") } else { format!("d.{}", quote_ident(&column.name)) };
                match column.ty {
                    ColumnType::Text | ColumnType::Json | ColumnType::Other(_) => {
                        format!("({value})::text COLLATE \"C\"")
                    }
                    _ => value,
                }
            })
            .collect();
        columns.join(", ")
    };
    let staged = format!("SELECT {} FROM {} s", columns("s"), stage.sql);
    let there = format!("SELECT {} FROM {} d", columns("d"), target.table.sql());
    let sql = format!(
        "SELECT NOT EXISTS ({staged} EXCEPT ALL {there}) AND NOT EXISTS ({there} EXCEPT ALL {staged})"
    );
    tx.batch_execute("SET LOCAL work_mem = '64MB'")?;
    // What a column refuses can be no value of it.
    match copy::guarded(tx, |tx| Ok(tx.query_typed_one(&sql, &[])?.get(0))) {
        Err(err) if bisect::is_about_a_row(&err) => Ok(false),
        same => same,
    }
}

fn insert(
    tx: &mut Transaction<'_>,
    target: &Target,
    stage: &Stage,
    part: Option<(i64, i64)>,
    n_given: u64,
) -> Result<()> {
    let ordinal = quote_ident(ORDINAL);
    let names = column_list(target.fields.iter().map(|field| field.column.name.as_str()));
    let values: Vec<String> = target.fields.iter().map(|field| field.column.cast("s")).collect();
    let part = part.map_or(String::new(), |(from, to)| format!("WHERE s.{ordinal} BETWEEN {from} AND {to}"));
    let sql = format!(
        "INSERT INTO {} ({names}) SELECT {} FROM {} s {part} ORDER BY s.{ordinal}",
        target.table.sql(),
        values.join(", "),
        stage.sql
    );
    let n_kept = tx.execute_typed(&sql, &[])?;
    bisect::all_kept(n_given as usize, n_kept)?;
    Ok(())
}

/// Inserts what can be inserted, halving around rows that the destination refuses.
fn insert_in_parts(
    tx: &mut Transaction<'_>,
    target: &Target,
    stage: &Stage,
    highest: i64,
    merged: &mut Merged,
) -> Result<()> {
    let ordinal = quote_ident(ORDINAL);
    tx.batch_execute(&format!("CREATE INDEX ON {} ({ordinal}); ANALYZE {}", stage.sql, stage.sql))?;
    let count = format!("SELECT count(*) FROM {} WHERE {ordinal} BETWEEN $1 AND $2", stage.sql);
    let mut load = |tx: &mut Transaction<'_>, range: std::ops::Range<usize>| {
        let part = (range.start as i64 + 1, range.end as i64);
        let n_given: i64 =
            tx.query_typed_one(&count, &[(&part.0, Type::INT8), (&part.1, Type::INT8)])?.get(0);
        insert(tx, target, stage, Some(part), n_given as u64)
    };
    let mut refused = Vec::new();
    bisect::load(tx, 0..highest as usize, &mut load, &mut |()| {}, &mut refused, &|_| false)?;
    merged.n_new -= refused.len() as u64;
    merged.refused = refused.into_iter().map(|(i, reason)| (i as i64 + 1, reason)).collect();
    Ok(())
}
