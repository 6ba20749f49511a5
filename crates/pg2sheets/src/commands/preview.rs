//! `pg2sheets preview`: each tab as a CSV file; Google is not asked.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use sync_core::exit::Exit;
use sync_core::fault::Fault;

use crate::plan::choose_title;
use crate::settings::SourceSettings;
use crate::source::columns::{self, Column};
use crate::source::rows::{self, Reader};
use crate::source::snapshot::of_table;
use crate::source::{Snapshot, Table, catalog};

/// Writes the files, and lists them.
pub(crate) fn run(settings: &SourceSettings, dir: &Path) -> Result<Exit> {
    fs::create_dir_all(dir)
        .map_err(|error| Fault::config(format!("make the folder {}: {error}", dir.display()), ""))?;
    let mut snapshot = Snapshot::open(settings, Instant::now() + super::PATIENCE)?;
    let catalog = catalog::read(&mut snapshot, settings)?;
    let (mut exit, mut taken) = (Exit::Done, HashSet::new());
    let write = |snapshot: &mut Snapshot, table: &Table| {
        // A leading dot would hide the file.
        let wish = table.title.trim_start_matches(['.', ' ']);
        let path = dir.join(format!("{}.csv", choose_title(wish, &table.name, &mut taken)));
        let (n_rows, n_columns) = one(snapshot, table, settings, &path)?;
        Ok(format!("{}  {n_rows} rows, {n_columns} columns", path.display()))
    };
    catalog.each(&mut snapshot, write, |name, written| {
        match written {
            Ok(line) => writeln!(io::stdout().lock(), "{line}")?,
            Err(reason) => {
                log::error!("{name}: {reason}");
                exit = Exit::Partial;
            }
        }
        Ok(())
    })?;
    Ok(exit)
}

/// Writes one file: what was there stays until all rows are read, and a link is replaced, not followed.
fn one(
    snapshot: &mut Snapshot,
    table: &Table,
    settings: &SourceSettings,
    path: &Path,
) -> Result<(u64, usize)> {
    let columns: Vec<Column> = columns::of(snapshot, table, settings)?;
    let mut reader = Reader::open(snapshot, &table.select(&columns))?;
    let may_not = |error: &dyn std::fmt::Display| of_table(format!("write {}: {error}", path.display()));
    let folder = path.parent().unwrap_or(Path::new("."));
    let file =
        tempfile::Builder::new().prefix(".tmp-").tempfile_in(folder).map_err(|error| may_not(&error))?;
    let mut csv = csv::Writer::from_writer(file);
    let mut write = |record: &[String]| match record {
        [] => Ok(()),
        record => csv.write_record(record).map_err(|error| may_not(&error)),
    };
    write(&columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>())?;
    let n_rows = reader.read(u64::MAX, |row| {
        let cells = rows::cells(&columns, row).map(|cell| Ok(cell?.as_text().into_owned()));
        write(&cells.collect::<Result<Vec<_>>>()?)
    })?;
    let file = csv.into_inner().map_err(|error| may_not(&error))?;
    let public = fs::Permissions::from_mode(0o644);
    file.as_file().set_permissions(public).map_err(|error| may_not(&error))?;
    file.persist(path).map_err(|error| may_not(&error))?;
    Ok((n_rows, columns.len()))
}
