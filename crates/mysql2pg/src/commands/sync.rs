//! `mysql2pg [sync]` and `mysql2pg copy`: once or on a schedule, with a report at the end of every run.

use std::time::Duration;

use anyhow::Result;
use pg_load::rejected;
use sync_core::cli::RunArgs;
use sync_core::exit::Exit;
use sync_core::report::{Count, Report};
use sync_core::retry::{self, Policy};
use sync_core::run::{self, Run};
use sync_core::stop::Stop;
use sync_core::{history, lock};

use crate::TOOL;
use crate::args::{CopyArgs, SyncArgs};
use crate::orders;
use crate::session::{self, Session, State};
use crate::settings::{OrderSettings, RowSettings, Settings};
use crate::table::job::{self, Job};
use crate::table::run as table;

/// As often as the ERP is asked unless told otherwise.
const INTERVAL: Duration = Duration::from_secs(15 * 60);

/// Runs the built-in job, or the one of `--job`, when the options say so.
pub(crate) fn run(settings: &Settings, args: &SyncArgs, stop: &Stop) -> Result<Exit> {
    let Some(path) = &args.job else {
        let job = OrderSettings::of(args)?;
        return on_schedule(settings, &args.run, orders::JOB, stop, |session| {
            orders::run::run(session, &job)
        });
    };
    let jobs = [job::read(path)?];
    let rows = RowSettings::from(&args.rows);
    jobs[0].check(rows)?;
    on_schedule(settings, &args.run, &jobs[0].name, stop, |session| table::run(session, &jobs, rows))
}

/// Copies whole tables when the options say so.
pub(crate) fn copy(settings: &Settings, args: &CopyArgs, stop: &Stop) -> Result<Exit> {
    let job = |name: &String| Job::copy(name, &settings.schema, args.incremental.as_deref());
    let jobs: Vec<Job> = args.tables.iter().map(job).collect();
    let rows = RowSettings::from(&args.rows);
    jobs.iter().try_for_each(|job| job.check(rows))?;
    on_schedule(settings, &args.run, job::COPY, stop, |session| table::run(session, &jobs, rows))
}

fn on_schedule(
    settings: &Settings,
    args: &RunArgs,
    job: &str,
    stop: &Stop,
    work: impl Fn(&mut Session<'_>) -> Result<()>,
) -> Result<Exit> {
    run::on_schedule(args, INTERVAL, stop, || one_run(settings, args, job, stop, &work))
}

fn one_run(
    settings: &Settings,
    args: &RunArgs,
    job: &str,
    stop: &Stop,
    work: &impl Fn(&mut Session<'_>) -> Result<()>,
) -> Exit {
    let run = Run { tool: TOOL, source: job, args, ping_url: settings.ping_url.as_deref() };
    let note = |report: &Report, exit| history::record_apart(&settings.pg, &settings.schema, report, exit);
    run::one(run, stop, |report| attempts(settings, args, job, stop, report, work), note)
}

/// Runs once, reconnecting as long as that may help.
fn attempts(
    settings: &Settings,
    args: &RunArgs,
    job: &str,
    stop: &Stop,
    report: &Report,
    work: &impl Fn(&mut Session<'_>) -> Result<()>,
) -> Result<()> {
    let policy = Policy { give_up_after: args.retry_for, ..Policy::default() };
    let mut state = State::default();
    retry::run(policy, stop, |_| {
        let lock = match args.no_lock || args.dry_run {
            true => None,
            false => {
                let name = format!("{TOOL}:{job}:{}", settings.schema);
                Some(lock::lock_again(&settings.pg, TOOL, &name, &mut state.has_locked)?)
            }
        };
        let mut session = session::open(settings, args, stop, report, &mut state)?;
        work(&mut session)?;
        if args.dry_run {
            report.set_rejected_remaining(report.get(Count::Rejected));
        } else {
            let n_aside = rejected::counts(&mut session.client, &settings.schema, TOOL, job)?.into_iter();
            let read = &session.state.sources;
            let ours = n_aside.filter(|(file, table, _)| read.contains(&(file.clone(), table.clone())));
            report.set_rejected_remaining(ours.map(|(_, _, n)| n).sum());
            history::record(&mut session.client, &settings.schema, report, report.exit())?;
        }
        drop(session);
        if let Some(lock) = lock {
            lock.release();
        }
        Ok(())
    })
}
