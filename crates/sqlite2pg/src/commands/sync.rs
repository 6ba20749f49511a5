//! `sqlite2pg [sync]`: once or on a schedule, with a report at the end of every run.

use anyhow::Result;
use sync_core::exit::Exit;
use sync_core::fault::{self, Fault};
use sync_core::report::Report;
use sync_core::schedule::{self, When};
use sync_core::stop::Stop;
use sync_core::{atomic, history, pg, ping};

use crate::args::SyncArgs;
use crate::ending;
use crate::session::TOOL;
use crate::settings::Settings;
use crate::sync::{self, Extra};

/// Runs when the options say so.
pub(crate) fn run(settings: &Settings, args: &SyncArgs, stop: &Stop) -> Result<Exit> {
    let when = when(settings, args)?;
    Ok(schedule::run(&when, stop, || one_run(settings, args, Extra::default(), stop)))
}

/// One run that tries every rejected row again.
pub(crate) fn retry_rejected(settings: &Settings, args: &SyncArgs, stop: &Stop) -> Result<Exit> {
    let extra = Extra { retry_rejected: true, ..Extra::default() };
    Ok(one_run(settings, args, extra, stop))
}

fn when(settings: &Settings, args: &SyncArgs) -> Result<When> {
    if args.once {
        return Ok(When::Once);
    }
    if let Some(expression) = &args.cron {
        let cron = schedule::parse_cron(expression).map_err(|why| {
            Fault::config(format!("--cron {expression:?}: {why}"), "e.g. --cron '*/5 * * * *'")
        })?;
        return Ok(When::Cron(Box::new(cron)));
    }
    Ok(match args.every {
        Some(interval) => When::Every(interval.unwrap_or(settings.interval)),
        None => When::Once,
    })
}

/// One run from ping to ping.
pub(crate) fn one_run(settings: &Settings, args: &SyncArgs, extra: Extra<'_>, stop: &Stop) -> Exit {
    let report = Report::new(TOOL, &settings.source_name);
    let watch = ending::cut_off_when_overdue(&report, args.report, stop);
    let ping_url = args.ping_url.as_ref().or(settings.ping_url.as_ref());
    if let Some(url) = ping_url {
        ping::start(url);
    }
    let exit = match sync::run(settings, args, extra, stop, &report) {
        Ok(()) => report.exit(),
        Err(err) => failed(settings, args, &report, &err),
    };
    report.finish(exit);
    drop(watch);
    ending::say(&report, args.report);
    let _watch = ending::end_when_overdue(exit, stop);
    if let Some(path) = &args.metrics_file
        && let Err(err) = atomic::write_atomically(path, &report.prometheus())
    {
        log::warn!("write the metrics file: {err:#}");
    }
    if let Some(url) = ping_url {
        ping::finish(url, exit);
    }
    exit
}

fn failed(settings: &Settings, args: &SyncArgs, report: &Report, err: &anyhow::Error) -> Exit {
    let exit = fault::verdict(err).exit;
    let text = fault::describe(err);
    log::error!("{text}");
    report.set_error(text.lines().next().unwrap_or_default());
    report.finish(exit);
    // Another run's lock is no news, and a server that did not answer will not take the note.
    if exit != Exit::Temporary && !args.dry_run {
        let noted = pg::connect(&settings.pg, TOOL)
            .and_then(|mut client| history::record(&mut client, &settings.schema, report, exit));
        if let Err(err) = noted {
            log::debug!("the run history does not know of this failure: {err:#}");
        }
    }
    exit
}
