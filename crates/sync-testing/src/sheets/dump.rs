//! Workbooks for people to read.

use std::fmt::Write;

use super::api::{Answer, Api};
use super::workbook::{Tab, Workbook};

/// Widest column of the text.
const MAX_WIDTH: usize = 30;

/// The text of `/dump?workbook=ID&rows=N`.
pub(super) fn answer(api: &Api, query: &[(String, String)]) -> Answer {
    let param = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let n_rows = param("rows").and_then(|n| n.parse().ok()).unwrap_or(5);
    let mut out = String::new();
    for shelf in api.books.values().filter(|s| param("workbook").is_none_or(|id| id == s.book.id)) {
        write(&shelf.book, n_rows, &mut out);
    }
    let status = if out.is_empty() { 404 } else { 200 };
    Answer { status, content_type: "text/plain; charset=UTF-8", retry_after: None, body: out }
}

fn write(book: &Workbook, n_rows: usize, out: &mut String) {
    let n_cells = book.n_cells();
    let _ = writeln!(out, "{} ({}, {} tabs, {n_cells} cells)", book.title, book.id, book.tabs.len());
    for tab in &book.tabs {
        let hidden = if tab.hidden { ", hidden" } else { "" };
        let _ = writeln!(out, "\n{}: {} rows × {} columns{hidden}", tab.title, tab.n_rows, tab.n_columns);
        write_rows(book, tab, n_rows, out);
    }
}

fn write_rows(book: &Workbook, tab: &Tab, n_rows: usize, out: &mut String) {
    let rows = &tab.rows[..n_rows.min(tab.rows.len())];
    let shown = |cell| {
        let text = super::render::formatted(&book.effective(tab, cell));
        let text = text.replace(['\n', '\r', '\t'], " ");
        if text.chars().count() <= MAX_WIDTH {
            return text;
        }
        text.chars().take(MAX_WIDTH - 1).chain(['…']).collect()
    };
    let table: Vec<Vec<String>> = rows.iter().map(|r| r.values.iter().map(shown).collect()).collect();
    let n_columns = table.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |c: usize| table.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..n_columns).map(width).collect();
    for row in &table {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(text, width)| format!("{text:width$}")).collect();
        let _ = writeln!(out, "  {}", cells.join(" │ ").trim_end());
    }
}
