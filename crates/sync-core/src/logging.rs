//! One logger for every tool: short lines for people, or JSON lines for programs, beside progress bars.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use env_logger::{Builder, Target, WriteStyle};
use indicatif::{MultiProgress, ProgressDrawTarget};
use indicatif_log_bridge::LogWrapper;
use jiff::Timestamp;
use log::{Level, LevelFilter, Record};

use crate::fault::{self, Fault};
use crate::report_text::timestamp;

/// What is logged, how, and where to.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// -1 errors only; 0 warnings too; 1 debug messages of our own code; 2 its traces, and debug messages of others.
    pub verbose: i8,
    /// JSON lines instead of text.
    pub json: bool,
    /// A file to append to, instead of standard error.
    pub file: Option<PathBuf>,
}

/// Modules whose debug messages carry tokens, statements with their values, or URLs with keys.
const INDISCREET: [&str; 8] = [
    "yup_oauth2",
    "google_sheets4",
    "google_apis_common",
    "hyper_util",
    "ureq",
    "ureq_proto",
    "tokio_postgres",
    "mysql",
];

static PROGRESS: OnceLock<MultiProgress> = OnceLock::new();

/// Where progress bars are added: drawn on standard error when it is a terminal, hidden otherwise.
pub fn progress() -> &'static MultiProgress {
    PROGRESS.get_or_init(|| {
        let target = if io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        MultiProgress::with_draw_target(target)
    })
}

/// Starts the logger of this process; `RUST_LOG` wins over `verbose`.
///
/// Fails when a logger runs already; a log file that cannot be opened is a configuration error.
pub fn init(tool: &'static str, opts: LogOptions) -> Result<()> {
    let mut builder = Builder::new();
    set_levels(&mut builder, tool, opts.verbose, std::env::var("RUST_LOG").ok().as_deref());
    let to_file = opts.file.is_some();
    if let Some(path) = &opts.file {
        builder.target(Target::Pipe(Box::new(open(path)?))).write_style(WriteStyle::Never);
    }
    let json = opts.json;
    builder.format(move |out, record| match json {
        true => write_json(out, record, Timestamp::now()),
        false => write_text(out, tool, record, to_file.then(Timestamp::now)),
    });
    let logger = builder.build();
    let level = logger.filter();
    LogWrapper::new(progress().clone(), logger).try_init().context("starting the logger")?;
    log::set_max_level(level);
    Ok(())
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new().append(true).create(true).open(path).map_err(|error| {
        Fault::config(
            format!("cannot open the log file {}: {error}", path.display()),
            "check its folder and rights",
        )
    })
}

fn set_levels(builder: &mut Builder, tool: &str, verbose: i8, rust_log: Option<&str>) {
    if let Some(filters) = rust_log.filter(|filters| !filters.is_empty()) {
        builder.parse_filters(filters);
        return;
    }
    let (own, others) = match verbose {
        ..0 => (LevelFilter::Error, LevelFilter::Error),
        0 => (LevelFilter::Info, LevelFilter::Warn),
        1 => (LevelFilter::Debug, LevelFilter::Warn),
        2.. => (LevelFilter::Trace, LevelFilter::Debug),
    };
    builder.filter_level(others);
    for module in INDISCREET {
        builder.filter_module(module, others.min(LevelFilter::Warn));
    }
    for module in [&tool.replace('-', "_"), "sync_core", "pg_load"] {
        builder.filter_module(module, own);
    }
}

fn write_text(out: &mut impl Write, tool: &str, record: &Record, at: Option<Timestamp>) -> io::Result<()> {
    if let Some(at) = at {
        write!(out, "{} ", timestamp(at))?;
    }
    let level = match record.level() {
        // An error speaks for itself: `tool: what we were doing: cause`, then its hint.
        Level::Error => "",
        Level::Warn => "warning: ",
        Level::Info => "",
        Level::Debug => "debug: ",
        Level::Trace => "trace: ",
    };
    let text = message(record).replace(" hint: ", "\nhint: ");
    writeln!(out, "{tool}: {level}{text}")
}

fn write_json(out: &mut impl Write, record: &Record, at: Timestamp) -> io::Result<()> {
    let line = serde_json::json!({
        "ts": timestamp(at),
        "level": record.level().as_str().to_ascii_lowercase(),
        "target": record.target(),
        "message": message(record),
    });
    writeln!(out, "{line}")
}

fn message(record: &Record) -> String {
    fault::redact(&record.args().to_string().replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::{Log as _, Metadata};

    fn enabled(verbose: i8, rust_log: Option<&str>, target: &str, level: Level) -> bool {
        let mut builder = Builder::new();
        set_levels(&mut builder, "pi-uploader", verbose, rust_log);
        builder.build().enabled(&Metadata::builder().target(target).level(level).build())
    }

    #[test]
    fn levels() {
        let own = "pi_uploader::video";
        assert!(!enabled(-1, None, own, Level::Warn));
        assert!(enabled(0, None, own, Level::Info) && !enabled(0, None, own, Level::Debug));
        assert!(enabled(1, None, own, Level::Debug) && !enabled(1, None, "rustls", Level::Info));
        assert!(enabled(2, None, own, Level::Trace) && enabled(2, None, "rustls", Level::Debug));
        assert!(!enabled(2, None, "yup_oauth2::token", Level::Info));
        assert!(!enabled(2, None, "tokio_postgres::query", Level::Debug));
        assert!(enabled(0, Some("rustls=trace"), "rustls", Level::Trace));
        assert!(enabled(1, Some(""), own, Level::Debug), "an empty RUST_LOG is no setting");
    }

    #[test]
    fn text_lines() {
        let mut out = Vec::new();
        let args = format_args!("a\nb postgres://u:hunter2@h/d");
        let record = Record::builder().level(Level::Warn).args(args).build();
        write_text(&mut out, "tool", &record, None).unwrap();
        write_text(&mut out, "tool", &record, Some(Timestamp::UNIX_EPOCH)).unwrap();
        let line = "tool: warning: a b postgres://u:***@h/d\n";
        assert_eq!(String::from_utf8(out).unwrap(), format!("{line}1970-01-01T00:00:00.000Z {line}"));
    }

    #[test]
    fn json_lines() {
        let mut out = Vec::new();
        let record =
            Record::builder().level(Level::Error).target("t").args(format_args!("say \"x\"")).build();
        write_json(&mut out, &record, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"level\":\"error\",\"message\":\"say \\\"x\\\"\",\"target\":\"t\",\"ts\":\"1970-01-01T00:00:00.000Z\"}\n"
        );
    }

    #[test]
    fn a_log_file_without_a_folder_is_a_configuration_error() {
        let error = open(Path::new("/nonexistent/x.log")).unwrap_err();
        assert_eq!(fault::verdict(&error).exit, crate::exit::Exit::Config);
    }
}
