//! Pairing staged rows with the destination's: `EXCEPT ALL` that remembers who met whom.

use anyhow::Result;
use pg_load::merge::ORDINAL;
use pg_load::table::{Column, Table, column_list};
use pg_load::types::ColumnType;
use postgres::types::Type;
use postgres::{GenericClient, Transaction};
use sync_core::pg::quote_ident;

use crate::load::cast_fields;
use crate::target::{IDENTITY, Target};

/// How the staged rows compare with the destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Staged rows that have their equal.
    pub(crate) n_matched: u64,
    /// Staged rows that the destination has not.
    pub(crate) n_left: u64,
    /// Matched rows of the destination that no watermark owned so far.
    pub(crate) n_unowned: u64,
    /// Rows that only the destination has.
    pub(crate) n_extra: u64,
}

/// Pairs every staged row with an equal row that belongs to one of `owners` or to nobody, and
/// leaves the result in `pg_temp.sync_pairs(ord, ref, owned)`, `ref` NULL for rows left over.
///
/// Rows that belong to nobody are those of an adopted table, and those whose watermarks were
/// lost. `by` are the fields that are compared; with none, every row is left over.
pub(crate) fn pairs(
    tx: &mut Transaction<'_>,
    target: &Target,
    by: &[usize],
    owners: &[i32],
    unowned: &[i32],
) -> Result<Compared> {
    let destination = target.table.sql();
    let (id, ordinal) = (quote_ident(IDENTITY[0]), quote_ident(ORDINAL));
    tx.batch_execute(
        "SET LOCAL work_mem = '64MB'; DROP TABLE IF EXISTS pg_temp.sync_pairs; ANALYZE pg_temp.sync_stage",
    )?;
    if by.is_empty() {
        tx.batch_execute(&format!(
            "CREATE TEMP TABLE sync_pairs ON COMMIT DROP AS
             SELECT {ordinal} AS ord, NULL::tid AS ref, NULL::boolean AS owned FROM pg_temp.sync_stage"
        ))?;
    } else {
        let columns = |from: &str| -> String {
            let all: Vec<String> = by
                .iter()
                .enumerate()
                .map(|(n, i)| format!("{} AS c{n}", comparable(&target.fields[*i].column, from)))
                .collect();
            all.join(", ")
        };
        let ranked: Vec<String> = (0..by.len()).map(|n| format!("c{n}")).collect();
        tx.batch_execute(&format!(
            "CREATE TEMP TABLE sync_pairs ON COMMIT DROP AS
             WITH ranked AS MATERIALIZED (
               SELECT ord, ref, owned, dense_rank() OVER (ORDER BY {ranked}) AS g FROM (
                 SELECT s.{ordinal} AS ord, NULL::tid AS ref, NULL::boolean AS owned, {staged}
                 FROM pg_temp.sync_stage s
                 UNION ALL
                 SELECT NULL, d.ctid, d.{id} = ANY(ARRAY[{owners}]::int[]), {there}
                 FROM {destination} d
                 WHERE d.{id} = ANY(ARRAY[{owners}]::int[]) OR d.{id} = ANY(ARRAY[{unowned}]::int[]) OR d.{id} IS NULL
               ) u)
             SELECT s.ord, d.ref, d.owned FROM
               (SELECT ord, g, row_number() OVER (PARTITION BY g ORDER BY ord) AS n
                FROM ranked WHERE ord IS NOT NULL) s
             FULL JOIN
               (SELECT ref, owned, g, row_number() OVER (PARTITION BY g ORDER BY owned DESC NULLS LAST, ref) AS n
                FROM ranked WHERE ref IS NOT NULL) d USING (g, n)",
            ranked = ranked.join(", "),
            staged = columns("s"),
            there = columns("d"),
            owners = list(owners),
            unowned = list(unowned),
        ))?;
    }
    let row = tx.query_typed_one(
        "SELECT count(*) FILTER (WHERE ord IS NOT NULL AND ref IS NOT NULL),
                count(*) FILTER (WHERE ref IS NULL),
                count(*) FILTER (WHERE ord IS NOT NULL AND ref IS NOT NULL AND owned IS NOT TRUE),
                count(*) FILTER (WHERE ord IS NULL AND owned)
         FROM pg_temp.sync_pairs",
        &[],
    )?;
    let n = |i| u64::try_from(row.get::<_, i64>(i)).unwrap_or_default();
    Ok(Compared { n_matched: n(0), n_left: n(1), n_unowned: n(2), n_extra: n(3) })
}

/// Ids that rows of the destination carry although no watermark has them: the watermarks were
/// lost. Steps from id to id along the index.
pub(crate) fn unowned_ids(
    client: &mut impl GenericClient,
    target: &Target,
    schema: &str,
) -> Result<Vec<i32>> {
    let (table, id) = (target.table.sql(), quote_ident(IDENTITY[0]));
    let sql = format!(
        "WITH RECURSIVE ids(id) AS (
           (SELECT {id} FROM {table} WHERE {id} IS NOT NULL ORDER BY {id} LIMIT 1)
           UNION ALL
           SELECT (SELECT {id} FROM {table} WHERE {id} > ids.id ORDER BY {id} LIMIT 1)
           FROM ids WHERE ids.id IS NOT NULL)
         SELECT id FROM ids WHERE id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM {}.sync_watermark w WHERE w.id = ids.id)",
        quote_ident(schema)
    );
    Ok(client.query_typed(&sql, &[])?.iter().map(|row| row.get(0)).collect())
}

