//! A run: every file that may hold something new, oldest first.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{HumanCount, ProgressBar, ProgressFinish, ProgressState, ProgressStyle};
use jiff::civil::Date;
use pg_load::{rejected, table};
use sync_core::fault::{self, Fault};
use sync_core::lock::{self, Lock};
use sync_core::report::{Count, Report};
use sync_core::retry::{self, Policy};
use sync_core::stop::Stop;
use sync_core::watermark::Stamped;
use sync_core::{history, logging};

use crate::append::Next;
use crate::args::SyncArgs;
use crate::session::{self, Session, State, TOOL};
use crate::settings::Settings;
use crate::source::files::{self, DayFile};
use crate::source::{SourceFault, open, tables};
use crate::tablesync::{self, Reason};
use crate::target::IDENTITY;
use crate::{dryrun, folders, select, start};

/// What a command asks of a run beyond its options.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extra<'a> {
    /// Try all rejected rows again.
    pub(crate) retry_rejected: bool,
    /// Read these files whole.
    pub(crate) whole: &'a [String],
}

/// Runs once, reconnecting as long as that may help. The report counts what was committed,
/// whatever happens.
pub(crate) fn run(
    settings: &Settings,
    options: &SyncArgs,
    extra: Extra<'_>,
    stop: &Stop,
    report: &Report,
) -> Result<()> {
    let policy = Policy { give_up_after: options.run.retry_for, ..Policy::default() };
    let mut state = State::default();
    let mut n_commits = 0;
    retry::run(policy, stop, |backoff| {
        let done = attempt(settings, options, extra, stop, report, &mut state);
        if state.ledger.n_commits > n_commits {
            n_commits = state.ledger.n_commits;
            backoff.reset();
        }
        done
    })
}

