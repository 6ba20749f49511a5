//! Settings: flags over environment over `.env` over defaults.

use std::path::PathBuf;

use anyhow::Result;
use sync_core::env::Env;
use sync_core::fault::Fault;
use sync_core::pg::PgSettings;

use crate::args::{CommonArgs, RowArgs, SyncArgs, Touch, WantedArgs};
use crate::convert::Options;
use crate::load::missing::Policy;
use crate::orders::since::Since;
use crate::orders::{CODES, NOTE, Wanted};
use crate::server::{MyFlags, MySettings};

/// Both servers, and what concerns every command.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) mysql: MySettings,
    pub(crate) pg: PgSettings,
    /// Schema of the destination and of our own tables.
    pub(crate) schema: String,
    /// Called before and after each run; a secret.
    pub(crate) ping_url: Option<String>,
}

impl Settings {
    /// Reads and checks all settings.
    ///
    /// # Errors
    /// A configuration fault that names the setting.
    pub(crate) fn load(args: &CommonArgs, env: &Env) -> Result<Settings> {
        let schema = args.postgres_schema.clone().or(env.get("POSTGRES_SCHEMA")?);
        Ok(Settings {
            mysql: mysql(args, env)?,
            pg: args.pg.settings(env, "POSTGRES_DB")?,
            schema: schema.unwrap_or_else(|| "public".to_owned()),
            ping_url: env.get("MYSQL2PG_PING_URL")?,
        })
    }

    /// Where the log goes beside standard error.
    pub(crate) fn log_file(args: &CommonArgs, env: &Env) -> Result<Option<PathBuf>> {
        Ok(match &args.log.log_file {
            Some(path) => Some(path.clone()),
            None => env.get("MYSQL2PG_LOG_FILE")?.map(PathBuf::from),
        })
    }
}

/// The source alone.
pub(crate) fn mysql(args: &CommonArgs, env: &Env) -> Result<MySettings> {
    let flags = MyFlags {
        url: args.mysql_url.clone(),
        host: args.mysql_host.clone(),
        port: args.mysql_port.clone(),
        socket: args.mysql_socket.clone(),
        database: args.mysql_db.clone(),
        user: args.mysql_user.clone(),
        password: args.mysql_password.clone(),
        ssl_mode: args.mysql_ssl_mode.clone(),
        ssl_ca: args.mysql_ssl_ca.clone(),
    };
    MySettings::load(&flags, env)
}

/// What becomes of rows on their way, for every job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowSettings {
    pub(crate) missing: Policy,
    pub(crate) force: bool,
    pub(crate) convert: Options,
}

impl From<&RowArgs> for RowSettings {
    fn from(args: &RowArgs) -> RowSettings {
        RowSettings {
            missing: args.missing,
            force: args.force,
            convert: Options { fix_encoding: !args.no_fix_encoding, tinyint1_bool: args.tinyint1_bool },
        }
    }
}

/// What the built-in job is asked for.
#[derive(Clone, Debug)]
pub(crate) struct OrderSettings {
    pub(crate) wanted: Wanted,
    pub(crate) details: bool,
    pub(crate) touch: Touch,
    pub(crate) since: Since,
    pub(crate) min_rows: u64,
    pub(crate) strict: bool,
    pub(crate) rows: RowSettings,
}

impl OrderSettings {
    /// # Errors
    /// A configuration fault when options contradict each other.
    pub(crate) fn of(args: &SyncArgs) -> Result<OrderSettings> {
        let since = match args.since.as_deref() {
            None => Since::Beginning,
            Some("auto") => Since::Auto,
            Some(text) => Since::Time(time(text)?),
        };
        if since != Since::Beginning && args.rows.missing != Policy::Keep {
            return Err(Fault::config(
                "--missing mark and --missing delete need every order, and --since reads only some",
                "leave one of them out",
            ));
        }
        Ok(OrderSettings {
            wanted: wanted(&args.wanted)?,
            details: !args.no_details,
            touch: args.touch,
            since,
            min_rows: args.min_rows,
            strict: args.strict,
            rows: (&args.rows).into(),
        })
    }
}

/// Codes and notes, where none are given the built-in ones.
pub(crate) fn wanted(args: &WantedArgs) -> Result<Wanted> {
    let given = |name: &str, given: &[String], default: &[&str]| {
        if given.iter().any(|text| text.trim().is_empty()) {
            return Err(Fault::config(
                format!("--{name} is empty"),
                "an empty text is in every note and code",
            ));
        }
        let default = default.iter().map(|text| (*text).to_owned());
        Ok(if given.is_empty() { default.collect() } else { given.to_vec() })
    };
    Ok(Wanted { codes: given("codes", &args.codes, &CODES)?, notes: given("note", &args.note, &[NOTE])? })
}

/// A time as MySQL takes it.
fn time(text: &str) -> Result<String> {
    let has_zone = text.trim().parse::<jiff::Timestamp>().is_ok();
    let parsed: Option<jiff::civil::DateTime> = text.trim().parse().ok().filter(|_| !has_zone);
    let time = parsed.ok_or_else(|| {
        Fault::config(
            format!("--since {text:?} is no time"),
            "e.g. --since 2026-01-25T10:15:00, in the ERP's local time and without a zone, or --since auto",
        )
    })?;
    Ok(time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
