//! `sqlite2pg [sync]`: once or on a schedule, with a report at the end of every run.

use anyhow::Result;
use sync_core::exit::Exit;
use sync_core::history;
use sync_core::run::{self, Run};
use sync_core::stop::Stop;

use crate::args::SyncArgs;
use crate::session::TOOL;
use crate::settings::Settings;
use crate::sync::{self, Extra};

/// Runs when the options say so.
pub(crate) fn run(settings: &Settings, args: &SyncArgs, stop: &Stop) -> Result<Exit> {
    run::on_schedule(&args.run, settings.interval, stop, || one_run(settings, args, Extra::default(), stop))
}

/// One run that tries every rejected row again.
pub(crate) fn retry_rejected(settings: &Settings, args: &SyncArgs, stop: &Stop) -> Result<Exit> {
    let extra = Extra { retry_rejected: true, ..Extra::default() };
    Ok(one_run(settings, args, extra, stop))
}

/// One run from ping to ping.
pub(crate) fn one_run(settings: &Settings, args: &SyncArgs, extra: Extra<'_>, stop: &Stop) -> Exit {
    let run = Run {
        tool: TOOL,
        source: &settings.source_name,
        args: &args.run,
        ping_url: settings.ping_url.as_deref(),
    };
    run::one(
        run,
        stop,
        |report| sync::run(settings, args, extra, stop, report),
        |report, exit| history::record_apart(&settings.pg, &settings.schema, report, exit),
    )
}
