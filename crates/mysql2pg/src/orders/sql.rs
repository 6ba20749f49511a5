//! The statements that read the ERP: a span of orders, and every part of these orders.

use mysql::Value;

use super::Wanted;
use super::schema::{ErpTable, Schema};
use crate::mojibake;

/// Statements of one kind of span, with the parameters that stand behind the span's own.
#[derive(Clone, Debug)]
pub(crate) struct Statements {
    /// `id, aunummer, aualpha, aufstatus, kommission`, by id.
    pub(crate) heads: String,
    /// `order id, datum, id`
    pub(crate) logs: (String, Vec<Value>),
    /// `order id, zcode, position, kennung, znr, text`
    pub(crate) accessories: (String, Vec<Value>),
    /// `order id, nummer, bezeichnung`
    pub(crate) operations: String,
}

impl Statements {
    /// Orders behind the parameter `after`, at most the parameter `limit`; their parts are those of the orders behind
    /// `after` up to `upto`.
    pub(crate) fn by_range(schema: &Schema, wanted: &Wanted, is_first: bool) -> Statements {
        let id = schema.head.column("k", "id");
        let (after, and_after) = if is_first {
            (String::new(), String::new())
        } else {
            (format!("WHERE {id} > ?"), format!("{id} > ? AND "))
        };
        let heads = format!("{} {after} ORDER BY {id} LIMIT ?", select_heads(schema));
        Statements::of(schema, wanted, heads, &format!("{and_after}{id} <= ?"))
    }

    /// Orders with one of `n_ids` ids.
    pub(crate) fn by_ids(schema: &Schema, wanted: &Wanted, n_ids: usize) -> Statements {
        let id = schema.head.column("k", "id");
        let span = format!("{id} IN ({})", vec!["?"; n_ids].join(", "));
        let heads = format!("{} WHERE {span} ORDER BY {id}", select_heads(schema));
        Statements::of(schema, wanted, heads, &span)
    }

    fn of(schema: &Schema, wanted: &Wanted, heads: String, span: &str) -> Statements {
        let (noted, notes) = wanted_notes(schema, wanted);
        let (wanted_codes, codes) = any_like(&schema.accessory.column("c", "zcode"), &wanted.codes);
        let select = |child: &ErpTable, columns: &[&str], filter: &str| {
            let columns: Vec<String> = columns.iter().map(|column| child.column("c", column)).collect();
            let filter = if filter.is_empty() { String::new() } else { format!(" AND ({filter})") };
            format!(
                "SELECT {id}, {columns} FROM {join} WHERE {span}{filter}",
                id = schema.head.column("k", "id"),
                columns = columns.join(", "),
                join = join(schema, child),
            )
        };
        Statements {
            heads,
            logs: (select(&schema.log, &["datum", "id"], &noted), notes),
            accessories: (
                select(&schema.accessory, &["zcode", "position", "kennung", "znr", "text"], &wanted_codes),
                codes,
            ),
            operations: select(&schema.operation, &["nummer", "bezeichnung"], ""),
        }
    }
}

fn select_heads(schema: &Schema) -> String {
    let columns = ["id", "aunummer", "aualpha", "aufstatus", "kommission"];
    let columns: Vec<String> = columns.iter().map(|column| schema.head.column("k", column)).collect();
    format!("SELECT {} FROM {} k", columns.join(", "), schema.head.sql())
}

/// The orders with one of their parts, found from the orders. The server compares ids, because its collation may hold two spellings for equal.
pub(crate) fn join(schema: &Schema, child: &ErpTable) -> String {
    // From the orders to their parts, where there is an index for that: the server's statistics may be stale.
    let how = if child.is_indexed { "STRAIGHT_JOIN" } else { "JOIN" };
    format!(
        "{} k {how} {} c ON {} = {}",
        schema.head.sql(),
        child.sql(),
        child.column("c", "id_a_kopf"),
        schema.head.column("k", "id"),
    )
}

/// What a log line of a wanted order says, and the parameters of that.
pub(crate) fn wanted_notes(schema: &Schema, wanted: &Wanted) -> (String, Vec<Value>) {
    any_like(&schema.log.column("c", "notiz"), &note_patterns(&wanted.notes))
}

/// `order id, datum, id` of the wanted lines in a span of the log.
pub(crate) fn lines_of_span(schema: &Schema, span: &str, noted: &str) -> String {
    let (at, id) = (schema.log.column("c", "datum"), schema.log.column("c", "id"));
    let order = schema.head.column("k", "id");
    format!("SELECT {order}, {at}, {id} FROM {} WHERE {span} AND ({noted})", join_heads(schema))
}

/// Ids of the orders with a line in a span of the log.
pub(crate) fn orders_of_span(schema: &Schema, span: &str, filter: &str) -> String {
    let order = schema.head.column("k", "id");
    format!("SELECT DISTINCT {order} FROM {} WHERE {span} AND {filter}", join_heads(schema))
}

/// The log with its orders, found from the log by their key.
fn join_heads(schema: &Schema) -> String {
    let (log, head) = (&schema.log, &schema.head);
    let (order, id) = (log.column("c", "id_a_kopf"), head.column("k", "id"));
    format!("{} c STRAIGHT_JOIN {} k ON {id} = {order}", log.sql(), head.sql())
}

/// `column LIKE ? OR …` and its parameters.
pub(crate) fn any_like(column: &str, patterns: &[String]) -> (String, Vec<Value>) {
    let sql = vec![format!("{column} LIKE ?"); patterns.len()].join(" OR ");
    (sql, patterns.iter().map(|pattern| Value::from(pattern.as_str())).collect())
}

/// Patterns that find each text in a note, in its own spelling and in those that double encoding makes of it.
pub(crate) fn note_patterns(notes: &[String]) -> Vec<String> {
    let spellings = notes.iter().flat_map(|note| mojibake::spellings(note));
    let mut patterns: Vec<String> = Vec::new();
    for text in spellings {
        let text = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let pattern = format!("%{text}%");
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::note_patterns;

    #[test]
    fn a_note_is_looked_for_in_every_spelling() {
        assert_eq!(note_patterns(&["cde Planifiée".into()]), ["%cde Planifiée%", "%cde PlanifiÃ©e%"]);
        assert_eq!(note_patterns(&["100 %_\\".into()]), ["%100 \\%\\_\\\\%"]);
    }
}
