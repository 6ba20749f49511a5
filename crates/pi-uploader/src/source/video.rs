//! Reading a video out of the database without holding up the recorder.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _};

use super::schema::Table;

/// How long a read transaction may last: in a database without WAL it keeps the recorder waiting.
const SLICE: Duration = Duration::from_millis(400);
const CHUNK: usize = 128 * 1024;
/// How often a video is read that changes while it is read.
const MAX_PASSES: usize = 3;

/// A video that cannot be read now.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// It changed each time it was read.
    Restless,
    /// It is not there any more, or not as long as it was.
    Gone,
    /// What takes it cannot take more.
    Sink(io::Error),
}

/// Reads the video of a row into what `sink` makes, and gives that with the video's hash.
///
/// Read in several transactions, a video counts only when nothing else was written meanwhile, or when a second reading
/// comes to the same hash.
pub(crate) fn read<S: io::Write>(
    db: &Connection,
    table: &Table,
    id: i64,
    n_bytes: u64,
    mut sink: impl FnMut() -> io::Result<S>,
) -> Result<Result<(S, blake3::Hash), Unreadable>> {
    for _ in 0..MAX_PASSES {
        let version = data_version(db, table)?;
        let mut taken = match sink() {
            Ok(taken) => taken,
            Err(error) => return Ok(Err(Unreadable::Sink(error))),
        };
        let hash = match pass(db, table, id, n_bytes, &mut taken)? {
            Ok(hash) => hash,
            Err(Unreadable::Restless) => continue,
            Err(why) => return Ok(Err(why)),
        };
        let is_still = data_version(db, table)? == version;
        if is_still || matches!(hash_of(db, table, id, n_bytes)?, Ok(again) if again == hash) {
            return Ok(Ok((taken, hash)));
        }
    }
    Ok(Err(Unreadable::Restless))
}

/// The hash of the video of a row.
pub(crate) fn hash_of(
    db: &Connection,
    table: &Table,
    id: i64,
    n_bytes: u64,
) -> Result<Result<blake3::Hash, Unreadable>> {
    pass(db, table, id, n_bytes, &mut io::sink())
}

fn pass(
    db: &Connection,
    table: &Table,
    id: i64,
    n_bytes: u64,
    sink: &mut impl io::Write,
) -> Result<Result<blake3::Hash, Unreadable>> {
    let mut hash = blake3::Hasher::new();
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    let mut beginning = None;
    while at < n_bytes {
        let Some(rowid) = rowid(db, table, id)? else {
            return Ok(Err(Unreadable::Gone));
        };
        let (name, column) = &table.plain;
        let reading = || format!("read the video of {name} {id}");
        let blob = db.blob_open(table.database, name.as_str(), column.as_str(), rowid, true);
        let blob = blob.with_context(reading)?;
        if blob.len() as u64 != n_bytes {
            return Ok(Err(Unreadable::Gone));
        }
        // Two readings may agree on the same halves of two videos that replace each other: each transaction must see the
        // beginning that the first one saw.
        let n = blob.read_at(&mut buffer, 0).with_context(reading)?;
        let seen = blake3::hash(&buffer[..n]);
        if *beginning.get_or_insert(seen) != seen {
            return Ok(Err(Unreadable::Restless));
        }
        let began = Instant::now();
        while at < n_bytes && began.elapsed() < SLICE {
            sync_core::crash::point("reading-video");
            let n = blob.read_at(&mut buffer, usize::try_from(at)?).with_context(reading)?;
            if n == 0 {
                return Ok(Err(Unreadable::Gone));
            }
            hash.update(&buffer[..n]);
            if let Err(error) = sink.write_all(&buffer[..n]) {
                return Ok(Err(Unreadable::Sink(error)));
            }
            at += n as u64;
        }
        drop(blob);
        if at < n_bytes {
            // Whoever waits for the lock looks again every few milliseconds.
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(Ok(hash.finalize()))
}

fn rowid(db: &Connection, table: &Table, id: i64) -> Result<Option<i64>> {
    let sql = format!("SELECT e.rowid FROM {} WHERE {} = ?1", table.rows, table.id);
    Ok(db.prepare_cached(&sql)?.query_row([id], |row| row.get(0)).optional()?)
}

/// A number that changes when another connection writes to the database.
fn data_version(db: &Connection, table: &Table) -> Result<i64> {
    let mut version = 0;
    db.pragma_query(Some(table.database), "data_version", |row| {
        version = row.get(0)?;
        Ok(())
    })?;
    Ok(version)
}
