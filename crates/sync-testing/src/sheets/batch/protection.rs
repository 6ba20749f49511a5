//! Protected ranges.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::grid::GridRange;
use super::super::render;
use super::super::workbook::{Protected, Workbook};
use super::{ACCOUNT, OWNER, PROTECTED, Who, fresh_id, properties};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request {
    protected_range: Given,
    fields: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    protected_range_id: Option<i64>,
    range: Option<GridRange>,
    description: String,
    warning_only: bool,
    editors: Editors,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Editors {
    users: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Delete {
    protected_range_id: i64,
}

/// Whoever protects a range can edit it, and so can the workbook's owner.
fn editors(given: &Editors, who: Who) -> Vec<String> {
    let mut editors = given.users.clone();
    let own = if who == Who::Account { vec![ACCOUNT, OWNER] } else { vec![OWNER] };
    for address in own {
        if !editors.iter().any(|e| e == address) {
            editors.push(address.to_owned());
        }
    }
    editors
}

pub(super) fn add(book: &mut Workbook, request: &Request, who: Who) -> Result<Value, String> {
    let given = &request.protected_range;
    let range = given.range.clone().ok_or("protectedRange.range must be specified.")?;
    let is_taken = |id| book.tabs.iter().flat_map(|t| &t.protected).any(|p| p.id == id);
    let id = match given.protected_range_id {
        None | Some(0) => fresh_id(is_taken),
        Some(id) if is_taken(id) => return Err(format!("Protected range with id {id} already exists.")),
        Some(id) => id,
    };
    let tab = book.sheet_mut(range.sheet_id)?;
    range.resolve(&tab.title, tab.n_rows, tab.n_columns)?;
    let protected = Protected {
        id,
        range,
        description: given.description.clone(),
        warning_only: given.warning_only,
        editors: editors(&given.editors, who),
    };
    let json = render::protected(&protected, who);
    tab.protected.push(protected);
    Ok(json!({ "addProtectedRange": { "protectedRange": json } }))
}

/// Where the range is: tab and index.
fn find(book: &Workbook, id: i64, who: Who) -> Result<(usize, usize), String> {
    for (tab, t) in book.tabs.iter().enumerate() {
        if let Some(at) = t.protected.iter().position(|p| p.id == id) {
            let may = who == Who::Owner || t.protected[at].editors.iter().any(|e| e == ACCOUNT);
            return if may { Ok((tab, at)) } else { Err(PROTECTED.to_owned()) };
        }
    }
    Err(format!("No protected range with id: {id}"))
}

pub(super) fn update(book: &mut Workbook, request: &Request, who: Who) -> Result<Value, String> {
    let mask = properties::mask(&request.fields, "ProtectedRange")?;
    let given = &request.protected_range;
    let (tab, at) = find(book, given.protected_range_id.unwrap_or(0), who)?;
    let mut protected = book.tabs[tab].protected.remove(at);
    let mut home = book.tabs[tab].sheet_id;
    if mask.field("description").is_some() {
        protected.description.clone_from(&given.description);
    }
    if mask.field("warningOnly").is_some() {
        protected.warning_only = given.warning_only;
    }
    if mask.field("editors").is_some() {
        protected.editors = editors(&given.editors, who);
    }
    if let (Some(_), Some(range)) = (mask.field("range"), &given.range) {
        home = range.sheet_id;
        protected.range = range.clone();
    }
    let tab = book.sheet_mut(home)?;
    protected.range.resolve(&tab.title, tab.n_rows, tab.n_columns)?;
    let at = at.min(tab.protected.len());
    tab.protected.insert(at, protected);
    Ok(json!({}))
}

pub(super) fn delete(book: &mut Workbook, request: &Delete, who: Who) -> Result<Value, String> {
    let (tab, at) = find(book, request.protected_range_id, who)?;
    book.tabs[tab].protected.remove(at);
    Ok(json!({}))
}
