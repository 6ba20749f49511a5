//! Settings: flags over environment over `.env` over `config.yaml` over defaults.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use sync_core::env::Env;
use sync_core::fault::Fault;
use sync_core::pg_url::PgSettings;

use crate::args::CommonArgs;

mod yaml;

/// Everything a run needs to know, checked.
pub(crate) struct Settings {
    pub(crate) pg: PgSettings,
    pub(crate) db_dir: PathBuf,
    pub(crate) source_name: String,
    pub(crate) interval: Duration,
    pub(crate) timestamp_file: Option<PathBuf>,
    pub(crate) include: GlobSet,
    pub(crate) exclude: GlobSet,
    pub(crate) timestamp_column: Choice<String>,
    pub(crate) key_columns: Choice<Vec<String>>,
    pub(crate) on_duplicate: OnDuplicate,
    pub(crate) schema: String,
    pub(crate) table_template: String,
    /// Rows per transaction; by default as many as suit the way rows are matched.
    pub(crate) batch_rows: Option<u32>,
    pub(crate) rescan_days: usize,
    /// Called before and after each run; a secret.
    pub(crate) ping_url: Option<String>,
    /// Changes when files must be looked into again because settings that shape rows changed.
    pub(crate) fingerprint: String,
}

/// A setting that is automatic, the same for all tables, or given per table.
#[derive(Clone, Debug)]
pub(crate) enum Choice<T> {
    /// Found by itself.
    Auto,
    /// For every table.
    All(T),
    /// For the named tables, automatic for the others.
    PerTable(BTreeMap<String, T>),
}

impl<T> Choice<T> {
    /// What holds for a table, `None` for automatic.
    pub(crate) fn of(&self, table: &str) -> Option<&T> {
        match self {
            Choice::Auto => None,
            Choice::All(value) => Some(value),
            Choice::PerTable(map) => map.get(table),
        }
    }
}

/// What becomes of a known key with other values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnDuplicate {
    /// The row in PostgreSQL stays.
    #[default]
    Keep,
    /// The newer row wins.
    Update,
}

impl Settings {
    /// Reads and checks all settings.
    ///
    /// # Errors
    /// A configuration fault that names the key or variable and where it stands.
    pub(crate) fn load(args: &CommonArgs) -> Result<Settings> {
        let env = Env::load(args.env_file.as_deref())?;
        let yaml = yaml::read(args.config.as_deref())?;
        Settings::combine(args, &env, yaml)
    }

    fn combine(args: &CommonArgs, env: &Env, yaml: yaml::Yaml) -> Result<Settings> {
        let layer = |flag: &Option<String>, name: &str, yaml: Option<String>| -> Result<Option<String>> {
            Ok(flag.clone().or(env.get(name)?).or(yaml))
        };
        let db_dir = layer(&args.db_dir, "SQLITE_DB_DIR", yaml.sqlite_db_dir)?.ok_or_else(|| {
            Fault::config(
                "no folder of day files is set",
                "set SQLITE_DB_DIR, --db-dir or sqlite_db_dir in config.yaml",
            )
        })?;
        let source_name = layer(&args.source_name, "SQLITE2PG_SOURCE_NAME", yaml.source_name)?
            .unwrap_or_else(|| "main".to_owned());
        required("source_name", &source_name)?;
        let interval = interval(env, yaml.sync_interval_seconds)?;
        let timestamp_file = layer(&args.timestamp_file, "TIMESTAMP_FILE_PATH", yaml.timestamp_file_path)?;
        let schema = yaml.destination.schema.unwrap_or_else(|| "public".to_owned());
        let table_template = yaml.destination.table.unwrap_or_else(|| "{table}".to_owned());
        required("destination.schema", &schema)?;
        required("destination.table", &table_template)?;
        known_placeholders(&table_template)?;
        let key_columns = yaml::keys(yaml.key_columns)?;
        if yaml.batch_rows == Some(0) {
            return Err(Fault::config(
                "batch_rows is 0",
                "give the number of rows per transaction, e.g. 10000",
            ));
        }
        let include = yaml.tables.include.unwrap_or_else(|| vec!["*".to_owned()]);
        let fingerprint = fingerprint(&(
            (&include, &yaml.tables.exclude, &schema, &table_template),
            format!("{key_columns:?} {:?}", yaml.on_duplicate),
        ));
        Ok(Settings {
            pg: args.pg.settings(env, "POSTGRES_DATABASE")?,
            db_dir: expand("sqlite_db_dir", &db_dir, env)?,
            source_name,
            interval,
            timestamp_file: timestamp_file
                .map(|path| expand("timestamp_file_path", &path, env))
                .transpose()?,
            include: globs("tables.include", &include)?,
            exclude: globs("tables.exclude", &yaml.tables.exclude)?,
            timestamp_column: match yaml.timestamp_column {
                None => Choice::Auto,
                Some(yaml::OneOrMap::One(name)) if name == "auto" => Choice::Auto,
                Some(yaml::OneOrMap::One(name)) => Choice::All(name),
                Some(yaml::OneOrMap::Map(map)) => Choice::PerTable(map),
            },
            key_columns,
            on_duplicate: yaml.on_duplicate,
            schema,
            table_template,
            batch_rows: yaml.batch_rows,
            rescan_days: yaml.rescan_days.unwrap_or(2),
            ping_url: env.get("SQLITE2PG_PING_URL")?,
            fingerprint,
        })
    }

    /// Schema and name of the table that a source table goes to, before it is fitted to
    /// PostgreSQL's rules for names.
    pub(crate) fn destination_name(&self, table: &str) -> String {
        self.table_template.replace("{source}", &self.source_name).replace("{table}", table)
    }
}

fn known_placeholders(template: &str) -> Result<()> {
    if template.replace("{table}", "").replace("{source}", "").contains(['{', '}']) {
        return Err(Fault::config(
            format!("destination.table: {template:?} has a placeholder that is none"),
            "there are {table} and {source}",
        ));
    }
    Ok(())
}

fn interval(env: &Env, yaml: Option<f64>) -> Result<Duration> {
    let seconds = match env.get("SYNC_INTERVAL_SECONDS")? {
        Some(text) => number("SYNC_INTERVAL_SECONDS", &text)?,
        None => yaml.unwrap_or(15.0),
    };
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|interval| !interval.is_zero())
        .ok_or_else(|| Fault::config("sync_interval_seconds must be above 0", "e.g. 15"))
}

fn globs(key: &str, patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = Glob::new(pattern).map_err(|err| Fault::config(format!("{key}: {err}"), ""))?;
        set.add(glob);
    }
    set.build().with_context(|| key.to_owned())
}

fn expand(key: &str, path: &str, env: &Env) -> Result<PathBuf> {
    required(key, path)?;
    let lookup = |name: &str| match env.get(name) {
        Ok(Some(value)) => Ok(Some(value)),
        _ => Err(format!("the variable {name} is not set")),
    };
    shellexpand::full_with_context(path, || env.get("HOME").ok().flatten(), lookup)
        .map(|path| PathBuf::from(path.as_ref()))
        .map_err(|err| Fault::config(format!("{key}: {}", err.cause), "set it, or write the path in full"))
}

fn required(key: &str, value: &str) -> Result<()> {
    if value.trim().is_empty() {
        return Err(Fault::config(format!("{key} is empty"), ""));
    }
    Ok(())
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T> {
    text.trim().parse().map_err(|_| Fault::config(format!("{name} is not a number: {text:?}"), ""))
}

fn fingerprint(shape: &impl std::fmt::Debug) -> String {
    blake3::hash(format!("{shape:?}").as_bytes()).to_hex()[..8].to_owned()
}
