//! References in formulas: they follow what is inserted, deleted and renamed.

use super::grid::{self, Dimension, GridRange};

/// A change that formulas follow.
#[derive(Debug)]
pub(super) enum Edit<'a> {
    Insert {
        tab: &'a str,
        dimension: Dimension,
        at: usize,
        n: usize,
    },
    Delete {
        tab: &'a str,
        dimension: Dimension,
        from: usize,
        to: usize,
    },
    /// Columns that go to where `to` was before.
    Move {
        tab: &'a str,
        from: usize,
        n: usize,
        to: usize,
    },
    Rename {
        tab: &'a str,
        to: &'a str,
    },
    Remove {
        tab: &'a str,
    },
    /// A formula that is pasted so far away.
    Paste {
        down: isize,
        right: isize,
    },
}

/// A reference within a formula.
struct Reference<'a> {
    start: usize,
    end: usize,
    title: Option<String>,
    first: Corner,
    last: Option<Corner>,
    text: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Corner {
    column: Option<Index>,
    row: Option<Index>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Index {
    is_fixed: bool,
    n: usize,
}

/// The formula after a change; `None` if it stays as it is. `home` is the title of its own tab.
pub(super) fn follow(formula: &str, home: &str, edit: &Edit) -> Option<String> {
    let mut out = String::new();
    let mut done = 0;
    for reference in references(formula) {
        let Some(new) = reference.after(home, edit) else { continue };
        out.push_str(&formula[done..reference.start]);
        out.push_str(&new);
        done = reference.end;
    }
    if done == 0 {
        return None;
    }
    out.push_str(&formula[done..]);
    Some(out)
}

/// Title, row and column of a formula that is one cell's name and nothing else.
pub(super) fn single(formula: &str) -> Option<(Option<String>, usize, usize)> {
    let references = references(formula);
    let [reference] = references.as_slice() else { return None };
    let is_alone = formula[1..reference.start].trim().is_empty() && reference.end == formula.trim_end().len();
    let (row, column) = (reference.first.row?.n, reference.first.column?.n);
    (is_alone && reference.last.is_none()).then(|| (reference.title.clone(), row, column))
}

/// The tabs that a formula names.
pub(super) fn titles(formula: &str) -> Vec<String> {
    references(formula).into_iter().filter_map(|r| r.title).collect()
}

impl Reference<'_> {
    /// What stands in its place after a change; `None` if it is not concerned.
    fn after(&self, home: &str, edit: &Edit) -> Option<String> {
        let title = self.title.as_deref();
        let is_in = |tab: &str| same(title.unwrap_or(home), tab);
        let gone = || Some("#REF!".to_owned());
        match *edit {
            Edit::Rename { tab, to } => {
                title.filter(|t| same(t, tab))?;
                let range = self.text.rsplit_once('!').map_or(self.text, |(_, r)| r);
                Some(format!("{}!{range}", grid::quoted(to)))
            }
            Edit::Remove { tab } => title.filter(|t| same(t, tab)).and_then(|_| gone()),
            Edit::Insert { tab, dimension, at, n } if is_in(tab) => {
                let mut range = self.range();
                range.after_insert(dimension, at, n);
                self.moved(&range)
            }
            Edit::Delete { tab, dimension, from, to } if is_in(tab) => {
                let mut range = self.range();
                if range.after_delete(dimension, from, to) { self.moved(&range) } else { gone() }
            }
            Edit::Move { tab, from, n, to } if is_in(tab) => {
                let index = |i: Index| Index { n: grid::moved(i.n, from, n, to), ..i };
                let corner = |c: Corner| Corner { column: c.column.map(index), ..c };
                self.written(corner(self.first), self.last.map(corner))
            }
            Edit::Paste { down, right } => {
                let paste = |c: Corner| {
                    Some(Corner { column: shifted(c.column, right)?, row: shifted(c.row, down)? })
                };
                let last = self.last.map(paste);
                match (paste(self.first), last) {
                    (None, _) | (_, Some(None)) => gone(),
                    (Some(first), last) => self.written(first, last.flatten()),
                }
            }
            _ => None,
        }
    }

    fn range(&self) -> GridRange {
        let signed = |n: usize| i64::try_from(n).expect("a parsed index is small");
        let start = |i: Option<Index>| i.map(|i| signed(i.n));
        let last = self.last.unwrap_or(self.first);
        let end = |i: Option<Index>| i.map(|i| signed(i.n) + 1);
        GridRange {
            sheet_id: 0,
            start_row_index: start(self.first.row),
            end_row_index: end(last.row),
            start_column_index: start(self.first.column),
            end_column_index: end(last.column),
        }
    }

    fn moved(&self, range: &GridRange) -> Option<String> {
        let index = |old: Option<Index>, n: Option<i64>, back: i64| {
            let n = usize::try_from(n? - back).ok()?;
            old.map(|old| Index { n, ..old })
        };
        let first = Corner {
            column: index(self.first.column, range.start_column_index, 0),
            row: index(self.first.row, range.start_row_index, 0),
        };
        let last = self.last.map(|last| Corner {
            column: index(last.column, range.end_column_index, 1),
            row: index(last.row, range.end_row_index, 1),
        });
        self.written(first, last)
    }

    fn written(&self, first: Corner, last: Option<Corner>) -> Option<String> {
        if first == self.first && last == self.last {
            return None;
        }
        let title = self.title.as_ref().map(|t| format!("{}!", grid::quoted(t))).unwrap_or_default();
        let last = last.map(|l| format!(":{}", l.text())).unwrap_or_default();
        Some(format!("{title}{}{last}", first.text()))
    }
}

