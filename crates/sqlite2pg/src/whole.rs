//! A file's table read whole: when row ids have moved, or the destination is not the one it was.
//!
//! All rows are staged and compared with what the destination has of this table, equal rows
//! paired off one by one. What is left over is inserted under a new generation.

use std::ops::Range;
use std::sync::mpsc::sync_channel;

use anyhow::Result;
use pg_load::encode::Notes;
use pg_load::rejected::Rejected;
use pg_load::{bisect, copy, table};
use postgres::Transaction;
use postgres::types::Type;
use sync_core::commit::{self, Counts, Durable};
use sync_core::report::Count;
use sync_core::stop::Stop;
use sync_core::watermark::{self, Moved, Position, Watermark};

use crate::append::{self, Next, Work};
use crate::compare::{self, Compared};
use crate::load;
use crate::session::Session;
use crate::source::SourceFault;
use crate::source::open::Source;
use crate::source::pages::{self, End, Limits};
use crate::source::place::Place;
use crate::source::rows::Encoding;

/// What staging a whole table found.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    pub(crate) place: Place,
    pub(crate) n_read: u64,
    pub(crate) n_skipped: u64,
    pub(crate) n_rejected: u64,
    pub(crate) notes: Notes,
    pub(crate) last_timestamp: Option<i64>,
    pub(crate) end: Option<End>,
}

/// Reads the table whole and brings over what the destination has not.
pub(crate) fn read(
    session: &mut Session<'_>,
    source: &mut Source,
    work: &Work<'_>,
    mark: &mut Watermark,
) -> Result<Next> {
    let (path, stop) = (source.path(), session.stop.clone());
    let settings = session.settings;
    let origin = work.origin(session.settings, mark.generation);
    let mut tx = commit::begin(&mut session.client, Durable::Yes)?;
    origin.clear(&mut tx)?;
    let set_aside = |tx: &mut Transaction<'_>, rows: &[Rejected], refused: &[(i64, String)]| {
        origin.set_aside(tx, rows)?;
        load::set_aside(tx, &origin, &path, &work.encoding, refused)
    };
    let staged = stage(&mut tx, &mut source.db, work, &stop, &set_aside)?;
    match &staged.end {
        None => return Ok(Next::Stopped),
        Some(End::NeedsNumeric(column)) => return Ok(Next::Widen(column.clone())),
        Some(End::Moved | End::Reshaped) => return Ok(Next::Again),
        Some(End::Drained) => {}
    }
    let to = Position {
        rowid: staged.place.rowid,
        anchor: staged.place.anchor.clone(),
        n_rows: staged.place.n_rows,
        checksum: staged.place.checksum,
        columns: Some(work.columns.clone()),
        last_timestamp: mark.at.last_timestamp.max(staged.last_timestamp),
        relation: work.target.table.relation,
    };
    let Moved::Yes { txid, relation } = watermark::advance(&mut tx, &settings.schema, mark, &to)? else {
        return Ok(Next::Again);
    };
    if relation != to.relation {
        return Ok(Next::Again);
    }
    let owners = watermark::generations(&mut tx, &settings.schema, &settings.source_name, &mark.key)?;
    let unowned = compare::unowned_ids(&mut tx, work.target, &settings.schema)?;
    let compared = compare::pairs(&mut tx, work.target, &recorded(mark, work), &owners, &unowned)?;
    let reuses_ids = mark.at.rowid.is_some()
        && (compared.n_left > 0 || compared.n_unowned > 0 || to.rowid < mark.at.rowid);
    let next = if reuses_ids {
        watermark::next_generation(&mut tx, &settings.schema, mark, &to)?
    } else {
        Watermark { at: to, ..mark.clone() }
    };
    compare::complete(&mut tx, work.target, &added(mark, work), next.id, &compared)?;
    let refused = insert_left(&mut tx, work, next.id, &compared)?;
    if !table::is_unchanged(&mut tx, &work.target.table)? {
        return Ok(Next::Again);
    }
    let n_refused = refused.len() as u64;
    set_aside(&mut tx, &[], &refused)?;
    if next.generation != mark.generation {
        origin.move_to(&mut tx, next.generation)?;
    }
    sync_core::crash::point("whole-compared");
    let counts = counts(&staged, &compared, n_refused, mark);
    commit::commit(&mut session.state.ledger, session.report, tx, (txid, Durable::Yes), counts)?;
    *mark = next;
    Ok(Next::Done)
}

