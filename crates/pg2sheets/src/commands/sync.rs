//! `pg2sheets [sync]`: once or on a schedule, with a report at the end of every run.

use std::time::{Duration, Instant};

use anyhow::Result;
use sync_core::exit::Exit;
use sync_core::report::Report;
use sync_core::retry::{self, Policy};
use sync_core::run::{self, Run};
use sync_core::stop::Stop;
use sync_core::{lock, silence};

use crate::TOOL;
use crate::args::SyncArgs;
use crate::plan::Wishes;
use crate::run::{self as one, Job};
use crate::settings::Settings;
use crate::state;
use crate::write::stamp::Place;

/// As often as the database is asked unless told otherwise.
const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Brings the workbook up to date when the options say so.
pub(crate) fn run(settings: &Settings, args: &SyncArgs, stop: &Stop) -> Result<Exit> {
    let last_synced = Place::read(&args.last_synced)?;
    run::on_schedule(&args.run, INTERVAL, stop, || one_run(settings, args, last_synced, stop))
}

fn one_run(settings: &Settings, args: &SyncArgs, last_synced: Option<Place>, stop: &Stop) -> Exit {
    let ping_url = settings.ping_url.as_deref();
    let run = Run { tool: TOOL, source: &settings.source.name, args: &args.run, ping_url };
    let mut noted = None;
    let work = |report: &Report| {
        noted = Some(report.clone());
        attempts(settings, args, last_synced, stop, report)
    };
    let exit = run::one(run, stop, work, |_, _| Ok(()));
    if let Some(report) = noted.filter(|_| !args.run.dry_run) {
        state::note(settings.state_dir.as_deref(), &report, exit);
    }
    exit
}

/// Runs once; when the database does not answer, again, as long as that may help.
fn attempts(
    settings: &Settings,
    args: &SyncArgs,
    last_synced: Option<Place>,
    stop: &Stop,
    report: &Report,
) -> Result<()> {
    let policy = Policy { give_up_after: args.run.retry_for, ..Policy::default() };
    let deadline = Instant::now() + args.deadline;
    let mut has_locked = false;
    let pg = &settings.source.pg;
    retry::run(policy, stop, |_| {
        let lock = match args.run.no_lock || args.run.dry_run {
            true => None,
            false => {
                let name = format!("{TOOL}:{}", settings.spreadsheet);
                Some(lock::lock_again(pg, TOOL, &name, &mut has_locked)?)
            }
        };
        let (shared, run_args) = (report.clone(), args.run.clone());
        let watch =
            silence::watch(pg, TOOL, move || run::give_up_silent_server("PostgreSQL", &shared, &run_args))?;
        // A link that swallows every byte would outlast the deadline.
        let (shared, run_args) = (report.clone(), args.run.clone());
        let overdue = silence::watch_with(
            move || Instant::now() > deadline,
            move || run::give_up_silent_server("the database", &shared, &run_args),
        )?;
        let job =
            Job { settings, wishes: wishes(settings, args), last_synced, deadline, is_dry: args.run.dry_run };
        one::run(&job, stop, report)?;
        drop((watch, overdue));
        if let Some(lock) = lock {
            lock.release();
        }
        Ok(())
    })
}

fn wishes(settings: &Settings, args: &SyncArgs) -> Wishes {
    Wishes {
        force: args.force,
        full_every: args.full_every.0,
        adopt: args.adopt,
        protect: (args.protect || args.no_protect).then_some(args.protect),
        orphans: args.orphans,
        is_whole: settings.source.only_tables.is_empty(),
        now: 0,
    }
}
