//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use sync_core::cli::{LogArgs, RunArgs};
use sync_core::{exit, schedule};

/// Events and videos of a Raspberry Pi's SQLite database to an HTTP backend, each exactly once.
#[derive(Debug, Parser)]
#[command(name = "pi-uploader", version, max_term_width = 100, after_help = exit::HELP)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) sync: SyncArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send what was not sent yet, again and again until stopped, or --once (the default)
    #[command(after_help = exit::HELP)]
    Sync(Box<SyncArgs>),
    /// Test database, tables, rights, server and settings, and say what to do
    #[command(after_help = exit::HELP)]
    Check,
    /// Count what was sent, failed and waits
    #[command(after_help = exit::HELP)]
    Status,
    /// List what the server did not take, why, and when it is tried again
    #[command(after_help = exit::HELP)]
    Failures {
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Make failed rows due now: all of them, or one
    #[command(after_help = exit::HELP)]
    Retry {
        /// evenement or media
        #[arg(value_name = "TABLE", value_parser = ["evenement", "media"], requires = "id")]
        table: Option<String>,
        /// Its id in the database
        #[arg(value_name = "ID", allow_negative_numbers = true)]
        id: Option<i64>,
    },
    /// Send one row again, though the server has it
    #[command(after_help = exit::HELP)]
    Resend {
        #[command(flatten)]
        row: RowArgs,
    },
    /// Forget all that was sent, so that everything is sent again
    #[command(after_help = exit::HELP)]
    Reset {
        /// Do it; without, it is only said how many rows that would be
        #[arg(long)]
        yes: bool,
    },
    /// Delete videos from the database that the server has had for long
    #[command(after_help = exit::HELP)]
    Prune {
        /// How long ago they were sent at least
        #[arg(long, value_name = "DURATION", value_parser = schedule::parse_duration)]
        sent_before: Duration,
        /// Do it; without, it is only said how many rows that would be
        #[arg(long)]
        yes: bool,
    },
    /// Succeed if the last complete run is recent and few rows wait (for HEALTHCHECK)
    #[command(after_help = exit::HELP)]
    Health {
        /// How old the last complete run may be
        #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = schedule::parse_duration)]
        max_age: Duration,
        /// How many rows may wait
        #[arg(long, value_name = "N")]
        max_backlog: Option<u64>,
    },
}

/// A row of the database.
#[derive(Clone, Debug, Args)]
pub(crate) struct RowArgs {
    /// evenement or media
    #[arg(value_name = "TABLE", value_parser = ["evenement", "media"])]
    pub(crate) table: String,
    /// Its id in the database
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    pub(crate) id: i64,
}

/// When and how fast to send.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("every", |arg| arg.help("Run again and again at this interval [without a value: SYNC_INTERVAL_MINUTES]")))]
#[command(mut_arg("ping_url", |arg| arg.help("Call URL/start before and URL/<exit code> after each run [env: PI_UPLOADER_PING_URL]")))]
#[command(mut_arg("dry_run", |arg| arg.help("Say how much would be sent and change nothing")))]
#[command(mut_arg("retry_for", |arg| arg.hide(true)))]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Options of every command. Environment variables are read by `Settings`, behind `.env`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Settings (flag > environment > .env)")]
#[command(mut_arg("log_file", |arg| arg.help("Log to this file too, 5 old ones of 10 MB kept")))]
pub(crate) struct CommonArgs {
    /// File with environment settings [default: ./.env when present]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) env_file: Option<PathBuf>,
    /// The recorder's database [env: LOCAL_DB_PATH] [default: /data/surveillance.db]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) local_db_path: Option<PathBuf>,
    /// The server [env: BACKEND_URL] [default: http://backend:8000]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) backend_url: Option<String>,
    /// Sent as `Authorization: Bearer`; prefer the environment or BACKEND_TOKEN_FILE [env: BACKEND_TOKEN]
    #[arg(long, global = true, value_name = "TOKEN")]
    pub(crate) backend_token: Option<String>,
    /// Certificates to trust instead of the public ones, as a PEM file [env: BACKEND_CA_FILE]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) backend_ca_file: Option<PathBuf>,
    /// Name of this device on the server [env: DEVICE_ID] [default: raspberry-1]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) device_id: Option<String>,
    /// once, periodic or continuous; the last two loop [env: SYNC_MODE] [default: continuous]
    #[arg(long, global = true, value_name = "MODE")]
    pub(crate) sync_mode: Option<String>,
    /// Pause between runs of a loop [env: SYNC_INTERVAL_MINUTES] [default: 5]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) sync_interval_minutes: Option<String>,
    /// Events on their way at once [env: SYNC_CONCURRENCY] [default: 1]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) concurrency: Option<String>,
    /// Leave larger videos where they are, with a reason [env: SYNC_MAX_MEDIA_MB]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) max_media_mb: Option<String>,
    /// Most bytes per second that videos may take [env: SYNC_BANDWIDTH]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) bandwidth: Option<String>,
    /// Keep what was sent in this database instead; the recorder's may then be read-only [env: SYNC_STATE_PATH]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) state: Option<PathBuf>,
    /// Where videos wait while they are sent [env: SYNC_SPOOL_DIR] [default: beside the state]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,
    /// Names of tables and columns, as a YAML file [env: SYNC_MAPPING]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) mapping: Option<PathBuf>,
    /// Language of what is shown, fr or en [env: SYNC_LANG] [default: from LC_ALL or LANG, else fr]
    #[arg(long, global = true, value_name = "LANG")]
    pub(crate) lang: Option<String>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}