/// Fills `pg_temp.sync_stage` with the whole table.
pub(crate) fn stage(
    tx: &mut Transaction<'_>,
    db: &mut rusqlite::Connection,
    work: &Work<'_>,
    stop: &Stop,
    set_aside: &impl Fn(&mut Transaction<'_>, &[Rejected], &[(i64, String)]) -> Result<()>,
) -> Result<Staged> {
    load::stage(tx, work.target, &[(pg_load::merge::ORDINAL, "bigint")])?;
    let columns = load::stage_columns(work.target);
    let try_casts = load::try_casts_sql(work.target);
    let encoding = Encoding { source_id: None, ..work.encoding.clone() };
    let mut staged = Staged::default();
    std::thread::scope(|scope| {
        let (sender, pages) = sync_channel(0);
        let stop = stop.clone();
        let encoding = &encoding;
        let reader = scope
            .spawn(move || pages::read(db, encoding, Place::default(), Limits::APPENDED, &stop, &sender));
        for page in &pages {
            let mut refused = Vec::new();
            let rows = &page.rows;
            let mut load = |tx: &mut Transaction<'_>, range: Range<usize>| {
                let ends = (rows.index[range.start].0, rows.index[range.end - 1].0);
                copy::rows(tx, "pg_temp.sync_stage", &columns, rows.slice(range))?;
                if let Some(sql) = &try_casts {
                    tx.execute_typed(sql, &[(&ends.0, Type::INT8), (&ends.1, Type::INT8)])?;
                }
                Ok(())
            };
            bisect::load(tx, 0..rows.index.len(), &mut load, &mut |_| {}, &mut refused, &|_| false)?;
            staged.n_read += rows.n_read();
            staged.n_skipped += rows.n_skipped;
            staged.n_rejected += (rows.rejected.len() + refused.len()) as u64;
            staged.notes += rows.notes;
            staged.last_timestamp = staged.last_timestamp.max(rows.last_timestamp);
            let refused: Vec<_> = refused.into_iter().map(|(i, reason)| (rows.index[i].0, reason)).collect();
            set_aside(tx, &rows.rejected, &refused)?;
            staged.place = page.place;
            staged.end = page.end;
            if staged.end.is_some() {
                break;
            }
        }
        drop(pages);
        reader.join().map_err(|_| SourceFault("the reader failed".to_owned()))??;
        anyhow::Ok(())
    })?;
    Ok(staged)
}

/// Inserts the staged rows that found no partner; returns those that the destination refuses.
fn insert_left(
    tx: &mut Transaction<'_>,
    work: &Work<'_>,
    id: i32,
    compared: &Compared,
) -> Result<Vec<(i64, String)>> {
    if compared.n_left == 0 {
        return Ok(Vec::new());
    }
    compare::number_left(tx)?;
    let sql = compare::insert_sql(work.target);
    let mut load = |tx: &mut Transaction<'_>, range: Range<usize>| {
        let (after, last) = (range.start as i64, range.end as i64);
        let n_kept =
            tx.execute_typed(&sql, &[(&id, Type::INT4), (&after, Type::INT8), (&last, Type::INT8)])?;
        bisect::all_kept(range.len(), n_kept)
    };
    let mut refused = Vec::new();
    let n_left = usize::try_from(compared.n_left)?;
    bisect::load(tx, 0..n_left, &mut load, &mut |_| {}, &mut refused, &|_| false)?;
    refused.into_iter().map(|(i, reason)| Ok((compare::ordinal_of(tx, i as i64 + 1)?, reason))).collect()
}

/// Fields that the watermark recorded and the source still has: what rows are compared by.
pub(crate) fn recorded(mark: &Watermark, work: &Work<'_>) -> Vec<usize> {
    let all = 0..work.target.fields.len();
    let Some(names) = recorded_names(mark) else {
        return all.collect();
    };
    all.filter(|i| names.contains(source_name(work, *i))).collect()
}

/// Fields that came after the watermark recorded the table's shape.
fn added(mark: &Watermark, work: &Work<'_>) -> Vec<usize> {
    let Some(names) = recorded_names(mark) else {
        return Vec::new();
    };
    (0..work.target.fields.len()).filter(|i| !names.contains(source_name(work, *i))).collect()
}

fn source_name<'w>(work: &'w Work<'_>, field: usize) -> &'w String {
    &work.encoding.table.columns[work.target.fields[field].index].name
}

fn recorded_names(mark: &Watermark) -> Option<Vec<String>> {
    let columns: serde_json::Value = serde_json::from_str(mark.at.columns.as_deref()?).ok()?;
    let source = columns.get("source")?.as_array()?;
    Some(source.iter().filter_map(|column| Some(column.get(0)?.as_str()?.to_owned())).collect())
}

fn counts(staged: &Staged, compared: &Compared, n_refused: u64, mark: &Watermark) -> Counts {
    let mut notes = append::notes(staged.notes, 0);
    notes.push(("recognised", compared.n_unowned));
    if mark.at.rowid.is_some() {
        notes.push(("rows_after_ids_moved", compared.n_left - n_refused));
    }
    Counts {
        of: vec![
            (Count::Read, staged.n_read),
            (Count::Written, compared.n_left - n_refused),
            (Count::Unchanged, compared.n_matched),
            (Count::Rejected, staged.n_rejected + n_refused),
            (Count::Skipped, staged.n_skipped),
        ],
        notes,
    }
}
