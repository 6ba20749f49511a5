//! Rows out of the source: streamed in a snapshot where there is one, else in ways that hold up no writer.

use std::sync::mpsc::SyncSender;

use anyhow::{Context, Result};
use mysql::prelude::Queryable;
use mysql::{Conn, Value};

use super::batch::{Batch, Builder};
use super::incremental::Filter;
use super::plan::Plan;
use crate::server::{self, quote_ident};

/// Rows of the first range; later ones are as long as fits [`RANGE_BYTES`].
const FIRST_RANGE: usize = 500;
const LONGEST_RANGE: usize = 5_000;
/// What a range's rows should come to: they are all held at once.
const RANGE_BYTES: usize = 2 << 20;

/// How a source is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In one go, as the destination takes it.
    Stream,
    /// In ranges of its primary key, each to its end before anything is written.
    Ranges,
    /// In one go out of a copy that the server makes first, since the table itself stays locked while it is read.
    Buffered,
}

/// The way that suits the source.
pub(crate) fn way(plan: &Plan) -> Way {
    match &plan.info {
        Some(info) if !info.is_transactional() => {
            if info.has_ordered_key {
                Way::Ranges
            } else {
                Way::Buffered
            }
        }
        _ => Way::Stream,
    }
}

/// Reads everything and sends it in batches; ends early when nobody takes them any more.
pub(crate) fn read(
    conn: &mut Conn,
    plan: &Plan,
    filter: &Filter,
    builder: &mut Builder,
    sender: &SyncSender<Result<Batch>>,
) -> Result<()> {
    let is_wanted = match way(plan) {
        Way::Stream => stream(conn, "", plan, filter, builder, sender),
        Way::Buffered => stream(conn, "SQL_BUFFER_RESULT", plan, filter, builder, sender),
        Way::Ranges => ranges(conn, plan, filter, builder, sender),
    }
    .with_context(|| format!("read {}", plan.table))?;
    if is_wanted && !builder.is_empty() {
        let _ = sender.send(Ok(builder.take()));
    }
    Ok(())
}

/// False when nobody takes the rows any more.
fn stream(
    conn: &mut Conn,
    how: &str,
    plan: &Plan,
    filter: &Filter,
    builder: &mut Builder,
    sender: &SyncSender<Result<Batch>>,
) -> Result<bool> {
    let wanted = filter.sql.as_ref().map_or(String::new(), |sql| format!("WHERE {sql}"));
    let sql = format!("SELECT {how} {} FROM {} {wanted}", plan.select(), plan.from);
    let statement = conn.prep(sql).map_err(server::explain)?;
    for row in conn.exec_iter(statement, filter.params.clone()).map_err(server::explain)? {
        let is_full = builder.push(values(row.map_err(server::explain)?));
        if is_full && sender.send(Ok(builder.take())).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn ranges(
    conn: &mut Conn,
    plan: &Plan,
    filter: &Filter,
    builder: &mut Builder,
    sender: &SyncSender<Result<Batch>>,
) -> Result<bool> {
    let keys: Vec<String> = plan.info.iter().flat_map(|info| &info.key).map(|key| quote_ident(key)).collect();
    let order = keys.join(", ");
    let mut last: Option<Vec<Value>> = None;
    let mut limit = FIRST_RANGE;
    loop {
        let (behind, behind_params) = match &last {
            None => (None, Vec::new()),
            Some(last) => (Some(behind(&keys)), behind_values(last)),
        };
        let wanted: Vec<String> =
            filter.sql.iter().cloned().chain(behind).map(|sql| format!("({sql})")).collect();
        let wanted =
            if wanted.is_empty() { String::new() } else { format!("WHERE {}", wanted.join(" AND ")) };
        // The key once more behind the row: a job may leave it out.
        let sql = format!(
            "SELECT {}, {order} FROM {} {wanted} ORDER BY {order} LIMIT {limit}",
            plan.select(),
            plan.from
        );
        let given: Vec<Value> = filter.params.iter().cloned().chain(behind_params).collect();
        let rows: Vec<mysql::Row> = conn.exec(sql, given).map_err(server::explain)?;
        let n_rows = rows.len();
        let mut n_bytes = 0;
        for row in rows {
            let mut row = values(row);
            let key = row.split_off(plan.source.len());
            n_bytes += row.iter().map(size).sum::<usize>();
            last = Some(key);
            if builder.push(row) && sender.send(Ok(builder.take())).is_err() {
                return Ok(false);
            }
        }
        if n_rows < limit {
            return Ok(true);
        }
        limit = (limit * RANGE_BYTES / n_bytes.max(1)).clamp(1, (limit * 4).min(LONGEST_RANGE));
    }
}

/// `(a > ?) OR (a = ? AND b > ?) …`: what an index can follow, unlike a comparison of rows.
fn behind(keys: &[String]) -> String {
    let alternative = |i: usize| {
        let equal = keys[..i].iter().map(|key| format!("{key} = ? AND "));
        format!("({}{} > ?)", equal.collect::<String>(), keys[i])
    };
    (0..keys.len()).map(alternative).collect::<Vec<_>>().join(" OR ")
}

fn behind_values(last: &[Value]) -> Vec<Value> {
    (0..last.len()).flat_map(|i| last[..=i].iter().cloned()).collect()
}

fn values(row: mysql::Row) -> Vec<Value> {
    row.unwrap_raw().into_iter().map(|value| value.unwrap_or(Value::NULL)).collect()
}

fn size(value: &Value) -> usize {
    match value {
        Value::Bytes(bytes) => bytes.len() + 8,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_begins_behind_a_key_of_several_columns() {
        let keys = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(behind(&keys), "(a > ?) OR (a = ? AND b > ?) OR (a = ? AND b = ? AND c > ?)");
        let last = [1, 2, 3].map(Value::from);
        assert_eq!(behind_values(&last), [1, 1, 2, 1, 2, 3].map(Value::from));
    }
}
