//! What is in the files and what is in PostgreSQL, read by plain code of its own and compared
//! value by value, each row counted.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use super::Setup;

/// A row's values in a form in which equal values are equal texts; `None` is NULL.
pub(crate) type Cells = Vec<Option<String>>;

/// Rows that only one side has, a row as often as it is there too often.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// Rows of the file that PostgreSQL has not.
    pub(crate) missing: Vec<Cells>,
    /// Rows of PostgreSQL that the file has not.
    pub(crate) extra: Vec<Cells>,
}

/// Every row of the file's table is in the destination exactly once, value by value, and nothing
/// else is there of this file. Rows that are set aside are left out.
#[track_caller]
pub(crate) fn assert_exact(setup: &Setup, day: &str, table: &str, destination: &str) {
    assert_exact_as(setup, day, table, destination, &[]);
}

/// Like [`assert_exact`], for columns with another name in PostgreSQL: `(source, destination)`.
#[track_caller]
pub(crate) fn assert_exact_as(
    setup: &Setup,
    day: &str,
    table: &str,
    destination: &str,
    renamed: &[(&str, &str)],
) {
    let found = compare(setup, day, table, destination, renamed);
    assert!(found.missing.is_empty() && found.extra.is_empty(), "{day} {table}: {found:#?}");
}

/// Every row of the file is there once, and besides this many rows that the file no longer has.
#[track_caller]
pub(crate) fn assert_kept(setup: &Setup, day: &str, table: &str, n_extra: usize) {
    let found = compare(setup, day, table, table, &[]);
    assert!(found.missing.is_empty() && found.extra.len() == n_extra, "{day} {table}: {found:#?}");
}

/// Compares a file's table with the rows of this file in the destination; where the destination
/// has no identity columns, with all of it.
pub(crate) fn compare(
    setup: &Setup,
    day: &str,
    table: &str,
    destination: &str,
    renamed: &[(&str, &str)],
) -> Difference {
    let columns = columns(setup, destination);
    let db = open(&setup.file(day));
    let names = source_names(&db, table);
    let picked: Vec<(&str, &str)> = names
        .iter()
        .map(|name| {
            let there = renamed.iter().find(|(from, _)| from == name);
            let there = there.map_or(name.as_str(), |(_, to)| *to);
            columns
                .iter()
                .find(|(column, _)| column == there)
                .or_else(|| columns.iter().find(|(column, _)| column.eq_ignore_ascii_case(there)))
                .map(|(column, ty)| (column.as_str(), ty.as_str()))
                .unwrap_or_else(|| panic!("{destination} has no column {there}: {columns:?}"))
        })
        .collect();
    let types: Vec<&str> = picked.iter().map(|(_, ty)| *ty).collect();
    let aside = set_aside(setup, day, table);
    let mut balance: BTreeMap<Cells, i64> = BTreeMap::new();
    for row in source_rows(&db, table, &names, &types, &aside) {
        *balance.entry(row).or_default() += 1;
    }
    let is_owned = columns.iter().any(|(name, _)| name == "_source_id");
    for row in destination_rows(setup, day, table, destination, &picked, is_owned) {
        *balance.entry(row).or_default() -= 1;
    }
    let mut found = Difference::default();
    for (row, n) in balance {
        let side = if n > 0 { &mut found.missing } else { &mut found.extra };
        side.extend((0..n.abs()).map(|_| row.clone()));
    }
    found
}

/// Runs until nothing is left to do, and once more: that run writes no data row.
#[track_caller]
pub(crate) fn assert_second_run_writes_nothing(setup: &Setup) {
    let mut code = -1;
    for _ in 0..5 {
        let outcome = setup.sync(&[]);
        let n_failed = outcome.report["failed"].as_array().map_or(0, Vec::len);
        assert!(
            outcome.code == 0 || outcome.code == 3 && n_failed == 0,
            "{} {}",
            outcome.report,
            outcome.stderr
        );
        code = outcome.code;
        if outcome.n("written") == 0 {
            break;
        }
    }
    let before = versions(setup);
    let outcome = setup.sync_to(code, &[]);
    assert_eq!(outcome.n("written"), 0, "{}", outcome.report);
    assert_eq!(versions(setup), before, "a data row was written again");
}

