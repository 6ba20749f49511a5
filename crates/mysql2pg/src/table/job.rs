//! A job as its file describes it.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sync_core::fault::Fault;

use super::transform::Transform;
use crate::load::missing::Policy;
use crate::settings::RowSettings;

/// Name of the job that copies whole tables.
pub(crate) const COPY: &str = "copy";

/// What is read, and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Name in reports, locks and our own tables.
    pub(crate) name: String,
    pub(crate) file: JobFile,
}

/// A job's file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobFile {
    pub(crate) source: Source,
    pub(crate) destination: Destination,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) columns: Vec<ColumnRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) incremental: Option<Incremental>,
    #[serde(default)]
    pub(crate) on_conflict: OnConflict,
}

/// What is read: a table or a query.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// A table or view, by its name.
    Table(String),
    /// A SELECT.
    Query(String),
}

/// Where it goes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Destination {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schema: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) table: Option<String>,
    /// Columns that tell rows apart; by default the source table's primary key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Vec<String>>,
    /// The table is made when it is missing.
    #[serde(default = "yes")]
    pub(crate) create: bool,
}

/// A column of the source on its way.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnRule {
    pub(crate) from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    /// Type in PostgreSQL, where the table is made.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) ty: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "super::transform::one_or_many"
    )]
    pub(crate) transform: Vec<Transform>,
}

/// Only rows that changed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Incremental {
    /// A column that grows with every change: a time or a number.
    pub(crate) column: String,
    /// How much below the last highest value is read again: a duration for a time, else a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) overlap: Option<String>,
}

/// What becomes of a known row with other values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnConflict {
    /// It gets the source's values.
    #[default]
    Update,
    /// It stays.
    Nothing,
}

fn yes() -> bool {
    true
}

impl Job {
    /// The job that copies a table as it is.
    pub(crate) fn copy(table: &str, schema: &str, incremental: Option<&str>) -> Job {
        let destination =
            Destination { schema: Some(schema.to_owned()), table: None, key: None, create: true };
        let incremental = incremental.map(|column| Incremental { column: column.to_owned(), overlap: None });
        Job {
            name: COPY.to_owned(),
            file: JobFile {
                source: Source::Table(table.to_owned()),
                destination,
                columns: Vec::new(),
                incremental,
                on_conflict: OnConflict::Update,
            },
        }
    }

    /// What is read, for messages and for our own tables.
    pub(crate) fn source_name(&self) -> &str {
        match &self.file.source {
            Source::Table(table) => table,
            Source::Query(_) => &self.name,
        }
    }

    /// Checks what does not go together.
    ///
    /// # Errors
    /// A configuration fault.
    pub(crate) fn check(&self, rows: RowSettings) -> Result<()> {
        if self.file.incremental.is_some() && rows.missing != Policy::Keep {
            return Err(Fault::config(
                "--missing mark and --missing delete need every row, and an incremental job reads only some",
                "leave one of them out",
            ));
        }
        Ok(())
    }
}

/// Reads a job's file; the file's name is the job's.
///
/// # Errors
/// A configuration fault that names the file, the place and the key.
pub(crate) fn read(path: &Path) -> Result<Job> {
    let text = std::fs::read_to_string(path).map_err(|err| {
        Fault::config(format!("read {}: {err}", path.display()), "give the job's file with --job FILE")
    })?;
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let file: JobFile = serde_saphyr::from_str_with_options(&text, options).map_err(|err| {
        Fault::config(
            format!("{}: {err}", path.display()),
            "`mysql2pg jobs show` prints a job to start from; docs/mysql2pg.md names every key",
        )
    })?;
    let name = path.file_stem().map_or_else(|| "job".into(), |stem| stem.to_string_lossy());
    let job = Job { name: name.into_owned(), file };
    job.is_whole(path)?;
    Ok(job)
}

impl Job {
    fn is_whole(&self, path: &Path) -> Result<()> {
        let wrong = |what: &str, hint: &str| Err(Fault::config(format!("{}: {what}", path.display()), hint));
        let destination = &self.file.destination;
        if destination.key.as_ref().is_some_and(Vec::is_empty) {
            return wrong("destination.key is an empty list", "name its columns, or leave it out");
        }
        match &self.file.source {
            Source::Query(_) if destination.table.is_none() => {
                wrong("destination.table is missing", "a query has no name to take")
            }
            Source::Query(text) | Source::Table(text) if text.trim().is_empty() => {
                wrong("source is empty", "source: {table: NAME} or source: {query: SELECT …}")
            }
            _ if self.name == COPY || self.name == crate::orders::JOB => {
                wrong("this name is taken by a built-in job", "rename the file")
            }
            _ => Ok(()),
        }
    }
}
