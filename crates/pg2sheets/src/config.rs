//! The file that says more about single tables.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use sync_core::fault::Fault;

/// What the file says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// By `schema.table`, by the table alone in the default schema, or by a name of its own beside a query.
    #[serde(default)]
    pub(crate) tables: BTreeMap<String, Wishes>,
}

/// How a table is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wishes {
    /// Title of the new tab.
    pub(crate) title: Option<String>,
    /// A SELECT instead of a table.
    pub(crate) query: Option<String>,
    /// A condition on the rows, as SQL.
    #[serde(rename = "where")]
    pub(crate) condition: Option<String>,
    /// The columns that are wanted, in this order.
    pub(crate) columns: Option<Vec<String>>,
    /// How rows are sorted, as SQL behind ORDER BY.
    pub(crate) order: Option<String>,
}

/// Reads the file.
///
/// # Errors
/// A configuration fault that names the place.
pub(crate) fn read(path: &Path) -> Result<Config> {
    let wrong = |why: String| {
        Fault::config(format!("{}: {why}", path.display()), "docs/pg2sheets.md describes the file")
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let config: Config = serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    for (name, wishes) in &config.tables {
        if wishes.query.is_some() && wishes.condition.is_some() {
            return Err(wrong(format!("tables.{name}: query and where exclude each other")));
        }
        if wishes.columns.as_ref().is_some_and(Vec::is_empty) {
            return Err(wrong(format!("tables.{name}.columns is empty")));
        }
    }
    Ok(config)
}
