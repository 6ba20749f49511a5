//! The SQLite side: day files, how they are opened, what is in them.

pub(crate) mod anchor;
pub(crate) mod files;
pub(crate) mod open;
pub(crate) mod pages;
pub(crate) mod place;
pub(crate) mod plan;
pub(crate) mod rows;
pub(crate) mod tables;

/// Something is wrong with one file or table: it is set aside until the next run.
#[derive(Debug)]
pub(crate) struct SourceFault(pub(crate) String);

impl std::fmt::Display for SourceFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SourceFault {}

impl From<rusqlite::Error> for SourceFault {
    fn from(err: rusqlite::Error) -> Self {
        SourceFault(match err.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy) => {
                "locked by another process for longer than 2 s".to_owned()
            }
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => format!("the file is damaged: {err}"),
            _ => err.to_string(),
        })
    }
}
