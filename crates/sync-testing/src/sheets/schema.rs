//! Which fields the messages of the API have, and of which types.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::parse(include_str!("schema.txt")));

/// All messages.
struct Schema {
    numbers: HashMap<&'static str, usize>,
    messages: Vec<Vec<(&'static str, Type)>>,
    /// The number of `CellData`.
    cell: usize,
}

enum Type {
    Message(usize),
    List(Box<Type>),
    Text,
    Bool,
    Number,
    Int,
    Any,
    Enum(&'static str),
}

/// Whether a cell is a text or a number and nothing else, as nearly all of a big batch are.
fn is_plain_cell(cell: &Value) -> bool {
    let Some(value) = cell.get("userEnteredValue") else { return false };
    let is_single = |v: &Value| v.as_object().is_some_and(|map| map.len() == 1);
    is_single(cell)
        && is_single(value)
        && (value.get("stringValue").is_some_and(Value::is_string)
            || value.get("numberValue").is_some_and(Value::is_number))
}

/// What is wrong with a message, and where.
#[derive(Debug)]
pub(super) struct Wrong {
    /// From the inside out.
    path: Vec<String>,
    what: What,
}

#[derive(Debug)]
enum What {
    Unknown(String),
    Value { kind: String, value: String },
}

impl Schema {
    fn parse(text: &'static str) -> Schema {
        let lines = || text.lines().filter(|l| !l.starts_with('#'));
        let name = |line: &'static str| line.split(' ').next().unwrap_or_default();
        let numbers: HashMap<_, _> = lines().enumerate().map(|(n, line)| (name(line), n)).collect();
        let field = |field: &'static str| {
            let (name, kind) = field.split_once(':').expect("a field with its type");
            (name, Type::parse(kind, &numbers))
        };
        let fields =
            |line: &'static str| line.split(' ').skip(1).filter(|f| !f.is_empty()).map(field).collect();
        let messages = lines().map(fields).collect();
        let cell = numbers["CellData"];
        Schema { numbers, messages, cell }
    }

    fn message(&self, name: &str) -> usize {
        *self.numbers.get(name).unwrap_or_else(|| panic!("the schema has a {name}"))
    }

    fn check(&self, value: &mut Value, kind: &Type) -> Result<(), Wrong> {
        let is_right = match kind {
            Type::Message(n) => match value {
                Value::Object(_) if *n == self.cell && is_plain_cell(value) => true,
                Value::Object(_) => return self.check_message(value, *n),
                _ => false,
            },
            Type::List(inner) => match value {
                Value::Array(list) => {
                    for (i, item) in list.iter_mut().enumerate() {
                        self.check(item, inner).map_err(|w| w.at_index(i))?;
                    }
                    true
                }
                _ => false,
            },
            Type::Text => value.is_string(),
            Type::Bool => value.is_boolean(),
            Type::Number => value.is_number(),
            Type::Int => is_int(value),
            Type::Enum(names) => value.as_str().is_some_and(|v| names.split('|').any(|n| n == v)),
            Type::Any => true,
        };
        if is_right { Ok(()) } else { Err(Wrong::value(kind.name(), value)) }
    }

    fn check_message(&self, value: &mut Value, number: usize) -> Result<(), Wrong> {
        let Value::Object(map) = value else { return Ok(()) };
        let fields = &self.messages[number];
        let mut has_null = false;
        for (name, value) in map.iter_mut() {
            let Some((_, kind)) = fields.iter().find(|(n, _)| n == name) else {
                return Err(Wrong { path: Vec::new(), what: What::Unknown(name.clone()) });
            };
            // A null is a field that is not there.
            if value.is_null() {
                has_null = true;
            } else {
                self.check(value, kind).map_err(|w| w.in_field(name))?;
            }
        }
        if has_null {
            map.retain(|_, value| !value.is_null());
        }
        Ok(())
    }
}

impl Type {
    fn parse(text: &'static str, numbers: &HashMap<&'static str, usize>) -> Type {
        if let Some(inner) = text.strip_prefix('[') {
            return Type::List(Box::new(Type::parse(inner, numbers)));
        }
        match text {
            "string" => Type::Text,
            "bool" => Type::Bool,
            "number" => Type::Number,
            "int" => Type::Int,
            "any" => Type::Any,
            _ => numbers.get(text).map_or(Type::Enum(text), |n| Type::Message(*n)),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Type::Message(_) | Type::Any => "message",
            Type::List(_) => "list",
            Type::Text => "TYPE_STRING",
            Type::Bool => "TYPE_BOOL",
            Type::Number => "TYPE_DOUBLE",
            Type::Int => "TYPE_INT32",
            Type::Enum(_) => "TYPE_ENUM",
        }
    }
}

/// Whether this is a whole number of 32 bits; one in quotes loses them.
fn is_int(value: &mut Value) -> bool {
    if let Some(n) = value.as_str().and_then(|v| v.parse::<i32>().ok()) {
        *value = n.into();
    }
    value.as_i64().is_some_and(|n| i32::try_from(n).is_ok())
}

impl Wrong {
    fn value(kind: &str, value: &Value) -> Wrong {
        let text = value.as_str().map_or_else(|| value.to_string(), |t| format!("{t:?}"));
        let value = text.chars().take(200).collect();
        Wrong { path: Vec::new(), what: What::Value { kind: kind.to_owned(), value } }
    }

    fn in_field(mut self, name: &str) -> Wrong {
        self.path.push(format!(".{}", snake_case(name)));
        self
    }

    fn at_index(mut self, index: usize) -> Wrong {
        self.path.push(format!("[{index}]"));
        self
    }

    /// The sentence with which Google refuses it.
    pub(super) fn sentence(&self) -> String {
        let path: String = self.path.iter().rev().map(String::as_str).collect();
        let path = path.trim_start_matches('.');
        match &self.what {
            What::Unknown(name) if path.is_empty() => {
                format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.")
            }
            What::Unknown(name) => {
                format!(
                    "Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field."
                )
            }
            What::Value { kind, value } => format!("Invalid value at '{path}' ({kind}), {value}"),
        }
    }
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Checks a message's names and types, and takes out the fields that are null.
pub(super) fn check(value: &mut Value, message: &str) -> Result<(), Wrong> {
    if !value.is_object() {
        return Err(Wrong::value("message", value));
    }
    SCHEMA.check_message(value, SCHEMA.message(message))
}

/// The messages that a path of field names can lead to, to check field masks by.
#[derive(Clone, Copy)]
pub(super) struct Place(Option<usize>);

impl Place {
    /// The message of this name.
    pub(super) fn message(name: &str) -> Place {
        Place(Some(SCHEMA.message(name)))
    }

    /// Where this field leads; `None` where there is none of that name.
    pub(super) fn field(self, name: &str) -> Option<Place> {
        let fields = &SCHEMA.messages[self.0?];
        let (_, kind) = fields.iter().find(|(n, _)| *n == name)?;
        let inner = if let Type::List(inner) = kind { inner } else { kind };
        Some(Place(if let Type::Message(n) = inner { Some(*n) } else { None }))
    }
}
