//! The usual case: rows behind the cursor, page by page, each with its cursor in one transaction.

use std::sync::mpsc::sync_channel;

use anyhow::Result;
use pg_load::encode::Notes;
use pg_load::rejected::Origin;
use pg_load::table;
use sync_core::commit::{self, Counts, Durable};
use sync_core::report::Count;
use sync_core::watermark::{self, Moved, Position, Watermark};

use crate::load;
use crate::session::{Session, TOOL};
use crate::settings::Settings;
use crate::source::SourceFault;
use crate::source::files::DayFile;
use crate::source::open::Source;
use crate::source::pages::{self, End, Limits, Page};
use crate::source::place::Place;
use crate::source::rows::Encoding;
use crate::target::Target;

/// How reading a table went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Every row is in PostgreSQL or set aside.
    Done,
    /// A stop was asked for.
    Stopped,
    /// Something else moved the cursor or the destination: look at both again.
    Again,
    /// Row ids have moved, or the destination holds rows that the cursor does not know of.
    Whole,
    /// This integer column must become numeric.
    Widen(String),
}

/// What a table's rows go through.
pub(crate) struct Work<'a> {
    pub(crate) file: &'a DayFile,
    pub(crate) target: &'a Target,
    pub(crate) encoding: Encoding,
    /// Shape of source and destination, as the watermark remembers it.
    pub(crate) columns: String,
}

impl Work<'_> {
    /// The rejected rows of this table.
    pub(crate) fn origin<'o>(&'o self, settings: &'o Settings, generation: i32) -> Origin<'o> {
        Origin {
            schema: &settings.schema,
            tool: TOOL,
            source: &settings.source_name,
            file: &self.file.name,
            generation,
            table: &self.encoding.table.name,
        }
    }
}

/// Reads everything behind the watermark into the destination.
pub(crate) fn drain(
    session: &mut Session<'_>,
    source: &mut Source,
    work: &Work<'_>,
    mark: &mut Watermark,
) -> Result<Next> {
    let limits = limits(session, work);
    let (from, path, stop) = (Place::of(&mark.at), source.path(), session.stop.clone());
    let db = &mut source.db;
    std::thread::scope(|scope| {
        let (sender, pages) = sync_channel(0);
        let reader = scope.spawn(move || pages::read(db, &work.encoding, from, limits, &stop, &sender));
        let mut next = Next::Stopped;
        for page in &pages {
            let end = page.end.clone();
            let is_pause = end.is_none() && page.rows.n_read() == 0;
            if !is_pause && let Some(other) = deliver(session, work, mark, page, &path)? {
                next = other;
                break;
            }
            if let Some(end) = end {
                next = after(end);
                break;
            }
        }
        drop(pages);
        reader.join().map_err(|_| SourceFault("the reader failed".to_owned()))??;
        Ok(next)
    })
}

/// Matching by key stages every page, which pays from more rows on.
fn limits(session: &Session<'_>, work: &Work<'_>) -> Limits {
    let configured = session.options.batch_rows.or(session.settings.batch_rows);
    let fitting = if work.target.is_keyed() { Limits::KEYED } else { Limits::APPENDED };
    Limits { n_rows: configured.unwrap_or(fitting.n_rows), ..fitting }
}

fn after(end: End) -> Next {
    match end {
        End::Drained => Next::Done,
        End::NeedsNumeric(column) => Next::Widen(column),
        End::Moved => Next::Whole,
        End::Reshaped => Next::Again,
    }
}

/// Writes a page and moves the watermark over it; `Some` says why that was not possible.
fn deliver(
    session: &mut Session<'_>,
    work: &Work<'_>,
    mark: &mut Watermark,
    page: Page,
    path: &(std::path::PathBuf, bool),
) -> Result<Option<Next>> {
    let to = Position {
        rowid: page.place.rowid,
        anchor: page.place.anchor,
        n_rows: page.place.n_rows,
        checksum: page.place.checksum,
        columns: Some(work.columns.clone()),
        last_timestamp: mark.at.last_timestamp.max(page.rows.last_timestamp),
        relation: work.target.table.relation,
    };
    if page.end.as_ref().is_some_and(|end| *end != End::Drained) && page.rows.n_read() == 0 || to == mark.at {
        return Ok(None);
    }
    let n_read = page.rows.n_read();
    let settings = session.settings;
    let origin = work.origin(settings, mark.generation);
    // The commit that drains the table waits for the disk and takes those before it along.
    let durable = if page.end.is_some() { Durable::Yes } else { Durable::WithTheNext };
    let mut tx = commit::begin(&mut session.client, durable)?;
    let Moved::Yes { txid, relation } = watermark::advance(&mut tx, &settings.schema, mark, &to)? else {
        return Ok(Some(Next::Again));
    };
    if relation != to.relation {
        return Ok(Some(Next::Again));
    }
    sync_core::crash::point("cursor-moved");
    let loaded = match load::rows(&mut tx, work.target, &page.rows, work.file, settings.on_duplicate) {
        Err(err) if load::is_collision(&err) => return Ok(Some(Next::Whole)),
        other => other?,
    };
    if !table::is_unchanged(&mut tx, &work.target.table)? {
        return Ok(Some(Next::Again));
    }
    let n_rejected = (page.rows.rejected.len() + loaded.refused.len()) as u64;
    origin.set_aside(&mut tx, &page.rows.rejected)?;
    load::set_aside(&mut tx, &origin, path, &work.encoding, &loaded.refused)?;
    let counts = Counts {
        of: vec![
            (Count::Read, n_read),
            (Count::Written, loaded.n_written),
            (Count::Duplicates, loaded.n_duplicates),
            (Count::Rejected, n_rejected),
            (Count::Skipped, page.rows.n_skipped),
        ],
        notes: notes(page.rows.notes, loaded.n_superseded),
    };
    commit::commit(&mut session.state.ledger, session.report, tx, (txid, durable), counts)?;
    mark.at = to;
    Ok(None)
}

/// Counters that only some runs have.
pub(crate) fn notes(notes: Notes, n_superseded: u64) -> Vec<(&'static str, u64)> {
    vec![
        ("cut_to_microseconds", notes.n_cut),
        ("converted_to_utc", notes.n_shifted),
        ("superseded", n_superseded),
    ]
}
