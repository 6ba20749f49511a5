//! The first look at a table: its columns, and all its rows as hashes.

use anyhow::Result;

use super::columns::{self, Column};
use super::rows::{self, Reader};
use super::{Snapshot, Table};
use crate::digest::{Digest, Digester};
use crate::settings::SourceSettings;

/// What a table's tab should hold.
#[derive(Clone, Debug)]
pub(crate) struct Survey {
    pub(crate) table: Table,
    pub(crate) columns: Vec<Column>,
    /// Statement that reads the rows.
    pub(crate) select: String,
    /// Hash of the header and the kinds.
    pub(crate) head: String,
    pub(crate) digest: Digest,
    /// Texts that no cell can hold.
    pub(crate) n_cut: u64,
}

impl Survey {
    /// A letter for each column.
    pub(crate) fn kinds(&self) -> String {
        kinds(&self.columns)
    }

    /// Columns of the tab.
    pub(crate) fn width(&self) -> u64 {
        self.columns.len() as u64
    }

    /// Rows and columns that the tab needs: frozen rows need one below them.
    pub(crate) fn grid(&self) -> [u64; 2] {
        [(self.digest.n_rows + 1).max(2), self.width().max(1)]
    }
}

/// Reads a table once; `block_rows` is the size of the blocks that are known of its tab.
pub(crate) fn take(
    snapshot: &mut Snapshot,
    table: &Table,
    settings: &SourceSettings,
    block_rows: u64,
) -> Result<Survey> {
    let columns = columns::of(snapshot, table, settings)?;
    let select = table.select(&columns);
    let head = head(columns.iter().map(|column| column.name.as_str()), &kinds(&columns));
    let mut digester = Digester::new(block_rows, head.as_bytes());
    let (mut json, mut n_cut) = (Vec::new(), 0);
    let mut reader = Reader::open(snapshot, &select)?;
    reader.read(u64::MAX, |row| {
        json.clear();
        n_cut += rows::write_json(&columns, row, &mut json)?;
        digester.add(&json);
        Ok(())
    })?;
    Ok(Survey { table: table.clone(), select, head, digest: digester.finish(), n_cut, columns })
}

/// The hash of a header: names, and a letter for the kind of each.
pub(crate) fn head<'a>(names: impl Iterator<Item = &'a str>, kinds: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, kind) in names.zip(kinds.bytes()) {
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(&[kind]);
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// A letter for each column.
fn kinds(columns: &[Column]) -> String {
    columns.iter().map(|column| column.kind.letter()).collect()
}
