//! Tables of the source as its catalogue describes them.

use anyhow::{Context, Result};
use mysql::Conn;
use mysql::prelude::Queryable;
use sync_core::fault::Fault;

use crate::column::{Described, SourceColumn};
use crate::server;

/// Name of every primary key's index.
const PRIMARY: &str = "PRIMARY";

/// A table or view of the source.
#[derive(Clone, Debug)]
pub(crate) struct TableInfo {
    pub(crate) name: String,
    /// Storage engine; empty for a view.
    pub(crate) engine: String,
    /// The server's estimate.
    pub(crate) n_rows: u64,
    pub(crate) columns: Vec<SourceColumn>,
    /// Names of the primary key's columns, in its order; empty without one.
    pub(crate) key: Vec<String>,
    /// The key's columns compare as they sort, so that a range of them can begin behind a value. An enum does not.
    pub(crate) has_ordered_key: bool,
    /// Those that begin with a column.
    pub(crate) indexes: Vec<Index>,
    /// Collation of each column, empty for what is no text.
    pub(crate) collations: Vec<String>,
}

/// An index's name and the column that it begins with.
type Index = (String, String);

impl TableInfo {
    /// The column of that name, without regard to case.
    pub(crate) fn column(&self, name: &str) -> Option<&SourceColumn> {
        let exact = self.columns.iter().find(|column| column.name == name);
        exact.or_else(|| self.columns.iter().find(|column| is_same_name(&column.name, name)))
    }

    /// The collation of this column, empty for what is no text.
    pub(crate) fn collation(&self, column: &str) -> &str {
        let at = self.columns.iter().position(|known| is_same_name(&known.name, column));
        at.and_then(|at| self.collations.get(at)).map_or("", String::as_str)
    }

    /// Name of an index that begins with this column; the primary key, if it does.
    pub(crate) fn index_by(&self, column: &str) -> Option<&str> {
        let of_column = || self.indexes.iter().filter(|(_, begin)| is_same_name(begin, column));
        let found = of_column().find(|(index, _)| index == PRIMARY).or_else(|| of_column().next());
        found.map(|(index, _)| index.as_str())
    }

    /// A snapshot shows the table as it was when the snapshot was taken. A view is taken at its word.
    pub(crate) fn is_transactional(&self) -> bool {
        !["MyISAM", "Aria", "MEMORY", "CSV", "ARCHIVE", "MRG_MyISAM"]
            .iter()
            .any(|engine| is_same_name(engine, &self.engine))
    }
}

/// MySQL compares names of columns without regard to case, and so do we for tables.
fn is_same_name(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// The table of that name in the connection's database, without regard to case; one that is spelled just so wins.
///
/// # Errors
/// A configuration fault when several tables differ from the name only by case.
pub(crate) fn find(conn: &mut Conn, name: &str) -> Result<Option<TableInfo>> {
    let sql = "SELECT TABLE_NAME, COALESCE(ENGINE, ''), CAST(COALESCE(TABLE_ROWS, 0) AS UNSIGNED)
         FROM information_schema.TABLES
         WHERE TABLE_SCHEMA = DATABASE() AND LOWER(TABLE_NAME) = LOWER(?) ORDER BY TABLE_NAME";
    let mut rows: Vec<(String, String, u64)> =
        conn.exec(sql, (name,)).map_err(server::explain).with_context(|| format!("look for table {name}"))?;
    // The catalogue's collation holds é for e as well.
    rows.retain(|(found, ..)| is_same_name(found, name));
    let exact = rows.iter().position(|(found, ..)| found == name);
    let Some((found, engine, n_rows)) = (match (exact, rows.len()) {
        (Some(at), _) => rows.get(at),
        (None, 0 | 1) => rows.first(),
        (None, _) => {
            let names: Vec<&str> = rows.iter().map(|(found, ..)| found.as_str()).collect();
            return Err(Fault::config(
                format!(
                    "no table is called {name}, and several differ from it only by case: {}",
                    names.join(", ")
                ),
                "name the one that is meant",
            ));
        }
    }) else {
        return Ok(None);
    };
    let columns = columns(conn, found)?;
    let (key, indexes) = indexes(conn, found)?;
    let has_ordered_key = !key.is_empty()
        && columns.iter().all(|(column, is_ordered, _)| *is_ordered || !key.contains(&column.name));
    Ok(Some(TableInfo {
        name: found.clone(),
        engine: engine.clone(),
        n_rows: *n_rows,
        collations: columns.iter().map(|(.., collation)| collation.clone()).collect(),
        columns: columns.into_iter().map(|(column, ..)| column).collect(),
        key,
        has_ordered_key,
        indexes,
    }))
}

/// Types whose values sort otherwise than they compare with a text, or are not exact.
const UNORDERED: [&str; 6] = ["enum", "set", "bit", "float", "double", "json"];

/// Columns in their order, invisible ones included, whether they compare as they sort, and their collations.
fn columns(conn: &mut Conn, table: &str) -> Result<Vec<(SourceColumn, bool, String)>> {
    let json = json_checks(conn, table);
    let sql = "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, COALESCE(COLLATION_NAME, '')
         FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION";
    let rows: Vec<(String, String, String, String)> = conn.exec(sql, (table,)).map_err(server::explain)?;
    let column = |(name, data_type, column_type, collation): &(String, String, String, String)| {
        let check = format!("json_valid({})", server::quote_ident(name));
        let is_json = json.contains(&check);
        let described = Described { name, data_type, column_type, is_text: !collation.is_empty(), is_json };
        (
            SourceColumn::from_catalog(&described),
            !UNORDERED.iter().any(|ty| data_type.eq_ignore_ascii_case(ty)),
            collation.clone(),
        )
    };
    Ok(rows.iter().map(column).collect())
}

/// MariaDB's checks of a table, among them those that make text JSON; none on servers that have no such catalogue.
fn json_checks(conn: &mut Conn, table: &str) -> Vec<String> {
    let sql = "SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
         WHERE CONSTRAINT_SCHEMA = DATABASE() AND TABLE_NAME = ?";
    conn.exec(sql, (table,)).unwrap_or_else(|err| {
        log::debug!("the checks of table {table} are unknown: {err}");
        Vec::new()
    })
}

/// Names of the primary key's columns, and the indexes.
fn indexes(conn: &mut Conn, table: &str) -> Result<(Vec<String>, Vec<Index>)> {
    let sql =
        "SELECT INDEX_NAME, COLUMN_NAME, CAST(SEQ_IN_INDEX AS UNSIGNED) FROM information_schema.STATISTICS
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME IS NOT NULL
         ORDER BY INDEX_NAME, SEQ_IN_INDEX";
    let rows: Vec<(String, String, u64)> = conn.exec(sql, (table,)).map_err(server::explain)?;
    let key = rows.iter().filter(|(index, ..)| index == PRIMARY).map(|(_, column, _)| column.clone());
    let begins = rows.iter().filter(|(_, _, nth)| *nth == 1);
    let begins = begins.map(|(index, column, _)| (index.clone(), column.clone()));
    Ok((key.collect(), begins.collect()))
}
