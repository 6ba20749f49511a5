//! Whether a file may be deleted: every row of it compared with PostgreSQL, not only its cursor.

use anyhow::Result;
use pg_load::rejected;
use sync_core::watermark::Stamped;

use super::status::Line;
use crate::session::{Session, TOOL};
use crate::source::files::DayFile;
use crate::source::{SourceFault, open, tables};
use crate::{select, tablesync};

/// Whether all of a file is in PostgreSQL, and what is to be said about it.
pub(super) fn verdict(
    session: &mut Session<'_>,
    file: &DayFile,
    known: &[&Stamped],
    lines: Result<Vec<Line>, SourceFault>,
) -> Result<(bool, String)> {
    let lines = match lines {
        Err(err) => return Ok((false, err.to_string())),
        Ok(lines) => lines,
    };
    if lines.iter().any(|line| line.moved) {
        return Ok((false, "will be read whole".to_owned()));
    }
    let waiting: i64 = lines.iter().map(|line| line.backlog).sum();
    if waiting > 0 {
        return Ok((false, format!("{waiting} rows waiting")));
    }
    let stamp = select::stamp(session, &file.path).ok();
    if !lines.is_empty() && known.iter().any(|(_, saved)| *saved != stamp) {
        return Ok((false, "written to since the last run".to_owned()));
    }
    if let Some(why) = is_lost(session, known)? {
        return Ok((false, why));
    }
    let rejected = n_rejected(session, file, known)?;
    if rejected > 0 {
        return Ok((false, format!("{rejected} rows set aside")));
    }
    compared(session, file, known)
}

fn is_lost(session: &mut Session<'_>, known: &[&Stamped]) -> Result<Option<String>> {
    let destinations: Vec<String> = known.iter().map(|(mark, _)| mark.key.destination.clone()).collect();
    let relations = session.relations(&destinations)?;
    let lost = known.iter().any(|(mark, _)| {
        mark.at.relation.oid.is_some() && relations.get(&mark.key.destination) != Some(&mark.at.relation)
    });
    Ok(lost.then(|| "its table was dropped, emptied or restored".to_owned()))
}

fn n_rejected(session: &mut Session<'_>, file: &DayFile, known: &[&Stamped]) -> Result<u64> {
    if known.is_empty() {
        return Ok(0);
    }
    let settings = session.settings;
    let counts = rejected::counts(&mut session.client, &settings.schema, TOOL, &settings.source_name)?;
    Ok(counts.iter().filter(|(name, _, _)| *name == file.name).map(|(_, _, n)| n).sum())
}

/// The last word: rows edited in the file, or deleted in PostgreSQL, leave every cursor as it is.
fn compared(session: &mut Session<'_>, file: &DayFile, known: &[&Stamped]) -> Result<(bool, String)> {
    let mut source = match open::open(&file.path) {
        Ok(source) => source,
        Err(err) => return Ok((false, err.to_string())),
    };
    let left_out = tables::left_out(&source.db, session.settings)?;
    for table in tables::list(&source.db, session.settings)? {
        if table.rowid.is_none() && !source.is_private() {
            source = open::copied(&file.path)?;
        }
        let Some(found) = tablesync::verify(session, &mut source, file, &table)? else {
            return Ok((false, format!("table {} is not in PostgreSQL yet", table.name)));
        };
        if found.n_missing > 0 {
            let missing = found.n_missing;
            return Ok((false, format!("{missing} rows missing: see `sqlite2pg verify --repair`")));
        }
        if found.n_misfits > 0 {
            return Ok((false, format!("{} rows do not fit and are in no list", found.n_misfits)));
        }
    }
    if !left_out.is_empty() {
        return Ok((false, format!("tables that are not copied: {}", left_out.join(", "))));
    }
    if known.iter().any(|(mark, _)| mark.start.is_some()) {
        return Ok((true, "but for rows older than the start".to_owned()));
    }
    Ok((true, "safe to delete".to_owned()))
}
