//! Tabs that come and go.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::formula::{self, Edit};
use super::super::render;
use super::super::workbook::{Tab, Workbook};
use super::properties::{self, Properties};
use super::{Who, fresh_id, guard_tab};

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct AddSheet {
    properties: Properties,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SheetId {
    sheet_id: i64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Duplicate {
    source_sheet_id: i64,
    insert_sheet_index: usize,
    new_sheet_id: Option<i64>,
    new_sheet_name: Option<String>,
}

/// A tab with an empty grid of the usual size.
pub(in super::super) fn empty(sheet_id: i64, title: &str) -> Tab {
    Tab {
        sheet_id,
        title: title.to_owned(),
        hidden: false,
        n_rows: 1000,
        n_columns: 26,
        frozen_rows: 0,
        frozen_columns: 0,
        metadata: Vec::new(),
        protected: Vec::new(),
        basic_filter: None,
        others: Map::new(),
        rows: Arc::default(),
        has_formulas: false,
    }
}

pub(super) fn add(book: &mut Workbook, request: AddSheet) -> Result<Value, String> {
    let wanted = request.properties;
    let sheet_id = new_id(book, wanted.sheet_id)?;
    let title = match wanted.title.as_deref() {
        None | Some("") => free_title(book),
        Some(title) => title.to_owned(),
    };
    check_title(book, &title, None)?;
    check_room(book)?;
    let mut tab = empty(sheet_id, &title);
    tab.hidden = wanted.hidden.unwrap_or(false);
    properties::new_grid(&mut tab, &wanted)?;
    let index = wanted.index;
    tab.others = wanted.others();
    let at = insert(book, tab, index)?;
    Ok(json!({ "addSheet": { "properties": render::properties(&book.tabs[at], at) } }))
}

pub(super) fn delete(book: &mut Workbook, request: &SheetId, who: Who) -> Result<Value, String> {
    let id = request.sheet_id;
    let at = book.tabs.iter().position(|t| t.sheet_id == id).ok_or(format!("No sheet with id: {id}"))?;
    let tab = &book.tabs[at];
    let is_held =
        !tab.protected.iter().all(|p| p.warning_only || p.editors.iter().any(|e| e == super::ACCOUNT));
    if who == Who::Account && is_held {
        return Err(super::PROTECTED.to_owned());
    }
    if !book.tabs.iter().any(|t| t.sheet_id != id && !t.hidden) {
        return Err("You can't remove all the visible sheets in a document.".to_owned());
    }
    let tab = book.tabs.remove(at);
    book.follow(&Edit::Remove { tab: &tab.title });
    Ok(json!({}))
}

pub(super) fn duplicate(book: &mut Workbook, request: Duplicate) -> Result<Value, String> {
    let source = book.sheet(request.source_sheet_id)?;
    let default = || {
        let mut names = std::iter::once(format!("Copy of {}", source.title))
            .chain((2..).map(|n| format!("Copy of {} {n}", source.title)));
        names.find(|n| book.named(n).is_none()).expect("there are endless names")
    };
    let title = request.new_sheet_name.filter(|n| !n.is_empty()).unwrap_or_else(default);
    let mut tab = source.clone();
    tab.sheet_id = new_id(book, request.new_sheet_id)?;
    check_title(book, &title, None)?;
    check_room(book)?;
    tab.title = title;
    let mut taken: HashSet<_> = all_metadata(book).collect();
    for m in &mut tab.metadata {
        m.id = fresh_id(|id| taken.contains(&id));
        taken.insert(m.id);
    }
    for p in &mut tab.protected {
        p.id = fresh_id(|_| false);
        p.range.sheet_id = tab.sheet_id;
    }
    if let Some(range) = tab.basic_filter.as_mut().and_then(|f| f.get_mut("range")) {
        range["sheetId"] = tab.sheet_id.into();
    }
    let at = insert(book, tab, Some(request.insert_sheet_index))?;
    Ok(json!({ "duplicateSheet": { "properties": render::properties(&book.tabs[at], at) } }))
}

fn all_metadata(book: &Workbook) -> impl Iterator<Item = i64> {
    book.metadata.iter().chain(book.tabs.iter().flat_map(|t| &t.metadata)).map(|m| m.id)
}

fn insert(book: &mut Workbook, tab: Tab, at: Option<usize>) -> Result<usize, String> {
    let n = book.tabs.len();
    let at = at.unwrap_or(n);
    if at > n {
        return Err(format!("Sheet index {at} is too high: there are {n} sheets."));
    }
    book.tabs.insert(at, tab);
    Ok(at)
}

fn new_id(book: &Workbook, wanted: Option<i64>) -> Result<i64, String> {
    let is_taken = |id| book.tabs.iter().any(|t| t.sheet_id == id);
    match wanted {
        None => Ok(fresh_id(is_taken)),
        Some(id) if id < 0 => Err(format!("Sheet ids cannot be negative: {id}.")),
        Some(id) if is_taken(id) => {
            Err(format!("A sheet with the ID {id} already exists. Please use another ID."))
        }
        Some(id) => Ok(id),
    }
}

fn free_title(book: &Workbook) -> String {
    let mut titles = (book.tabs.len() + 1..).map(|n| format!("Sheet{n}"));
    titles.find(|t| book.named(t).is_none()).expect("there are endless titles")
}

/// Refuses a title that is too long, taken by another tab than this one, or not plain enough.
pub(super) fn check_title(book: &Workbook, title: &str, own: Option<i64>) -> Result<(), String> {
    let n = title.encode_utf16().count();
    if n == 0 {
        return Err("The sheet name cannot be empty.".to_owned());
    }
    if n > 100 {
        return Err("The sheet name cannot be greater than 100 characters.".to_owned());
    }
    if title.contains(['[', ']', '*', '?', ':', '/', '\\']) {
        return Err(format!("The sheet name {title:?} has one of the characters [ ] * ? : / \\."));
    }
    let is_taken = |t: &Tab| Some(t.sheet_id) != own && formula::same(&t.title, title);
    if book.tabs.iter().any(is_taken) {
        return Err(format!("A sheet with the name \"{title}\" already exists. Please enter another name."));
    }
    Ok(())
}

fn check_room(book: &Workbook) -> Result<(), String> {
    let n = book.limits.n_tabs;
    if book.tabs.len() >= n {
        return Err(format!(
            "This action would increase the number of sheets in the workbook above the limit of {n} sheets."
        ));
    }
    Ok(())
}

/// Renames a tab, and the references to it.
pub(super) fn rename(book: &mut Workbook, at: usize, title: &str, who: Who) -> Result<(), String> {
    let tab = &book.tabs[at];
    guard_tab(tab, who)?;
    check_title(book, title, Some(tab.sheet_id))?;
    let old = std::mem::replace(&mut book.tabs[at].title, title.to_owned());
    if old != title {
        book.follow(&Edit::Rename { tab: &old, to: title });
    }
    Ok(())
}
