//! Destination tables: what they look like, how they are made and how they grow.

use anyhow::{Context, Result};
use postgres::types::Type;
use postgres::{Client, GenericClient, Transaction};
use sync_core::pg::{quote_ident, quote_literal};
use sync_core::watermark::Relation;

use crate::types::{ColumnType, from_catalog};

/// Starts the comment on tables that these tools made: only those may change a column's type.
const OURS: &str = "made by ";

/// A table in PostgreSQL as its catalog describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Schema, unquoted.
    pub schema: String,
    /// Name, unquoted.
    pub name: String,
    /// Which physical table it is.
    pub relation: Relation,
    /// A view, behind which the rows are somewhere else.
    pub is_view: bool,
    /// Made by one of these tools rather than by somebody else.
    pub ours: bool,
    /// Live columns in their order.
    pub columns: Vec<Column>,
    /// Which transaction last changed a column.
    pub columns_version: Option<i64>,
}

/// A column of a [`Table`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name, unquoted.
    pub name: String,
    /// Its type, as binary COPY must know it.
    pub ty: ColumnType,
    /// The type in SQL, with length or precision.
    pub sql: String,
    /// Computed or `GENERATED ALWAYS`: cannot be written to.
    pub generated: bool,
}

impl Column {
    /// A column to be made with this type.
    pub fn new(name: &str, ty: ColumnType) -> Column {
        Column { name: name.to_owned(), sql: ty.sql().to_owned(), ty, generated: false }
    }

    /// `"name" type` for a stage: the same lengths and precisions, so that values are cut and
    /// refused there as they would be in the table itself.
    pub fn stage(&self) -> String {
        let ty = if matches!(self.ty, ColumnType::Other(_)) { "text" } else { &self.sql };
        format!("{} {ty}", quote_ident(&self.name))
    }

    /// The staged column as the table's type; `from` is the stage's alias.
    pub fn cast(&self, from: &str) -> String {
        let column = format!("{from}.{}", quote_ident(&self.name));
        if matches!(self.ty, ColumnType::Other(_)) { format!("{column}::{}", self.sql) } else { column }
    }
}

impl Table {
    /// `"schema"."name"`, ready for SQL.
    pub fn sql(&self) -> String {
        qualified(&self.schema, &self.name)
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// `"schema"."name"` of any two identifiers.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_ident(schema), quote_ident(name))
}

/// `"a", "b"` of a list of column names.
pub fn column_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(quote_ident).collect::<Vec<_>>().join(", ")
}

/// The newest transaction that touched a column of table `c`; every ALTER of one leaves its number.
const COLUMNS_VERSION: &str =
    "(SELECT max(v.xmin::text::bigint) FROM pg_attribute v WHERE v.attrelid = c.oid AND v.attnum > 0)";

/// Reads a table's description from the catalog, `None` when there is no such table.
pub fn inspect(client: &mut impl GenericClient, schema: &str, name: &str) -> Result<Option<Table>> {
    let sql = format!(
        "SELECT c.oid, pg_relation_filenode(c.oid), obj_description(c.oid, 'pg_class'),
           a.attname, t.typname, format_type(a.atttypid, a.atttypmod),
           a.attgenerated <> '' OR a.attidentity = 'a', {COLUMNS_VERSION}, c.relkind = 'v'
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         LEFT JOIN pg_type t ON t.oid = a.atttypid
         WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'f', 'v')
         ORDER BY a.attnum"
    );
    let rows = client
        .query_typed(&sql, &[(&schema, Type::TEXT), (&name, Type::TEXT)])
        .with_context(|| format!("look at table {}", qualified(schema, name)))?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let comment: Option<&str> = first.get(2);
    let mut table = Table {
        schema: schema.to_owned(),
        name: name.to_owned(),
        relation: Relation { oid: first.get(0), filenode: first.get(1) },
        is_view: first.get(8),
        ours: comment.is_some_and(|comment| comment.starts_with(OURS)),
        columns: Vec::new(),
        columns_version: first.get(7),
    };
    for row in &rows {
        if let Some(name) = row.get::<_, Option<&str>>(3) {
            table.columns.push(Column {
                name: name.to_owned(),
                ty: from_catalog(row.get(4), row.get(5)),
                sql: row.get(5),
                generated: row.get(6),
            });
        }
    }
    Ok(Some(table))
}

/// Whether a table and its columns still are what [`inspect`] found.
///
/// Asked after rows were written, when the transaction holds the table's lock: until then somebody
/// may have altered it, and binary COPY writes nonsense into a column of another type.
pub fn is_unchanged(client: &mut impl GenericClient, table: &Table) -> Result<bool> {
    let sql =
        format!("SELECT to_regclass($1)::oid, {COLUMNS_VERSION} FROM (SELECT to_regclass($1) AS oid) c");
    let row = client.query_typed_one(&sql, &[(&table.sql(), Type::TEXT)])?;
    Ok(row.get::<_, Option<u32>>(0) == table.relation.oid
        && row.get::<_, Option<i64>>(1) == table.columns_version)
}

