//! Opening the recorder's database, and ours when it is another one.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use sync_core::fault::Fault;
use sync_core::tracking;

use crate::settings::Settings;
use crate::source::mapping::{self, Mapping};
use crate::source::schema::{Schema, Table};

/// How long a lock of the recorder is waited for.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Rows that are taken over at once: on the slowest card this is over long before the recorder has waited for 1 s.
const STEP: i64 = 5_000;
/// Between two steps: SQLite looks for a lock at least every 100 ms.
const TURN: Duration = Duration::from_millis(120);
/// Files that SQLite opens for a database: itself, its WAL, its index, a journal's folder.
const FILES_OF_A_DATABASE: u64 = 4;
/// The recorder's database among the attached ones, where it is not the main one.
const SOURCE: &str = "source";

/// An open database with the recorder's tables and ours.
pub(crate) struct Database {
    pub(crate) db: Connection,
    pub(crate) schema: Schema,
}

impl Database {
    /// Whether a table of that name has a row with this id.
    pub(crate) fn has_row(&self, table: &str, id: i64) -> Result<bool> {
        let Some(table) = self.schema.tables().find(|known| known.kind.table() == table) else {
            return Ok(false);
        };
        let sql = format!("SELECT 1 FROM {} WHERE {} = ?1", table.rows, table.id);
        Ok(self.db.prepare_cached(&sql)?.exists([id])?)
    }
}

/// Opens the database, and makes our tables when they are missing.
///
/// # Errors
/// A configuration fault when there is no database, when its tables are not the recorder's, or when ours cannot be made.
pub(crate) fn open(settings: &Settings) -> Result<Database> {
    let (mut db, schema) = connect(settings, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(too_many_files)?;
    prepare(&mut db, &schema).map_err(|error| may_not_write(error, settings.state()))?;
    Ok(Database { db, schema })
}

/// Opens the database to look at it, without a change; as if our tables were there.
pub(crate) fn look(settings: &Settings) -> Result<Database> {
    let (db, schema) = connect(settings, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(too_many_files)?;
    if !tracking::exists(&db)? {
        tracking::create_apart(&db)?;
        for table in schema.tables() {
            copy_foreign(&db, table)?;
            adopt(&db, table, i64::MIN, i64::MAX)?;
        }
    }
    Ok(Database { db, schema })
}

fn connect(settings: &Settings, access: OpenFlags) -> Result<(Connection, Schema)> {
    let mapping = settings.mapping.as_deref().map(mapping::read).transpose()?.unwrap_or_default();
    let path = &settings.db;
    if !path.is_file() {
        return Err(Fault::config(
            format!("there is no database {}", path.display()),
            "set LOCAL_DB_PATH to the recorder's database; in a container: docker run -v /data:/data",
        ));
    }
    match &settings.state {
        None => attached(path, access, None, &mapping),
        Some(state) => {
            let is_new = !state.exists();
            let create = if is_new { OpenFlags::SQLITE_OPEN_CREATE } else { OpenFlags::empty() };
            // To look at a state that is not there yet, one in memory will do.
            if is_new && access == OpenFlags::SQLITE_OPEN_READ_ONLY {
                return attached(
                    Path::new(":memory:"),
                    OpenFlags::SQLITE_OPEN_READ_WRITE,
                    Some(path),
                    &mapping,
                );
            }
            attached(state, access | create, Some(path), &mapping)
        }
    }
}

/// `main` and, where it is another one, the recorder's database, which is then only read.
fn attached(
    main: &Path,
    access: OpenFlags,
    source: Option<&Path>,
    mapping: &Mapping,
) -> Result<(Connection, Schema)> {
    let opening = |path: &Path| format!("open {}", path.display());
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let db = Connection::open_with_flags(main, flags).with_context(|| opening(main))?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    // Else what `prune` deletes would take with it what refers to it.
    db.pragma_update(None, "foreign_keys", false)?;
    let read =
        |name: &str| db.query_row(&format!("SELECT count(*) FROM {name}.sqlite_schema"), [], |_| Ok(()));
    read("main").with_context(|| opening(main))?;
    db.set_prepared_statement_cache_capacity(64);
    let name = match source {
        None => "main",
        Some(path) => {
            let attach = format!("ATTACH DATABASE ?1 AS {SOURCE}");
            let attached = db.execute(&attach, [uri(path)]).and_then(|_| read(SOURCE));
            attached.map_err(|error| may_not_read(error.into())).with_context(|| opening(path))?;
            SOURCE
        }
    };
    let schema = Schema::find(&db, name, mapping)?;
    Ok((db, schema))
}

/// `file:` URI of a path that is opened for reading only.
fn uri(path: &Path) -> String {
    let path = path.display().to_string().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?mode=ro")
}

/// Makes our tables, and takes over what an older program has sent.
fn prepare(db: &mut Connection, schema: &Schema) -> Result<()> {
    if tracking::is_complete(db)? && unknown(db, schema)?.is_empty() {
        return Ok(());
    }
    // Where there is little to take over, all of this is one commit.
    let steps = alone(db, |tx| {
        tracking::create(tx)?;
        let steps = unknown(tx, schema)?.into_iter().map(|table| {
            copy_foreign(tx, table)?;
            anyhow::Ok((table, adopt(tx, table, i64::MIN, STEP)?))
        });
        steps.collect::<Result<Vec<_>>>()
    })?;
    for (table, (mut n, mut last)) in steps {
        while let Some(after) = last {
            sync_core::crash::point("taken-over");
            thread::sleep(TURN);
            let step = alone(db, |tx| adopt(tx, table, after, STEP))?;
            (n, last) = (n + step.0, step.1);
        }
        if n > 0 {
            let name = table.kind.table();
            log::info!("{name}: {n} rows were sent by an older program, and are not sent again");
        }
    }
    Ok(())
}

/// Tables of which it is not known yet what an older program has sent.
fn unknown<'a>(db: &Connection, schema: &'a Schema) -> Result<Vec<&'a Table>> {
    let mut tables = Vec::new();
    for table in schema.tables() {
        if !tracking::is_adopted(db, table.kind.table())? {
            tables.push(table);
        }
    }
    Ok(tables)
}

