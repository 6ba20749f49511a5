//! Where a new source starts, and the file with the newest timestamp that others read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Result;
use pg_load::timestamp;
use serde::Deserialize;
use sync_core::atomic;
use sync_core::fault::Fault;
use sync_core::watermark::{self, Key, Stamped};

use crate::session::Session;
use crate::source::files::DayFile;
use crate::source::tables::SourceTable;
use crate::source::{open, tables};
use crate::{compare, target};

/// The file's content, in its two spellings.
#[derive(Deserialize)]
struct TimestampFile {
    #[serde(alias = "lastSuccessFullTime")]
    last_successful_time: String,
}

/// What the timestamp file says.
enum Saved {
    At(i64),
    Missing,
    Broken(String),
}

/// The source's watermarks; a source that has none yet gets its start from the timestamp file,
/// where one is set.
///
/// # Errors
/// A configuration fault when the file is set but says nothing: skipping history or starting
/// anew without being told would both be wrong.
pub(crate) fn watermarks(session: &mut Session<'_>, files: &[DayFile]) -> Result<Vec<Stamped>> {
    let marks = session.watermarks()?;
    let Some(path) = session.settings.timestamp_file.clone() else {
        return Ok(marks);
    };
    let saved = read(&path);
    if !marks.is_empty() {
        if let Saved::Missing | Saved::Broken(_) = saved {
            log::warn!(
                "{}: missing or unreadable, will be written anew: PostgreSQL knows how far we are",
                path.display()
            );
        }
        return Ok(marks);
    }
    match saved {
        Saved::At(start) if session.options.run.dry_run => {
            log::info!("the first run will start at {}", timestamp::to_iso(start));
            Ok(marks)
        }
        Saved::At(start) => {
            set_all(session, files, |_, _| Ok(Some(start)))?;
            session.watermarks()
        }
        Saved::Missing => Err(unknown_start(&path, "is missing")),
        Saved::Broken(why) => Err(unknown_start(&path, &why)),
    }
}

fn unknown_start(path: &Path, why: &str) -> anyhow::Error {
    Fault::config(
        format!(
            "the timestamp file {} {why}, and PostgreSQL knows nothing of this source yet",
            path.display()
        ),
        "decide where to start: sqlite2pg init --from-beginning | --from TIMESTAMP | --from-destination",
    )
}

fn read(path: &Path) -> Saved {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Saved::Missing,
        Err(err) => return Saved::Broken(format!("cannot be read: {err}")),
    };
    if text.trim().is_empty() {
        return Saved::Broken("is empty".to_owned());
    }
    match serde_json::from_str::<TimestampFile>(&text) {
        Err(err) => Saved::Broken(format!("is torn: {err}")),
        Ok(file) => match timestamp::parse(file.last_successful_time.trim().as_bytes()) {
            Some(moment) => Saved::At(moment.micros),
            None => Saved::Broken(format!("holds no timestamp: {:?}", file.last_successful_time)),
        },
    }
}

/// Writes, in one transaction, a watermark with a start for every table of every file present.
pub(crate) fn set_all(
    session: &mut Session<'_>,
    files: &[DayFile],
    mut start: impl FnMut(&mut Session<'_>, &SourceTable) -> Result<Option<i64>>,
) -> Result<u64> {
    let mut all = Vec::new();
    for file in files {
        let found = open::open(&file.path).and_then(|source| tables::list(&source.db, session.settings));
        match found {
            Ok(tables) => {
                for table in tables {
                    let start = start(session, &table)?;
                    all.push((target::key_of(session, file, &table.name), start));
                }
            }
            // Nothing is known of it: it is read from its beginning, as a file that appears later.
            Err(err) => session.report.fail_source(&file.name, &err.to_string()),
        }
    }
    let taken = highest_ids(session, &all)?;
    let settings = session.settings;
    let mut tx = session.client.transaction()?;
    for (key, start) in &all {
        watermark::insert(&mut tx, &settings.schema, &settings.source_name, key, *start, taken)?;
    }
    tx.commit()?;
    Ok(all.len() as u64)
}

/// The highest id that rows of any of these destinations carry already.
fn highest_ids(session: &mut Session<'_>, all: &[(Key, Option<i64>)]) -> Result<i32> {
    let names: BTreeSet<&str> = all.iter().map(|(key, _)| key.table.as_str()).collect();
    let mut highest = 0;
    for name in names {
        let destination = target::name_of(session, name);
        let schema = session.settings.schema.clone();
        if let Some(table) = session.table(&schema, &destination)?
            && table.column(target::IDENTITY[0]).is_some()
        {
            highest = highest.max(compare::highest_id(&mut session.client, &table)?);
        }
    }
    Ok(highest)
}

/// Writes the newest timestamp read so far, for those who look at the file.
pub(crate) fn write_timestamp_file(session: &mut Session<'_>) -> Result<()> {
    let Some(path) = &session.settings.timestamp_file else {
        return Ok(());
    };
    if !session.report.failed_sources().is_empty() {
        return Ok(());
    }
    let newest = session.watermarks()?.iter().filter_map(|(mark, _)| mark.at.last_timestamp).max();
    let Some(newest) = newest else { return Ok(()) };
    let text = format!("{{\"last_successful_time\": \"{}\"}}", timestamp::to_iso(newest));
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    atomic::write_atomically(path, &text)
}
