//! One run: what the database holds is compared with what the workbook shows, and the difference is written.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::ProgressBar;
use sync_core::fault::{self, Fault};
use sync_core::logging;
use sync_core::report::{Count, Report};
use sync_core::stop::Stop;

use crate::google::Google;
use crate::google::cells::Value;
use crate::google::workbook::{Range, Workbook};
use crate::plan::{self, Me, Plan, Wishes, owned};
use crate::settings::Settings;
use crate::source::catalog::{self, Catalog};
use crate::source::survey::{self, Survey};
use crate::source::{Snapshot, Table, secrets};
use crate::write::{Tally, Unclear, Writer};

/// What a run is about.
pub(crate) struct Job<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) wishes: Wishes,
    /// A cell of every tab that shows when it was last looked after.
    pub(crate) last_synced: Option<crate::write::stamp::Place>,
    /// Nothing is begun after this.
    pub(crate) deadline: Instant,
    pub(crate) is_dry: bool,
}

/// Both ends as they are, and what the tabs should hold.
pub(crate) struct Sight {
    pub(crate) google: Google,
    pub(crate) workbook: Workbook,
    pub(crate) snapshot: Snapshot,
    pub(crate) catalog: Catalog,
    pub(crate) surveys: Vec<Survey>,
    pub(crate) me: Me,
    /// By the database's clock, in seconds since 1970.
    pub(crate) now: i64,
}

/// Brings the workbook up to date.
pub(crate) fn run(job: &Job<'_>, stop: &Stop, report: &Report) -> Result<()> {
    let mut sight = look(job, stop, report)?;
    let mut tally = Tally::default();
    let first = make_plan(job, &mut sight)?;
    if job.is_dry {
        return show(&first, &sight, report);
    }
    let written = write(job, &mut sight, first, &mut tally);
    // A run that is tried again counts what it does then.
    if written.as_ref().map_or_else(|error| !fault::verdict(error).retry, |()| true) {
        account(&sight, &tally, report);
    }
    written
}

/// Reads the workbook's outline, and every table once.
pub(crate) fn look(job: &Job<'_>, stop: &Stop, report: &Report) -> Result<Sight> {
    let settings = job.settings;
    let mut google = Google::new(settings, job.deadline, stop)?;
    let me = Me { source: settings.source.name.clone(), spreadsheet: settings.spreadsheet.clone() };
    let workbook = google.read()?;
    let mut snapshot = Snapshot::open(&settings.source, job.deadline)?;
    let catalog = catalog::read(&mut snapshot, &settings.source)?;
    let now = catalog::now(&mut snapshot)?;
    let mut surveys = Vec::new();
    let tabs = owned(&workbook, &me).tables;
    let bar = progress((catalog.missing.len() + catalog.wanted.len()) as u64);
    let take = |snapshot: &mut Snapshot, table: &Table| {
        bar.set_message(table.name.clone());
        let known = tabs.get(table.name.as_str()).and_then(|tab| tab.mark.as_ref());
        survey::take(snapshot, table, &settings.source, known.map_or(0, |(_, mark)| mark.block))
    };
    catalog.each(&mut snapshot, take, |name, taken| {
        match taken {
            Ok(survey) => surveys.push(survey),
            Err(reason) => report.fail_source(name, &reason),
        }
        bar.inc(1);
        in_time(job, stop)
    })?;
    bar.finish_and_clear();
    drop(tabs);
    if settings.source.only_tables.is_empty() {
        for pattern in settings.source.not_columns.idle() {
            log::warn!("DB_SYNC_EXCLUDED_COLUMNS: no column is like {pattern}");
        }
    }
    Ok(Sight { google, workbook, snapshot, catalog, surveys, me, now })
}

/// Whether there is still time to read on.
fn in_time(job: &Job<'_>, stop: &Stop) -> Result<()> {
    if stop.asked() {
        return Err(Fault::locked("stopped before anything was written", ""));
    }
    if Instant::now() > job.deadline {
        return Err(Fault::locked(
            "the time of --deadline was over before all tables were read",
            "give it more time, or leave large tables without a key out",
        ));
    }
    Ok(())
}