/// Where every data row stands and which transaction wrote it.
fn versions(setup: &Setup) -> Vec<Vec<Option<String>>> {
    let tables = setup.list(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)'
           AND c.relname NOT IN ('sync_watermark', 'sync_rejected', 'sync_run') ORDER BY 1",
    );
    tables
        .iter()
        .flat_map(|table| setup.rows(&format!("SELECT tableoid, ctid, xmin FROM {table} ORDER BY ctid")))
        .collect()
}

fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
}

/// Name and type of every column of a destination.
fn columns(setup: &Setup, destination: &str) -> Vec<(String, String)> {
    let rows = setup.rows(&format!(
        "SELECT attname, typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
         WHERE attrelid = to_regclass('{}') AND attnum > 0 AND NOT attisdropped",
        quoted(destination).replace('\'', "''")
    ));
    rows.into_iter().map(|mut row| (row[0].take().unwrap(), row[1].take().unwrap())).collect()
}

fn source_names(db: &Connection, table: &str) -> Vec<String> {
    let statement = db.prepare(&format!("SELECT * FROM {}", quoted(table))).unwrap();
    statement.column_names().map(str::to_owned).collect()
}

/// Row ids of the rows that are set aside.
fn set_aside(setup: &Setup, day: &str, table: &str) -> HashSet<i64> {
    let keys = setup.list(&format!(
        "SELECT row_key FROM sync_rejected WHERE file = '{day}.db' AND table_name = '{}'",
        table.replace('\'', "''")
    ));
    keys.iter().map(|key| key.parse().unwrap()).collect()
}

/// All rows but those set aside: by row id, or by their ordinal where there is none.
fn source_rows(
    db: &Connection,
    table: &str,
    names: &[String],
    types: &[&str],
    aside: &HashSet<i64>,
) -> Vec<Cells> {
    let rowid = ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|name| !names.iter().any(|there| there.eq_ignore_ascii_case(name)));
    let by_rowid = rowid.map(|rowid| format!("SELECT *, {rowid} FROM {}", quoted(table)));
    let with_ordinal = format!("SELECT *, row_number() OVER () FROM {}", quoted(table));
    let mut statement =
        by_rowid.and_then(|sql| db.prepare(&sql).ok()).unwrap_or_else(|| db.prepare(&with_ordinal).unwrap());
    let mut found = statement.query([]).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = found.next().unwrap() {
        if aside.contains(&row.get(names.len()).unwrap()) {
            continue;
        }
        let cells = types.iter().enumerate();
        rows.push(cells.map(|(i, ty)| super::oracle_cells::source(row.get(i).unwrap(), ty)).collect());
    }
    rows
}

fn destination_rows(
    setup: &Setup,
    day: &str,
    table: &str,
    destination: &str,
    picked: &[(&str, &str)],
    is_owned: bool,
) -> Vec<Cells> {
    let cells: Vec<String> = picked
        .iter()
        .map(|(name, ty)| super::oracle_cells::destination_sql(&format!("d.{}", quoted(name)), ty))
        .collect();
    let mut sql = format!("SELECT {} FROM {} d", cells.join(", "), quoted(destination));
    if is_owned {
        sql.push_str(&format!(
            " WHERE d._source_id IN (SELECT id FROM sync_watermark
                WHERE file = '{day}.db' AND table_name = '{}')",
            table.replace('\'', "''")
        ));
    }
    let rows = setup.rows(&sql);
    rows.into_iter()
        .map(|row| {
            row.into_iter()
                .zip(picked)
                .map(|(cell, (_, ty))| cell.map(|cell| super::oracle_cells::written(cell, ty)))
                .collect()
        })
        .collect()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The value as SQLite has it, for tests that look at one.
pub(crate) fn value(setup: &Setup, day: &str, sql: &str) -> Value {
    open(&setup.file(day)).query_row(sql, [], |row| row.get(0)).unwrap()
}
