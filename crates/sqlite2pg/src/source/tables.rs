//! What a day file holds: its user tables and their columns.

use rusqlite::Connection;

use super::SourceFault;
use crate::settings::Settings;

/// A user table of a day file.
#[derive(Clone, Debug)]
pub(crate) struct SourceTable {
    /// Name as the file spells it.
    pub(crate) name: String,
    /// Columns in their order.
    pub(crate) columns: Vec<SourceColumn>,
    /// The name under which its row id can be asked for; `None` for WITHOUT ROWID, or when
    /// columns shadow all three names.
    pub(crate) rowid: Option<&'static str>,
}

/// A column of a [`SourceTable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceColumn {
    /// Name as the file spells it.
    pub(crate) name: String,
    /// Declared type, empty for none.
    pub(crate) declared: String,
}

impl SourceTable {
    /// Column names and declared types as JSON: what a watermark remembers of the table's shape.
    pub(crate) fn shape(&self) -> serde_json::Value {
        self.columns.iter().map(|column| serde_json::json!([column.name, column.declared])).collect()
    }

    /// `SELECT` of `lead` and all columns, ready for a WHERE.
    pub(crate) fn select(&self, lead: &str) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| quoted(&column.name)).collect();
        format!("SELECT {lead}, {} FROM main.{}", columns.join(", "), quoted(&self.name))
    }
}

/// An identifier in SQLite's quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Counts up with every change of the file's schema.
pub(crate) fn schema_version(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("PRAGMA schema_version", [], |row| row.get(0))
}

/// The user tables that the settings let through, by name.
pub(crate) fn list(db: &Connection, settings: &Settings) -> Result<Vec<SourceTable>, SourceFault> {
    let mut statement = db.prepare(
        "SELECT name, wr FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         ORDER BY name",
    )?;
    let names = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let wanted = |name: &str| settings.include.is_match(name) && !settings.exclude.is_match(name);
    names
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, without_rowid)| {
            let columns = columns(db, &name)?;
            let rowid = if without_rowid { None } else { rowid_name(&columns) };
            Ok(SourceTable { name, columns, rowid })
        })
        .collect()
}

/// Tables that are not copied: left out by the settings, or virtual.
pub(crate) fn left_out(db: &Connection, settings: &Settings) -> Result<Vec<String>, SourceFault> {
    let mut statement = db.prepare(
        "SELECT name, type FROM pragma_table_list
         WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         ORDER BY name",
    )?;
    let found = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let is_left_out = |name: &str, kind: &str| {
        kind == "virtual" || !settings.include.is_match(name) || settings.exclude.is_match(name)
    };
    Ok(found.into_iter().filter(|(name, kind)| is_left_out(name, kind)).map(|(name, _)| name).collect())
}

fn columns(db: &Connection, table: &str) -> Result<Vec<SourceColumn>, SourceFault> {
    // hidden: 0 plain, 2 and 3 computed, 1 belongs to virtual tables only
    let mut statement =
        db.prepare("SELECT name, type FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 1")?;
    let columns = statement
        .query_map([table], |row| Ok(SourceColumn { name: row.get(0)?, declared: row.get(1)? }))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(columns)
}

fn rowid_name(columns: &[SourceColumn]) -> Option<&'static str> {
    // A column that is named so is the row id only if it is INTEGER PRIMARY KEY; any other of the
    // three names then still is, so the first free one is always right.
    ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|name| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)))
}
