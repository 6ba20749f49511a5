//! What a run would do, without writing anything anywhere.

use anyhow::Result;
use sync_core::report::Count;

use crate::session::{Session, own_tables_exist};
use crate::source::files::DayFile;
use crate::source::place::{self, Look, Place};
use crate::source::tables::{SourceTable, quoted};
use crate::source::{SourceFault, open, tables};
use crate::tablesync::Reason;
use crate::target;

/// Says for every table how many rows would be read, and counts them.
pub(crate) fn run(session: &mut Session<'_>, files: &[(DayFile, Reason)]) -> Result<()> {
    let knows_marks = own_tables_exist(&mut session.client, &session.settings.schema)?;
    for (file, reason) in files {
        let looked = open::open(&file.path).and_then(|source| {
            let tables = tables::list(&source.db, session.settings)?;
            Ok((source, tables))
        });
        let (source, tables) = match looked {
            Ok(found) => found,
            Err(err) => {
                session.report.fail_source(&file.name, &err.to_string());
                continue;
            }
        };
        for table in tables {
            one_table(session, &source.db, file, &table, *reason, knows_marks)?;
        }
    }
    Ok(())
}

fn one_table(
    session: &mut Session<'_>,
    db: &rusqlite::Connection,
    file: &DayFile,
    table: &SourceTable,
    reason: Reason,
    knows_marks: bool,
) -> Result<()> {
    let key = target::key_of(session, file, &table.name);
    let mark = if knows_marks { session.watermark(&key)? } else { None };
    let place = mark.as_ref().map(|mark| Place::of(&mark.at)).unwrap_or_default();
    let counted = || -> Result<(i64, bool), SourceFault> {
        let whole = reason.whole || !place::is_unmoved(db, table, &place, Look::EveryId)? && mark.is_some();
        Ok((count_behind(db, table, if whole { None } else { place.rowid })?, whole))
    };
    match counted() {
        Ok((0, _)) => {}
        Ok((n_rows, whole)) => {
            let how = if whole { "read whole and compared" } else { "new" };
            log::info!("{} {} → {}: {n_rows} rows {how}", file.name, table.name, key.destination);
            session.report.add(Count::Read, u64::try_from(n_rows).unwrap_or_default());
        }
        Err(err) => session.report.fail_source(&format!("{} {}", file.name, table.name), &err.to_string()),
    }
    Ok(())
}

/// Rows behind a cursor.
pub(crate) fn count_behind(
    db: &rusqlite::Connection,
    table: &SourceTable,
    after: Option<i64>,
) -> rusqlite::Result<i64> {
    let name = quoted(&table.name);
    match (table.rowid, after) {
        (Some(rowid), Some(after)) => {
            db.query_row(&format!("SELECT count(*) FROM main.{name} WHERE {rowid} > ?1"), [after], |row| {
                row.get(0)
            })
        }
        _ => db.query_row(&format!("SELECT count(*) FROM main.{name}"), [], |row| row.get(0)),
    }
}
