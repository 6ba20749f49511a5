//! A file's table against the rows that PostgreSQL has of it.

use anyhow::Result;
use pg_load::merge::{ORDINAL, SOURCE_FILE};
use postgres::Transaction;
use postgres::types::Type;
use sync_core::pg::{quote_ident, quote_literal};
use sync_core::watermark::{self, Watermark};

use crate::append::Work;
use crate::compare::{self, comparable};
use crate::session::Session;
use crate::settings::OnDuplicate;
use crate::source::open::Source;
use crate::target::IDENTITY;
use crate::whole;

/// Rows and their order-independent hash.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) n_rows: i64,
    pub(crate) hash: String,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    pub(crate) file: Side,
    pub(crate) postgres: Side,
    /// Rows of the file that PostgreSQL has not.
    pub(crate) n_missing: u64,
    /// Rows that only PostgreSQL has.
    pub(crate) n_extra: u64,
    /// Rows of the file whose values do not fit their columns.
    pub(crate) n_misfits: u64,
}

/// Stages the table, compares both sides, and takes everything back.
pub(crate) fn table(
    session: &mut Session<'_>,
    source: &mut Source,
    work: &Work<'_>,
    mark: &Watermark,
) -> Result<Verified> {
    let settings = session.settings;
    let mut tx = session.client.transaction()?;
    let staged = whole::stage(&mut tx, &mut source.db, work, session.stop, &|_, _, _| Ok(()))?;
    let values: Vec<usize> = (0..work.target.fields.len()).collect();
    let target = work.target.table.sql();
    let found = if work.target.is_keyed() {
        let same = same_row(work);
        let join = format!("FROM {target} d WHERE EXISTS (SELECT 1 FROM pg_temp.sync_stage s WHERE {same})");
        let file = side(&mut tx, work, &values, "s", "FROM pg_temp.sync_stage s", &[])?;
        let postgres = side(&mut tx, work, &values, "d", &join, &[])?;
        let missing = format!(
            "SELECT count(*) FROM pg_temp.sync_stage s
             WHERE NOT EXISTS (SELECT 1 FROM {target} d WHERE {same}) {not_replaced}",
            not_replaced = not_replaced(settings.on_duplicate, work),
        );
        let n_missing: i64 = tx.query_typed_one(&missing, &[])?.get(0);
        Verified {
            file,
            postgres,
            n_missing: u64::try_from(n_missing)?,
            n_extra: 0,
            n_misfits: staged.n_rejected,
        }
    } else {
        let owners = watermark::generations(&mut tx, &settings.schema, &settings.source_name, &mark.key)?;
        let compared = compare::pairs(&mut tx, work.target, &values, &owners, &[])?;
        let mine = format!("FROM {target} d WHERE d.{} = ANY($1)", quote_ident(IDENTITY[0]));
        Verified {
            file: side(&mut tx, work, &values, "s", "FROM pg_temp.sync_stage s", &[])?,
            postgres: side(&mut tx, work, &values, "d", &mine, &owners)?,
            n_missing: compared.n_left,
            n_extra: compared.n_extra,
            n_misfits: staged.n_rejected,
        }
    };
    tx.rollback()?;
    Ok(found)
}

/// Every column equal, NULLs included.
fn same_row(work: &Work<'_>) -> String {
    let values = work.target.fields.iter().filter(|field| !work.target.keys.contains(&field.column.name));
    let equal = values.map(|field| {
        format!("{} IS NOT DISTINCT FROM {}", comparable(&field.column, "d"), comparable(&field.column, "s"))
    });
    std::iter::once(same_key(work, "d", "s")).chain(equal).collect::<Vec<_>>().join(" AND ")
}

/// The configured keys equal, NULLs included.
fn same_key(work: &Work<'_>, one: &str, other: &str) -> String {
    let keys = work.target.fields.iter().filter(|field| work.target.keys.contains(&field.column.name));
    let equal = keys.map(|field| {
        let (one, other) = (comparable(&field.column, one), comparable(&field.column, other));
        format!("({one} = {other} OR ({one} IS NULL AND {other} IS NULL))")
    });
    equal.collect::<Vec<_>>().join(" AND ")
}

/// Leaves out rows that a later row of the file, or a newer file, has rightly replaced.
fn not_replaced(on_duplicate: OnDuplicate, work: &Work<'_>) -> String {
    if on_duplicate == OnDuplicate::Keep {
        return String::new();
    }
    format!(
        "AND NOT EXISTS (SELECT 1 FROM {table} d WHERE {same_key} AND d.{source_file} > {day}::date)
         AND NOT EXISTS (SELECT 1 FROM pg_temp.sync_stage l WHERE {later_key} AND l.{ordinal} > s.{ordinal})",
        table = work.target.table.sql(),
        same_key = same_key(work, "d", "s"),
        later_key = same_key(work, "l", "s"),
        source_file = quote_ident(SOURCE_FILE),
        day = quote_literal(&work.file.day.to_string()),
        ordinal = quote_ident(ORDINAL),
    )
}

fn side(
    tx: &mut Transaction<'_>,
    work: &Work<'_>,
    values: &[usize],
    alias: &str,
    from: &str,
    owners: &[i32],
) -> Result<Side> {
    let columns: Vec<String> =
        values.iter().map(|i| comparable(&work.target.fields[*i].column, alias)).collect();
    let sql = format!(
        "SELECT count(*), to_hex((coalesce(sum(hashtextextended(ROW({})::text, 0)::numeric), 0)
           % 9223372036854775807)::bigint) {from}",
        columns.join(", ")
    );
    let row = if owners.is_empty() {
        tx.query_typed_one(&sql, &[])?
    } else {
        tx.query_typed_one(&sql, &[(&owners, Type::INT4_ARRAY)])?
    };
    Ok(Side { n_rows: row.get(0), hash: row.get(1) })
}
