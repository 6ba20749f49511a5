//! `sqlite2pg check`: every connection, right and setting, and what to do about it.

use std::io::{self, Write};

use anyhow::{Context, Result};
use postgres::types::Type;
use postgres::{Client, SimpleQueryMessage};
use sync_core::exit::Exit;
use sync_core::fault;
use sync_core::pg::{self, quote_ident};

use crate::session::TOOL;
use crate::settings::Settings;
use crate::source::files::{self, DayFile};
use crate::source::{open, tables};

/// Checks in the order in which a run would need things; the first failure ends it.
pub(crate) fn run(settings: &Settings) -> Result<Exit> {
    let files = files::list(&settings.db_dir)?;
    say("folder", &format!("{}, {} day files", settings.db_dir.display(), files.len()))?;
    let mut exit = Exit::Done;
    for file in files.iter().rev().take(settings.rescan_days.max(1)) {
        match look(settings, file) {
            Ok(found) => say("file", &format!("{}: {found}", file.name))?,
            Err(err) => {
                say("file", &format!("{}: {err:#}", file.name))?;
                exit = Exit::Partial;
            }
        }
    }
    let mut client =
        pg::connect(&settings.pg, TOOL).with_context(|| format!("connect to {}", settings.pg.display()))?;
    say("server", &format!("{}, {}", settings.pg.display(), server(&mut client)?))?;
    // A run works on one connection and holds its lock on another.
    let _second = pg::connect(&settings.pg, TOOL)
        .context("open a second connection, which a run needs for its lock")?;
    match rights(&mut client, &settings.schema) {
        Ok(()) => say("rights", &format!("may create tables in schema {}", settings.schema))?,
        Err(err) => {
            say("rights", &fault::describe(&err))?;
            exit = Exit::Failed;
        }
    }
    if let Some(path) = &settings.timestamp_file {
        let state = if path.exists() { "is there" } else { "is missing: see `sqlite2pg init`" };
        say("timestamp file", &format!("{} {state}", path.display()))?;
    }
    say("source", &settings.source_name)?;
    Ok(exit)
}

fn say(what: &str, found: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{what:<15} {found}")
}

fn look(settings: &Settings, file: &DayFile) -> Result<String> {
    let source = open::open(&file.path)?;
    let tables = tables::list(&source.db, settings)?;
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let copied = if source.is_private() { " (read through a copy)" } else { "" };
    let left_out = tables::left_out(&source.db, settings)?;
    let left_out =
        if left_out.is_empty() { String::new() } else { format!("; not copied: {}", left_out.join(", ")) };
    Ok(match names.as_slice() {
        [] => format!("no tables yet{copied}{left_out}"),
        names => format!("{}{copied}{left_out}", names.join(", ")),
    })
}

fn server(client: &mut Client) -> Result<String> {
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

/// Tries what a first run does, and takes it back.
fn rights(client: &mut Client, schema: &str) -> Result<()> {
    let exists = client
        .query_typed_opt("SELECT 1 FROM pg_namespace WHERE nspname = $1", &[(&schema, Type::TEXT)])?
        .is_some();
    let mut tx = client.transaction()?;
    let schema = quote_ident(schema);
    if !exists {
        tx.batch_execute(&format!("CREATE SCHEMA {schema}"))
            .with_context(|| format!("create schema {schema}"))?;
    }
    tx.batch_execute(&format!(
        "CREATE TABLE {schema}.sqlite2pg_check (id int); DROP TABLE {schema}.sqlite2pg_check"
    ))
    .with_context(|| format!("create a table in schema {schema}"))?;
    tx.batch_execute("CREATE TEMP TABLE sqlite2pg_check (id int)").context("create a temporary table")?;
    Ok(tx.rollback()?)
}
