//! Settings: flags over environment over `.env.db-sync` or `.env` over defaults.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use jiff::tz::TimeZone;
use sync_core::cli::LogArgs;
use sync_core::env::Env;
use sync_core::fault::Fault;
use sync_core::pg::PgSettings;
use yup_oauth2::ServiceAccountKey;

use crate::args::CommonArgs;
use crate::config::{self, Config};
use crate::credentials;
use crate::exclusion::Exclusion;

const GOOGLE: &str = "https://sheets.googleapis.com/";
/// Bytes of the source's name.
const MAX_NAME: usize = 200;

/// What is read from the database; enough for a preview.
pub(crate) struct SourceSettings {
    pub(crate) pg: PgSettings,
    /// Tells the tabs of two databases apart.
    pub(crate) name: String,
    pub(crate) time_zone: String,
    /// Rows a fetch.
    pub(crate) batch: u32,
    pub(crate) with_views: bool,
    pub(crate) only_tables: Vec<String>,
    pub(crate) only_schemas: Vec<String>,
    pub(crate) not_schemas: Vec<String>,
    /// In lower case, without underscores before them.
    pub(crate) not_prefixes: Vec<String>,
    pub(crate) not_columns: Exclusion,
    pub(crate) title_prefix: String,
    pub(crate) config: Config,
}

/// Everything a run needs.
pub(crate) struct Settings {
    pub(crate) source: SourceSettings,
    pub(crate) spreadsheet: String,
    pub(crate) key: ServiceAccountKey,
    /// Ends with a slash.
    pub(crate) sheets_url: String,
    /// `None` where there is no place for it.
    pub(crate) state_dir: Option<PathBuf>,
    /// Called before and after each run; a secret.
    pub(crate) ping_url: Option<String>,
}

/// The environment, with `./.env.db-sync` before `./.env` where no file is named.
pub(crate) fn env(args: &CommonArgs) -> Result<Env> {
    let own = Path::new(".env.db-sync");
    Env::load(args.env_file.as_deref().or(own.exists().then_some(own)))
}

/// How much is said: flags over `DB_SYNC_LOG_LEVEL`.
pub(crate) fn log(args: &CommonArgs, env: &Env) -> Result<LogArgs> {
    let mut log = args.log.clone();
    if log.quiet || log.verbose > 0 {
        return Ok(log);
    }
    match env.get("DB_SYNC_LOG_LEVEL")?.map(|text| text.trim().to_lowercase()).as_deref() {
        None | Some("info" | "warn" | "warning") => {}
        Some("error") => log.quiet = true,
        Some("debug") => log.verbose = 1,
        Some("trace") => log.verbose = 2,
        Some(other) => {
            return Err(Fault::config(
                format!("DB_SYNC_LOG_LEVEL: {other} is unknown"),
                "write error, warn, info, debug or trace",
            ));
        }
    }
    Ok(log)
}

impl SourceSettings {
    /// # Errors
    /// A configuration fault that names the setting.
    pub(crate) fn load(args: &CommonArgs, env: &Env) -> Result<SourceSettings> {
        let text = |flag: &Option<String>, name: &str| Ok::<_, anyhow::Error>(given(flag).or(env.get(name)?));
        let url = text(&args.database_url, "DB_SYNC_DATABASE_URL")?.ok_or_else(|| {
            Fault::config(
                "DB_SYNC_DATABASE_URL is not set",
                "set it in the environment, or in .env.db-sync, or where there is none, in .env: \
                 postgresql://user:password@host/database",
            )
        })?;
        let mut pg = PgSettings::from_url(&url)?;
        pg.fill_from_env(env)?;
        pg.is_only_read = true;
        let name = text(&args.source_name, "DB_SYNC_SOURCE_NAME")?;
        let name = name.or_else(|| pg.database.clone()).or_else(|| pg.user.clone()).unwrap_or_default();
        if name.len() > MAX_NAME {
            return Err(Fault::config(
                format!("DB_SYNC_SOURCE_NAME has {} bytes", name.len()),
                format!("it is kept in every tab: {MAX_NAME} at most"),
            ));
        }
        let batch = text(&args.batch_size, "DB_SYNC_BATCH_SIZE")?.unwrap_or_else(|| "1000".to_owned());
        let prefixes = text(&args.excluded_table_prefixes, "DB_SYNC_EXCLUDED_TABLE_PREFIXES")?;
        let prefixes = list(prefixes.as_deref().unwrap_or("prisma"));
        let not_schemas = text(&args.excluded_schemas, "DB_SYNC_EXCLUDED_SCHEMAS")?;
        let only_schemas = text(&args.included_schemas, "DB_SYNC_INCLUDED_SCHEMAS")?;
        let not_columns = text(&args.excluded_columns, "DB_SYNC_EXCLUDED_COLUMNS")?;
        let config = match &args.config {
            Some(path) => Some(path.clone()),
            None => env.get("DB_SYNC_CONFIG")?.map(PathBuf::from),
        };
        let views =
            env.get("DB_SYNC_INCLUDE_VIEWS")?.map(|text| yes("DB_SYNC_INCLUDE_VIEWS", &text)).transpose()?;
        Ok(SourceSettings {
            pg,
            name,
            time_zone: time_zone(text(&args.timezone, "DB_SYNC_TIMEZONE")?)?,
            batch: batch.trim().parse().ok().filter(|n| *n > 0).ok_or_else(|| {
                Fault::config(
                    format!("DB_SYNC_BATCH_SIZE: {batch:?} is no whole number from 1 on"),
                    "e.g. 1000",
                )
            })?,
            with_views: args.include_views || views.unwrap_or(false),
            only_tables: args
                .tables
                .iter()
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            only_schemas: list(only_schemas.as_deref().unwrap_or_default()),
            not_schemas: list(not_schemas.as_deref().unwrap_or("prisma")),
            not_prefixes: prefixes.iter().map(|text| prefix(text)).collect::<Result<_>>()?,
            not_columns: Exclusion::new(list(not_columns.as_deref().unwrap_or_default()))?,
            title_prefix: text(&args.sheet_prefix, "DB_SYNC_SHEET_PREFIX")?.unwrap_or_default(),
            config: config.as_deref().map(config::read).transpose()?.unwrap_or_default(),
        })
    }
}