fn progress(n_tables: u64) -> ProgressBar {
    let bar = logging::progress().add(ProgressBar::new(n_tables));
    if let Ok(style) = indicatif::ProgressStyle::with_template("reading {pos}/{len} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// The plan for what there is. Before a tab is written whole, its header is looked at: a person may have put columns
/// among ours.
fn make_plan(job: &Job<'_>, sight: &mut Sight) -> Result<Plan> {
    let plan = draft(job, sight);
    let whole = plan.jobs.iter().filter(|job| job.is_full).filter_map(|job| job.tab.as_ref());
    let ours = whole.filter(|tab| tab.mark.is_some() && tab.grid[1] > 0);
    let headers: Vec<_> =
        ours.map(|tab| (tab.sheet_id, Range { rows: [0, 1], columns: [0, tab.grid[1]] })).collect();
    if headers.is_empty() {
        return Ok(plan);
    }
    let mut found: BTreeMap<i32, Vec<Vec<Value>>> = sight.google.parts(&headers)?.into_iter().collect();
    for tab in &mut sight.workbook.tabs {
        if headers.iter().any(|(sheet_id, _)| *sheet_id == tab.sheet_id) {
            let row = found.remove(&tab.sheet_id).and_then(|rows| rows.into_iter().next());
            tab.header = Some(row.unwrap_or_default().iter().map(Value::as_text).collect());
        }
    }
    Ok(draft(job, sight))
}

fn draft(job: &Job<'_>, sight: &Sight) -> Plan {
    let present = |name: &str| sight.catalog.present.contains(name);
    let wishes = Wishes { now: sight.now, ..job.wishes.clone() };
    plan::make(&sight.workbook, &sight.surveys, &present, &sight.me, &wishes)
}

/// Carries plans out until one comes to its end: after an unclear failure only the workbook knows where we are.
fn write(job: &Job<'_>, sight: &mut Sight, mut plan: Plan, tally: &mut Tally) -> Result<()> {
    loop {
        tally.failed = plan.failed.iter().cloned().collect();
        let Sight { google, workbook, snapshot, surveys, .. } = sight;
        let n_cells = workbook.n_cells();
        let mut writer = Writer { google, snapshot, surveys, tally, n_cells };
        match writer.carry_out(&plan) {
            Ok(()) => break,
            Err(error) if error.downcast_ref::<Unclear>().is_some() => {
                sight.workbook = sight.google.read()?;
                plan = make_plan(job, sight)?;
            }
            Err(error) => return Err(error),
        }
    }
    crate::write::stamp::write(sight, job.last_synced.as_ref(), tally, job.settings)
}

/// Counts what was done.
fn account(sight: &Sight, tally: &Tally, report: &Report) {
    for (name, reason) in &tally.failed {
        report.fail_source(name, reason);
    }
    let mut n_cells = 0;
    for survey in &sight.surveys {
        let (n_rows, n) = tally.sent.get(&survey.table.name).copied().unwrap_or_default();
        n_cells += n;
        report.add(Count::Read, survey.digest.n_rows);
        report.add(Count::Written, n_rows);
        report.add(Count::Unchanged, survey.digest.n_rows.saturating_sub(n_rows));
        report.note("texts_cut", survey.n_cut);
    }
    let calls = sight.google.calls;
    report.note("tabs_written", tally.sent.len() as u64);
    report.note("tabs_deleted", tally.n_deleted);
    report.note("cells", n_cells);
    report.note("calls", calls.n_reads + calls.n_writes);
    report.note("bytes_sent", calls.n_bytes);
}

/// Says what would be done.
fn show(plan: &Plan, sight: &Sight, report: &Report) -> Result<()> {
    let mut tally = Tally::default();
    tally.failed.extend(plan.failed.iter().cloned());
    crate::commands::plan::print(plan, sight)?;
    account(sight, &tally, report);
    for survey in &sight.surveys {
        let suspects = secrets::suspects(&survey.columns);
        if !suspects.is_empty() {
            log::warn!(
                "{}: {} may hold secrets; see DB_SYNC_EXCLUDED_COLUMNS",
                survey.table.name,
                suspects.join(", ")
            );
        }
    }
    Ok(())
}
