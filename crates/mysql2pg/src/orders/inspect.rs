//! What the ERP's tables hold, and where orders are lost on the way to the destination.

use std::io::Write;

use anyhow::Result;
use comfy_table::{Table, presets};
use mysql::prelude::Queryable;
use mysql::{Conn, Params, Value};

use super::Wanted;
use super::schema::{ErpTable, Schema};
use super::sql::{any_like, join, note_patterns, wanted_notes};
use crate::server;

/// Codes that are listed one by one.
const CODES_SHOWN: u32 = 20;

/// Prints everything, step by step.
pub(crate) fn print(conn: &mut Conn, schema: &Schema, wanted: &Wanted, out: &mut impl Write) -> Result<()> {
    tables(conn, schema, out)?;
    codes(conn, schema, wanted, out)?;
    notes(conn, schema, wanted, out)?;
    steps(conn, schema, wanted, out)
}

fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header.to_vec());
    table
}

fn count(conn: &mut Conn, sql: &str, params: Vec<Value>) -> Result<u64> {
    Ok(conn.exec_first(sql, params).map_err(server::explain)?.unwrap_or(0))
}

fn tables(conn: &mut Conn, schema: &Schema, out: &mut impl Write) -> Result<()> {
    let mut table = new_table(&["table", "engine", "rows", "index on the order"]);
    for erp in schema.tables() {
        let n_rows = count(conn, &format!("SELECT COUNT(*) FROM {}", erp.sql()), Vec::new())?;
        let index = if erp.index.is_some() { "yes" } else { "no: CREATE INDEX would make each run faster" };
        table.add_row([&erp.info.name, &erp.info.engine, &n_rows.to_string(), index]);
    }
    writeln!(out, "{table}\n")?;
    Ok(())
}

fn codes(conn: &mut Conn, schema: &Schema, wanted: &Wanted, out: &mut impl Write) -> Result<()> {
    let code = schema.accessory.column("c", "zcode");
    let (filter, params) = any_like(&code, &wanted.codes);
    let sql = format!(
        "SELECT CAST({code} AS CHAR), COUNT(*) FROM {} c WHERE {filter} GROUP BY {code} ORDER BY 2 DESC, 1
         LIMIT {CODES_SHOWN}",
        schema.accessory.sql()
    );
    let found: Vec<(String, u64)> = conn.exec(sql, params).map_err(server::explain)?;
    let mut table = new_table(&["accessory", "rows"]);
    for (code, n) in &found {
        table.add_row([code, &n.to_string()]);
    }
    writeln!(out, "{table}")?;
    if found.is_empty() {
        writeln!(out, " none has a code like {}: see --codes", wanted.codes.join(", "))?;
    }
    writeln!(out)?;
    Ok(())
}

fn notes(conn: &mut Conn, schema: &Schema, wanted: &Wanted, out: &mut impl Write) -> Result<()> {
    let mut table = new_table(&["note contains", "log lines"]);
    for pattern in note_patterns(&wanted.notes) {
        let (filter, params) = any_like(&schema.log.column("c", "notiz"), std::slice::from_ref(&pattern));
        let sql = format!("SELECT COUNT(*) FROM {} c WHERE {filter}", schema.log.sql());
        let n = count(conn, &sql, params)?;
        table.add_row([pattern.trim_matches('%'), &n.to_string()]);
    }
    writeln!(out, "{table}\n")?;
    Ok(())
}

fn steps(conn: &mut Conn, schema: &Schema, wanted: &Wanted, out: &mut impl Write) -> Result<()> {
    let id = schema.head.column("k", "id");
    let (noted, notes) = wanted_notes(schema, wanted);
    let (coded, codes) = any_like(&schema.accessory.column("c", "zcode"), &wanted.codes);
    let orders = format!("SELECT COUNT(*) FROM {} k", schema.head.sql());
    let with = |child: &ErpTable, filter: &str| {
        format!(
            "EXISTS (SELECT 1 FROM {} c WHERE {} = {id} AND ({filter}))",
            child.sql(),
            child.column("c", "id_a_kopf")
        )
    };
    let has_log = with(&schema.log, "1 = 1");
    let (has_note, has_code) = (with(&schema.log, &noted), with(&schema.accessory, &coded));
    let has_accessory = with(&schema.accessory, "1 = 1");
    let both: Vec<Value> = notes.iter().chain(&codes).cloned().collect();
    let steps = [
        ("orders", String::new(), Vec::new(), ""),
        ("… with a log line", format!("WHERE {has_log}"), Vec::new(), "no log line at all"),
        ("… with a wanted note", format!("WHERE {has_note}"), notes.clone(), "no note says so: not planned"),
        (
            "… and an accessory",
            format!("WHERE {has_note} AND {has_accessory}"),
            notes.clone(),
            "planned, without any accessory",
        ),
        (
            "… and a wanted accessory",
            format!("WHERE {has_note} AND {has_code}"),
            both.clone(),
            "planned, with other accessories only",
        ),
    ];
    let mut table = new_table(&["step", "orders", "lost", "because"]);
    let mut before = None;
    for (name, filter, params, why) in steps {
        let n = count(conn, &format!("{orders} {filter}"), params)?;
        let lost = before.map_or(0, |before: u64| before.saturating_sub(n));
        table.add_row([name, &n.to_string(), &lost.to_string(), if lost > 0 { why } else { "" }]);
        before = Some(n);
    }
    writeln!(out, "{table}\n")?;
    joined(conn, schema, (&noted, notes), (&coded, codes), out)
}

/// How large the join grows, table by table.
fn joined(
    conn: &mut Conn,
    schema: &Schema,
    (noted, notes): (&str, Vec<Value>),
    (coded, codes): (&str, Vec<Value>),
    out: &mut impl Write,
) -> Result<()> {
    let id = schema.head.column("k", "id");
    let each = |child: &ErpTable, filter: &str| {
        format!(
            "(SELECT {id} AS id, COUNT(*) AS n FROM {} WHERE {filter} GROUP BY {id})",
            join(schema, child)
        )
    };
    let sql = format!(
        "SELECT COALESCE(SUM(l.n), 0), COALESCE(SUM(l.n * z.n), 0), COALESCE(SUM(l.n * z.n * COALESCE(v.n, 1)), 0)
         FROM {} l LEFT JOIN {} z ON z.id = l.id LEFT JOIN {} v ON v.id = l.id",
        each(&schema.log, noted),
        each(&schema.accessory, coded),
        each(&schema.operation, "1 = 1"),
    );
    let params = Params::Positional(notes.into_iter().chain(codes).collect());
    let row: Option<mysql::Row> = conn.exec_first(sql, params).map_err(server::explain)?;
    let mut table = new_table(&["join", "rows"]);
    let cells = row.map(mysql::Row::unwrap).unwrap_or_default();
    for (name, n) in
        ["orders and their wanted notes", "… and wanted accessories", "… and operations"].iter().zip(cells)
    {
        let n = match n {
            Value::Bytes(digits) => String::from_utf8_lossy(&digits).into_owned(),
            other => other.as_sql(false),
        };
        table.add_row([*name, &n]);
    }
    writeln!(out, "{table}")?;
    Ok(())
}
