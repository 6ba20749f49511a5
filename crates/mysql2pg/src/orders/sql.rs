//! The statements that read the ERP: a span of orders, and every part of these orders.

use mysql::Value;

use super::Wanted;
use super::schema::{ErpTable, Schema};
use crate::mojibake;
use crate::server::quote_ident;

/// Statements of one kind of span.
#[derive(Clone, Debug)]
pub(crate) struct Statements {
    /// `id, aunummer, aualpha, aufstatus, kommission`, by id.
    pub(crate) heads: String,
    /// `order id, datum, id`
    pub(crate) logs: Parts,
    /// `order id, zcode, position, kennung, znr, text`
    pub(crate) accessories: Parts,
    /// `order id, nummer, bezeichnung`
    pub(crate) operations: Parts,
}

/// Statements that read one table's rows of a span of orders.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// The span of the table itself, by its index, where the two ids compare alike: twice as fast as the join.
    pub(crate) alone: Option<String>,
    /// The table joined with the orders; behind `alone` only rows that spell their order otherwise.
    pub(crate) joined: String,
    /// What stands behind the span's own parameters.
    pub(crate) params: Vec<Value>,
}

impl Statements {
    /// Orders behind the parameter `after`, at most the parameter `limit`; their parts are those of the orders behind
    /// `after` up to `upto`.
    pub(crate) fn by_range(schema: &Schema, wanted: &Wanted, is_first: bool) -> Statements {
        let id = schema.head.column("k", "id");
        let after = if is_first { String::new() } else { format!("WHERE {id} > ?") };
        let heads = format!("{} {after} ORDER BY {id} LIMIT ?", select_heads(schema));
        let span = |id: &str| if is_first { format!("{id} <= ?") } else { format!("{id} > ? AND {id} <= ?") };
        Statements::of(schema, wanted, heads, span)
    }

    /// Orders with one of `n_ids` ids.
    pub(crate) fn by_ids(schema: &Schema, wanted: &Wanted, n_ids: usize) -> Statements {
        let id = schema.head.column("k", "id");
        let span = |id: &str| one_of(id, n_ids);
        let heads = format!("{} WHERE {} ORDER BY {id}", select_heads(schema), span(&id));
        Statements::of(schema, wanted, heads, span)
    }

    /// `span` makes of an id's column the condition for the span.
    fn of(schema: &Schema, wanted: &Wanted, heads: String, span: impl Fn(&str) -> String) -> Statements {
        let codes = any_like(&schema.accessory.column("c", "zcode"), &wanted.codes);
        let accessory = ["zcode", "position", "kennung", "znr", "text"];
        let everything = ("1 = 1".to_owned(), Vec::new());
        Statements {
            heads,
            logs: Parts::of(schema, &schema.log, &["datum", "id"], &span, wanted_notes(schema, wanted)),
            accessories: Parts::of(schema, &schema.accessory, &accessory, &span, codes),
            operations: Parts::of(schema, &schema.operation, &["nummer", "bezeichnung"], &span, everything),
        }
    }
}

impl Parts {
    fn of(
        schema: &Schema,
        child: &ErpTable,
        columns: &[&str],
        span: impl Fn(&str) -> String,
        (filter, params): (String, Vec<Value>),
    ) -> Parts {
        let columns: Vec<String> = columns.iter().map(|column| child.column("c", column)).collect();
        let columns = columns.join(", ");
        let (id, order) = (schema.head.column("k", "id"), child.column("c", "id_a_kopf"));
        let joined = join(schema, child);
        let joined = format!("SELECT {id}, {columns} FROM {joined} WHERE {} AND ({filter})", span(&id));
        let Some(index) = &child.index else {
            return Parts { alone: None, joined, params };
        };
        let (table, index) = (child.sql(), quote_ident(index));
        // The server would take an index whose statistics are stale for worse than none.
        let alone = format!(
            "SELECT {order}, {columns} FROM {table} c FORCE INDEX ({index}) WHERE {} AND ({filter})",
            span(&order)
        );
        Parts {
            alone: Some(alone),
            joined: format!("{joined} AND CAST({id} AS BINARY) <> CAST({order} AS BINARY)"),
            params,
        }
    }
}

/// Whether one of `n_ids` ids is an order's, by the orders' collation.
pub(crate) fn has_order(schema: &Schema, n_ids: usize) -> String {
    let ids = one_of(&schema.head.column("k", "id"), n_ids);
    format!("SELECT 1 FROM {} k WHERE {ids} LIMIT 1", schema.head.sql())
}

fn one_of(column: &str, n: usize) -> String {
    format!("{column} IN ({})", vec!["?"; n].join(", "))
}

fn select_heads(schema: &Schema) -> String {
    let columns = ["id", "aunummer", "aualpha", "aufstatus", "kommission"];
    let columns: Vec<String> = columns.iter().map(|column| schema.head.column("k", column)).collect();
    format!("SELECT {} FROM {} k", columns.join(", "), schema.head.sql())
}

/// The orders with one of their parts, found from the orders. The server compares ids, because its collation may hold two spellings for equal.
pub(crate) fn join(schema: &Schema, child: &ErpTable) -> String {
    // From the orders to their parts, where there is an index for that: the server's statistics may be stale.
    let how = if child.index.is_some() { "STRAIGHT_JOIN" } else { "JOIN" };
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
