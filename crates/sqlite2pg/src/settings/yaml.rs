//! `config.yaml`: its keys, and what is wrong with it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use sync_core::fault::Fault;

use super::{Choice, OnDuplicate};

/// `config.yaml` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Yaml {
    pub(super) sqlite_db_dir: Option<String>,
    pub(super) sync_interval_seconds: Option<f64>,
    pub(super) timestamp_file_path: Option<String>,
    pub(super) source_name: Option<String>,
    pub(super) tables: Tables,
    pub(super) timestamp_column: Option<OneOrMap<String>>,
    pub(super) key_columns: Option<Keys>,
    pub(super) on_duplicate: OnDuplicate,
    pub(super) destination: Destination,
    pub(super) batch_rows: Option<u32>,
    pub(super) rescan_days: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tables {
    pub(super) include: Option<Vec<String>>,
    pub(super) exclude: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Destination {
    pub(super) schema: Option<String>,
    pub(super) table: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMap<T> {
    One(T),
    Map(BTreeMap<String, T>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Keys {
    Word(String),
    List(Vec<String>),
    Map(BTreeMap<String, Vec<String>>),
}

/// Reads the file; without a path `config.yaml` in the working folder, if there is one.
pub(super) fn read(path: Option<&Path>) -> Result<Yaml> {
    let default = Path::new("config.yaml");
    let path = match path {
        None if !default.exists() => return Ok(Yaml::default()),
        None => default,
        Some(path) => path,
    };
    let text = std::fs::read_to_string(path).map_err(|err| {
        Fault::config(format!("read {}: {err}", path.display()), "give the settings file with --config PATH")
    })?;
    if text.trim().is_empty() {
        return Ok(Yaml::default());
    }
    // Only true and false are booleans: `[x, y]` and `n` are columns. An error does not show the
    // line it is about, which may hold a password that belongs elsewhere.
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    serde_saphyr::from_str_with_options(&text, options).map_err(|err| {
        let line =
            err.location().and_then(|at| text.lines().nth(usize::try_from(at.line()).ok()?.checked_sub(1)?));
        let key = line.and_then(key_of).map(|key| format!("{key}: ")).unwrap_or_default();
        Fault::config(format!("{}: {key}{err}", path.display()), "see docs/sqlite2pg.md for every key")
    })
}

/// The key that a line of YAML begins with, without its value.
fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.split_once(':')?;
    let key = key.trim();
    let is_name = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (is_name && !key.is_empty()).then_some(key)
}

/// The configured keys, checked.
pub(super) fn keys(yaml: Option<Keys>) -> Result<Choice<Vec<String>>> {
    let choice = match yaml {
        None => return Ok(Choice::Auto),
        Some(Keys::Word(word)) if word == "auto" => return Ok(Choice::Auto),
        Some(Keys::Word(word)) => Choice::All(vec![word]),
        Some(Keys::List(list)) => Choice::All(list),
        Some(Keys::Map(map)) => Choice::PerTable(map),
    };
    let empty = match &choice {
        Choice::All(list) => list.is_empty(),
        Choice::PerTable(map) => map.values().any(Vec::is_empty),
        Choice::Auto => false,
    };
    if empty {
        return Err(Fault::config(
            "key_columns is an empty list",
            "name the columns of the key, or write auto",
        ));
    }
    Ok(choice)
}
