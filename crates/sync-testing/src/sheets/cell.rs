//! Cells, and rows of them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

/// What a cell holds, as it was entered.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// A number; dates and times are numbers with a format.
    Number(f64),
    /// Text, whatever it looks like.
    Text(String),
    /// True or false.
    Bool(bool),
    /// A formula with its `=`.
    Formula(String),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Cell {
        Cell::Number(number)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Cell {
        Cell::Bool(value)
    }
}

/// A cell in 24 bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Held {
    #[default]
    Empty,
    Number(f64),
    Text(Box<str>),
    Bool(bool),
    Formula(Box<str>),
}

/// Everything about a cell but its value: `userEnteredFormat`, `note` and so on.
pub(super) type Looks = Arc<Map<String, Value>>;

/// Characters that a cell can hold, in UTF-16.
const MAX_CHARACTERS: usize = 50_000;

impl Held {
    pub(super) fn cell(&self) -> Cell {
        match self {
            Held::Empty => Cell::Empty,
            Held::Number(n) => Cell::Number(*n),
            Held::Text(t) => Cell::Text(t.to_string()),
            Held::Bool(b) => Cell::Bool(*b),
            Held::Formula(f) => Cell::Formula(f.to_string()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Held::Empty)
    }

    /// A text; an error is the sentence that refuses it.
    pub(super) fn text(text: &str) -> Result<Held, String> {
        check_length(text)?;
        Ok(Held::Text(text.into()))
    }

    /// Takes the value out of an `ExtendedValue`, whose names and types have been checked.
    ///
    /// This looks up one name after the other, which costs least in a build without optimization: that code is
    /// `serde_json`'s own.
    pub(super) fn take(value: &mut Value) -> Result<Held, String> {
        let n = value.as_object().map_or(0, Map::len);
        if n > 1 {
            return Err("A value can only have one of its fields set.".to_owned());
        }
        if let Some(Value::String(text)) = value.get_mut("stringValue") {
            check_length(text)?;
            return Ok(Held::Text(std::mem::take(text).into()));
        }
        if let Some(number) = value.get("numberValue") {
            return Ok(number.as_f64().map_or(Held::Empty, Held::Number));
        }
        if let Some(value) = value.get("boolValue") {
            return Ok(Held::Bool(*value == true));
        }
        match value.get_mut("formulaValue") {
            Some(Value::String(text)) => Held::formula(text),
            _ if n == 0 => Ok(Held::Empty),
            _ => Err("errorValue cannot be set.".to_owned()),
        }
    }

    fn formula(text: &str) -> Result<Held, String> {
        check_length(text)?;
        if !text.starts_with('=') {
            return Err(format!("Invalid formula: {text:?} does not begin with '='."));
        }
        Ok(Held::Formula(text.into()))
    }

    /// The value as an `ExtendedValue`; `None` for an empty cell.
    pub(super) fn to_json(&self) -> Option<Value> {
        match self {
            Held::Empty => None,
            Held::Number(n) => Some(json!({ "numberValue": number(*n) })),
            Held::Text(t) => Some(json!({ "stringValue": t })),
            Held::Bool(b) => Some(json!({ "boolValue": b })),
            Held::Formula(f) => Some(json!({ "formulaValue": f })),
        }
    }

    /// What a person sees in the cell; numbers without regard to their format.
    pub(super) fn shown(&self) -> String {
        match self {
            Held::Empty => String::new(),
            Held::Number(n) => n.to_string(),
            Held::Text(t) | Held::Formula(t) => t.to_string(),
            Held::Bool(true) => "TRUE".to_owned(),
            Held::Bool(false) => "FALSE".to_owned(),
        }
    }
}

/// A number as Google writes it: whole ones have no point.
pub(super) fn number(n: f64) -> Value {
    #[allow(clippy::cast_possible_truncation, reason = "only numbers that are whole and small")]
    if n.fract() == 0.0 && n.abs() < 9e15 { json!(n as i64) } else { json!(n) }
}

fn check_length(text: &str) -> Result<(), String> {
    // A character of UTF-16 takes a byte at least.
    if text.len() > MAX_CHARACTERS && text.encode_utf16().count() > MAX_CHARACTERS {
        return Err(format!(
            "Your input contains more than the maximum of {MAX_CHARACTERS} characters in a single cell."
        ));
    }
    Ok(())
}

/// One row; what lies behind its last cell is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) values: Vec<Held>,
    pub(super) looks: Vec<Option<Looks>>,
}

