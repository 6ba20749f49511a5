//! A destination table: found as it is, or made.

use anyhow::Result;
use pg_load::table::{self, Table};
use pg_load::{bisect, copy};
use postgres::error::SqlState;
use postgres::types::Type;
use postgres::{GenericClient, Transaction};
use sync_core::fault::Fault;
use sync_core::own_tables;
use sync_core::pg::{quote_ident, quote_literal};

use super::fields::Field;
use crate::TOOL;

/// A column to make: name, type in SQL, whether NULL is refused.
#[derive(Clone, Debug)]
pub(crate) struct NewColumn {
    pub(crate) name: String,
    pub(crate) sql: String,
    pub(crate) required: bool,
}

/// Where rows go, and how they are told apart.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The table as it is now.
    pub(crate) table: Table,
    /// Columns that rows carry, in the rows' order.
    pub(crate) fields: Vec<Field>,
    /// Names of the key's columns; empty where rows have none.
    pub(crate) keys: Vec<String>,
}

impl Target {
    /// The destination with these columns in this order.
    ///
    /// # Errors
    /// A configuration fault for a view, and when the table lacks one of them, with the statement that adds it.
    pub(crate) fn of(
        client: &mut impl GenericClient,
        table: Table,
        columns: &[NewColumn],
        keys: &[String],
    ) -> Result<Target> {
        if table.is_view {
            return Err(Fault::config(
                format!("{} is a view", table.sql()),
                "drop or rename it, or have the rows written elsewhere: POSTGRES_SCHEMA, or a job's destination",
            ));
        }
        let required = required_columns(client, &table)?;
        let fields = columns.iter().map(|wanted| match table.column(&wanted.name) {
            Some(column) if column.generated => Err(Fault::config(
                format!("column {} of {} is computed by PostgreSQL", wanted.name, table.sql()),
                "leave it out of the job's columns",
            )),
            Some(column) => Ok(Field::new(column.clone(), required.contains(&column.name))),
            None => Err(missing_column(&table, wanted)),
        });
        let fields = fields.collect::<Result<Vec<Field>>>()?;
        Ok(Target { table, fields, keys: keys.to_vec() })
    }

    /// Makes sure that the key tells rows apart.
    ///
    /// # Errors
    /// A configuration fault with the statement that adds the index.
    pub(crate) fn require_unique_key(&self, client: &mut impl GenericClient) -> Result<()> {
        let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        let table = self.table.sql();
        if table::has_unique_index(client, &table, &keys)? {
            return Ok(());
        }
        let keys = table::column_list(keys);
        Err(Fault::config(
            format!("table {table} has no unique index on ({keys})"),
            format!("CREATE UNIQUE INDEX ON {table} ({keys});"),
        ))
    }

    /// The fields that are no key.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !self.keys.contains(&field.column.name))
    }

    /// The fields of the key.
    pub(crate) fn key_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| self.keys.contains(&field.column.name))
    }

    /// `d.key = s.key` for every column of the key.
    pub(crate) fn same_key(&self) -> String {
        let same =
            |field: &Field| format!("d.{} = {}", quote_ident(&field.column.name), field.column.cast("s"));
        self.key_fields().map(same).collect::<Vec<_>>().join(" AND ")
    }
}

fn missing_column(table: &Table, wanted: &NewColumn) -> anyhow::Error {
    let table = table.sql();
    Fault::config(
        format!("table {table} has no column {}", wanted.name),
        format!("ALTER TABLE {table} ADD COLUMN {} {};", quote_ident(&wanted.name), wanted.sql),
    )
}

fn required_columns(client: &mut impl GenericClient, table: &Table) -> Result<Vec<String>> {
    let sql = "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND attnotnull";
    let rows = client.query_typed(sql, &[(&table.sql(), Type::TEXT)])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Waits until no other run writes to this table, and keeps them off until the transaction ends: two that merge the same
/// rows at once would refuse each other's.
pub(crate) fn lock(tx: &mut Transaction<'_>, schema: &str, name: &str) -> Result<()> {
    let qualified = quote_literal(&table::qualified(schema, name));
    tx.batch_execute(&format!("SELECT pg_advisory_xact_lock(hashtextextended({qualified}, 0))"))?;
    Ok(())
}

/// Makes sure that a job names a type, and nothing beside it.
///
/// # Errors
/// A configuration fault that names what is none.
pub(crate) fn is_type(tx: &mut Transaction<'_>, ty: &str) -> Result<()> {
    let is_type = copy::guarded(tx, |tx| {
        Ok(tx.query_typed_one("SELECT to_regtype($1) IS NOT NULL", &[(&ty, Type::TEXT)])?.get(0))
    });
    match is_type {
        Ok(true) => Ok(()),
        Err(err) if bisect::code(&err).is_none() => Err(err),
        _ => Err(Fault::config(
            format!("columns: {ty:?} is no type of PostgreSQL"),
            "e.g. text, integer, numeric(10,2), timestamp",
        )),
    }
}

/// Makes the table unless it is there; says whether it did. It comes with the transaction, or not at all.
pub(crate) fn create(
    tx: &mut Transaction<'_>,
    schema: &str,
    name: &str,
    columns: &[NewColumn],
    keys: &[String],
) -> Result<bool> {
    if table::inspect(tx, schema, name)?.is_some() {
        return Ok(false);
    }
    let qualified = table::qualified(schema, name);
    let mut parts: Vec<String> = columns
        .iter()
        .map(|column| {
            let required = if column.required { " NOT NULL" } else { "" };
            format!("{} {}{required}", quote_ident(&column.name), column.sql)
        })
        .collect();
    if !keys.is_empty() {
        parts.push(format!("PRIMARY KEY ({})", table::column_list(keys.iter().map(String::as_str))));
    }
    tx.batch_execute(&format!(
        "CREATE TABLE IF NOT EXISTS {qualified} ({}); COMMENT ON TABLE {qualified} IS {}",
        parts.join(", "),
        quote_literal(&format!("made by {TOOL}")),
    ))
    .map_err(|err| match err.code() {
        // A type of the job's, or a name that PostgreSQL keeps for itself.
        Some(code)
            if [SqlState::UNDEFINED_OBJECT, SqlState::SYNTAX_ERROR, SqlState::DUPLICATE_COLUMN, SqlState::TOO_MANY_COLUMNS]
                .contains(code) =>
        {
            let reason = err.as_db_error().map_or_else(String::new, |err| err.message().to_owned());
            Fault::config(
                format!("create table {qualified}: {reason}"),
                "choose columns, or give them other types or names, in a job's file: columns: [{from: …, to: …, type: …}]",
            )
        }
        Some(code) if [SqlState::WRONG_OBJECT_TYPE, SqlState::DUPLICATE_OBJECT].contains(code) => Fault::config(
            format!("create table {qualified}: something else has that name"),
            "drop or rename it, or have the rows written elsewhere: POSTGRES_SCHEMA, or a job's destination",
        ),
        _ => {
            let error = anyhow::Error::from(err).context(format!("create table {qualified}"));
            own_tables::no_right(error, TOOL, &qualified, schema)
        }
    })?;
    Ok(true)
}
