//! Columns that are moved within their tab.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::formula::Edit;
use super::super::grid::Dimension;
use super::super::workbook::Workbook;
use super::dimensions::{Span, area};
use super::{Who, guard};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Move {
    source: Span,
    #[serde(default)]
    destination_index: usize,
}

/// Moves columns to where the column at the destination was before; what points at them follows.
pub(super) fn columns(book: &mut Workbook, request: &Move, who: Who) -> Result<Value, String> {
    let at = book.position(request.source.sheet_id)?;
    let tab = &mut book.tabs[at];
    if request.source.dimension != Dimension::Columns {
        return Err("this server moves columns only.".to_owned());
    }
    let (from, end) = request.source.within(tab.n_columns)?;
    let (n, to) = (end - from, request.destination_index);
    if end > tab.n_columns || to > tab.n_columns {
        return Err(format!("destinationIndex[{to}] is after the last of the sheet ({}).", tab.n_columns));
    }
    if to > from && to < end {
        return Err(format!("destinationIndex[{to}] is within the source."));
    }
    guard(tab, area(tab, Dimension::Columns, from, end), who)?;
    if to == from || to == end {
        return Ok(json!({}));
    }
    for row in Arc::make_mut(&mut tab.rows).iter_mut() {
        Arc::make_mut(row).move_columns(from, n, to);
    }
    let title = tab.title.clone();
    book.follow(&Edit::Move { tab: &title, from, n, to });
    Ok(json!({}))
}
