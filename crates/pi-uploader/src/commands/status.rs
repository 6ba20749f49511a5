//! `pi-uploader status`: what was sent, failed and waits, and since when.

use std::io::{self, Write};

use anyhow::Result;
use comfy_table::{Table, presets};
use indicatif::HumanBytes;
use jiff::Timestamp;
use rusqlite::Connection;
use sync_core::exit::Exit;
use sync_core::tracking;

use super::sync::LAST_COMPLETE;
use crate::database;
use crate::settings::Settings;
use crate::source::schema;
use crate::source::unsent;
use crate::spool::Spool;

/// Shows where everything stands; writes nothing.
pub(crate) fn run(settings: &Settings) -> Result<Exit> {
    let database = database::look(settings)?;
    let db = &database.db;
    let lang = settings.lang;
    let mut out = io::stdout().lock();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([lang.of("table", "table"), lang.of("état", "status"), lang.of("nombre", "rows")]);
    let mut waiting = Vec::new();
    for source in database.schema.tables() {
        let name = source.kind.table();
        for (status, n) in by_status(db, name)? {
            table.add_row([name, &status, &n.to_string()]);
        }
        table.add_row([name, lang.of("à envoyer", "to send"), &unsent::count(db, source)?.to_string()]);
        waiting.extend(oldest(db, source)?.map(|date| (name, date)));
    }
    writeln!(out, "{table}\n")?;
    for (name, date) in waiting {
        let age = age(&date).map_or(String::new(), |age| format!(" ({age})"));
        writeln!(out, "{}: {name}, {date}{age}", lang.of("plus ancien en attente", "oldest waiting"))?;
    }
    let last: Option<String> =
        db.query_row("SELECT max(sync_date) FROM sync_tracking WHERE sync_status = 'success'", [], |row| {
            row.get(0)
        })?;
    let never = lang.of("jamais", "never");
    writeln!(out, "{}: {}", lang.of("dernier envoi", "last success"), last.as_deref().unwrap_or(never))?;
    let complete = last_complete(db)?.map_or(never.to_owned(), |at| format!("{at:.0}"));
    writeln!(out, "{}: {complete}", lang.of("dernière synchronisation complète", "last complete run"))?;
    writeln!(out, "spool: {}", HumanBytes(Spool::new(settings).n_bytes()))?;
    Ok(Exit::Done)
}

/// When a run last came to its end.
pub(super) fn last_complete(db: &Connection) -> Result<Option<Timestamp>> {
    let seconds = tracking::state(db, LAST_COMPLETE)?.and_then(|text| text.parse().ok());
    Ok(seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()))
}

fn by_status(db: &Connection, table: &str) -> Result<Vec<(String, u64)>> {
    let sql = "SELECT sync_status, count(*) FROM sync_tracking WHERE table_name = ?1 GROUP BY 1 ORDER BY 1";
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map([table], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?.into())))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The date of the first row that the server does not have, as it is stored.
fn oldest(db: &Connection, table: &schema::Table) -> Result<Option<String>> {
    let sql = format!(
        "SELECT min(CAST({} AS TEXT)) FROM {} {} WHERE t.sync_status IS NOT 'success' OR {}",
        table.date,
        table.rows,
        tracking::join(table.kind.table(), &table.id),
        tracking::is_new(&table.fingerprint()),
    );
    Ok(db.query_row(&sql, [], |row| row.get(0))?)
}

/// How long ago a local time is, in the largest unit that fits.
fn age(date: &str) -> Option<String> {
    let date: jiff::civil::DateTime = date.trim().parse().ok()?;
    let seconds =
        jiff::Zoned::now().duration_since(&date.to_zoned(jiff::tz::TimeZone::system()).ok()?).as_secs();
    Some(match seconds {
        ..0 => return None,
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    })
}
