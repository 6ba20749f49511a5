//! Columns that stay out of the workbook.

use std::cell::RefCell;
use std::collections::BTreeSet;

use anyhow::Result;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use sync_core::fault::Fault;

/// Patterns of columns, and which of them have met one.
#[derive(Debug, Default)]
pub(crate) struct Exclusion {
    patterns: Vec<String>,
    set: GlobSet,
    met: RefCell<BTreeSet<usize>>,
}

impl Exclusion {
    /// # Errors
    /// A configuration fault that names the pattern.
    pub(crate) fn new(patterns: Vec<String>) -> Result<Exclusion> {
        let mut set = GlobSetBuilder::new();
        for pattern in &patterns {
            let glob = GlobBuilder::new(pattern).case_insensitive(true).build();
            let glob = glob.map_err(|error| {
                let message = format!("DB_SYNC_EXCLUDED_COLUMNS: {pattern:?}: {}", error.kind());
                Fault::config(message, "e.g. *.password*")
            })?;
            set.add(glob);
        }
        let set =
            set.build().map_err(|error| Fault::config(format!("DB_SYNC_EXCLUDED_COLUMNS: {error}"), ""))?;
        Ok(Exclusion { patterns, set, met: RefCell::default() })
    }

    /// Whether a pattern means this column: by `schema.table.column`, `table.column`, or its name alone.
    pub(crate) fn covers(&self, table: &str, column: &str) -> bool {
        let full = format!("{table}.{column}");
        let short = full.split_once('.').map_or(full.as_str(), |(_, rest)| rest);
        let matches = [full.as_str(), short, column].map(|name| self.set.matches(name)).concat();
        let is_covered = !matches.is_empty();
        self.met.borrow_mut().extend(matches);
        is_covered
    }

    /// Patterns that have met no column: misspelt, perhaps.
    pub(crate) fn idle(&self) -> Vec<&str> {
        let met = self.met.borrow();
        let idle = self.patterns.iter().enumerate().filter(|(n, _)| !met.contains(n));
        idle.map(|(_, pattern)| pattern.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_meant_by_any_part_of_their_name() {
        for pattern in
            ["*.password*", "password_hash", "Password*", "customer.password_hash", "public.customer.*hash"]
        {
            let exclusion = Exclusion::new(vec![pattern.to_owned(), "*.nothing".to_owned()]).unwrap();
            assert!(exclusion.covers("public.customer", "password_hash"), "{pattern}");
            assert!(!exclusion.covers("public.customer", "name"), "{pattern}");
            assert_eq!(exclusion.idle(), ["*.nothing"]);
        }
    }
}
