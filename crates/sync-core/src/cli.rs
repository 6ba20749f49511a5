//! The options that every tool has, and the frame of its `main`.
//!
//! A tool flattens these into its own arguments. Where its help must say more (a default, the name of an environment
//! variable), it adds that with `#[command(mut_arg("every", |arg| arg.help("…")))]`.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{ArgAction, Args, ValueEnum};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::logging::{self, LogFile, LogOptions};
#[cfg(feature = "pg")]
pub use crate::pg_args::PgArgs;
use crate::report::Format;
use crate::schedule::{self, When};
use crate::{crash, fault};

/// How much is said, in which form, and where to; options of every command.
#[derive(Clone, Debug, Default, Args)]
pub struct LogArgs {
    /// Say only errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice: everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Form of log lines
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub log_format: LogFormat,
    /// Log to this file instead of standard error
    #[arg(long, global = true, value_name = "PATH")]
    pub log_file: Option<PathBuf>,
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

impl LogArgs {
    /// Starts the logger; `file` is the tool's decision, from `log_file` or from elsewhere.
    ///
    /// Errors are those of [`logging::init`].
    pub fn start(&self, tool: &'static str, file: Option<LogFile>) -> Result<()> {
        let verbose = if self.quiet { -1 } else { i8::try_from(self.verbose).unwrap_or(i8::MAX) };
        logging::init(tool, LogOptions { verbose, json: self.log_format == LogFormat::Json, file })
    }
}

/// When a tool runs, how long it tries, and whom it tells.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Run again and again at this interval
    #[arg(long, value_name = "DURATION", num_args = 0..=1, value_parser = schedule::parse_duration)]
    pub every: Option<Option<Duration>>,
    /// Run on a cron schedule of 5 fields, or 6 with seconds
    #[arg(long, value_name = "EXPRESSION", conflicts_with = "every")]
    pub cron: Option<String>,
    /// Run once, whatever else is set
    #[arg(long)]
    pub once: bool,
    /// Say what would be copied and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What to say at the end: a line on standard error, JSON on standard output, or nothing
    #[arg(long, value_enum, default_value = "text")]
    pub report: Format,
    /// Write Prometheus metrics here after each run
    #[arg(long, value_name = "PATH")]
    pub metrics_file: Option<PathBuf>,
    /// Call URL/start before and URL/<exit code> after each run
    #[arg(long, value_name = "URL")]
    pub ping_url: Option<String>,
    /// Keep trying this long when a server does not answer
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = schedule::parse_duration)]
    pub retry_for: Duration,
    /// Do not take the lock: rows stay exact, work may be done twice
    #[arg(long, hide = true)]
    pub no_lock: bool,
}

impl RunArgs {
    /// When to run; `interval` is that of `--every` without a value.
    ///
    /// A cron expression that cannot be read is a configuration error.
    pub fn when(&self, interval: Duration) -> Result<When> {
        if self.once {
            return Ok(When::Once);
        }
        if let Some(expression) = &self.cron {
            let cron = schedule::parse_cron(expression).map_err(|why| {
                Fault::config(format!("--cron {expression:?}: {why}"), "e.g. --cron '*/5 * * * *'")
            })?;
            return Ok(When::Cron(Box::new(cron)));
        }
        Ok(self.every.map_or(When::Once, |every| When::Every(every.unwrap_or(interval))))
    }

    /// Whether more runs follow this one.
    pub fn loops(&self) -> bool {
        !self.once && (self.every.is_some() || self.cron.is_some())
    }
}

/// A tool's `main`: does `run`, says what went wrong, and gives the exit code.
///
/// `run` parses the arguments and starts the logger; an error from before that goes to standard error. A closed
/// standard output, as `| head -1` leaves it when it has seen enough, is no error.
pub fn main(tool: &'static str, run: impl FnOnce() -> Result<Exit>) -> ExitCode {
    crash::setup();
    let exit = run().unwrap_or_else(|err| {
        if is_reader_gone(&err) {
            return Exit::Done;
        }
        logging::say_error(tool, &err);
        fault::verdict(&err).exit
    });
    exit.into()
}

fn is_reader_gone(err: &anyhow::Error) -> bool {
    err.downcast_ref::<io::Error>().is_some_and(|err| err.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Tool {
        #[command(flatten)]
        run: RunArgs,
        #[command(flatten)]
        log: LogArgs,
    }

    fn args(line: &str) -> RunArgs {
        Tool::parse_from(line.split(' ')).run
    }

    #[test]
    fn when_to_run() {
        let interval = Duration::from_secs(15);
        let when = |line| format!("{:?}", args(line).when(interval).unwrap());
        assert_eq!(when("tool"), "Once");
        assert_eq!(when("tool --every"), "Every(15s)");
        assert_eq!(when("tool --every 2m"), "Every(120s)");
        assert!(when("tool --cron @hourly").starts_with("Cron("));
        assert_eq!(when("tool --every 2m --once"), "Once");
        let error = args("tool --cron nonsense").when(interval).unwrap_err();
        assert_eq!(fault::verdict(&error).exit, Exit::Config);
        assert!(args("tool --every").loops() && !args("tool --every --once").loops());
    }

    #[test]
    fn log_options() {
        let log = Tool::parse_from(["tool", "-vv", "--log-format", "json"]).log;
        assert_eq!((log.verbose, log.log_format, log.quiet), (2, LogFormat::Json, false));
        assert!(Tool::try_parse_from(["tool", "-q", "-v"]).is_err());
    }

    #[test]
    fn only_our_own_closed_output_is_no_error() {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_reader_gone(&anyhow::Error::from(gone())));
        let elsewhere = Fault::temporary("connection lost", "").context(gone().to_string());
        assert!(!is_reader_gone(&elsewhere));
    }
}
