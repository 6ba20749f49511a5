//! One table of one file: decide how it must be read, and read it.

use anyhow::{Context, Result};
use pg_load::table;
use serde_json::json;
use sync_core::watermark::{self, Key, Moved, Position, Watermark};

use crate::append::{self, Next, Work};
use crate::session::Session;
use crate::settings::OnDuplicate;
use crate::source::SourceFault;
use crate::source::files::DayFile;
use crate::source::open::{self, Source};
use crate::source::place::{self, Look, Place};
use crate::source::plan;
use crate::source::rows::Encoding;
use crate::source::tables::SourceTable;
use crate::target::{self, Target};
use crate::verify::{self, Verified};
use crate::{compare, retry, whole};

/// Looking at a table again this often means that somebody keeps changing it.
const MAX_ROUNDS: usize = 50;

/// A destination that somebody alters while rows are written is looked at again this often.
const MAX_ALTERED: usize = 3;

/// Why a file is looked into, as far as its tables must know.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reason {
    /// The file was written to since it was last read to its end.
    pub(crate) changed: bool,
    /// It is one of the newest files, where corrections are expected.
    pub(crate) recent: bool,
    /// Read its tables whole whatever their cursors say.
    pub(crate) whole: bool,
    /// Try its rejected rows again.
    pub(crate) retry: bool,
}

impl Reason {
    /// How closely rows below a cursor are looked at: ids can only have moved in a changed file.
    pub(crate) fn look(self) -> Look {
        if self.changed { Look::EveryId } else { Look::Count }
    }
}

/// How a table must be read.
enum Way {
    Nothing,
    Append,
    Restart,
    Whole,
}

/// Brings a table up to date.
pub(crate) fn sync(
    session: &mut Session<'_>,
    source: &mut Source,
    file: &DayFile,
    table: &SourceTable,
    reason: Reason,
) -> Result<Next> {
    if table.rowid.is_none() && !source.is_private() {
        // Without row ids a table is read in one go, which only a copy may take its time for.
        *source = open::copied(&file.path)?;
    }
    let mut must_be_whole = reason.whole;
    let mut may_restart = true;
    let mut n_altered = 0;
    for _ in 0..MAX_ROUNDS {
        let target = target::ensure(session, table)?;
        let key = target::key_of(session, file, &table.name);
        let mut mark = watermark_of(session, &key, &target)?;
        let work = work(session, file, table, &target, &mark)?;
        let reshaped_destination = destination_shape(&mark) != destination_shape_of(&work.columns);
        let again = table.rowid.is_none() && (reason.retry || reshaped_destination);
        let way = way(session, source, &work, &mark, reason, must_be_whole || again, may_restart)?;
        let done = match way {
            Way::Nothing => return Ok(Next::Done),
            Way::Append => append::drain(session, source, &work, &mut mark),
            Way::Whole => whole::read(session, source, &work, &mut mark),
            Way::Restart => {
                may_restart = false;
                must_be_whole = false;
                restart(session, &work, &mark)?;
                continue;
            }
        };
        let mut next = match done {
            Err(err) if n_altered < MAX_ALTERED && is_altered(&err) => {
                log::warn!("{} was altered meanwhile: {err:#}", target.table.sql());
                n_altered += 1;
                session.recover(&err)?;
                Next::Again
            }
            other => other?,
        };
        let tries_again = reason.changed || reason.retry || reshaped_destination;
        if next == Next::Done && matches!(way, Way::Append) && tries_again {
            next = retry::rejected(session, source, &work, &mark)?;
        }
        match next {
            Next::Done => return Ok(Next::Done),
            Next::Stopped => return Ok(Next::Stopped),
            Next::Again => forget(session, &target),
            Next::Whole => must_be_whole = true,
            Next::Widen(column) => widen(session, &target, &column)?,
        }
        if session.stop.asked() {
            return Ok(Next::Stopped);
        }
    }
    Err(SourceFault(format!("table {} kept changing while it was read", table.name)).into())
}

/// Whether the server no longer knows the table, column or type as it was when we looked.
fn is_altered(err: &anyhow::Error) -> bool {
    const UNDEFINED: [&str; 4] = ["42P01", "42703", "42804", "3F000"];
    pg_load::bisect::code(err).is_some_and(|code| UNDEFINED.contains(&code))
}

fn forget(session: &mut Session<'_>, target: &Target) {
    session.tables.remove(&target.table.sql());
}

fn widen(session: &mut Session<'_>, target: &Target, column: &str) -> Result<()> {
    table::widen_to_numeric(&mut session.client, &target.table, column, &session.settings.schema)?;
    forget(session, target);
    Ok(())
}

/// The table's watermark, made when this is its first time.
fn watermark_of(session: &mut Session<'_>, key: &Key, target: &Target) -> Result<Watermark> {
    if let Some(mark) = session.watermark(key)? {
        return Ok(mark);
    }
    let taken = if target.is_keyed() || session.state.unindexed.contains(&key.destination) {
        0
    } else {
        compare::highest_id(&mut session.client, &target.table)?
    };
    let settings = session.settings;
    let mut tx = session.client.transaction()?;
    watermark::insert(&mut tx, &settings.schema, &settings.source_name, key, None, taken)?;
    tx.commit()?;
    session.state.has_new_watermarks = true;
    session.watermark(key)?.with_context(|| format!("the watermark of {} vanished", key.table))
}

