//! Refusing to mix two folders under one name before anything is written.

use anyhow::Result;
use sync_core::fault::Fault;
use sync_core::watermark::{self, Stamped, Watermark};

use crate::append::Work;
use crate::session::Session;
use crate::source::files::DayFile;
use crate::source::place::{self, Look, Place};
use crate::source::rows::Encoding;
use crate::source::tables::SourceTable;
use crate::source::{SourceFault, open, tables};
use crate::sync::by_file;
use crate::tablesync::Reason;
use crate::{compare, target, whole};

/// Files that share no row with what PostgreSQL has of them are let pass only one at a time.
const MAX_STRANGERS: usize = 1;

/// Checks that the files are those that the watermarks were made for.
///
/// # Errors
/// A configuration fault when two or more non-empty files are not.
pub(crate) fn check(session: &mut Session<'_>, files: &[(DayFile, Reason)], marks: &[Stamped]) -> Result<()> {
    if session.options.adopt_files || marks.is_empty() {
        return Ok(());
    }
    let by_file = by_file(marks);
    let mut suspects = Vec::new();
    for (file, reason) in files {
        let Some(known) = by_file.get(file.name.as_str()) else {
            continue;
        };
        if has_moved(session, file, known, reason.look()) {
            suspects.push((file, known));
        }
    }
    if suspects.len() <= MAX_STRANGERS {
        return Ok(());
    }
    let mut strangers = Vec::new();
    for (file, known) in suspects {
        if is_stranger(session, file, known)? {
            strangers.push(file.name.as_str());
        }
    }
    if strangers.len() <= MAX_STRANGERS {
        return Ok(());
    }
    Err(Fault::config(
        format!(
            "{} share no row with what PostgreSQL has of them as source {:?}",
            strangers.join(", "),
            session.settings.source_name
        ),
        "another folder under the same source_name? Give it a name of its own (SQLITE2PG_SOURCE_NAME), \
         or run once with --adopt-files when the files really were replaced",
    ))
}

/// Whether a table of the file is not the one that its watermark was made for. What cannot be
/// read is left to the run itself.
fn has_moved(session: &Session<'_>, file: &DayFile, known: &[&Stamped], look: Look) -> bool {
    let moved = || -> Result<bool, SourceFault> {
        let source = open::open(&file.path)?;
        let transaction = source.db.unchecked_transaction()?;
        for (table, mark) in read_before(session, &transaction, known)? {
            if table.rowid.is_some() && !place::is_unmoved(&transaction, &table, &Place::of(&mark.at), look)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    };
    moved().unwrap_or(false)
}

/// Whether the file holds rows, PostgreSQL has rows of it, and no row is in both.
fn is_stranger(session: &mut Session<'_>, file: &DayFile, known: &[&Stamped]) -> Result<bool> {
    let Ok(mut source) = open::open(&file.path) else {
        return Ok(false);
    };
    let mut is_comparable = false;
    for (table, mark) in read_before(session, &source.db, known)? {
        let Some(target) = target::find(session, &table)? else {
            continue;
        };
        if target.is_keyed() || target.table.column(target::IDENTITY[0]).is_none() {
            continue;
        }
        let work = Work {
            file,
            target: &target,
            columns: String::new(),
            encoding: Encoding {
                fields: target.fields.clone(),
                source_id: None,
                keys: Vec::new(),
                timestamp: None,
                start: None,
                may_widen: false,
                table,
            },
        };
        let settings = session.settings;
        let mut tx = session.client.transaction()?;
        let owners = watermark::generations(&mut tx, &settings.schema, &settings.source_name, &mark.key)?;
        if target.fields.iter().any(|field| !field.exists)
            || !compare::has_rows_of(&mut tx, &target, &owners)?
        {
            continue;
        }
        let staged = whole::stage(&mut tx, &mut source.db, &work, session.stop, &|_, _, _| Ok(()))?;
        let compared = compare::pairs(&mut tx, &target, &whole::recorded(mark, &work), &owners, &[])?;
        tx.rollback()?;
        if compared.n_matched > 0 {
            return Ok(false);
        }
        is_comparable |= staged.n_read > 0;
    }
    Ok(is_comparable)
}

/// The file's tables that were read before, with their watermarks.
fn read_before<'m>(
    session: &Session<'_>,
    db: &rusqlite::Connection,
    known: &'m [&Stamped],
) -> Result<Vec<(SourceTable, &'m Watermark)>, SourceFault> {
    let mut found = Vec::new();
    for table in tables::list(db, session.settings)? {
        let mark = known.iter().find(|(mark, _)| mark.key.table == table.name && mark.at.rowid.is_some());
        if let Some((mark, _)) = mark {
            found.push((table, mark));
        }
    }
    Ok(found)
}