/// Runs `ddl` in a transaction of its own that no other run's DDL on this table crosses.
pub fn alone(
    client: &mut Client,
    table: &str,
    ddl: impl FnOnce(&mut Transaction<'_>) -> Result<()>,
) -> Result<()> {
    let mut tx = client.transaction()?;
    let lock = format!("SELECT pg_advisory_xact_lock(hashtextextended({}, 0))", quote_literal(table));
    tx.batch_execute(&lock)?;
    ddl(&mut tx).with_context(|| format!("change table {table}"))?;
    Ok(tx.commit()?)
}

/// Creates a table with these columns and marks it as made by `tool`.
pub fn create(
    tx: &mut Transaction<'_>,
    tool: &str,
    schema: &str,
    name: &str,
    columns: &[(&str, &ColumnType)],
) -> Result<()> {
    let columns: Vec<String> =
        columns.iter().map(|(name, ty)| format!("{} {}", quote_ident(name), ty.sql())).collect();
    let table = qualified(schema, name);
    tx.batch_execute(&format!(
        "CREATE TABLE IF NOT EXISTS {table} ({}); COMMENT ON TABLE {table} IS {}",
        columns.join(", "),
        quote_literal(&format!("{OURS}{tool}")),
    ))?;
    Ok(())
}

/// Adds a column unless it is there.
pub fn add_column(tx: &mut Transaction<'_>, table: &str, name: &str, ty: &ColumnType) -> Result<()> {
    let column = quote_ident(name);
    tx.batch_execute(&format!("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} {}", ty.sql()))?;
    Ok(())
}

/// Turns an integer column into `numeric`, which holds every value it had and every real.
/// The rewrite gives the table a new filenode; the watermarks in `schema` follow it.
pub fn widen_to_numeric(client: &mut Client, table: &Table, column: &str, schema: &str) -> Result<()> {
    let sql = table.sql();
    alone(client, &sql, |tx| {
        tx.batch_execute(&format!("LOCK TABLE {sql} IN ACCESS EXCLUSIVE MODE"))?;
        let Some(before) = inspect(tx, &table.schema, &table.name)? else {
            return Ok(());
        };
        if before.column(column).is_none_or(|column| column.ty == ColumnType::Numeric) {
            return Ok(());
        }
        tx.batch_execute(&format!("ALTER TABLE {sql} ALTER COLUMN {} TYPE numeric", quote_ident(column)))?;
        tx.execute_typed(
            &format!(
                "UPDATE {}.sync_watermark SET destination_filenode = pg_relation_filenode($1)
                 WHERE destination_oid = $1 AND destination_filenode IS NOT DISTINCT FROM $2",
                quote_ident(schema)
            ),
            &[(&before.relation.oid, Type::OID), (&before.relation.filenode, Type::OID)],
        )?;
        Ok(())
    })
}

/// Whether a valid unique index on exactly these columns, in any order, stands ready.
pub fn has_unique_index(client: &mut impl GenericClient, table: &str, columns: &[&str]) -> Result<bool> {
    let sql = "SELECT 1 FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisunique
           AND i.indisvalid AND i.indisready AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
           AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text)
                FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, ord)
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                WHERE k.ord <= i.indnkeyatts)
             = (SELECT array_agg(c ORDER BY c) FROM unnest($2::text[]) c)
         LIMIT 1";
    let found = client.query_typed_opt(sql, &[(&table, Type::TEXT), (&columns, Type::TEXT_ARRAY)])?;
    Ok(found.is_some())
}

/// Builds that index unless it is there; one that a killed run left unusable is dropped first.
pub fn ensure_unique_index(
    client: &mut Client,
    table: &str,
    columns: &[&str],
    nulls_equal: bool,
) -> Result<()> {
    if has_unique_index(client, table, columns)? {
        return Ok(());
    }
    alone(client, table, |tx| {
        if has_unique_index(tx, table, columns)? {
            return Ok(());
        }
        let version: String = tx.query_typed_one("SHOW server_version_num", &[])?.get(0);
        // Before PostgreSQL 15 NULLs in a key are kept apart by the merge alone.
        let nulls =
            if nulls_equal && version.parse().unwrap_or(0) >= 150_000 { "NULLS NOT DISTINCT" } else { "" };
        tx.batch_execute(&format!(
            "CREATE UNIQUE INDEX ON {table} ({}) {nulls}",
            column_list(columns.iter().copied())
        ))?;
        Ok(())
    })
}
