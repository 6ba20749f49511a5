//! The tables that the tools keep beside the data: watermarks, rejected rows, run history.

use anyhow::{Context as _, Result};
use postgres::error::SqlState;
use postgres::types::Type;
use postgres::{Client, Transaction};

use crate::pg::quote_ident;

/// The name of the advisory lock under which these tables are made: one for all tools, since they share some tables.
const LOCK: &str = "sync_watermark";

/// Whether all tables of these names are in `schema`.
pub fn exist(client: &mut Client, schema: &str, names: &[&str]) -> Result<bool> {
    Ok(missing(client, schema, names)?.is_empty())
}

/// Creates the schema, and those of `tables` (each a name and the statements that create it) that are missing.
///
/// Asks for no right when everything is there; a right that is lacking is named for the role that `tool` uses.
pub fn create_missing(
    client: &mut Client,
    tool: &str,
    schema: &str,
    tables: &[(&str, String)],
) -> Result<()> {
    let names: Vec<&str> = tables.iter().map(|(name, _)| *name).collect();
    let missing = missing(client, schema, &names)?;
    let Some(first) = missing.first() else {
        return Ok(());
    };
    let ddl = tables.iter().filter(|(name, _)| missing.iter().any(|missing| missing == name));
    let ddl: Vec<&str> = ddl.map(|(_, ddl)| ddl.as_str()).collect();
    create(client, schema, &ddl.join(";\n"))
        .map_err(|err| no_right(err, tool, first, schema))
        .with_context(|| format!("create {} in schema {schema}", listed(&missing)))
}

/// Names the grant, where it is a right to make or change `table` that is missing; other errors pass unchanged.
pub fn no_right(err: anyhow::Error, tool: &str, table: &str, schema: &str) -> anyhow::Error {
    let is_right = |err: &postgres::Error| err.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE);
    if err.chain().any(|cause| cause.downcast_ref::<postgres::Error>().is_some_and(is_right)) {
        let grant = format!(
            "GRANT USAGE, CREATE ON SCHEMA {} TO the role that {tool} uses, or make that role the owner of the table",
            quote_ident(schema)
        );
        return err.context(format!("no right to make or change table {table}: {grant}"));
    }
    err
}

fn missing(client: &mut Client, schema: &str, names: &[&str]) -> Result<Vec<String>> {
    let rows = client.query_typed(
        "SELECT name FROM unnest($2::text[]) WITH ORDINALITY AS n(name, i)
         WHERE NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
           WHERE s.nspname = $1 AND c.relname = name) ORDER BY i",
        &[(&schema, Type::TEXT), (&names, Type::TEXT_ARRAY)],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn create(client: &mut Client, schema: &str, ddl: &str) -> Result<()> {
    let mut tx = client.transaction()?;
    // Two runs that create the same table at once fail in spite of IF NOT EXISTS.
    tx.batch_execute(&format!("SELECT pg_advisory_xact_lock(hashtextextended('{LOCK}', 0))"))?;
    create_schema(&mut tx, schema)?;
    tx.batch_execute(ddl)?;
    Ok(tx.commit()?)
}

/// Creates the schema when it is missing.
///
/// CREATE SCHEMA IF NOT EXISTS asks for a right even when the schema is there; this does not.
pub fn create_schema(tx: &mut Transaction<'_>, schema: &str) -> Result<()> {
    let sql = "SELECT FROM pg_namespace WHERE nspname = $1";
    if tx.query_typed_opt(sql, &[(&schema, Type::TEXT)])?.is_none() {
        tx.batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {}", quote_ident(schema)))
            .with_context(|| format!("create schema {schema}"))?;
    }
    Ok(())
}

fn listed(names: &[String]) -> String {
    match names {
        [one] => format!("the table {one}"),
        [but_last @ .., last] => format!("the tables {} and {last}", but_last.join(", ")),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_as_a_sentence() {
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(listed(&names), "the tables a, b and c");
        assert_eq!(listed(&names[..1]), "the table a");
    }

    #[test]
    fn other_errors_pass_unchanged() {
        assert_eq!(no_right(anyhow::anyhow!("x"), "tool", "t", "s").to_string(), "x");
    }
}
