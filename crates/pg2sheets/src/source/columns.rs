//! What columns a table or a query has, and how their values are asked for.

use anyhow::{Context as _, Result};
use postgres::SimpleQueryMessage;
use postgres::types::Type;
use sync_core::pg::quote_ident;

use super::snapshot::of_table;
use super::{Snapshot, Table};
use crate::cell::Kind;
use crate::settings::SourceSettings;

/// One more letter than a cell takes, so that a cut shows.
const MOST_LETTERS: usize = 50_001;
/// Bytes of a binary value that are shown.
const MOST_BYTES: usize = 32;

/// Domains are what they are made of.
const TYPES: &str = "WITH RECURSIVE chain(nth, oid) AS (
        SELECT nth, oid FROM unnest($1::text::oid[]) WITH ORDINALITY AS types(oid, nth)
        UNION ALL
        SELECT nth, t.typbasetype FROM chain JOIN pg_type t USING (oid) WHERE t.typtype = 'd')
    SELECT CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname::text ELSE '' END, t.typtype::text, t.typcategory::text FROM chain JOIN pg_type t USING (oid)
    WHERE t.typtype <> 'd' ORDER BY nth";

/// A column of a tab.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The expression that gives its value as text.
    pub(crate) sql: String,
}

/// The columns that become columns of the tab, in order.
///
/// # Errors
/// Whatever keeps us from reading the table; a wish for a column that is not there.
pub(crate) fn of(snapshot: &mut Snapshot, table: &Table, settings: &SourceSettings) -> Result<Vec<Column>> {
    let mut names = names(snapshot, table)?;
    if let Some(only) = &table.only {
        if let Some(unknown) = only.iter().find(|name| !names.contains(name)) {
            return Err(of_table(format!("there is no column {unknown}")));
        }
        names.clone_from(only);
    }
    names.retain(|name| !settings.not_columns.covers(&table.name, name));
    let types = types(snapshot, table, &names)?;
    Ok(names.into_iter().zip(types).map(|(name, ty)| column(table.row(), name, &ty)).collect())
}

/// Names of all columns.
fn names(snapshot: &mut Snapshot, table: &Table) -> Result<Vec<String>> {
    if !table.is_query {
        // SELECT * would take the right to every column.
        let sql = "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0
            AND NOT attisdropped ORDER BY attnum";
        let rows =
            snapshot.client.query_typed(sql, &[(&table.relation, Type::TEXT)]).context("read its columns")?;
        return Ok(rows.iter().map(|row| row.get(0)).collect());
    }
    let sql = format!("SELECT * FROM {} LIMIT 0", table.from());
    let answer = snapshot.client.simple_query(&sql).context("read its columns")?;
    let columns = answer.into_iter().find_map(|message| match message {
        SimpleQueryMessage::RowDescription(columns) => Some(columns),
        _ => None,
    });
    let mut names = Vec::new();
    for column in columns.iter().flat_map(|columns| columns.iter()) {
        if names.iter().any(|name| name == column.name()) {
            return Err(of_table(format!("two columns are called {}: name them apart by AS", column.name())));
        }
        names.push(column.name().to_owned());
    }
    Ok(names)
}

/// Name, type and category of each column's type.
fn types(snapshot: &mut Snapshot, table: &Table, names: &[String]) -> Result<Vec<[String; 3]>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let types = names.iter().map(|name| format!("pg_typeof({}.{})::oid", table.row(), quote_ident(name)));
    let types = types.collect::<Vec<_>>().join(", ");
    // A row of nulls has types too, and costs nothing.
    let sql =
        format!("SELECT ARRAY[{types}]::text FROM (SELECT 1) AS one LEFT JOIN {} ON false", table.from());
    let oids: String = snapshot.client.query_typed_one(&sql, &[]).context("read its columns")?.get(0);
    let rows = snapshot.client.query_typed(TYPES, &[(&oids, Type::TEXT)])?;
    Ok(rows.iter().map(|row| [row.get(0), row.get(1), row.get(2)]).collect())
}

fn column(row: &str, name: String, [type_name, type_type, category]: &[String; 3]) -> Column {
    let value = format!("{row}.{}", quote_ident(&name));
    let text = |value: &str| format!("left({value}::text, {MOST_LETTERS})");
    let (kind, sql) = match (type_name.as_str(), type_type.as_str(), category.as_str()) {
        ("bool", ..) => (Kind::Bool, format!("{value}::text")),
        ("int2" | "int4" | "int8" | "numeric" | "float4" | "float8" | "oid", ..) => {
            (Kind::Number, format!("{value}::text"))
        }
        ("date", ..) => (Kind::Date, format!("{value}::text")),
        ("timestamp" | "timestamptz", ..) => (Kind::Timestamp, format!("{value}::text")),
        ("bytea", ..) => {
            let beginning = format!("encode(substring({value} from 1 for {MOST_BYTES}), 'hex')");
            (Kind::Bytes, format!("{beginning} || ':' || octet_length({value})"))
        }
        (_, "c", _) | (_, _, "A") | ("record", ..) => (Kind::Text, text(&format!("to_json({value})"))),
        _ => (Kind::Text, text(&value)),
    };
    Column { name, kind, sql }
}