fn shifted(index: Option<Index>, by: isize) -> Option<Option<Index>> {
    match index {
        Some(i) if !i.is_fixed => Some(Some(Index { n: i.n.checked_add_signed(by)?, ..i })),
        index => Some(index),
    }
}

impl Corner {
    /// Reads `A1`, `$A$1`, `A` or `1`.
    fn parse(text: &str) -> Option<Corner> {
        let (fixed_first, rest) = strip(text);
        let n = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (letters, rest) = rest.split_at(n);
        let (fixed_second, digits) = if n == 0 { (fixed_first, rest) } else { strip(rest) };
        let column = match letters {
            "" => None,
            letters => Some(Index { is_fixed: fixed_first, n: grid::column(letters)? }),
        };
        let row = match digits {
            "" => None,
            digits if digits.len() < 9 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(Index { is_fixed: fixed_second, n: digits.parse::<usize>().ok()?.checked_sub(1)? })
            }
            _ => return None,
        };
        (column.is_some() || row.is_some()).then_some(Corner { column, row })
    }

    fn is_cell(self) -> bool {
        self.column.is_some() && self.row.is_some()
    }

    fn text(self) -> String {
        let dollar = |i: Index| if i.is_fixed { "$" } else { "" };
        let column = self.column.map(|c| format!("{}{}", dollar(c), grid::letters(c.n)));
        let row = self.row.map(|r| format!("{}{}", dollar(r), r.n + 1));
        format!("{}{}", column.unwrap_or_default(), row.unwrap_or_default())
    }
}

fn strip(text: &str) -> (bool, &str) {
    text.strip_prefix('$').map_or((false, text), |rest| (true, rest))
}

pub(super) fn same(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

fn references(formula: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    let mut at = 1;
    while let Some(c) = formula.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = &formula[at..];
        if c == '"' {
            // A doubled quote reads as two texts, which comes to the same.
            at += rest[1..].find('"').map_or(rest.len(), |i| i + 2);
        } else if c == '\'' || is_word(c) {
            let (reference, end) = token(formula, at);
            found.extend(reference);
            at = end;
        } else {
            at += c.len_utf8();
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '.')
}

fn word(text: &str) -> &str {
    &text[..text.find(|c| !is_word(c)).unwrap_or(text.len())]
}

/// The reference that begins here, if one does, and where to read on.
fn token(formula: &str, start: usize) -> (Option<Reference<'_>>, usize) {
    let rest = &formula[start..];
    let (title, at) = if rest.starts_with('\'') {
        let Some(n) = quoted_length(rest) else { return (None, start + 1) };
        (Some(rest[1..n - 1].replace("''", "'")), start + n + 1)
    } else {
        let word = word(rest);
        match rest[word.len()..].strip_prefix('!') {
            Some(_) => (Some(word.to_owned()), start + word.len() + 1),
            None => (None, start),
        }
    };
    let first = word(&formula[at..]);
    let mut end = at + first.len();
    let is_function = formula[end..].starts_with('(');
    let Some(corner) = Corner::parse(first).filter(|_| !is_function) else {
        return (None, end.max(start + 1));
    };
    let second = formula[end..].strip_prefix(':').map(word).filter(|w| !w.is_empty());
    let last = second.and_then(Corner::parse);
    if let (Some(second), Some(_)) = (second, last) {
        end += 1 + second.len();
    }
    if last.is_none() && !corner.is_cell() {
        return (None, end);
    }
    (Some(Reference { start, end, title, first: corner, last, text: &formula[start..end] }), end)
}

/// Bytes of a title in quotes that a `!` follows.
fn quoted_length(text: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        at += text[at..].find('\'')? + 1;
        match text.as_bytes().get(at) {
            Some(b'\'') => at += 1,
            Some(b'!') => return Some(at),
            _ => return None,
        }
    }
}
