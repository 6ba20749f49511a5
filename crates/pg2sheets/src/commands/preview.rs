//! `pg2sheets preview`: each tab as a CSV file; Google is not asked.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use sync_core::exit::Exit;
use sync_core::fault::{self, Fault};

use crate::plan::choose_title;
use crate::settings::SourceSettings;
use crate::source::columns::{self, Column};
use crate::source::rows::{self, Reader};
use crate::source::snapshot::Failure;
use crate::source::{Snapshot, Table, catalog};

/// Writes the files, and lists them.
pub(crate) fn run(settings: &SourceSettings, dir: &Path) -> Result<Exit> {
    fs::create_dir_all(dir)
        .map_err(|error| Fault::config(format!("make the folder {}: {error}", dir.display()), ""))?;
    let mut snapshot = Snapshot::open(settings, Instant::now() + super::PATIENCE)?;
    let catalog = catalog::read(&mut snapshot, settings)?;
    let mut exit = Exit::Done;
    for name in &catalog.missing {
        log::error!("{name}: there is no such table, or it is excluded");
        exit = Exit::Partial;
    }
    let mut taken = HashSet::new();
    for table in &catalog.wanted {
        let title = choose_title(&table.title, &table.name, &mut taken);
        // A leading dot would hide the file.
        let path = dir.join(format!("{}.csv", title.trim_start_matches('.')));
        match snapshot.apart(|snapshot| one(snapshot, table, settings, &path)) {
            Ok((n_rows, n_columns)) => {
                writeln!(io::stdout().lock(), "{}  {n_rows} rows, {n_columns} columns", path.display())?;
            }
            Err(Failure::Table(error)) => {
                log::error!("{}: {}", table.name, fault::describe(&error));
                exit = Exit::Partial;
            }
            Err(Failure::All(error)) => return Err(error),
        }
    }
    Ok(exit)
}

fn one(
    snapshot: &mut Snapshot,
    table: &Table,
    settings: &SourceSettings,
    path: &Path,
) -> Result<(u64, usize)> {
    let columns: Vec<Column> = columns::of(snapshot, table, settings)?;
    let mut file = csv::Writer::from_path(path).with_context(|| format!("write {}", path.display()))?;
    if !columns.is_empty() {
        file.write_record(columns.iter().map(|column| &column.name))?;
    }
    let mut reader = Reader::open(snapshot, &table.select(&columns))?;
    let n_rows = reader.read(u64::MAX, |row| {
        for cell in rows::cells(&columns, row) {
            file.write_field(cell?.as_text().as_bytes())?;
        }
        if !columns.is_empty() {
            file.write_record(None::<&[u8]>)?;
        }
        Ok(())
    })?;
    file.flush().with_context(|| format!("write {}", path.display()))?;
    Ok((n_rows, columns.len()))
}
