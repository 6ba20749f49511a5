//! What in the recorder's database hangs on the rows of a table.

use anyhow::{Context as _, Result};
use rusqlite::{Connection, Row};

use super::schema::{Table, quote};

/// A foreign key that refers to a table.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// The table that has it.
    pub(crate) table: String,
    /// SQL that holds for a row that is referred to, the alias of its table being `e`.
    pub(crate) condition: String,
}

/// A column of a foreign key.
struct Column {
    table: String,
    key: i64,
    from: String,
    /// None where the key names neither a column nor has the table one to mean.
    to: Option<String>,
}

/// The foreign keys that refer to the table, enforced or not.
pub(crate) fn references(db: &Connection, table: &Table) -> Result<Vec<Reference>> {
    let looking = || format!("look for what refers to {}", table.plain.0);
    // A key that names no columns means the primary key.
    let sql = "SELECT m.name, f.id, f.\"from\",
           coalesce(f.\"to\", (SELECT name FROM pragma_table_xinfo(?1) WHERE pk = f.seq + 1))
         FROM sqlite_schema m CROSS JOIN pragma_foreign_key_list(m.name) f
         WHERE m.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE ORDER BY m.name, f.id, f.seq";
    let mut statement = db.prepare(sql).with_context(looking)?;
    let read = |row: &Row<'_>| {
        Ok(Column { table: row.get(0)?, key: row.get(1)?, from: row.get(2)?, to: row.get(3)? })
    };
    let columns = statement.query_map([&table.plain.0], read).with_context(looking)?;
    let columns: Vec<Column> = columns.collect::<Result<_, _>>().with_context(looking)?;
    Ok(columns.chunk_by(|a, b| (&a.table, a.key) == (&b.table, b.key)).map(Reference::of).collect())
}

impl Reference {
    fn of(columns: &[Column]) -> Reference {
        let list = |names: Vec<String>| names.join(", ");
        let to = list(
            columns.iter().map(|c| format!("e.{}", quote(c.to.as_deref().unwrap_or("rowid")))).collect(),
        );
        let from = list(columns.iter().map(|c| format!("c.{}", quote(&c.from))).collect());
        let table = columns.first().map(|column| column.table.clone()).unwrap_or_default();
        // Where a key is null in part, the comparison has no answer.
        let condition = format!("(({to}) IN (SELECT {from} FROM main.{} c)) IS TRUE", quote(&table));
        Reference { table, condition }
    }
}

/// A trigger that acts on each row that is deleted from the table.
pub(crate) fn delete_trigger(db: &Connection, table: &Table) -> Result<Option<String>> {
    let sql =
        "SELECT name, lower(sql) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE";
    let mut statement = db.prepare(sql)?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let triggers: Vec<(String, String)> = statement
        .query_map([&table.plain.0], read)?
        .collect::<Result<_, _>>()
        .context("look at the triggers")?;
    Ok(triggers.into_iter().find(|(_, sql)| is_on_delete(sql)).map(|(name, _)| name))
}

/// What a trigger waits for stands in its text alone.
fn is_on_delete(sql: &str) -> bool {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let has_comment = sql.contains("--") || sql.contains("/*");
    words.windows(2).any(|pair| pair == ["delete", "on"]) || (has_comment && sql.contains("delete"))
}
