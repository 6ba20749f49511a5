//! How a run ends: what it says, and what happens when it cannot end by itself.

use std::env;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process;
use std::time::Duration;

use sync_core::exit::Exit;
use sync_core::report::Report;
use sync_core::stop::{Stop, Watch};

use crate::args::{ReportFormat, SyncArgs};

/// A stopped run has this long to finish its batch; then it is cut off, which loses nothing.
const GRACE: Duration = Duration::from_secs(4);

/// Says what happened in the form that was asked for.
pub(crate) fn say(report: &Report, format: ReportFormat) {
    match format {
        // `--quiet` leaves only what nothing else has said.
        ReportFormat::Text if !log::log_enabled!(log::Level::Info) && report.exit() != Exit::Partial => {}
        ReportFormat::Text => {
            let _ = writeln!(std::io::stderr().lock(), "{}", report.summary());
        }
        ReportFormat::Json => {
            let _ = writeln!(std::io::stdout().lock(), "{}", report.json());
        }
        ReportFormat::None => {}
    }
}

/// Ends a stopped run that cannot finish its batch.
pub(crate) fn cut_off_when_overdue(report: &Report, format: ReportFormat, stop: &Stop) -> Watch {
    let report = report.clone();
    stop.on_overdue(GRACE, move || {
        let error = "stopped in the middle of a batch, which is taken back; the next run does it again";
        cut_off(&report, format, error);
        end(Exit::Temporary);
    })
}

/// Ends a run whose server has fallen silent, the batch in the network with it; a loop begins anew.
pub(crate) fn give_up_silent_server(report: &Report, options: &SyncArgs) {
    cut_off(report, options.report, "the server has fallen silent; the next run goes on from the last batch");
    let loops = !options.once && (options.every.is_some() || options.cron.is_some());
    if loops && let Ok(program) = env::current_exe() {
        let err = process::Command::new(program).args(env::args_os().skip(1)).exec();
        log::error!("start the next run: {err}");
    }
    end(Exit::Temporary);
}

fn cut_off(report: &Report, format: ReportFormat, error: &str) {
    log::error!("{error}");
    report.set_error(error);
    report.finish(Exit::Temporary);
    say(report, format);
}

#[expect(clippy::exit, reason = "what is left hangs in the network; a transaction ends with us")]
fn end(exit: Exit) {
    process::exit(exit.code().into());
}

/// Nobody waits for a monitoring service that does not answer.
pub(crate) fn end_when_overdue(exit: Exit, stop: &Stop) -> Watch {
    stop.on_overdue(GRACE, move || end(exit))
}