impl Settings {
    /// # Errors
    /// A configuration fault that names the setting.
    pub(crate) fn load(args: &CommonArgs, env: &Env) -> Result<Settings> {
        let source = SourceSettings::load(args, env)?;
        let spreadsheet = given(&args.spreadsheet_id).or(env.get("GOOGLE_SPREADSHEET_ID")?);
        let spreadsheet = spreadsheet_id(spreadsheet.as_deref().unwrap_or_default())?;
        let key = credentials::from_env(args.credentials.as_deref(), env)?;
        let url = args.sheets_url.as_deref().unwrap_or(GOOGLE);
        for (name, url) in [("--sheets-url", url), ("the key's token_uri", &key.token_uri)] {
            require_secret(name, url)?;
        }
        Ok(Settings {
            source,
            spreadsheet,
            sheets_url: format!("{}/", url.trim_end_matches('/')),
            key,
            state_dir: state_dir(args, env)?,
            ping_url: env.get("DB_SYNC_PING_URL")?,
        })
    }
}

/// The folder of the token and of the last run; `None` where there is no home.
pub(crate) fn state_dir(args: &CommonArgs, env: &Env) -> Result<Option<PathBuf>> {
    if let Some(dir) = &args.state_dir {
        return Ok(Some(dir.clone()));
    }
    if let Some(dir) = env.get("DB_SYNC_STATE_DIR")? {
        return Ok(Some(dir.into()));
    }
    let state = match env.get("XDG_STATE_HOME")? {
        Some(dir) => Some(PathBuf::from(dir)),
        None => env.get("HOME")?.map(|home| Path::new(&home).join(".local/state")),
    };
    Ok(state.map(|dir| dir.join("pg2sheets")))
}

/// A flag's value; an empty one counts as none, as in the environment.
fn given(flag: &Option<String>) -> Option<String> {
    flag.clone().filter(|text| !text.is_empty())
}

/// The id in whatever was copied from the browser.
fn spreadsheet_id(text: &str) -> Result<String> {
    let hint = "open the workbook in a browser: the id is the part of its URL between /d/ and /edit";
    let id = match text.split_once("/d/").or_else(|| text.split_once("?id=")) {
        Some((_, rest)) => rest.split(['/', '?', '#', '&']).next().unwrap_or_default(),
        None => text.trim(),
    };
    if id.is_empty() {
        return Err(Fault::config("GOOGLE_SPREADSHEET_ID is not set", hint));
    }
    // It becomes a part of a URL, which the library does not escape.
    if id.len() < 10 || id == "e" || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
        return Err(Fault::config(format!("GOOGLE_SPREADSHEET_ID: {text:?} is no id of a workbook"), hint));
    }
    Ok(id.to_owned())
}

/// Keys and tokens are sent encrypted, or not at all off this machine.
fn require_secret(name: &str, url: &str) -> Result<()> {
    let host = url.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
    match host {
        None if url.starts_with("https://") => Ok(()),
        Some("127.0.0.1" | "localhost") => Ok(()),
        _ => {
            Err(Fault::config(format!("{name} is not https: {url}"), "a token would be readable on the way"))
        }
    }
}

fn time_zone(name: Option<String>) -> Result<String> {
    let name = name.unwrap_or_else(|| "Europe/Paris".to_owned());
    match TimeZone::get(name.trim()) {
        Ok(_) => Ok(name.trim().to_owned()),
        Err(_) => Err(Fault::config(
            format!("DB_SYNC_TIMEZONE: there is no time zone {name:?}"),
            "write a name such as Europe/Paris or UTC",
        )),
    }
}

/// A beginning of names, as they are compared.
fn prefix(text: &str) -> Result<String> {
    match text.trim_start_matches('_') {
        "" => Err(Fault::config(
            format!("DB_SYNC_EXCLUDED_TABLE_PREFIXES: {text:?} would exclude every table"),
            "underscores before a name are left aside",
        )),
        rest => Ok(rest.to_lowercase()),
    }
}

fn yes(name: &str, text: &str) -> Result<bool> {
    match text.trim().to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(Fault::config(format!("{name}: {text:?} is neither true nor false"), "write true or false")),
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// When a tab is written whole again.
pub(crate) fn is_due(full_at: i64, every: Option<Duration>, now: i64) -> bool {
    every.is_some_and(|every| {
        now.saturating_sub(full_at) >= i64::try_from(every.as_secs()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests;
