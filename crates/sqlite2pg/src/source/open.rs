//! Opening a day file without ever changing it or holding up its writer.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use tempfile::TempDir;

use super::SourceFault;
use super::files::{companion, stamp};

/// What the folders of copies are called, below the system's temporary folder.
const COPIES: &str = "sqlite2pg-copy-";
/// Name of the lock in such a folder.
const LOCK: &str = "in-use";

/// How long a lock of the writer is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// An open day file, or a private copy of it.
pub(crate) struct Source {
    /// Connection that reads it.
    pub(crate) db: Connection,
    /// What the connection has open.
    path: PathBuf,
    copy: Option<Copy>,
}

impl Source {
    /// Whether the connection reads a copy, so that long reads hold nobody up.
    pub(crate) fn is_private(&self) -> bool {
        self.copy.is_some()
    }

    /// Another connection to the same database.
    pub(crate) fn reopen(path: &Path, is_private: bool) -> Result<Connection, SourceFault> {
        if is_private { Ok(open_copy(path)?) } else { Ok(open_direct(path)?) }
    }

    /// What [`Source::reopen`] needs.
    pub(crate) fn path(&self) -> (PathBuf, bool) {
        (self.path.clone(), self.is_private())
    }
}

/// Whether nobody has the file open in WAL mode, so that an unchanged stamp says all.
pub(crate) fn is_closed_wal(path: &Path) -> bool {
    is_wal(path) && !companion(path, "-wal").exists() && !companion(path, "-shm").exists()
}

/// Opens a day file read-only; where SQLite would have to write beside it (recovery, a missing
/// `-shm`, a read-only folder), a private copy is opened instead.
///
/// # Errors
/// A fault of this file: vanished, locked, no database, damaged, never still enough to copy.
pub(crate) fn open(path: &Path) -> Result<Source, SourceFault> {
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return Err(SourceFault("it is no file".to_owned()));
    }
    let needs_shm = is_wal(path) || companion(path, "-wal").exists();
    if needs_shm && !companion(path, "-shm").exists() {
        return copied(path);
    }
    match open_direct(path) {
        Ok(db) => Ok(Source { db, path: path.to_owned(), copy: None }),
        Err(err) if wants_to_write(&err) && path.exists() => copied(path),
        Err(_) if !path.exists() => Err(SourceFault("the file has vanished".to_owned())),
        Err(err) => Err(err.into()),
    }
}

/// Opens a private copy whatever the state of the file: for reads that take long.
pub(crate) fn copied(path: &Path) -> Result<Source, SourceFault> {
    let (dir, copy) = copy_aside(path)?;
    let recovered = companion(&copy, "-wal").exists() || companion(&copy, "-journal").exists();
    let db = open_copy(&copy)?;
    if recovered {
        // A log that belongs to another database passes SQLite's checksums; the mixture does not.
        let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(SourceFault(format!("the file and its log do not fit together: {verdict}")));
        }
    }
    Ok(Source { db, path: copy, copy: Some(dir) })
}

fn open_direct(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    prepared(Connection::open_with_flags(path, flags)?)
}

fn open_copy(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    prepared(Connection::open_with_flags(path, flags)?)
}

fn prepared(db: Connection) -> rusqlite::Result<Connection> {
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(64);
    db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(db)
}

fn wants_to_write(err: &rusqlite::Error) -> bool {
    let extended = err.sqlite_error().map_or(0, |err| err.extended_code);
    extended == ffi::SQLITE_BUSY_RECOVERY
        || matches!(
            err.sqlite_error_code(),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)
        )
}

/// Whether the header says that the database is written through a log.
fn is_wal(path: &Path) -> bool {
    let mut header = [0; 20];
    // Opening a pipe would wait for its writer.
    path.is_file()
        && File::open(path).and_then(|mut file| file.read_exact(&mut header)).is_ok()
        && header[18] == 2
}

/// Copies the database and its logs, again if they moved meanwhile.
fn copy_aside(path: &Path) -> Result<(Copy, PathBuf), SourceFault> {
    remove_left_behind();
    let name = path.file_name().unwrap_or_default();
    for _ in 0..3 {
        let dir = Copy::new().map_err(|err| SourceFault(format!("make a folder for a copy: {err}")))?;
        let copy = dir.folder.path().join(name);
        match copy_all(path, &copy) {
            Ok(true) => return Ok((dir, copy)),
            Ok(false) => {}
            Err(err) if err.kind() == io::ErrorKind::NotFound && !path.exists() => {
                return Err(SourceFault("the file has vanished".to_owned()));
            }
            Err(err) if err.kind() == io::ErrorKind::NotFound => {}
            Err(err) => return Err(SourceFault(format!("copy it aside: {err}"))),
        }
    }
    Err(SourceFault("written to without pause while it was copied, three times".to_owned()))
}

/// A folder of a copy; its lock tells others that it is in use.
struct Copy {
    folder: TempDir,
    _lock: File,
}

impl Copy {
    fn new() -> io::Result<Copy> {
        let folder = tempfile::Builder::new().prefix(COPIES).tempdir()?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(Copy { folder, _lock: lock })
    }
}

/// Removes copies of runs that were killed: nobody holds their lock.
fn remove_left_behind() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    for folder in entries.flatten().map(|entry| entry.path()) {
        let is_copy =
            folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(COPIES));
        if is_copy && File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()) {
            log::debug!("remove {}, which a killed run left behind", folder.display());
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// Whether all parts were copied while none of them moved.
fn copy_all(path: &Path, copy: &Path) -> io::Result<bool> {
    let before = stamp(path)?;
    copy_bytes(path, copy)?;
    for suffix in ["-wal", "-journal"] {
        let part = companion(path, suffix);
        if part.exists() {
            copy_bytes(&part, &companion(copy, suffix))?;
        }
    }
    Ok(before == stamp(path)?)
}

/// Copies contents without permissions: the copy of a read-only file must be writable.
fn copy_bytes(from: &Path, to: &Path) -> io::Result<()> {
    io::copy(&mut File::open(from)?, &mut fs::File::create(to)?)?;
    Ok(())
}