fn alone<T>(db: &mut Connection, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&tx)?;
    tx.commit()?;
    Ok(done)
}

/// Copies what was tracked beside a table that is in another database than our tables.
fn copy_foreign(db: &Connection, table: &Table) -> Result<()> {
    if table.database == "main" { Ok(()) } else { tracking::copy_from(db, table.database) }
}

fn adopt(db: &Connection, table: &Table, after: i64, limit: i64) -> Result<(usize, Option<i64>)> {
    let fingerprint = table.fingerprint();
    let source = tracking::Source {
        table: table.kind.table(),
        rows: &table.rows,
        id: &table.id,
        fingerprint: &fingerprint,
    };
    tracking::adopt(db, source, after, limit)
}

/// Whether this user may write the database, and the files beside it that a write makes.
pub(crate) fn may_write(path: &Path) -> Result<()> {
    for place in [path, folder(path)] {
        let may = rustix::fs::access(place, rustix::fs::Access::WRITE_OK);
        may.map_err(std::io::Error::from).with_context(|| format!("write {}", place.display()))?;
    }
    // SQLite opens what it may not write for reading only, and says so when it is to write. The lock changes nothing.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.execute_batch("BEGIN IMMEDIATE; ROLLBACK").context("write our tables")
}

/// There is nowhere to make the database.
pub(crate) fn no_folder(folder: &Path) -> anyhow::Error {
    Fault::config(
        format!("there is no folder {}", folder.display()),
        "make the folder of --state, or name another place",
    )
}

/// The folder that a file is in.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// An error of reading the recorder's database where nothing is written to it.
fn may_not_read(error: anyhow::Error) -> anyhow::Error {
    if !error.chain().any(is_refusal) {
        return error;
    }
    Fault::config(
        error.to_string(),
        "in WAL mode a reader must write the -shm file beside it, or the recorder must have it open: give this user the right \
         to write that folder, or start the recorder first",
    )
}

/// An error of writing, with what would let this user write.
pub(crate) fn may_not_write(error: anyhow::Error, path: &Path) -> anyhow::Error {
    let error = too_many_files(error);
    if !error.chain().any(is_refusal) {
        return error;
    }
    let folder = folder(path);
    if !folder.is_dir() {
        return no_folder(folder);
    }
    let owner = |path: &Path| {
        let meta = fs::metadata(path).ok()?;
        Some(format!("{} is of user {}, mode {:o}", path.display(), meta.uid(), meta.mode() & 0o7777))
    };
    let owners: Vec<String> = [path, folder].iter().filter_map(|path| owner(path)).collect();
    let uid = rustix::process::geteuid().as_raw();
    let of = fs::metadata(path).map_or(uid, |meta| meta.uid());
    Fault::config(
        format!("user {uid} may not write {}: {error:#} ({})", path.display(), owners.join("; ")),
        format!(
            "run as its owner (systemd: User=, docker: --user {of}), or give this user the right to write the database and \
             its folder, or keep our tables elsewhere: --state PATH"
        ),
    )
}

/// The error; or, where this process may open no further file, that: SQLite knows no difference.
fn too_many_files(error: anyhow::Error) -> anyhow::Error {
    let cannot_open = error.chain().any(|cause| code(cause) == Some(ErrorCode::CannotOpen));
    if !cannot_open || !is_out_of_files() {
        return error;
    }
    Fault::failed(
        format!("{error:#}: too many open files"),
        "allow more: ulimit -n, in systemd LimitNOFILE=, in docker --ulimit nofile",
    )
}

/// Whether a database and the files beside it are more than this process may still open.
fn is_out_of_files() -> bool {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return true;
    };
    limit.is_some_and(|limit| entries.count() as u64 + FILES_OF_A_DATABASE > limit)
}

/// Whether SQLite has found the file damaged where it read.
pub(crate) fn is_damaged(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| code(cause) == Some(ErrorCode::DatabaseCorrupt))
}

fn code(cause: &(dyn std::error::Error + 'static)) -> Option<ErrorCode> {
    cause.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code)
}

fn is_refusal(cause: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind as K;
    let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    matches!(code(cause), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied))
        || matches!(kind, Some(K::PermissionDenied | K::ReadOnlyFilesystem | K::NotFound))
}
