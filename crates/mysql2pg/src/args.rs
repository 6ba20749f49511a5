//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sync_core::cli::{LogArgs, PgArgs, RunArgs};
use sync_core::{exit, schedule};

use crate::load::missing::Policy;

/// Legacy MySQL into PostgreSQL: the planned orders of an ERP, or any other table.
#[derive(Debug, Parser)]
#[command(name = "mysql2pg", version, max_term_width = 100, after_help = exit::HELP)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
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
    /// Bring the orders, or what --job names, up to date, once or on a schedule (the default)
    #[command(after_help = exit::HELP)]
    Sync(Box<SyncArgs>),
    /// Copy whole tables as they are
    #[command(after_help = exit::HELP)]
    Copy(Box<CopyArgs>),
    /// Test both connections, rights, tables and settings, and say what to do
    #[command(after_help = exit::HELP)]
    Check {
        /// Check this job instead of the built-in one
        #[arg(long, value_name = "FILE")]
        job: Option<PathBuf>,
    },
    /// Show what the orders' tables hold, and where orders are lost on the way
    #[command(after_help = exit::HELP)]
    Inspect(WantedArgs),
    /// Show cursors, rows set aside and the last run of every job
    #[command(after_help = exit::HELP)]
    Status,
    /// List the rows that were set aside, and why
    #[command(after_help = exit::HELP)]
    Rejected {
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Succeed if the last complete run is recent (for HEALTHCHECK)
    #[command(after_help = exit::HELP)]
    Health {
        /// How old the last complete run may be
        #[arg(long, value_name = "DURATION", default_value = "45m", value_parser = schedule::parse_duration)]
        max_age: Duration,
        /// The job that is meant [default: any]
        #[arg(long, value_name = "NAME")]
        job: Option<String>,
    },
    /// Print the built-in job as a file to start from
    #[command(after_help = exit::HELP)]
    Jobs {
        #[command(subcommand)]
        action: JobsAction,
    },
}

/// What to do with jobs.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum JobsAction {
    /// Print the built-in job
    Show,
}

/// What and when to synchronise.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("every", |arg| arg.help("Run again and again at this interval [without a value: 15m]")))]
#[command(mut_arg("ping_url", |arg| arg.help("Call URL/start before and URL/<exit code> after each run [env: MYSQL2PG_PING_URL]")))]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Do what this file says instead of the built-in job
    #[arg(long, value_name = "FILE", conflicts_with_all = ["codes", "note", "touch", "no_details", "details", "since", "min_rows", "strict"])]
    pub(crate) job: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) wanted: WantedArgs,
    /// Fill commandes_volets_details with every accessory and operation (the default)
    #[arg(long, overrides_with = "no_details")]
    pub(crate) details: bool,
    /// Leave commandes_volets_details alone
    #[arg(long)]
    pub(crate) no_details: bool,
    /// Which known orders are written
    #[arg(long, value_enum, default_value = "all")]
    pub(crate) touch: Touch,
    /// Read only orders whose log changed since then, in the ERP's time; auto: since the last run, and everything once
    /// a day
    #[arg(long, value_name = "auto|TIMESTAMP")]
    pub(crate) since: Option<String>,
    /// Warn when fewer orders than this are found
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) min_rows: u64,
    /// End with exit code 3 when fewer are found than --min-rows, or less than half of the last run
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
}

/// Which orders are wanted.
#[derive(Clone, Debug, Args)]
pub(crate) struct WantedArgs {
    /// Accessory codes that are wanted, as patterns of LIKE, separated by commas [default: VR%,SOP%,S P%]
    #[arg(long, value_name = "PATTERNS", value_delimiter = ',')]
    pub(crate) codes: Vec<String>,
    /// What a log line's note must contain; give it again for further texts [default: cde Planifiée]
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Vec<String>,
}

/// What becomes of rows on their way.
#[derive(Clone, Debug, Args)]
pub(crate) struct RowArgs {
    /// What becomes of rows that the source has no longer
    #[arg(long, value_enum, default_value = "keep")]
    pub(crate) missing: Policy,
    /// Mark or delete them however many they are, even all of them
    #[arg(long)]
    pub(crate) force: bool,
    /// Leave double-encoded text as it is
    #[arg(long)]
    pub(crate) no_fix_encoding: bool,
    /// Make tinyint(1) boolean, and set aside rows with other values than 0 and 1
    #[arg(long)]
    pub(crate) tinyint1_bool: bool,
}

/// Which tables to copy.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("every", |arg| arg.help("Run again and again at this interval [without a value: 15m]")))]
#[command(mut_arg("ping_url", |arg| arg.help("Call URL/start before and URL/<exit code> after each run [env: MYSQL2PG_PING_URL]")))]
pub(crate) struct CopyArgs {
    /// Tables of the source
    #[arg(required = true, value_name = "TABLE")]
    pub(crate) tables: Vec<String>,
    /// Read only rows whose COLUMN is not below its highest value of the last run
    #[arg(long, value_name = "COLUMN")]
    pub(crate) incremental: Option<String>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
}

/// Which known orders are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Touch {
    /// All of them: date_synchronisation says when an order was last seen in the source
    #[default]
    All,
    /// Those that differ: date_synchronisation says when an order last changed
    Changed,
}

/// Options of every command. Environment variables are read by `Settings`, behind `.env`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Settings (flag > environment > .env)")]
#[command(mut_arg("postgres_database", |arg| arg.help("Database [env: POSTGRES_DB]")))]
#[command(mut_arg("log_file", |arg| arg.help("Log to this file too, 5 old ones of 10 MB kept [env: MYSQL2PG_LOG_FILE]")))]
pub(crate) struct CommonArgs {
    /// File with environment settings [default: ./.env when present]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) env_file: Option<PathBuf>,
    /// MySQL as a URL; wins over the single settings [env: MYSQL_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) mysql_url: Option<String>,
    /// Server [env: MYSQL_HOST] [default: mysql_db]
    #[arg(long, global = true, value_name = "HOST")]
    pub(crate) mysql_host: Option<String>,
    /// Port [env: MYSQL_PORT] [default: 3306]
    #[arg(long, global = true, value_name = "PORT")]
    pub(crate) mysql_port: Option<String>,
    /// Socket on this machine, instead of host and port [env: MYSQL_SOCKET]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) mysql_socket: Option<String>,
    /// Database [env: MYSQL_DB]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) mysql_db: Option<String>,
    /// Account [env: MYSQL_USER]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) mysql_user: Option<String>,
    /// Password; others can see it in the process list, prefer the environment or MYSQL_PASSWORD_FILE [env:
    /// MYSQL_PASSWORD]
    #[arg(long, global = true, value_name = "PASSWORD")]
    pub(crate) mysql_password: Option<String>,
    /// disabled, preferred, required, verify_ca or verify_identity [env: MYSQL_SSL_MODE] [default: preferred]
    #[arg(long, global = true, value_name = "MODE")]
    pub(crate) mysql_ssl_mode: Option<String>,
    /// Certificates to trust, as a PEM file [env: MYSQL_SSL_CA]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) mysql_ssl_ca: Option<String>,
    #[command(flatten)]
    pub(crate) pg: PgArgs,
    /// Schema of the destination and of our own tables [env: POSTGRES_SCHEMA] [default: public]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) postgres_schema: Option<String>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}
