//! Field masks: which parts of a message are meant.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::schema::Place;

/// A tree of field names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mask {
    /// The message with all that is in it.
    All,
    /// These fields.
    Some(BTreeMap<String, Mask>),
}

impl Mask {
    /// Reads a mask such as `sheets(properties(title,index),data/rowData),spreadsheetId`; an error is the path that leads nowhere.
    pub(super) fn parse(text: &str, message: &str) -> Result<Mask, String> {
        let mut parser = Parser { rest: text, path: Vec::new() };
        let mut fields = BTreeMap::new();
        let is_all = parser.list(Place::message(message), &mut fields)?;
        if !parser.rest.is_empty() {
            return Err(parser.rest.to_owned());
        }
        Ok(if is_all { Mask::All } else { Mask::Some(fields) })
    }

    /// The mask for what is in this field; `None` if the field is not meant.
    pub(super) fn field(&self, name: &str) -> Option<&Mask> {
        match self {
            Mask::All => Some(&Mask::All),
            Mask::Some(fields) => fields.get(name),
        }
    }

    /// Takes out of a message what is not meant.
    pub(super) fn filter(&self, value: &mut Value) {
        let Mask::Some(fields) = self else { return };
        match value {
            Value::Object(map) => {
                map.retain(|name, _| fields.contains_key(name));
                for (name, value) in map.iter_mut() {
                    fields[name].filter(value);
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|v| self.filter(v)),
            _ => {}
        }
    }

    /// Makes what is meant in `to` the same as in `from`.
    pub(super) fn copy(&self, to: &mut Map<String, Value>, from: &Map<String, Value>) {
        let Mask::Some(fields) = self else {
            *to = from.clone();
            return;
        };
        for (name, mask) in fields {
            match (mask, from.get(name)) {
                (Mask::All, Some(value)) => drop(to.insert(name.clone(), value.clone())),
                (Mask::All, None) => drop(to.remove(name)),
                (mask, value) => copy_inside(mask, to, name, value),
            }
        }
    }
}

fn copy_inside(mask: &Mask, to: &mut Map<String, Value>, name: &str, value: Option<&Value>) {
    let nothing = Map::new();
    let from = value.and_then(Value::as_object).unwrap_or(&nothing);
    let inner = to.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = inner {
        mask.copy(inner, from);
        if inner.is_empty() {
            to.remove(name);
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    path: Vec<String>,
}

impl Parser<'_> {
    /// Reads `a,b,c` up to its end or a closing parenthesis; `true` if all fields are meant.
    fn list(&mut self, place: Place, fields: &mut BTreeMap<String, Mask>) -> Result<bool, String> {
        let mut is_all = false;
        loop {
            is_all |= self.item(place, fields)?;
            if !self.takes(",") {
                return Ok(is_all);
            }
        }
    }

    fn item(&mut self, place: Place, fields: &mut BTreeMap<String, Mask>) -> Result<bool, String> {
        self.rest = self.rest.trim_start();
        if self.takes("*") {
            return Ok(true);
        }
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.path.push(name.to_owned());
        let inner = place.field(name).ok_or_else(|| self.path.join("."))?;
        self.rest = rest;
        let mask = self.inside(inner)?;
        self.path.pop();
        match (fields.get_mut(name), mask) {
            (Some(Mask::Some(old)), Mask::Some(new)) => merge(old, new),
            (Some(old), Mask::All) => *old = Mask::All,
            (Some(Mask::All), _) => {}
            (None, mask) => drop(fields.insert(name.to_owned(), mask)),
        }
        Ok(false)
    }

    fn inside(&mut self, place: Place) -> Result<Mask, String> {
        let mut fields = BTreeMap::new();
        let is_all = if self.takes("(") {
            let is_all = self.list(place, &mut fields)?;
            if !self.takes(")") {
                return Err(self.path.join("."));
            }
            is_all
        } else if self.takes(".") || self.takes("/") {
            self.item(place, &mut fields)?
        } else {
            true
        };
        Ok(if is_all { Mask::All } else { Mask::Some(fields) })
    }

    fn takes(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

fn merge(old: &mut BTreeMap<String, Mask>, new: BTreeMap<String, Mask>) {
    for (name, mask) in new {
        match (old.get_mut(&name), mask) {
            (Some(Mask::Some(inner)), Mask::Some(more)) => merge(inner, more),
            (Some(old), Mask::All) => *old = Mask::All,
            (Some(Mask::All), _) => {}
            (None, mask) => drop(old.insert(name, mask)),
        }
    }
}
