//! One logger for every tool: short lines for people, or JSON lines for programs, beside progress bars.

use std::fs;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result};
use env_logger::{Builder, Logger, Target, WriteStyle};
use indicatif::{MultiProgress, ProgressDrawTarget};
use indicatif_log_bridge::LogWrapper;
use jiff::{Timestamp, Zoned};
use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::fault::{self, Fault};
use crate::log_file::{self, Rotating};
use crate::report_text::timestamp;

/// What is logged, how, and where to.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// -1 errors only; 0 warnings too; 1 debug messages of our own code; 2 its traces, and debug messages of others.
    pub verbose: i8,
    /// JSON lines instead of text.
    pub json: bool,
    /// A file to append to.
    pub file: Option<LogFile>,
}

/// A log file; it and its folder are created when missing. Several processes may append to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogFile {
    /// Instead of standard error; it grows without end, or as logrotate says.
    Instead(PathBuf),
    /// Beside standard error, in lines `time - level - message` of local time; at 10 MB it is renamed to `name.1`, and
    /// five old files are kept.
    Beside(PathBuf),
}

/// The log as it runs.
struct Running {
    file: Option<Mutex<Rotating>>,
    json: bool,
}

/// A logger that also fills the file beside standard error.
struct Tee(Logger);

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

static RUNNING: OnceLock<Running> = OnceLock::new();
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
/// Fails when a logger runs already; a log file that cannot be opened is a configuration error which names it.
pub fn init(tool: &'static str, opts: LogOptions) -> Result<()> {
    let LogOptions { verbose, json, file } = opts;
    let mut builder = Builder::new();
    set_levels(&mut builder, tool, verbose, std::env::var("RUST_LOG").ok().as_deref());
    let is_alone = matches!(file, Some(LogFile::Instead(_)));
    let file = match file {
        None => None,
        Some(LogFile::Instead(path)) => {
            let file = open(&path, log_file::open)?;
            builder.target(Target::Pipe(Box::new(file))).write_style(WriteStyle::Never);
            None
        }
        Some(LogFile::Beside(path)) => Some(Mutex::new(open(&path, Rotating::open)?)),
    };
    builder.format(move |out, record| match json {
        true => write_json(out, record, Timestamp::now()),
        false => write_text(out, tool, record, is_alone.then(Timestamp::now)),
    });
    let logger = builder.build();
    let level = logger.filter();
    LogWrapper::new(progress().clone(), Tee(logger)).try_init().context("starting the logger")?;
    log::set_max_level(level);
    // Only here can a logger have been started: the one above is the first.
    let _ = RUNNING.set(Running { file, json });
    Ok(())
}

/// Says an error with its hint, in the log or, before there is one, on standard error.
pub fn say_error(tool: &str, err: &anyhow::Error) {
    let text = fault::describe(err);
    match RUNNING.get() {
        Some(_) => log::error!("{text}"),
        None => eprintln!("{tool}: {text}"),
    }
}

/// Puts lines into the file of [`LogFile::Beside`], if there is one: what people were told by other means than the log.
pub fn keep(text: &str) {
    for line in text.lines().map(str::trim_start) {
        let mut record = Record::builder();
        fill_file(&record.level(Level::Info).target("report").args(format_args!("{line}")).build());
    }
}

impl Log for Tee {
    fn enabled(&self, metadata: &Metadata) -> bool {
        self.0.enabled(metadata)
    }

    fn log(&self, record: &Record) {
        self.0.log(record);
        if self.0.matches(record) {
            fill_file(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

fn fill_file(record: &Record) {
    let Some(Running { file: Some(file), json }) = RUNNING.get() else {
        return;
    };
    let mut line = Vec::new();
    let written = match json {
        true => write_json(&mut line, record, Timestamp::now()),
        false => write_dated(&mut line, record, &Zoned::now()),
    };
    // There is no place to say that the log cannot be written; standard error has had the line.
    let _ = written.and_then(|()| file.lock().unwrap_or_else(PoisonError::into_inner).append(&line));
}

fn open<T>(path: &Path, open: impl FnOnce(&Path) -> io::Result<T>) -> Result<T> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), fs::create_dir_all).and_then(|()| open(path)).map_err(|error| {
        Fault::config(
            format!("cannot open the log file {}: {error}", path.display()),
            "check its folder and rights",
        )
    })
}

fn set_levels(builder: &mut Builder, tool: &str, verbose: i8, rust_log: Option<&str>) {
    if let Some(filters) = rust_log.filter(|filters| !filters.is_empty()) {
        builder.parse_filters(filters);
        // Whoever asks for everything does not ask for tokens in a file.
        for module in INDISCREET {
            builder.filter_module(module, LevelFilter::Warn);
        }
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

fn write_dated(out: &mut impl Write, record: &Record, at: &Zoned) -> io::Result<()> {
    let level = match record.level() {
        Level::Warn => "WARNING",
        other => other.as_str(),
    };
    writeln!(out, "{} - {level} - {}", at.strftime("%Y-%m-%d %H:%M:%S,%3f"), message(record))
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
    fn dated_lines() {
        let mut out = Vec::new();
        let args = format_args!("a\nb");
        let at = "2026-11-21T12:00:00.123987+01:00[Europe/Paris]".parse().unwrap();
        write_dated(&mut out, &Record::builder().level(Level::Warn).args(args).build(), &at).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "2026-11-21 12:00:00,123 - WARNING - a b\n");
    }

    #[test]
    fn the_folder_of_a_log_file_is_made_and_what_cannot_be_opened_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/deep/sync.log");
        open(&path, log_file::open).unwrap();
        assert!(path.is_file());
        let below_a_file = path.join("x.log");
        let error = open(&below_a_file, Rotating::open).unwrap_err();
        assert_eq!(fault::verdict(&error).exit, crate::exit::Exit::Config);
        assert!(error.to_string().contains(below_a_file.to_str().unwrap()), "{error}");
    }
}
