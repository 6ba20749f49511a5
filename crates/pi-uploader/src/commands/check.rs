//! `pi-uploader check`: database, tables, rights, spool and server, and what to do about them; changes nothing.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use indicatif::HumanBytes;
use secrecy::ExposeSecret as _;
use sync_core::exit::Exit;
use sync_core::fault::{self, Fault};
use sync_core::http::{self, CallError};

use super::sync;
use crate::database::{self, Database};
use crate::run::whom_to_ask;
use crate::settings::Settings;
use crate::source::unsent;
use crate::spool;

/// Checks in the order in which a run would need things.
pub(crate) fn run(settings: &Settings) -> Result<Exit> {
    let database = database::look(settings)?;
    let mut worst = vec![report("database", about(&database, settings))?];
    worst.push(report("tracking", rights(settings.state()))?);
    worst.push(report("spool", room(&settings.spool))?);
    let proxy = http::proxy(&settings.backend);
    let reached = |proxy: Option<http::OnTheWay>| reached(settings, proxy.as_ref().map(|p| p.place.as_str()));
    worst.push(report("backend", proxy.and_then(reached))?);
    Ok(worst.into_iter().max_by_key(|exit| exit.code()).unwrap_or(Exit::Done))
}

fn report(what: &str, found: Result<Vec<String>>) -> Result<Exit> {
    let mut out = io::stdout().lock();
    let (lines, exit) = match found {
        Ok(lines) => (lines, Exit::Done),
        Err(error) => (vec![fault::describe(&error)], fault::verdict(&error).exit),
    };
    for line in lines {
        writeln!(out, "{what:<10} {line}")?;
    }
    Ok(exit)
}

fn about(database: &Database, settings: &Settings) -> Result<Vec<String>> {
    let mut lines = vec![settings.db.display().to_string()];
    for table in database.schema.tables() {
        let sql = format!("SELECT count(*) FROM {}", table.rows);
        let n: u32 = database.db.query_row(&sql, [], |row| row.get(0))?;
        let n_unsent = unsent::count(&database.db, table)?;
        let mut line = format!("{}: {n} rows, {n_unsent} to send", table.plain.0);
        if table.sensor.is_none() {
            line += "; no table of sensors: names are sent as null";
        }
        lines.push(line);
    }
    for (name, is_there) in
        [("events", database.schema.events.is_some()), ("media", database.schema.media.is_some())]
    {
        if !is_there {
            lines.push(format!("no table of {name}: none are sent"));
        }
    }
    Ok(lines)
}

/// Whether our tables can be written.
fn rights(path: &Path) -> Result<Vec<String>> {
    if !path.exists() {
        let folder = database::folder(path);
        return match folder.is_dir() {
            true => Ok(vec![format!("{} will be made", path.display())]),
            false => Err(database::no_folder(folder)),
        };
    }
    database::may_write(path).map_err(|error| database::may_not_write(error, path))?;
    Ok(vec![format!("{} can be written", path.display())])
}

fn room(dir: &Path) -> Result<Vec<String>> {
    // It is made when the first video needs it.
    let there = dir.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("/"));
    let free = HumanBytes(spool::free_bytes(there)?);
    Ok(vec![format!("{}, {free} free", dir.display())])
}

/// Asks for a page that changes nothing; any answer of a server that is not a login page will do.
fn reached(settings: &Settings, proxy: Option<&str>) -> Result<Vec<String>> {
    let client = sync::client(settings)?;
    let url = format!("{}/api/evenements", settings.backend);
    let token = settings.authorization();
    let headers: Vec<(&str, &str)> =
        token.iter().map(|token| ("authorization", token.expose_secret())).collect();
    let answer = client.get(&url, &headers, Duration::from_secs(10)).map_err(|error| {
        let (CallError::Unreachable(reason) | CallError::Broken { reason, .. }) = error;
        Fault::temporary(format!("{}: {reason}", settings.server()), whom_to_ask(proxy))
    })?;
    match answer.status().as_u16() {
        401 | 403 => Err(Fault::config(
            format!("{} answers HTTP {}", settings.server(), answer.status()),
            "set BACKEND_TOKEN or BACKEND_TOKEN_FILE to a token that the backend accepts",
        )),
        300..=399 => Err(Fault::temporary(
            format!("{} sends us elsewhere: HTTP {}", settings.server(), answer.status()),
            "a login page on the way, perhaps, or https instead of http in BACKEND_URL",
        )),
        status => Ok(vec![format!("{} answers (HTTP {status} to a GET)", settings.server())]),
    }
}
