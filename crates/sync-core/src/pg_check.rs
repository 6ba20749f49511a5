//! What a tool's `check` asks of PostgreSQL.

use anyhow::{Context as _, Result};
use postgres::types::Type;
use postgres::{Client, SimpleQueryMessage};

use crate::pg::quote_ident;

/// Server, version, role and encryption of this connection, for people.
pub fn about(client: &mut Client) -> Result<String> {
    let sql = "SELECT 'PostgreSQL ' || current_setting('server_version') || ' as ' || current_user
                 || CASE WHEN ssl THEN ', TLS ' || version ELSE ', no TLS' END
               FROM (SELECT 1) x LEFT JOIN pg_stat_ssl ON pid = pg_backend_pid()";
    for message in client.simple_query(sql)? {
        if let SimpleQueryMessage::Row(row) = message {
            return Ok(row.get(0).unwrap_or_default().to_owned());
        }
    }
    Ok(String::new())
}

/// Tries what a tool's first run does in `schema`, and takes it back; fails as that run would.
pub fn may_create(client: &mut Client, tool: &str, schema: &str) -> Result<()> {
    let exists = client
        .query_typed_opt("SELECT 1 FROM pg_namespace WHERE nspname = $1", &[(&schema, Type::TEXT)])?
        .is_some();
    let mut tx = client.transaction()?;
    let (schema, table) = (quote_ident(schema), quote_ident(&format!("{tool}_check")));
    if !exists {
        tx.batch_execute(&format!("CREATE SCHEMA {schema}"))
            .with_context(|| format!("create schema {schema}"))?;
    }
    tx.batch_execute(&format!("CREATE TABLE {schema}.{table} (id int); DROP TABLE {schema}.{table}"))
        .with_context(|| format!("create a table in schema {schema}"))?;
    tx.batch_execute(&format!("CREATE TEMP TABLE {table} (id int)")).context("create a temporary table")?;
    Ok(tx.rollback()?)
}