impl Row {
    pub(super) fn value(&self, column: usize) -> &Held {
        const EMPTY: &Held = &Held::Empty;
        self.values.get(column).unwrap_or(EMPTY)
    }

    pub(super) fn looks(&self, column: usize) -> Option<&Looks> {
        self.looks.get(column).and_then(Option::as_ref)
    }

    pub(super) fn set_value(&mut self, column: usize, value: Held) {
        if column < self.values.len() {
            self.values[column] = value;
        } else if !value.is_empty() {
            self.values.resize_with(column, Held::default);
            self.values.push(value);
        }
    }

    pub(super) fn set_looks(&mut self, column: usize, looks: Option<Looks>) {
        if column >= self.looks.len() {
            if looks.is_none() {
                return;
            }
            self.looks.resize_with(column + 1, Option::default);
        }
        self.looks[column] = looks;
    }

    /// Drops what is empty at the end.
    pub(super) fn trim(&mut self) {
        while self.values.last().is_some_and(Held::is_empty) {
            self.values.pop();
        }
        while self.looks.last().is_some_and(Option::is_none) {
            self.looks.pop();
        }
    }

    /// How many cells there are, up to the last that holds anything.
    pub(super) fn n_cells(&self) -> usize {
        self.values.len().max(self.looks.len())
    }

    pub(super) fn has_formula(&self) -> bool {
        self.values.iter().any(|v| matches!(v, Held::Formula(_)))
    }

    /// Inserts `n` columns, whose looks are those of the column `like`.
    pub(super) fn insert_columns(&mut self, at: usize, n: usize, like: Option<usize>) {
        let looks = like.and_then(|c| self.looks(c)).and_then(inherited);
        if at < self.values.len() {
            self.values.splice(at..at, (0..n).map(|_| Held::Empty));
        }
        if at < self.looks.len() {
            self.looks.splice(at..at, (0..n).map(|_| None));
        }
        if looks.is_some() {
            (at..at + n).for_each(|c| self.set_looks(c, looks.clone()));
        }
    }

    /// Moves `n` columns from `from` on to where `to` is.
    pub(super) fn move_columns(&mut self, from: usize, n: usize, to: usize) {
        let end = to.max(from + n);
        self.values.resize_with(self.values.len().max(end), || Held::Empty);
        self.looks.resize_with(self.looks.len().max(end), || None);
        if to > from {
            self.values[from..to].rotate_left(n);
            self.looks[from..to].rotate_left(n);
        } else {
            self.values[to..from + n].rotate_right(n);
            self.looks[to..from + n].rotate_right(n);
        }
        self.trim();
    }

    pub(super) fn delete_columns(&mut self, from: usize, to: usize) {
        let within = |len: usize| from.min(len)..to.min(len);
        self.values.drain(within(self.values.len()));
        self.looks.drain(within(self.looks.len()));
        self.trim();
    }

    /// The row that comes in beside this one: its formats without its values.
    pub(super) fn heir(&self) -> Row {
        let looks = self.looks.iter().map(|l| l.as_ref().and_then(inherited)).collect();
        let mut row = Row { values: Vec::new(), looks };
        row.trim();
        row
    }
}

/// What a new cell takes from its neighbour.
fn inherited(looks: &Looks) -> Option<Looks> {
    let format = looks.get("userEnteredFormat")?;
    if looks.len() == 1 {
        return Some(Arc::clone(looks));
    }
    let map = Map::from_iter([("userEnteredFormat".to_owned(), format.clone())]);
    Some(Arc::new(map))
}
