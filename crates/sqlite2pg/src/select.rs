//! Which files a run looks into.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::path::Path;

use anyhow::Result;
use pg_load::rejected;
use sync_core::watermark::{Relation, Stamped};

use crate::session::{Session, TOOL};
use crate::source::files::{self, DayFile};
use crate::source::open;
use crate::sync::{Extra, by_file};
use crate::tablesync::Reason;

/// A file's stamp together with the settings that shape its rows: new settings make every file
/// look changed.
pub(crate) fn stamp(session: &Session<'_>, path: &Path) -> io::Result<String> {
    Ok(format!("{} {}", session.settings.fingerprint, files::stamp(path)?))
}

/// The files that may hold something new, oldest first, with the reason to look.
pub(crate) fn files(
    session: &mut Session<'_>,
    files: Vec<DayFile>,
    marks: &[Stamped],
    extra: Extra<'_>,
) -> Result<Vec<(DayFile, Reason)>> {
    let destinations: BTreeSet<String> = marks.iter().map(|(mark, _)| mark.key.destination.clone()).collect();
    let relations = session.relations(&destinations.into_iter().collect::<Vec<_>>())?;
    let rejected = files_with_rejected(session, marks)?;
    let n_old = files.len().saturating_sub(session.settings.rescan_days);
    let by_file = by_file(marks);
    let mut chosen = Vec::new();
    for (n, file) in files.into_iter().enumerate() {
        let known = by_file.get(file.name.as_str()).map_or(&[][..], Vec::as_slice);
        let stamp = stamp(session, &file.path).ok();
        let changed = known.is_empty() || known.iter().any(|(_, saved)| *saved != stamp);
        let recent = n >= n_old;
        let whole = extra.whole.contains(&file.name);
        let retry = extra.retry_rejected && rejected.contains(file.name.as_str());
        let lost = known.iter().any(|(mark, _)| is_lost(mark.at.relation, &relations, &mark.key.destination));
        // A closed log-mode file cannot be written to without its stamp changing.
        let quiet = !changed && open::is_closed_wal(&file.path);
        if changed || lost || whole || retry || (recent && !quiet) || rejected.contains(file.name.as_str()) {
            chosen.push((file, Reason { changed, recent, whole, retry }));
        }
    }
    Ok(chosen)
}

fn is_lost(saved: Relation, now: &HashMap<String, Relation>, destination: &str) -> bool {
    saved.oid.is_some() && now.get(destination) != Some(&saved)
}

/// Files with rows set aside: few, and looked into each time, because the column that refused a
/// row may have been changed in PostgreSQL.
fn files_with_rejected(session: &mut Session<'_>, marks: &[Stamped]) -> Result<HashSet<String>> {
    if marks.is_empty() {
        return Ok(HashSet::new());
    }
    let settings = session.settings;
    let counts = rejected::counts(&mut session.client, &settings.schema, TOOL, &settings.source_name)?;
    Ok(counts.into_iter().map(|(file, _, _)| file).collect())
}
