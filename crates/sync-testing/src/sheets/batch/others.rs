//! What people set up in a tab and what has to survive: it is kept, and has no effect.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::grid::GridRange;
use super::super::workbook::Workbook;
use super::fresh_id;

#[derive(Deserialize)]
pub(super) struct SetFilter {
    filter: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClearFilter {
    sheet_id: i64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Merge {
    range: GridRange,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AddNamedRange {
    named_range: Value,
}

#[derive(Deserialize)]
pub(super) struct AddFormatRule {
    rule: Value,
}

fn range_of(value: Option<&Value>) -> Result<GridRange, String> {
    let range = value.cloned().ok_or("range must be specified.")?;
    serde_json::from_value(range).map_err(|e| e.to_string())
}

pub(super) fn set_filter(book: &mut Workbook, request: SetFilter) -> Result<Value, String> {
    let range = range_of(request.filter.get("range"))?;
    let tab = book.sheet_mut(range.sheet_id)?;
    range.resolve(&tab.title, tab.n_rows, tab.n_columns)?;
    tab.basic_filter = Some(request.filter);
    Ok(json!({}))
}

pub(super) fn clear_filter(book: &mut Workbook, request: &ClearFilter) -> Result<Value, String> {
    book.sheet_mut(request.sheet_id)?.basic_filter = None;
    Ok(json!({}))
}

pub(super) fn merge(book: &mut Workbook, request: &Merge) -> Result<Value, String> {
    let tab = book.sheet_mut(request.range.sheet_id)?;
    request.range.resolve(&tab.title, tab.n_rows, tab.n_columns)?;
    push(&mut tab.others, "merges", request.range.to_json());
    Ok(json!({}))
}

pub(super) fn add_named_range(book: &mut Workbook, request: AddNamedRange) -> Result<Value, String> {
    let mut named = request.named_range;
    let range = range_of(named.get("range"))?;
    let tab = book.sheet(range.sheet_id)?;
    range.resolve(&tab.title, tab.n_rows, tab.n_columns)?;
    if named.get("namedRangeId").is_none() {
        named["namedRangeId"] = fresh_id(|_| false).to_string().into();
    }
    push(&mut book.others, "namedRanges", named.clone());
    Ok(json!({ "addNamedRange": { "namedRange": named } }))
}

pub(super) fn add_format_rule(book: &mut Workbook, request: AddFormatRule) -> Result<Value, String> {
    let range = range_of(request.rule["ranges"].get(0))?;
    let tab = book.sheet_mut(range.sheet_id)?;
    range.resolve(&tab.title, tab.n_rows, tab.n_columns)?;
    push(&mut tab.others, "conditionalFormats", request.rule);
    Ok(json!({}))
}

fn push(map: &mut Map<String, Value>, name: &str, value: Value) {
    let list = map.entry(name).or_insert_with(|| json!([]));
    list.as_array_mut().expect("only lists are put there").push(value);
}
