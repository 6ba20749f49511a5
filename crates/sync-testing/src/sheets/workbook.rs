//! A workbook and its tabs.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::cell::{Cell, Held, Looks, Row};
use super::formula::{self, Edit};
use super::grid::GridRange;

/// A workbook at one moment.
#[derive(Clone, Debug)]
pub struct Workbook {
    /// Its id, as in its address.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Such as `en_US`.
    pub locale: String,
    /// Such as `Europe/Paris`.
    pub time_zone: String,
    /// Its tabs from left to right.
    pub tabs: Vec<Tab>,
    /// Developer metadata of the workbook itself.
    pub metadata: Vec<Metadata>,
    /// Properties and named ranges of which nothing depends.
    pub(super) others: Map<String, Value>,
    pub(super) limits: Limits,
}

/// How big a workbook may become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) n_cells: u64,
    pub(super) n_tabs: usize,
}

/// A tab at one moment.
#[derive(Clone)]
pub struct Tab {
    /// The id that stays when the tab is renamed or moved.
    pub sheet_id: i64,
    /// The name on the tab.
    pub title: String,
    /// Whether people do not see it.
    pub hidden: bool,
    /// Rows of the grid, empty ones counted.
    pub n_rows: usize,
    /// Columns of the grid, empty ones counted.
    pub n_columns: usize,
    /// Rows that stay in view.
    pub frozen_rows: usize,
    /// Columns that stay in view.
    pub frozen_columns: usize,
    /// Its developer metadata.
    pub metadata: Vec<Metadata>,
    /// Its protected ranges.
    pub protected: Vec<Protected>,
    /// The filter that people have set, as the API has it.
    pub basic_filter: Option<Value>,
    /// Properties, merges and the like of which nothing depends.
    pub(super) others: Map<String, Value>,
    /// The rows up to the last that holds anything.
    pub(super) rows: Arc<Vec<Arc<Row>>>,
    /// Whether there may be formulas.
    pub(super) has_formulas: bool,
}

/// One piece of developer metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Unique within the workbook.
    pub id: i64,
    /// Its name; several may have the same.
    pub key: String,
    /// Its value, if it has one.
    pub value: Option<String>,
    /// `DOCUMENT` or `PROJECT`.
    pub visibility: String,
}

impl Metadata {
    /// Characters that count against the limit.
    pub(super) fn n_characters(&self) -> usize {
        let count = |text: &str| text.encode_utf16().count();
        count(&self.key) + self.value.as_deref().map_or(0, count)
    }
}

/// A range that not everybody may edit.
#[derive(Clone, Debug)]
pub struct Protected {
    /// Unique within the workbook.
    pub id: i64,
    /// What people wrote about it.
    pub description: String,
    /// Whether it only warns people.
    pub warning_only: bool,
    /// The addresses of those who may edit.
    pub editors: Vec<String>,
    pub(super) range: GridRange,
}

impl Workbook {
    /// The tab of this title; panics with all titles where there is none.
    pub fn tab(&self, title: &str) -> &Tab {
        self.find(title).unwrap_or_else(|| {
            let titles: Vec<_> = self.tabs.iter().map(|t| t.title.as_str()).collect();
            panic!("no tab {title:?} among {titles:?}")
        })
    }

    /// The tab of this title, letter for letter.
    pub fn find(&self, title: &str) -> Option<&Tab> {
        self.tabs.iter().find(|t| t.title == title)
    }

    /// Cells of all grids, empty ones counted.
    pub fn n_cells(&self) -> u64 {
        self.tabs.iter().map(|t| t.n_rows as u64 * t.n_columns as u64).sum()
    }

    pub(super) fn position(&self, sheet_id: i64) -> Result<usize, String> {
        let at = self.tabs.iter().position(|t| t.sheet_id == sheet_id);
        at.ok_or_else(|| format!("No grid with id: {sheet_id}"))
    }

    pub(super) fn sheet(&self, sheet_id: i64) -> Result<&Tab, String> {
        self.position(sheet_id).map(|i| &self.tabs[i])
    }

    pub(super) fn sheet_mut(&mut self, sheet_id: i64) -> Result<&mut Tab, String> {
        self.position(sheet_id).map(|i| &mut self.tabs[i])
    }

    /// The tab of this title without regard to case.
    pub(super) fn named(&self, title: &str) -> Option<&Tab> {
        self.tabs.iter().find(|t| formula::same(&t.title, title))
    }

