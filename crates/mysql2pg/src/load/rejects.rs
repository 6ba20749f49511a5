//! Rows that could not be delivered: described, and kept on the list for as long as that is so.

use std::collections::HashMap;

use anyhow::Result;
use pg_load::merge::ORDINAL;
use pg_load::rejected::{Origin, Rejected};
use postgres::types::Type;
use postgres::{GenericClient, Transaction};
use sync_core::pg::quote_ident;

use super::stage::Stage;
use super::target::Target;

/// Longest text of one value in a description, in characters.
const MAX_VALUE: i32 = 1024;

/// Describes staged rows by their ordinals, each with its reason.
pub(crate) fn describe(
    tx: &mut Transaction<'_>,
    target: &Target,
    stage: &Stage,
    refused: &[(i64, String)],
) -> Result<Vec<Rejected>> {
    let ordinal = quote_ident(ORDINAL);
    let keys: Vec<String> = target.keys.iter().map(|key| format!("s.{}::text", quote_ident(key))).collect();
    let sql = format!(
        "SELECT s.{ordinal}, concat_ws('/', {keys}),
           (SELECT jsonb_object_agg(e.key, left(e.value, {MAX_VALUE}))
            FROM jsonb_each_text(to_jsonb(s) - '{ORDINAL}') e)::text
         FROM {stage} s WHERE s.{ordinal} = ANY($1) ORDER BY s.{ordinal}",
        keys = if keys.is_empty() { format!("s.{ordinal}::text") } else { keys.join(", ") },
        stage = stage.sql,
    );
    let ordinals: Vec<i64> = refused.iter().map(|(ordinal, _)| *ordinal).collect();
    let rows = tx.query_typed(&sql, &[(&ordinals, Type::INT8_ARRAY)])?;
    let described = rows.iter().map(|row| {
        let reason = refused.iter().find(|(ordinal, _)| *ordinal == row.get::<_, i64>(0));
        Rejected {
            key: row.get(1),
            reason: reason.map(|(_, reason)| reason.clone()).unwrap_or_default(),
            row: row.get(2),
        }
    });
    Ok(described.collect())
}

/// Takes rows out of the stage, described.
pub(crate) fn take_out(
    tx: &mut Transaction<'_>,
    target: &Target,
    stage: &Stage,
    refused: &[(i64, String)],
    rejected: &mut Vec<Rejected>,
) -> Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    rejected.extend(describe(tx, target, stage, refused)?);
    let ordinals: Vec<i64> = refused.iter().map(|(ordinal, _)| *ordinal).collect();
    let sql = format!("DELETE FROM {} WHERE {} = ANY($1)", stage.sql, quote_ident(ORDINAL));
    tx.execute_typed(&sql, &[(&ordinals, Type::INT8_ARRAY)])?;
    Ok(())
}

/// Takes rows out of the stage whose key, as the destination has it, an earlier row of the stage has.
pub(crate) fn take_repeated_out(
    tx: &mut Transaction<'_>,
    target: &Target,
    stage: &Stage,
    rejected: &mut Vec<Rejected>,
) -> Result<()> {
    let ordinal = quote_ident(ORDINAL);
    let keys: Vec<String> = target.key_fields().map(|field| field.column.cast("s")).collect();
    let sql = format!(
        "SELECT {ordinal} FROM (SELECT {ordinal}, row_number() OVER (PARTITION BY {keys} ORDER BY {ordinal}) AS nth
           FROM {stage} s) x WHERE nth > 1 ORDER BY {ordinal}",
        keys = keys.join(", "),
        stage = stage.sql,
    );
    let repeated = tx.query_typed(&sql, &[])?;
    let reason = "its key is that of another row";
    let refused: Vec<_> = repeated.iter().map(|row| (row.get(0), reason.to_owned())).collect();
    take_out(tx, target, stage, &refused, rejected)
}

/// Puts rows on the list. Those that share a key are told apart by a number, so that none hides another.
pub(crate) fn set_aside(tx: &mut Transaction<'_>, origin: &Origin<'_>, rows: &mut [Rejected]) -> Result<()> {
    let mut n_of_key: HashMap<String, u32> = HashMap::new();
    for row in rows.iter_mut() {
        let n = n_of_key.entry(row.key.clone()).or_default();
        *n += 1;
        if *n > 1 {
            row.key = format!("{} ({n})", row.key);
        }
    }
    origin.set_aside(tx, rows)
}

/// Takes off the list what was not set aside again by this transaction, which read all of it again; gives the number
/// of rows that remain.
pub(crate) fn settle(tx: &mut Transaction<'_>, origin: &Origin<'_>) -> Result<u64> {
    let table = format!("{}.sync_rejected", quote_ident(origin.schema));
    let belongs = "tool = $1 AND source = $2 AND file = $3 AND table_name = $4";
    let params = [
        (&origin.tool as &(dyn postgres::types::ToSql + Sync), Type::TEXT),
        (&origin.source, Type::TEXT),
        (&origin.file, Type::TEXT),
        (&origin.table, Type::TEXT),
    ];
    let sql = format!("DELETE FROM {table} WHERE {belongs} AND last_rejected_at < now()");
    tx.execute_typed(&sql, &params)?;
    let sql = format!("SELECT count(*) FROM {table} WHERE {belongs}");
    Ok(tx.query_typed_one(&sql, &params)?.get::<_, i64>(0) as u64)
}

/// Values of one column in the descriptions of the rows that are set aside.
pub(crate) fn values_of(
    client: &mut impl GenericClient,
    origin: &Origin<'_>,
    column: &str,
) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT DISTINCT \"row\"->>$5 FROM {}.sync_rejected
         WHERE tool = $1 AND source = $2 AND file = $3 AND table_name = $4 AND \"row\"->>$5 IS NOT NULL",
        quote_ident(origin.schema)
    );
    let rows = client.query_typed(
        &sql,
        &[
            (&origin.tool, Type::TEXT),
            (&origin.source, Type::TEXT),
            (&origin.file, Type::TEXT),
            (&origin.table, Type::TEXT),
            (&column, Type::TEXT),
        ],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