fn work<'a>(
    session: &Session<'_>,
    file: &'a DayFile,
    table: &SourceTable,
    target: &'a Target,
    mark: &Watermark,
) -> Result<Work<'a>> {
    let keys = target
        .keys
        .iter()
        .filter_map(|key| target.fields.iter().position(|field| field.column.name == *key))
        .collect();
    let configured = session.settings.timestamp_column.of(&table.name);
    let timestamp = plan::timestamp_column(table, configured);
    if let (Some(name), None, Some(_)) = (configured, timestamp, mark.start) {
        return Err(SourceFault(format!(
            "table {} has no column {name}, which timestamp_column names: which rows lie before the start?",
            table.name
        ))
        .into());
    }
    Ok(Work {
        file,
        target,
        columns: json!({"source": table.shape(), "destination": target.shape()}).to_string(),
        encoding: Encoding {
            table: table.clone(),
            fields: target.fields.clone(),
            source_id: (!target.is_keyed()).then_some(mark.id),
            keys,
            timestamp,
            start: mark.start,
            may_widen: target.table.ours,
        },
    })
}

fn way(
    session: &mut Session<'_>,
    source: &Source,
    work: &Work<'_>,
    mark: &Watermark,
    reason: Reason,
    must_be_whole: bool,
    may_restart: bool,
) -> Result<Way> {
    let table = &work.encoding.table;
    let is_fresh = mark.at == Position::default();
    let relation = work.target.table.relation;
    let is_lost = mark.at.relation.oid.is_some() && mark.at.relation != relation;
    let is_reshaped = source_shape(mark).is_some_and(|shape| shape != table.shape());
    let is_moved = || -> Result<bool, SourceFault> {
        let transaction = source.db.unchecked_transaction()?;
        let unmoved = place::is_unmoved(&transaction, table, &Place::of(&mark.at), reason.look())?;
        Ok(!unmoved)
    };
    let must_be_whole = must_be_whole || is_lost || is_reshaped || (!is_fresh && is_moved()?);
    let may_return = mark.at.rowid < mark.highest
        && place::has_rows_behind(&source.db, table, &Place::of(&mark.at)).map_err(SourceFault::from)?;
    let must_be_whole = must_be_whole || may_return;
    if work.target.is_keyed() {
        let corrects =
            session.settings.on_duplicate == OnDuplicate::Update && reason.changed && reason.recent;
        let again = may_restart && !is_fresh && (must_be_whole || corrects);
        return Ok(match (again, table.rowid) {
            (true, _) => Way::Restart,
            (false, None) if !is_fresh && !must_be_whole => Way::Nothing,
            (false, _) => Way::Append,
        });
    }
    let settings = session.settings;
    if is_lost {
        log::warn!(
            "{} was dropped, emptied, restored or rewritten: its files are compared with it",
            work.target.table.sql()
        );
        let mut tx = session.client.transaction()?;
        let owners = watermark::generations(&mut tx, &settings.schema, &settings.source_name, &mark.key)?;
        let has_rows = compare::has_rows_of(&mut tx, work.target, &owners)?;
        tx.rollback()?;
        if !has_rows && may_restart {
            return Ok(Way::Restart);
        }
    }
    let is_first_of_adopted = is_fresh
        && !session.state.unindexed.contains(&work.target.table.sql())
        && compare::has_unowned(&mut session.client, work.target, &settings.schema)?;
    Ok(if must_be_whole || is_first_of_adopted || (table.rowid.is_none() && is_fresh) {
        Way::Whole
    } else if table.rowid.is_none() {
        Way::Nothing
    } else {
        Way::Append
    })
}

/// Puts the cursor back before the first row; what the destination has is recognised or gone.
fn restart(session: &mut Session<'_>, work: &Work<'_>, mark: &Watermark) -> Result<()> {
    let to = Position {
        last_timestamp: mark.at.last_timestamp,
        columns: Some(work.columns.clone()),
        relation: work.target.table.relation,
        ..Position::default()
    };
    let origin = work.origin(session.settings, mark.generation);
    let schema = &session.settings.schema;
    let mut tx = session.client.transaction()?;
    if let Moved::Yes { .. } = watermark::advance(&mut tx, schema, mark, &to)? {
        origin.clear(&mut tx)?;
        watermark::forget_generations(&mut tx, schema, &session.settings.source_name, &mark.key)?;
        tx.commit()?;
    }
    Ok(())
}

fn remembered(mark: &Watermark) -> Option<serde_json::Value> {
    serde_json::from_str(mark.at.columns.as_deref()?).ok()
}

fn source_shape(mark: &Watermark) -> Option<serde_json::Value> {
    Some(remembered(mark)?.get("source")?.clone())
}

fn destination_shape(mark: &Watermark) -> Option<serde_json::Value> {
    Some(remembered(mark)?.get("destination")?.clone())
}

fn destination_shape_of(columns: &str) -> Option<serde_json::Value> {
    serde_json::from_str::<serde_json::Value>(columns).ok()?.get("destination").cloned()
}

/// Compares a table with what PostgreSQL has of it; `None` when it was never read.
pub(crate) fn verify(
    session: &mut Session<'_>,
    source: &mut Source,
    file: &DayFile,
    table: &SourceTable,
) -> Result<Option<Verified>> {
    let key = target::key_of(session, file, &table.name);
    let Some(mark) = session.watermark(&key)? else {
        return Ok(None);
    };
    let Some(target) = target::find(session, table)? else {
        return Ok(None);
    };
    if target.fields.iter().any(|field| !field.exists) {
        return Ok(None);
    }
    let work = work(session, file, table, &target, &mark)?;
    verify::table(session, source, &work, &mark).map(Some)
}
