//! `pg2sheets preview`: each tab as a CSV file; Google is not asked.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use sync_core::exit::Exit;
use sync_core::fault::{self, Fault};

use crate::plan::choose_title;
use crate::settings::SourceSettings;
use crate::source::columns::{self, Column};
use crate::source::rows::{self, Reader};
use crate::source::snapshot::{Failure, of_table};
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
        // A leading dot would hide the file.
        let wish = table.title.trim_start_matches(['.', ' ']);
        let path = dir.join(format!("{}.csv", choose_title(wish, &table.name, &mut taken)));
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
