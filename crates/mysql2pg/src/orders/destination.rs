//! The job's two tables in PostgreSQL.

use anyhow::{Context, Result};
use pg_load::table;
use postgres::Transaction;
use sync_core::fault::Fault;
use sync_core::own_tables;

use super::{DETAILS, JOB};
use crate::load::missing::{self, Policy};
use crate::load::target::{self, NewColumn, Target};

/// Column that says when an order was last written.
pub(crate) const WRITTEN_AT: &str = "date_synchronisation";
/// Key of an order.
pub(crate) const ID: &str = "id_commande";
const DETAIL_KEY: [&str; 5] = [ID, "position", "kennung", "znr", "numero_operation"];

/// Columns of an order that come from the source, in the order in which rows carry them.
pub(crate) const ORDER: [(&str, &str, bool); 10] = [
    (ID, "varchar(32)", true),
    ("numero_commande", "integer", true),
    ("extension", "varchar(5)", false),
    ("statut", "varchar(50)", false),
    ("affaire", "varchar(100)", false),
    ("date_modification", "timestamp", false),
    ("code_accessoire", "varchar(20)", false),
    ("description_accessoire", "text", false),
    ("numero_operation", "varchar(20)", false),
    ("description_operation", "text", false),
];

/// Columns of a detail, in the order in which rows carry them.
const DETAIL: [(&str, &str, bool); 9] = [
    (ID, "varchar(32)", true),
    ("position", "smallint", true),
    ("kennung", "smallint", true),
    ("znr", "smallint", true),
    ("numero_operation", "varchar(20)", true),
    ("numero_commande", "integer", true),
    ("code_accessoire", "varchar(20)", false),
    ("description_accessoire", "text", false),
    ("description_operation", "text", false),
];

/// The tables that orders go to.
pub(crate) struct Destination {
    pub(crate) orders: Target,
    pub(crate) details: Option<Target>,
}

/// Finds the tables, or makes them.
///
/// # Errors
/// A configuration fault when a table that is there lacks a column or the index that tells orders apart.
pub(crate) fn ensure(
    tx: &mut Transaction<'_>,
    schema: &str,
    with_details: bool,
    policy: Policy,
) -> Result<Destination> {
    own_tables::create_schema(tx, schema)?;
    target::lock(tx, schema, JOB)?;
    let written_at = NewColumn { name: WRITTEN_AT.to_owned(), sql: "timestamp".to_owned(), required: false };
    let columns = columns(&ORDER);
    let all = columns.iter().cloned().chain([written_at]).collect::<Vec<_>>();
    let orders = one(tx, schema, JOB, &all, &columns, &[ID], policy)?;
    if orders.table.column(WRITTEN_AT).is_none() {
        return Err(Fault::config(
            format!("table {} has no column {WRITTEN_AT}", orders.table.sql()),
            format!("ALTER TABLE {} ADD COLUMN {WRITTEN_AT} timestamp;", orders.table.sql()),
        ));
    }
    let columns = self::columns(&DETAIL);
    let details = with_details
        .then(|| one(tx, schema, DETAILS, &columns, &columns, &DETAIL_KEY, Policy::Keep))
        .transpose()?;
    Ok(Destination { orders, details })
}

fn columns(columns: &[(&str, &str, bool)]) -> Vec<NewColumn> {
    let column = |(name, sql, required): &(&str, &str, bool)| NewColumn {
        name: (*name).to_owned(),
        sql: (*sql).to_owned(),
        required: *required,
    };
    columns.iter().map(column).collect()
}

fn one(
    tx: &mut Transaction<'_>,
    schema: &str,
    name: &str,
    all: &[NewColumn],
    carried: &[NewColumn],
    keys: &[&str],
    policy: Policy,
) -> Result<Target> {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    if target::create(tx, schema, name, all, &keys)? && name == JOB {
        // Every run touches every row: with room in each page that leaves the index alone.
        tx.batch_execute(&format!("ALTER TABLE {} SET (fillfactor = 50)", table::qualified(schema, name)))?;
    }
    let found = table::inspect(tx, schema, name)?.with_context(|| format!("table {name} vanished"))?;
    missing::prepare(tx, policy, &found)?;
    let target = Target::of(tx, found, carried, &keys)?;
    target.require_unique_key(tx)?;
    Ok(target)
}
