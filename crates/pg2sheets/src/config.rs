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

impl Wishes {
    /// What is wrong with it.
    fn check(&self) -> Result<(), String> {
        for (name, sql) in [("query", &self.query), ("where", &self.condition), ("order", &self.order)] {
            if sql.as_ref().is_some_and(|sql| sql.trim().is_empty()) {
                return Err(format!("{name} is empty"));
            }
        }
        // A position would be that of a text.
        let is_number = |part: &str| part.split_whitespace().next().is_some_and(|n| n.parse::<u64>().is_ok());
        if self.order.as_ref().is_some_and(|order| !order.contains('(') && order.split(',').any(is_number)) {
            return Err("order: columns are named, not counted".to_owned());
        }
        let columns = self.columns.as_deref().unwrap_or_default();
        if self.columns.is_some() && columns.is_empty() {
            return Err("columns is empty".to_owned());
        }
        match columns.iter().enumerate().find(|(n, name)| columns[..*n].contains(name)) {
            Some((_, twice)) => Err(format!("columns: {twice} comes twice")),
            None => Ok(()),
        }
    }
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
        wishes.check().map_err(|what| wrong(format!("tables.{name}.{what}")))?;
    }
    Ok(config)
}