    /// Lets every formula follow a change.
    pub(super) fn follow(&mut self, edit: &Edit) {
        for tab in self.tabs.iter_mut().filter(|t| t.has_formulas) {
            let home = tab.title.clone();
            for row in Arc::make_mut(&mut tab.rows).iter_mut().filter(|r| r.has_formula()) {
                for value in &mut Arc::make_mut(row).values {
                    let Held::Formula(text) = value else { continue };
                    if let Some(new) = formula::follow(text, &home, edit) {
                        *value = Held::Formula(new.into());
                    }
                }
            }
        }
    }

    /// What a cell shows: a formula that names one cell shows that cell.
    pub(super) fn effective(&self, tab: &Tab, value: &Held) -> Result<Held, &'static str> {
        let mut value = value.clone();
        let mut tab = tab;
        for _ in 0..20 {
            let Held::Formula(text) = &value else { return Ok(value) };
            if text.contains("#REF!") || formula::titles(text).iter().any(|t| self.named(t).is_none()) {
                return Err("REF");
            }
            let Some((title, row, column)) = formula::single(text) else { return Err("NAME") };
            tab = title.and_then(|t| self.named(&t)).unwrap_or(tab);
            if row >= tab.n_rows || column >= tab.n_columns {
                return Err("REF");
            }
            value = tab.value(row, column).clone();
        }
        Err("REF")
    }
}

impl Tab {
    /// What the cell holds; rows and columns count from 0.
    pub fn cell(&self, row: usize, column: usize) -> Cell {
        self.value(row, column).cell()
    }

    /// The first columns of each row, up to the last row in which one of them holds anything.
    pub fn rows(&self, n_columns: usize) -> Vec<Vec<Cell>> {
        let holds = |row: &Row| row.values.iter().take(n_columns).any(|v| !v.is_empty());
        let n = self.rows.iter().rposition(|r| holds(r)).map_or(0, |last| last + 1);
        let cells = |row: &Arc<Row>| (0..n_columns).map(|c| row.value(c).cell()).collect();
        self.rows.iter().take(n).map(cells).collect()
    }

    /// The pattern of the cell's number format.
    pub fn format(&self, row: usize, column: usize) -> Option<String> {
        let pattern = &self.looks(row, column)?.get("userEnteredFormat")?["numberFormat"]["pattern"];
        pattern.as_str().map(str::to_owned)
    }

    /// Whether the cell's text is bold.
    pub fn is_bold(&self, row: usize, column: usize) -> bool {
        let format = self.looks(row, column).and_then(|l| l.get("userEnteredFormat"));
        format.is_some_and(|f| f["textFormat"]["bold"] == true)
    }

    /// Everything about the cell but its value, with the API's names: `userEnteredFormat`, `note` and so on.
    pub fn looks_json(&self, row: usize, column: usize) -> Value {
        self.looks(row, column).map_or(Value::Null, |l| Value::Object((**l).clone()))
    }

    /// The value of the first metadata with this key.
    pub fn metadata_value(&self, key: &str) -> Option<&str> {
        self.metadata.iter().find(|m| m.key == key)?.value.as_deref()
    }

    pub(super) fn looks(&self, row: usize, column: usize) -> Option<&Looks> {
        self.rows.get(row).and_then(|r| r.looks(column))
    }

    pub(super) fn value(&self, row: usize, column: usize) -> &Held {
        const EMPTY: &Held = &Held::Empty;
        self.rows.get(row).map_or(EMPTY, |r| r.value(column))
    }

    /// The row for a change; those before it come to be with it.
    pub(super) fn row_mut(&mut self, row: usize) -> &mut Row {
        let rows = Arc::make_mut(&mut self.rows);
        if row >= rows.len() {
            rows.resize_with(row + 1, Arc::default);
        }
        Arc::make_mut(&mut rows[row])
    }

    /// Drops the rows at the end that hold nothing.
    pub(super) fn trim(&mut self) {
        let n = self.rows.iter().rposition(|r| r.n_cells() > 0).map_or(0, |last| last + 1);
        if n < self.rows.len() {
            Arc::make_mut(&mut self.rows).truncate(n);
        }
    }
}

impl fmt::Debug for Tab {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Tab")
            .field("sheet_id", &self.sheet_id)
            .field("title", &self.title)
            .field("n_rows", &self.n_rows)
            .field("n_columns", &self.n_columns)
            .finish_non_exhaustive()
    }
}
