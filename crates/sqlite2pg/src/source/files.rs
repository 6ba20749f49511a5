//! Day files: which there are, and whether one has changed since it was read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::Result;
use jiff::civil::Date;
use sync_core::fault::Fault;

/// A file `YYYY_MM_DD.db`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DayFile {
    /// Its day.
    pub(crate) day: Date,
    /// File name.
    pub(crate) name: String,
    /// Full path.
    pub(crate) path: PathBuf,
}

/// The day files of a folder, oldest first; anything else in it is ignored.
///
/// # Errors
/// A configuration fault when the folder is missing or cannot be read.
pub(crate) fn list(folder: &Path) -> Result<Vec<DayFile>> {
    let entries = fs::read_dir(folder).map_err(|err| {
        Fault::config(
            format!("read the folder {}: {err}", folder.display()),
            "check SQLITE_DB_DIR (sqlite_db_dir) and that this user may read the folder",
        )
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        if let Some(day) = day_of(name) {
            files.push(DayFile { day, name: name.to_owned(), path: folder.join(name) });
        }
    }
    files.sort();
    Ok(files)
}

/// The day that a file name stands for, if it is one of a day file.
fn day_of(name: &str) -> Option<Date> {
    let bytes = name.strip_suffix(".db")?.as_bytes();
    let digits = |range: std::ops::Range<usize>| -> Option<i16> {
        let part = bytes.get(range)?;
        if !part.iter().all(u8::is_ascii_digit) {
            return None;
        }
        std::str::from_utf8(part).ok()?.parse().ok()
    };
    if bytes.len() != 10 || bytes[4] != b'_' || bytes[7] != b'_' {
        return None;
    }
    let (month, day) = (digits(5..7)?, digits(8..10)?);
    Date::new(digits(0..4)?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Path of a companion such as `-wal` of a database.
pub(crate) fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Size and modification time of a database and its -wal: differs when either was written to.
pub(crate) fn stamp(path: &Path) -> io::Result<String> {
    let db = one_stamp(&fs::metadata(path)?);
    let wal = match fs::metadata(companion(path, "-wal")) {
        Ok(meta) => one_stamp(&meta),
        Err(err) if err.kind() == io::ErrorKind::NotFound => "-".to_owned(),
        Err(err) => return Err(err),
    };
    Ok(format!("{db} {wal}"))
}

fn one_stamp(meta: &fs::Metadata) -> String {
    let modified = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    format!("{}:{}", meta.len(), modified.map_or(0, |at| at.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_days_are_day_files() {
        assert_eq!(day_of("2026_01_25.db"), Date::new(2026, 1, 25).ok());
        for name in [
            "2026_02_30.db",
            "2026_1_25.db",
            "2026-01-25.db",
            "2026_01_25.db-wal",
            "x2026_01_25.db",
            "2026_01_25.sqlite",
            "+026_01_25.db",
            "2026_01_25é.db",
            ".db",
            "",
        ] {
            assert_eq!(day_of(name), None, "{name}");
        }
    }

    #[test]
    fn a_stamp_differs_when_the_wal_was_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let db = dir.path().join("2026_01_25.db");
        fs::write(&db, "a").unwrap();
        let before = stamp(&db).unwrap();
        assert_eq!(before, stamp(&db).unwrap());
        fs::write(companion(&db, "-wal"), "b").unwrap();
        assert_ne!(before, stamp(&db).unwrap());
    }
}