fn attempt(
    settings: &Settings,
    options: &SyncArgs,
    extra: Extra<'_>,
    stop: &Stop,
    report: &Report,
    state: &mut State,
) -> Result<()> {
    let lock = if options.run.no_lock || options.run.dry_run {
        None
    } else {
        Some(lock::lock_again(&settings.pg, TOOL, &lock_name(settings), &mut state.has_locked)?)
    };
    let mut session = session::open(settings, options, stop, report, state)?;
    let files = between(files::list(&settings.db_dir)?, options.since, options.until);
    let marks = start::watermarks(&mut session, &files)?;
    let chosen = select::files(&mut session, files, &marks, extra)?;
    if options.run.dry_run {
        return dryrun::run(&mut session, &chosen);
    }
    folders::check(&mut session, &chosen, &marks)?;
    let progress = progress(chosen.len(), report);
    for (file, reason) in &chosen {
        if stop.asked() {
            session.state.is_cut_short = true;
            break;
        }
        progress.set_message(file.name.clone());
        one_file(&mut session, file, *reason, &marks)?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    build_indexes(&mut session)?;
    finish(&mut session)?;
    if let Some(lock) = lock {
        lock.release();
    }
    Ok(())
}

/// Takes the lock of this source and destination.
pub(crate) fn take_lock(settings: &Settings) -> Result<Lock> {
    lock::lock(&settings.pg, TOOL, &lock_name(settings))
}

fn lock_name(settings: &Settings) -> String {
    let Settings { source_name, schema, table_template, .. } = settings;
    format!("{TOOL}:{source_name}:{schema}.{table_template}")
}

/// The files of these days.
pub(crate) fn between(files: Vec<DayFile>, since: Option<Date>, until: Option<Date>) -> Vec<DayFile> {
    let wanted = |day: Date| since.is_none_or(|since| day >= since) && until.is_none_or(|until| day <= until);
    files.into_iter().filter(|file| wanted(file.day)).collect()
}

/// Syncs every table of a file; what is wrong with the file or one of its tables is reported and
/// holds up nothing else.
fn one_file(session: &mut Session<'_>, file: &DayFile, reason: Reason, marks: &[Stamped]) -> Result<()> {
    let stamp = match select::stamp(session, &file.path) {
        Ok(stamp) => stamp,
        Err(err) => {
            session.report.fail_source(&file.name, &format!("the file has vanished: {err}"));
            return Ok(());
        }
    };
    let is_complete = match all_tables(session, file, reason) {
        Ok(is_complete) => is_complete,
        Err(err) => set_aside(session, &file.name, err)?,
    };
    let is_saved = |(mark, saved): &Stamped| mark.key.file != file.name || saved.as_ref() == Some(&stamp);
    if is_complete && (session.state.has_new_watermarks || !marks.iter().all(is_saved)) {
        session.save_stamp(&file.name, &stamp)?;
    }
    session.state.has_new_watermarks = false;
    Ok(())
}

fn all_tables(session: &mut Session<'_>, file: &DayFile, reason: Reason) -> Result<bool> {
    let mut source = open::open(&file.path)?;
    let mut is_complete = true;
    for table in tables::list(&source.db, session.settings)? {
        if session.stop.asked() {
            session.state.is_cut_short = true;
            return Ok(false);
        }
        match tablesync::sync(session, &mut source, file, &table, reason) {
            Ok(next) => {
                session.state.is_cut_short |= next == Next::Stopped;
                is_complete &= next == Next::Done;
            }
            Err(err) => {
                let about = format!("{} {}", file.name, table.name);
                is_complete &= set_aside(session, &about, err)?;
            }
        }
    }
    Ok(is_complete)
}

/// Reports what is wrong with one file or table, and passes on what concerns the whole run.
fn set_aside(session: &mut Session<'_>, about: &str, err: anyhow::Error) -> Result<bool> {
    session.recover(&err)?;
    let concerns_all = err.chain().any(|cause| cause.is::<Fault>()) || fault::verdict(&err).retry;
    let is_known = err.chain().any(|cause| cause.is::<SourceFault>() || cause.is::<postgres::Error>())
        || pg_load::bisect::code(&err).is_some();
    if concerns_all || !is_known || session.client.is_closed() {
        return Err(err);
    }
    session.report.fail_source(about, &fault::describe(&err).replace('\n', "; "));
    Ok(false)
}

/// Builds the indexes that first loads have left for later.
fn build_indexes(session: &mut Session<'_>) -> Result<()> {
    if session.stop.asked() {
        session.state.is_cut_short |= !session.state.unindexed.is_empty();
        return Ok(());
    }
    let names: BTreeSet<String> = session.state.unindexed.clone();
    for name in names {
        sync_core::crash::point("before-index");
        table::ensure_unique_index(&mut session.client, &name, &IDENTITY, false)
            .with_context(|| format!("build the index of {name}"))?;
        session.state.unindexed.remove(&name);
    }
    Ok(())
}

/// Looks at what remains: rejected rows, the newest timestamp, work cut short.
fn finish(session: &mut Session<'_>) -> Result<()> {
    let Settings { schema, source_name, .. } = session.settings;
    let counts = rejected::counts(&mut session.client, schema, TOOL, source_name)?;
    session.report.set_rejected_remaining(counts.iter().map(|(_, _, n)| n).sum());
    if session.state.is_cut_short {
        return Err(Fault::temporary("stopped before everything was read", "the next run goes on from here"));
    }
    start::write_timestamp_file(session)?;
    let exit = session.report.exit();
    session.report.finish(exit);
    history::record(&mut session.client, schema, session.report, exit)
}

/// A bar for people who watch; it counts rows by itself while a file is being read.
fn progress(n_files: usize, report: &Report) -> ProgressBar {
    let report = report.clone();
    let rows = move |_: &ProgressState, out: &mut dyn fmt::Write| {
        let _ = write!(out, "{}", HumanCount(report.get(Count::Read)));
    };
    let style = ProgressStyle::with_template("{bar:30} file {pos}/{len} {msg}  {rows} rows  {elapsed}")
        .map_or_else(|_| ProgressStyle::default_bar(), |style| style.with_key("rows", rows));
    let bar = ProgressBar::new(n_files as u64).with_style(style).with_finish(ProgressFinish::AndClear);
    let bar = logging::progress().add(bar);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Watermarks by the file they belong to.
pub(crate) fn by_file(marks: &[Stamped]) -> HashMap<&str, Vec<&Stamped>> {
    let mut map: HashMap<&str, Vec<&Stamped>> = HashMap::new();
    for mark in marks {
        map.entry(&mark.0.key.file).or_default().push(mark);
    }
    map
}
