//! `batchUpdate`: all of its requests, or none.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::grid::Area;
use super::refusal::Refusal;
use super::workbook::{Tab, Workbook};

mod cells;
mod dimensions;
mod metadata;
mod moves;
mod others;
mod paste;
mod properties;
mod protection;
mod tabs;

pub(super) use metadata::{Lookup, all as all_metadata};
pub(super) use tabs::empty;

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The service account, which protection holds off.
    Account,
    /// The workbook's owner, who may do everything.
    Owner,
}

/// The address of the service account.
pub(super) const ACCOUNT: &str = "sheets@demo-project.iam.gserviceaccount.com";
const OWNER: &str = "owner@example.com";

const PROTECTED: &str = "You are trying to edit a protected cell or object. Please contact the spreadsheet owner \
                         to remove protection if you need to edit.";

/// What became of a workbook, and the replies to the requests.
pub(super) type Applied = (Workbook, Vec<Value>);

/// Applies requests whose names and types have been checked to a clone.
pub(super) fn apply(book: &Workbook, requests: Vec<Value>, who: Who) -> Result<Applied, Refusal> {
    if requests.is_empty() {
        return Err(Refusal::invalid("Must specify at least one request."));
    }
    let mut book = book.clone();
    let mut replies = Vec::new();
    for (i, request) in requests.into_iter().enumerate() {
        let Value::Object(map) = request else { return Err(none_set(i)) };
        if map.len() > 1 {
            return Err(Refusal::payload(format!(
                "Invalid value at 'requests[{i}]' (oneof), more than one is set"
            )));
        }
        let Some((name, body)) = map.into_iter().next() else { return Err(none_set(i)) };
        let n_before = book.n_cells();
        let done = one(&mut book, &name, body, who).and_then(|reply| {
            check_cells(&book, n_before)?;
            Ok(reply)
        });
        replies.push(done.map_err(|why| Refusal::invalid(format!("Invalid requests[{i}].{name}: {why}")))?);
    }
    Ok((book, replies))
}

fn none_set(i: usize) -> Refusal {
    Refusal::invalid(format!("Invalid requests[{i}]: No request set."))
}

fn one(book: &mut Workbook, name: &str, body: Value, who: Who) -> Result<Value, String> {
    match name {
        "addSheet" => tabs::add(book, parsed(body)?),
        "deleteSheet" => tabs::delete(book, &parsed(body)?, who),
        "duplicateSheet" => tabs::duplicate(book, parsed(body)?),
        "updateSheetProperties" => properties::update(book, parsed(body)?, who),
        "updateSpreadsheetProperties" => properties::update_workbook(book, &parsed(body)?),
        "appendDimension" => dimensions::append(book, &parsed(body)?, who),
        "insertDimension" => dimensions::insert(book, &parsed(body)?, who),
        "deleteDimension" => dimensions::delete(book, &parsed(body)?, who),
        "moveDimension" => moves::columns(book, &parsed(body)?, who),
        "updateDimensionProperties" => dimensions::update_properties(book, &parsed(body)?),
        "autoResizeDimensions" => Ok(json!({})),
        "updateCells" => cells::update(book, body, who),
        "repeatCell" => cells::repeat(book, parsed(body)?, who),
        "setDataValidation" => cells::set_validation(book, parsed(body)?, who),
        "copyPaste" => paste::copy(book, &parsed(body)?, who),
        "createDeveloperMetadata" => metadata::create(book, parsed(body)?),
        "updateDeveloperMetadata" => metadata::update(book, &parsed(body)?),
        "deleteDeveloperMetadata" => metadata::delete(book, &parsed(body)?),
        "addProtectedRange" => protection::add(book, &parsed(body)?, who),
        "updateProtectedRange" => protection::update(book, &parsed(body)?, who),
        "deleteProtectedRange" => protection::delete(book, &parsed(body)?, who),
        "setBasicFilter" => others::set_filter(book, parsed(body)?),
        "clearBasicFilter" => others::clear_filter(book, &parsed(body)?),
        "mergeCells" => others::merge(book, &parsed(body)?),
        "addNamedRange" => others::add_named_range(book, parsed(body)?),
        "addConditionalFormatRule" => others::add_format_rule(book, parsed(body)?),
        _ => Err("this server does not know this request.".to_owned()),
    }
}

/// The request as its own type; names and types were checked before.
fn parsed<T: DeserializeOwned>(body: Value) -> Result<T, String> {
    serde_json::from_value(body).map_err(|e| format!("{e}."))
}

/// Refuses a workbook that has grown over the limit.
fn check_cells(book: &Workbook, n_before: u64) -> Result<(), String> {
    let (n, limit) = (book.n_cells(), book.limits.n_cells);
    if n > limit && n > n_before {
        return Err(format!(
            "This action would increase the number of cells in the workbook above the limit of {limit} cells."
        ));
    }
    Ok(())
}

/// Refuses a change to cells that somebody else has protected.
pub(super) fn guard(tab: &Tab, area: Area, who: Who) -> Result<(), String> {
    let is_held = |p: &&super::workbook::Protected| {
        !p.warning_only
            && !p.editors.iter().any(|e| e == ACCOUNT)
            && p.range.within(tab.n_rows, tab.n_columns).touches(area)
    };
    if who == Who::Account && tab.protected.iter().any(|p| is_held(&p)) {
        return Err(PROTECTED.to_owned());
    }
    Ok(())
}

/// Refuses a change to a tab that somebody else has protected as a whole.
fn guard_tab(tab: &Tab, who: Who) -> Result<(), String> {
    let is_whole = |p: &&super::workbook::Protected| {
        !p.warning_only && !p.editors.iter().any(|e| e == ACCOUNT) && is_open(&p.range)
    };
    if who == Who::Account && tab.protected.iter().any(|p| is_whole(&p)) {
        return Err(PROTECTED.to_owned());
    }
    Ok(())
}

fn is_open(range: &super::grid::GridRange) -> bool {
    range.end_row_index.is_none()
        && range.end_column_index.is_none()
        && range.start_row_index.unwrap_or(0) == 0
        && range.start_column_index.unwrap_or(0) == 0
}

/// An id that nothing has yet.
fn fresh_id(is_taken: impl Fn(i64) -> bool) -> i64 {
    loop {
        let id = i64::from(fastrand::i32(1..));
        if !is_taken(id) {
            return id;
        }
    }
}
