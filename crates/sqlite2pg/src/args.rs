//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jiff::civil::Date;
use sync_core::cli::{LogArgs, PgArgs, RunArgs};
use sync_core::{exit, schedule};

/// Daily SQLite files into PostgreSQL: every row once, whatever happens.
#[derive(Debug, Parser)]
#[command(name = "sqlite2pg", version, max_term_width = 100, after_help = exit::HELP)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Cli {
    // Before the commands, which would shift the places of its options in the help.
    #[command(flatten)]
    pub(crate) sync: SyncArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Copy new rows, once or on a schedule (the default)
    #[command(after_help = exit::HELP)]
    Sync(SyncArgs),
    /// Test every connection, right and setting, and say what to do
    #[command(after_help = exit::HELP)]
    Check,
    /// Decide where a new source starts
    #[command(after_help = exit::HELP)]
    Init(InitArgs),
    /// Show cursors, backlog and the last run
    #[command(after_help = exit::HELP)]
    Status {
        /// One line per file: is all of it in PostgreSQL, may it be deleted
        #[arg(long)]
        files: bool,
    },
    /// Compare files with PostgreSQL row by row
    #[command(after_help = exit::HELP)]
    Verify {
        /// Only files from this day on
        #[arg(long, value_name = "YYYY-MM-DD")]
        since: Option<Date>,
        /// Bring over the rows that are missing
        #[arg(long)]
        repair: bool,
    },
    /// List the rows that were set aside, and why
    #[command(after_help = exit::HELP)]
    Rejected {
        /// Try all of them again now
        #[arg(long, conflicts_with = "discard")]
        retry: bool,
        /// Take all of them off the list for good
        #[arg(long)]
        discard: bool,
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Succeed if the last complete run is recent (for HEALTHCHECK)
    #[command(after_help = exit::HELP)]
    Health {
        /// How old the last complete run may be
        #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = schedule::parse_duration)]
        max_age: Duration,
    },
}

/// Where a source starts.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct InitArgs {
    /// Send every row the files hold
    #[arg(long)]
    pub(crate) from_beginning: bool,
    /// Send rows from this time on, e.g. 2026-01-25T10:15:00
    #[arg(long, value_name = "TIMESTAMP")]
    pub(crate) from: Option<String>,
    /// Go on behind the newest row that each destination table holds
    #[arg(long)]
    pub(crate) from_destination: bool,
}

/// When and what to copy.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("every", |arg| {
    arg.help("Run again and again at this interval [without a value: sync_interval_seconds, 15]")
}))]
#[command(mut_arg("ping_url", |arg| {
    arg.help("Call URL/start before and URL/<exit code> after each run [env: SQLITE2PG_PING_URL]")
}))]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    // In the help both come behind --once, whose place is 2.
    /// Only files from this day on
    #[arg(long, value_name = "YYYY-MM-DD", display_order = 2)]
    pub(crate) since: Option<Date>,
    /// Only files up to this day
    #[arg(long, value_name = "YYYY-MM-DD", display_order = 2)]
    pub(crate) until: Option<Date>,
    /// Rows per transaction [default: batch_rows, 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) batch_rows: Option<u32>,
    /// Add our two columns to a table that somebody else made, and recognise its rows
    #[arg(long)]
    pub(crate) adopt_table: bool,
    /// Go on although the files are others than before
    #[arg(long)]
    pub(crate) adopt_files: bool,
}

impl SyncArgs {
    /// The same, but for looking only.
    pub(crate) fn dry(&self) -> SyncArgs {
        SyncArgs { run: RunArgs { dry_run: true, ..self.run.clone() }, ..self.clone() }
    }
}

/// Options of every command. Environment variables are read by `Settings`, behind `.env`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Settings (flag > environment > .env > config.yaml)")]
pub(crate) struct CommonArgs {
    /// YAML settings [default: ./config.yaml when present]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// File with environment settings [default: ./.env when present]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) env_file: Option<PathBuf>,
    /// Folder of the day files YYYY_MM_DD.db [env: SQLITE_DB_DIR]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) db_dir: Option<String>,
    #[command(flatten)]
    pub(crate) pg: PgArgs,
    /// Who these files belong to; one name per folder or machine [env: SQLITE2PG_SOURCE_NAME] [default: main]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) source_name: Option<String>,
    /// JSON file with the newest timestamp sent [env: TIMESTAMP_FILE_PATH]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) timestamp_file: Option<String>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}
