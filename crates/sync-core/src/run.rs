//! Runs from ping to ping: what a run says, and what happens when it cannot end by itself.

use std::env;
use std::io::{ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process;
use std::time::Duration;

use anyhow::Result;

use crate::cli::RunArgs;
use crate::exit::Exit;
use crate::fault;
use crate::report::{Format, Report};
use crate::stop::{Stop, Watch};
use crate::{atomic, logging, ping, schedule};

/// A stopped run has this long to finish its batch; then it is cut off, which loses nothing.
const GRACE: Duration = Duration::from_secs(4);

/// A run as others see it.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Name of the tool.
    pub tool: &'static str,
    /// What the tool reads; may be empty.
    pub source: &'a str,
    /// When to run, how to say what happened, and to whom.
    pub args: &'a RunArgs,
    /// The tool's own setting, a secret; `--ping-url` wins.
    pub ping_url: Option<&'a str>,
}

/// Does `one_run` when the options say so, and gives what the process ends with.
///
/// `interval` is that of `--every` without a value. A cron expression that cannot be read is a configuration error.
pub fn on_schedule(
    args: &RunArgs,
    interval: Duration,
    stop: &Stop,
    one_run: impl FnMut() -> Exit,
) -> Result<Exit> {
    Ok(schedule::run(&args.when(interval)?, stop, one_run))
}

/// One run from ping to ping, with a report and metrics at its end whatever happens; gives what it ended with.
///
/// `work` counts in the report, and records a run that came to its end in the history itself. `note` records there a run
/// that failed: it is called neither in a dry run nor after a temporary failure, since another run's lock is no news
/// and a server that did not answer will not take the note.
pub fn one(
    run: Run<'_>,
    stop: &Stop,
    work: impl FnOnce(&Report) -> Result<()>,
    note: impl FnOnce(&Report, Exit) -> Result<()>,
) -> Exit {
    let Run { tool, source, args, ping_url } = run;
    let report = Report::new(tool, source);
    let watch = cut_off_when_overdue(&report, args.report, stop);
    let ping_url = args.ping_url.as_deref().or(ping_url);
    if let Some(url) = ping_url {
        ping::start(url);
    }
    let exit = match work(&report) {
        Ok(()) => report.exit(),
        Err(err) => {
            let exit = failed(&report, &err);
            if exit != Exit::Temporary
                && !args.dry_run
                && let Err(err) = note(&report, exit)
            {
                log::debug!("the run history does not know of this failure: {err:#}");
            }
            exit
        }
    };
    report.finish(exit);
    drop(watch);
    say(&report, args.report);
    // Nobody waits for a monitoring service that does not answer.
    let _watch = stop.on_overdue(GRACE, move || end(exit));
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

/// Ends this process, whose `server` has fallen silent, the batch in the network with it; a loop begins anew.
///
/// For the watches of [`crate::silence`]: the run itself hangs in a call that will not return.
pub fn give_up_silent_server(server: &str, report: &Report, args: &RunArgs) {
    let error = format!("{server} has fallen silent; the next run goes on from what is committed");
    cut_off(report, args.report, &error);
    if args.loops()
        && let Ok(program) = env::current_exe()
    {
        let err = process::Command::new(program).args(env::args_os().skip(1)).exec();
        log::error!("start the next run: {err}");
    }
    end(Exit::Temporary);
}

fn failed(report: &Report, err: &anyhow::Error) -> Exit {
    let exit = fault::verdict(err).exit;
    let text = fault::describe(err);
    log::error!("{text}");
    report.set_error(text.lines().next().unwrap_or_default());
    report.finish(exit);
    exit
}

/// Says what happened in the form that was asked for.
fn say(report: &Report, format: Format) {
    // `--quiet` leaves only what nothing else has said.
    let is_news = log::log_enabled!(log::Level::Info) || report.exit() == Exit::Partial;
    match format {
        Format::Text if is_news => {
            let _ = writeln!(std::io::stderr().lock(), "{}", report.summary());
        }
        Format::Json => {
            // A reader who has left wants no more.
            if let Err(err) = writeln!(std::io::stdout().lock(), "{}", report.json())
                && err.kind() != ErrorKind::BrokenPipe
            {
                log::warn!("the report cannot be written to standard output: {err}");
            }
        }
        Format::Text | Format::None => {}
    }
    if is_news && format != Format::None {
        logging::keep(&report.summary());
    }
}

/// Ends a stopped run that cannot finish its batch.
fn cut_off_when_overdue(report: &Report, format: Format, stop: &Stop) -> Watch {
    let report = report.clone();
    stop.on_overdue(GRACE, move || {
        let error = "stopped in the middle of a batch, which is taken back; the next run does it again";
        cut_off(&report, format, error);
        end(Exit::Temporary);
    })
}

fn cut_off(report: &Report, format: Format, error: &str) {
    log::error!("{error}");
    report.set_error(error);
    report.finish(Exit::Temporary);
    say(report, format);
}

#[expect(clippy::exit, reason = "what is left hangs in the network; a transaction ends with us")]
fn end(exit: Exit) {
    process::exit(exit.code().into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::report::Count;
    use clap::Parser;
    use std::fs;

    #[derive(Parser)]
    struct Tool {
        #[command(flatten)]
        run: RunArgs,
    }

    fn one_run(line: &[&str], work: impl FnOnce(&Report) -> Result<()>) -> (Exit, Option<Exit>) {
        let args = Tool::parse_from([&["tool", "--report", "none"], line].concat()).run;
        let mut noted = None;
        let run = Run { tool: "tool", source: "main", args: &args, ping_url: None };
        let exit = one(run, &Stop::new(), work, |_, exit| {
            noted = Some(exit);
            Ok(())
        });
        (exit, noted)
    }

    #[test]
    fn a_failure_is_noted_unless_it_may_pass() {
        let done = |report: &Report| {
            report.set_rejected_remaining(1);
            Ok(())
        };
        assert_eq!(one_run(&[], done), (Exit::Partial, None));
        let failed = |_: &Report| Err(Fault::failed("no", ""));
        assert_eq!(one_run(&[], failed), (Exit::Failed, Some(Exit::Failed)));
        assert_eq!(one_run(&["--dry-run"], failed), (Exit::Failed, None));
        assert_eq!(one_run(&[], |_| Err(Fault::temporary("no", ""))), (Exit::Temporary, None));
    }

    #[test]
    fn metrics_are_written_after_a_failure_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tool.prom");
        let (exit, _) = one_run(&["--metrics-file", path.to_str().unwrap()], |report| {
            report.add(Count::Read, 7);
            Err(Fault::config("no", ""))
        });
        assert_eq!(exit, Exit::Config);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("sync_rows_read_total{tool=\"tool\",source=\"main\"} 7"), "{text}");
    }
}
