//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sync_core::cli::{LogArgs, RunArgs};
use sync_core::{exit, schedule};

/// PostgreSQL tables into one Google workbook, each table a tab.
#[derive(Debug, Parser)]
#[command(name = "pg2sheets", version, max_term_width = 100, after_help = exit::HELP)]
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
    /// Bring the workbook up to date, once or on a schedule (the default)
    #[command(after_help = exit::HELP)]
    Sync(Box<SyncArgs>),
    /// Test database, key, workbook, rights and limits, and say what to do
    #[command(after_help = exit::HELP)]
    Check,
    /// Write each tab as a CSV file; no Google account is needed
    #[command(after_help = exit::HELP)]
    Preview {
        /// Folder for the files; made when it is missing
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Show every tab of ours and the last run
    #[command(after_help = exit::HELP)]
    Status,
    /// List cells in our columns that differ from the database, as after edits by hand
    #[command(after_help = exit::HELP)]
    Diff,
    /// Succeed if the last complete run is recent (for HEALTHCHECK)
    #[command(after_help = exit::HELP)]
    Health {
        /// How old the last complete run may be
        #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = schedule::parse_duration)]
        max_age: Duration,
    },
}

/// What and when to synchronise.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("every", |arg| arg.help("Run again and again at this interval [without a value: 5m]")))]
#[command(mut_arg("dry_run", |arg| arg.help("Say which tabs would be written, in how many cells and calls, and write nothing")))]
#[command(mut_arg("ping_url", |arg| arg.help("Call URL/start before and URL/<exit code> after each run [env: DB_SYNC_PING_URL]")))]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Write every tab whole, changed or not
    #[arg(long)]
    pub(crate) force: bool,
    /// Write a tab whole when that was last done so long ago; `off` for never: heals what was edited by hand
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = full_every)]
    pub(crate) full_every: FullEvery,
    /// Take over a tab without our mark that has a table's title; its contents are overwritten
    #[arg(long)]
    pub(crate) adopt: bool,
    /// Warn whoever edits our columns by hand
    #[arg(long, overrides_with = "no_protect")]
    pub(crate) protect: bool,
    /// Take that warning away
    #[arg(long)]
    pub(crate) no_protect: bool,
    /// What becomes of the tab of a table that was dropped
    #[arg(long, value_enum, default_value = "keep")]
    pub(crate) orphans: Orphans,
    /// Write the time of each run into this cell of every tab of ours, e.g. Z1, right of the table
    #[arg(long, value_name = "CELL|off", default_value = "off")]
    pub(crate) last_synced: String,
    /// End a run after this time; the next one goes on
    #[arg(long, value_name = "DURATION", default_value = "240s", value_parser = schedule::parse_duration)]
    pub(crate) deadline: Duration,
}

/// How often a tab is written whole; `None` for never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FullEvery(pub(crate) Option<Duration>);

fn full_every(text: &str) -> Result<FullEvery, String> {
    match text {
        "off" => Ok(FullEvery(None)),
        text => schedule::parse_duration(text).map(|every| FullEvery(Some(every))),
    }
}

/// What becomes of tabs without a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Orphans {
    /// They stay as they are
    Keep,
    /// They are hidden
    Hide,
    /// They are deleted
    Delete,
}

/// Options of every command. Environment variables are read by `Settings`, behind `.env`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Settings (flag > environment > .env.db-sync or .env > default)")]
#[command(mut_arg("verbose", |arg| arg.help("Say more; twice: everything [env: DB_SYNC_LOG_LEVEL]")))]
pub(crate) struct CommonArgs {
    /// File with environment settings [default: ./.env.db-sync, else ./.env, when present]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) env_file: Option<PathBuf>,
    /// The database, as a URL [env: DB_SYNC_DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// The workbook: its id, or its whole URL [env: GOOGLE_SPREADSHEET_ID]
    #[arg(long, global = true, value_name = "ID|URL")]
    pub(crate) spreadsheet_id: Option<String>,
    /// The service account's key, a file; in a container rather GOOGLE_CREDENTIALS_BASE64 [env:
    /// GOOGLE_APPLICATION_CREDENTIALS]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) credentials: Option<PathBuf>,
    /// Only these tables [default: all that are not excluded]
    #[arg(long, global = true, value_name = "SCHEMA.TABLE,…", value_delimiter = ',')]
    pub(crate) tables: Vec<String>,
    /// Titles, queries, columns and order of single tables, as YAML [env: DB_SYNC_CONFIG]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Views and materialised views too [env: DB_SYNC_INCLUDE_VIEWS]
    #[arg(long, global = true)]
    pub(crate) include_views: bool,
    /// Only these schemas [env: DB_SYNC_INCLUDED_SCHEMAS] [default: all but the system's]
    #[arg(long, global = true, value_name = "NAMES")]
    pub(crate) included_schemas: Option<String>,
    /// Not these schemas [env: DB_SYNC_EXCLUDED_SCHEMAS] [default: prisma]
    #[arg(long, global = true, value_name = "NAMES")]
    pub(crate) excluded_schemas: Option<String>,
    /// No tables that begin so, underscores before it left aside [env: DB_SYNC_EXCLUDED_TABLE_PREFIXES] [default:
    /// prisma]
    #[arg(long, global = true, value_name = "PREFIXES")]
    pub(crate) excluded_table_prefixes: Option<String>,
    /// No columns like these, e.g. *.password* [env: DB_SYNC_EXCLUDED_COLUMNS]
    #[arg(long, global = true, value_name = "GLOBS")]
    pub(crate) excluded_columns: Option<String>,
    /// Begins the title of every new tab [env: DB_SYNC_SHEET_PREFIX]
    #[arg(long, global = true, value_name = "TEXT")]
    pub(crate) sheet_prefix: Option<String>,
    /// Tells the tabs of two databases apart in one workbook [env: DB_SYNC_SOURCE_NAME] [default: the database's name]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) source_name: Option<String>,
    /// Time zone of timestamps with time zone [env: DB_SYNC_TIMEZONE] [default: Europe/Paris]
    #[arg(long, global = true, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// Rows a fetch [env: DB_SYNC_BATCH_SIZE] [default: 1000]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) batch_size: Option<String>,
    /// Folder of the token and of the last run [env: DB_SYNC_STATE_DIR] [default: $XDG_STATE_HOME/pg2sheets]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Another server than Google's, for tests
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub(crate) sheets_url: Option<String>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}
