//! `mysql2pg check`: both connections, rights, tables and settings, and what to do about them.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};
use mysql::Conn;
use mysql::prelude::Queryable;
use postgres::Client;
use sync_core::exit::Exit;
use sync_core::{fault, pg, pg_check};

use crate::TOOL;
use crate::load::missing::Policy;
use crate::orders::destination;
use crate::orders::schema::Schema;
use crate::server::{self, Server, quote_ident};
use crate::settings::Settings;
use crate::table::{job, plan};

/// Checks in the order in which a run would need things; a server that cannot be reached ends it.
pub(crate) fn run(settings: &Settings, job: Option<&Path>) -> Result<Exit> {
    let mut conn = server::connect(&settings.mysql)?;
    let server = Server::of(&mut conn)?;
    let encrypted = server.cipher.as_ref().map_or("no TLS".to_owned(), |cipher| format!("TLS {cipher}"));
    say(
        "source",
        &format!(
            "{}, {} as {}, {encrypted}",
            settings.mysql.display(),
            server.display(),
            settings.mysql.user
        ),
    )?;
    let source = match job {
        None => orders(&mut conn),
        Some(path) => other(&mut conn, path, settings),
    };
    let mut worst = vec![report("tables", source)?];
    let mut client =
        pg::connect(&settings.pg, TOOL).with_context(|| format!("connect to {}", settings.pg.display()))?;
    say("destination", &format!("{}, {}", settings.pg.display(), pg_check::about(&mut client)?))?;
    // A run works on one connection and holds its lock on another.
    let second =
        pg::connect(&settings.pg, TOOL).context("open a second connection, which a run needs for its lock");
    worst.push(report("connections", second.map(|_| vec!["two, as a run needs them".to_owned()]))?);
    if job.is_none() {
        worst.push(report("tables there", destination(&mut client, &settings.schema))?);
    }
    let rights = pg_check::may_create(&mut client, TOOL, &settings.schema);
    let rights = rights.map(|()| vec![format!("may create tables in schema {}", settings.schema)]);
    worst.push(report("rights", rights)?);
    Ok(worst.into_iter().max_by_key(|exit| exit.code()).unwrap_or(Exit::Done))
}

fn say(what: &str, found: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{what:<12} {found}")
}

/// Says each finding, or what is wrong.
fn report(what: &str, found: Result<Vec<String>>) -> Result<Exit> {
    match found {
        Ok(lines) => {
            lines.iter().try_for_each(|line| say(what, line))?;
            Ok(Exit::Done)
        }
        Err(err) => {
            say(what, &fault::describe(&err))?;
            Ok(fault::verdict(&err).exit)
        }
    }
}

/// The built-in job's four tables.
fn orders(conn: &mut Conn) -> Result<Vec<String>> {
    let schema = Schema::find(conn)?;
    let mut lines = Vec::new();
    for table in schema.tables() {
        may_read(conn, &table.info.name)?;
        let mut line =
            format!("{}: {}, about {} rows", table.info.name, table.info.engine, table.info.n_rows);
        if !table.info.is_transactional() {
            line += "; no snapshot: read in spans of orders";
        }
        if table.index.is_none() {
            let way =
                if table.has_own_key { "each run reads all of it once" } else { "each page reads all of it" };
            let why = table.collation_hint().unwrap_or_else(|| "no index begins with its order".to_owned());
            line += &format!("; {why}; {way}");
        }
        lines.push(line);
    }
    Ok(lines)
}

/// The built-in job's tables, found or made as a run would, and then taken back.
fn destination(client: &mut Client, schema: &str) -> Result<Vec<String>> {
    let mut tx = client.transaction()?;
    let found = destination::ensure(&mut tx, schema, true, Policy::Keep)?;
    let tables = [Some(&found.orders), found.details.as_ref()].into_iter().flatten();
    let lines = tables.map(|target| format!("{} is or can be made", target.table.sql())).collect();
    tx.rollback()?;
    Ok(lines)
}

/// A job's source and what becomes of it.
fn other(conn: &mut Conn, path: &Path, settings: &Settings) -> Result<Vec<String>> {
    let job = job::read(path)?;
    let plan = plan::make(conn, &job, &settings.schema, false)?;
    let columns: Vec<String> =
        plan.columns.iter().map(|column| format!("{} {}", column.name, column.sql)).collect();
    let mut lines = match &plan.info {
        Some(info) => {
            may_read(conn, &info.name)?;
            vec![format!("{}: {}, about {} rows", info.name, info.engine, info.n_rows)]
        }
        None => Vec::new(),
    };
    let key = if plan.keys.is_empty() { "no key: replaced whole".into() } else { plan.keys.join(", ") };
    lines.push(format!("{}.{} ({}), key {key}", plan.schema, plan.table, columns.join(", ")));
    Ok(lines)
}

/// Being listed in the catalogue takes any right; being read takes SELECT.
fn may_read(conn: &mut Conn, table: &str) -> Result<()> {
    conn.query_drop(format!("SELECT * FROM {} LIMIT 0", quote_ident(table)))
        .map_err(server::explain)
        .with_context(|| format!("read table {table}"))
}