/// Whether the destination has rows that no watermark owns, which a first read must recognise.
pub(crate) fn has_unowned(client: &mut impl GenericClient, target: &Target, schema: &str) -> Result<bool> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM {} WHERE {} IS NULL)",
        target.table.sql(),
        quote_ident(IDENTITY[0])
    );
    let nameless: bool = client.query_typed_one(&sql, &[])?.get(0);
    Ok(nameless || !unowned_ids(client, target, schema)?.is_empty())
}

/// Whether the destination holds any row of these watermarks.
pub(crate) fn has_rows_of(client: &mut impl GenericClient, target: &Target, owners: &[i32]) -> Result<bool> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM {} WHERE {} = ANY($1))",
        target.table.sql(),
        quote_ident(IDENTITY[0])
    );
    Ok(client.query_typed_one(&sql, &[(&owners, Type::INT4_ARRAY)])?.get(0))
}

/// Gives matched rows the columns that came later, and those that nobody owned their identity.
pub(crate) fn complete(
    tx: &mut Transaction<'_>,
    target: &Target,
    added: &[usize],
    id: i32,
    compared: &Compared,
) -> Result<()> {
    if added.is_empty() && compared.n_unowned == 0 {
        return Ok(());
    }
    let [source_id, source_rowid] = IDENTITY.map(quote_ident);
    let mut sets = vec![
        format!("{source_id} = CASE WHEN p.owned THEN d.{source_id} ELSE $1 END"),
        format!("{source_rowid} = CASE WHEN p.owned THEN d.{source_rowid} ELSE p.ord END"),
    ];
    let mut differs = vec!["p.owned IS NOT TRUE".to_owned()];
    for field in added {
        let column = &target.fields[*field].column;
        let name = quote_ident(&column.name);
        sets.push(format!("{name} = {}", column.cast("s")));
        differs.push(format!("{} IS DISTINCT FROM {}", comparable(column, "d"), comparable(column, "s")));
    }
    let sql = format!(
        "UPDATE {} d SET {} FROM pg_temp.sync_pairs p JOIN pg_temp.sync_stage s ON s.{} = p.ord
         WHERE d.ctid = p.ref AND ({})",
        target.table.sql(),
        sets.join(", "),
        quote_ident(ORDINAL),
        differs.join(" OR "),
    );
    tx.execute_typed(&sql, &[(&id, Type::INT4)])?;
    Ok(())
}

/// Numbers the rows left over from 1 in `pg_temp.sync_left(ord, n)`, so that they can be inserted
/// in parts of any size without holding a list of them.
pub(crate) fn number_left(tx: &mut Transaction<'_>) -> Result<()> {
    tx.batch_execute(
        "DROP TABLE IF EXISTS pg_temp.sync_left;
         CREATE TEMP TABLE sync_left ON COMMIT DROP AS
         SELECT ord, row_number() OVER (ORDER BY ord) AS n FROM pg_temp.sync_pairs WHERE ref IS NULL;
         ANALYZE pg_temp.sync_left",
    )?;
    Ok(())
}

/// Ordinal of the n-th row left over.
pub(crate) fn ordinal_of(tx: &mut Transaction<'_>, n: i64) -> Result<i64> {
    let sql = "SELECT ord FROM pg_temp.sync_left WHERE n = $1";
    Ok(tx.query_typed_one(sql, &[(&n, Type::INT8)])?.get(0))
}

/// Inserts the rows left over from number `$2` (excluded) to `$3`, as rows of watermark `$1`.
pub(crate) fn insert_sql(target: &Target) -> String {
    let names =
        column_list(IDENTITY.into_iter().chain(target.fields.iter().map(|field| field.column.name.as_str())));
    format!(
        "INSERT INTO {} ({names}) SELECT $1::int, l.ord, {} FROM pg_temp.sync_left l
         JOIN pg_temp.sync_stage s ON s.{} = l.ord
         WHERE l.n > $2::bigint AND l.n <= $3::bigint ORDER BY l.ord",
        target.table.sql(),
        cast_fields(target),
        quote_ident(ORDINAL),
    )
}

fn list(ids: &[i32]) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

/// A column in a form that sorts the same everywhere and has an equality.
pub(crate) fn comparable(column: &Column, from: &str) -> String {
    let name = format!("{from}.{}", quote_ident(&column.name));
    match &column.ty {
        ColumnType::Other(_) if from != "d" => {
            format!("({})::text COLLATE \"C\"", column.cast(from))
        }
        ColumnType::Text | ColumnType::Json | ColumnType::Other(_) => {
            format!("{name}::text COLLATE \"C\"")
        }
        _ => name,
    }
}

/// The highest id that any row of the destination carries, 0 for none.
pub(crate) fn highest_id(client: &mut impl GenericClient, table: &Table) -> Result<i32> {
    let sql = format!("SELECT coalesce(max({}), 0)::int FROM {}", quote_ident(IDENTITY[0]), table.sql());
    Ok(client.query_typed_one(&sql, &[])?.get(0))
}
