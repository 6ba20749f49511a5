//! `sqlite2pg init`: decide once where a new source starts.

use anyhow::{Context, Result};
use pg_load::timestamp;
use pg_load::value::Value;
use postgres::fallible_iterator::FallibleIterator;
use sync_core::exit::Exit;
use sync_core::fault::Fault;
use sync_core::pg::quote_ident;
use sync_core::report::Report;
use sync_core::stop::Stop;

use crate::args::{InitArgs, SyncArgs};
use crate::session::{self, Session, State, TOOL};
use crate::settings::Settings;
use crate::source::files;
use crate::source::plan;
use crate::source::tables::SourceTable;
use crate::{start, sync, target};

/// Writes a watermark with the chosen start for every file and table present.
pub(crate) fn run(settings: &Settings, options: &SyncArgs, args: &InitArgs, stop: &Stop) -> Result<Exit> {
    let lock = sync::take_lock(settings)?;
    let report = Report::new(TOOL, &settings.source_name);
    let mut state = State::default();
    let mut session = session::open(settings, options, stop, &report, &mut state)?;
    if !session.watermarks()?.is_empty() {
        return Err(Fault::config(
            format!("source {:?} has started already", settings.source_name),
            "`sqlite2pg status` shows how far it is; a new name (SQLITE2PG_SOURCE_NAME) starts a new source",
        ));
    }
    let files = files::list(&settings.db_dir)?;
    let at = args.from.as_deref().map(parse).transpose()?;
    let n = start::set_all(&mut session, &files, |session, table| match (at, args.from_destination) {
        (Some(at), _) => Ok(Some(at)),
        (None, true) => newest_in_destination(session, table),
        (None, false) => Ok(None),
    })?;
    let from = match (at, args.from_destination) {
        (Some(at), _) => timestamp::to_iso(at),
        (None, true) => "the newest row of each destination table".to_owned(),
        (None, false) => "the beginning".to_owned(),
    };
    log::info!("{n} tables in {} files start at {from}", files.len());
    for (file, why) in report.failed_sources() {
        log::warn!("{file} will be read from its beginning: {why}");
    }
    lock.release();
    Ok(Exit::Done)
}

fn parse(text: &str) -> Result<i64> {
    timestamp::parse(text.as_bytes()).map(|moment| moment.micros).ok_or_else(|| {
        Fault::config(format!("--from {text:?} is no timestamp"), "write it as 2026-01-25T10:15:00")
    })
}

/// The newest time in the destination, read value by value because it may be stored as text or
/// as a number.
fn newest_in_destination(session: &mut Session<'_>, table: &SourceTable) -> Result<Option<i64>> {
    let Some(target) = target::find(session, table)? else {
        return Ok(None);
    };
    let configured = session.settings.timestamp_column.of(&table.name);
    let Some(index) = plan::timestamp_column(table, configured) else {
        return Ok(None);
    };
    let field = target.fields.iter().find(|field| field.index == index && field.exists);
    let Some(field) = field else { return Ok(None) };
    let sql =
        format!("SELECT DISTINCT {}::text FROM {}", quote_ident(&field.column.name), target.table.sql());
    let mut newest = None;
    let nothing: [(&(dyn postgres::types::ToSql + Sync), postgres::types::Type); 0] = [];
    let mut rows = session
        .client
        .query_typed_raw(&sql, nothing)
        .with_context(|| format!("look for the newest row of {}", target.table.sql()))?;
    while let Some(row) = rows.next()? {
        if let Some(text) = row.get::<_, Option<&str>>(0) {
            newest = newest.max(time_of(text));
        }
    }
    Ok(newest)
}

fn time_of(text: &str) -> Option<i64> {
    timestamp::parse(text.as_bytes())
        .or_else(|| timestamp::from_number(Value::Real(text.parse().ok()?)))
        .map(|moment| moment.micros)
}
