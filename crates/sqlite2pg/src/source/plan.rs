//! How the columns of a source table become columns in PostgreSQL.

use pg_load::fit::{self, Limit};
use pg_load::table::{Column, Table};
use pg_load::types::from_declared;

use super::tables::SourceTable;

/// PostgreSQL cuts longer identifiers without a word.
const MAX_NAME: usize = 63;

/// Names that a destination column cannot have: our own and PostgreSQL's system columns.
const RESERVED: [&str; 9] =
    ["_source_id", "_source_rowid", "_source_file", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// A source column on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// Index among the source's columns.
    pub(crate) index: usize,
    /// Column in PostgreSQL.
    pub(crate) column: Column,
    /// Whether the destination has the column already.
    pub(crate) exists: bool,
    /// What the column keeps of a value, if it has a length or a precision.
    pub(crate) limit: Option<Limit>,
}

impl Field {
    fn new(index: usize, column: Column, exists: bool) -> Field {
        let column = Column { ty: column.ty.for_text(&column.sql), ..column };
        Field { index, limit: fit::limit(&column.ty, &column.sql), column, exists }
    }
}

/// Fits a name into PostgreSQL's rules: never empty, never reserved, never over 63 bytes.
pub(crate) fn fit_name(name: &str, reserved: &[&str]) -> String {
    let name = if name.is_empty() { "unnamed" } else { name };
    if name.len() > MAX_NAME {
        let hash = &blake3::hash(name.as_bytes()).to_hex()[..8];
        return format!("{}_{hash}", cut(name, MAX_NAME - 9));
    }
    if reserved.contains(&name) { format!("{name}_1") } else { name.to_owned() }
}

/// The longest start of `name` of at most `n` bytes: what PostgreSQL makes of a long name.
fn cut(name: &str, n: usize) -> &str {
    &name[..name.floor_char_boundary(n)]
}

/// Maps every column of `source` to one of `destination`, or to a new one.
///
/// A column finds its own name first, then the form that PostgreSQL itself would have cut it to,
/// then the only one that differs in case, since SQLite's names ignore case.
pub(crate) fn fields(source: &SourceTable, destination: Option<&Table>) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for (index, column) in source.columns.iter().enumerate() {
        let fitted = unused(&fit_name(&column.name, &RESERVED), &fields);
        let existing = destination.and_then(|table| find(table, &column.name, &fitted));
        match existing {
            Some(there) if there.generated => {}
            Some(there) if !fields.iter().any(|field| field.column.name == there.name) => {
                fields.push(Field::new(index, there.clone(), true));
            }
            _ => {
                let ty = from_declared(Some(&column.declared));
                fields.push(Field::new(index, Column::new(&fitted, ty), false));
            }
        }
    }
    fields
}

fn find<'a>(table: &'a Table, name: &str, fitted: &str) -> Option<&'a Column> {
    if let Some(column) = table.column(fitted) {
        return Some(column);
    }
    if name.len() > MAX_NAME {
        return table.column(cut(name, MAX_NAME));
    }
    if RESERVED.contains(&name) {
        return None;
    }
    let mut alike = table
        .columns
        .iter()
        .filter(|column| column.name.eq_ignore_ascii_case(name) && !RESERVED.contains(&column.name.as_str()));
    match (alike.next(), alike.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

fn unused(name: &str, fields: &[Field]) -> String {
    let taken = |name: &str| fields.iter().any(|field| field.column.name == name);
    if !taken(name) {
        return name.to_owned();
    }
    (2..).map(|n| format!("{}_{n}", cut(name, MAX_NAME - 5))).find(|name| !taken(name)).unwrap_or_default()
}

/// Index of the column that holds a row's time: the configured one, else the first with "time" or
/// "date" in its name.
pub(crate) fn timestamp_column(source: &SourceTable, configured: Option<&String>) -> Option<usize> {
    source.columns.iter().position(|column| match configured {
        Some(name) => column.name.eq_ignore_ascii_case(name),
        None => {
            let name = column.name.to_lowercase();
            name.contains("time") || name.contains("date")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tables::SourceColumn;
    use pg_load::types::ColumnType;

    fn source(names: &[&str]) -> SourceTable {
        let columns = names
            .iter()
            .map(|name| SourceColumn { name: (*name).to_owned(), declared: "TEXT".to_owned() })
            .collect();
        SourceTable { name: "t".to_owned(), columns, rowid: Some("rowid") }
    }

    fn destination(names: &[&str]) -> Table {
        Table {
            schema: "public".to_owned(),
            name: "t".to_owned(),
            relation: Default::default(),
            is_view: false,
            ours: true,
            columns_version: None,
            columns: names.iter().map(|name| Column::new(name, ColumnType::Text)).collect(),
        }
    }

    fn names(fields: &[Field]) -> Vec<&str> {
        fields.iter().map(|field| field.column.name.as_str()).collect()
    }

    #[test]
    fn our_own_names_and_system_names_are_stepped_around() {
        let fields = fields(&source(&["_source_id", "xmin", "", "a"]), None);
        assert_eq!(names(&fields), ["_source_id_1", "xmin_1", "unnamed", "a"]);
    }

    #[test]
    fn long_names_keep_apart_where_postgresql_would_cut_them_alike() {
        let (a, b) = (format!("{}a", "x".repeat(63)), format!("{}b", "x".repeat(63)));
        let fields = fields(&source(&[&a, &b]), None);
        assert!(fields.iter().all(|field| field.column.name.len() <= MAX_NAME));
        assert_ne!(fields[0].column.name, fields[1].column.name);
    }

    #[test]
    fn a_name_cut_by_postgresql_is_found_again() {
        let long = "é".repeat(40);
        let there = destination(&[cut(&long, MAX_NAME)]);
        assert!(fields(&source(&[&long]), Some(&there))[0].exists);
    }

    #[test]
    fn case_differs_from_day_to_day_but_the_column_stays() {
        let there = destination(&["Temp"]);
        assert_eq!(names(&fields(&source(&["temp"]), Some(&there))), ["Temp"]);
        let both = destination(&["Temp", "TEMP"]);
        assert_eq!(names(&fields(&source(&["temp"]), Some(&both))), ["temp"]);
    }

    #[test]
    fn the_time_column_is_found_by_name() {
        assert_eq!(timestamp_column(&source(&["id", "Timestamp", "date"]), None), Some(1));
        assert_eq!(timestamp_column(&source(&["id", "at"]), None), None);
        assert_eq!(timestamp_column(&source(&["id", "at"]), Some(&"AT".to_owned())), Some(1));
    }
}
