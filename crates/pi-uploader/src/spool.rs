//! Where a video waits while it is sent: in memory when it is small, else in a file.
//!
//! One video is sent at a time, and so one file is kept: `media-ID-HASH.video`, complete under that name, `.part` before.
//! In a folder that several databases may share, the name begins with what tells them apart.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rusqlite::Connection;

use crate::settings::{Settings, canonical};
use crate::source::rows::Row;
use crate::source::schema::Table;
use crate::source::video::{self, Unreadable};

/// Smaller videos stay in memory, in bytes.
const IN_MEMORY: u64 = 1_000_000;
/// What is left free on the disk, in bytes: the recorder needs it.
const MARGIN: u64 = 16 << 20;

/// The folder of waiting videos.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    /// What the names of its files begin with.
    prefix: String,
}

/// A video as it will be sent.
#[derive(Clone, Debug)]
pub(crate) struct Video {
    /// Its length in bytes.
    pub(crate) n_bytes: u64,
    /// Its hash.
    pub(crate) hash: blake3::Hash,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Memory(Arc<[u8]>),
    File(PathBuf),
}

/// Why a video is not sent now.
#[derive(Debug)]
pub(crate) enum Wait {
    /// The folder cannot be written.
    NoSpool(String),
    /// There is no room for it; needed and free bytes.
    NoSpace(u64, u64),
    /// It changes while it is read.
    Restless,
    /// It was deleted or replaced since it was looked for.
    Gone,
}

impl Spool {
    /// The spool of these settings; its folder is made when a video needs it.
    pub(crate) fn new(settings: &Settings) -> Spool {
        let owner = match settings.is_spool_shared {
            true => {
                let state = canonical(settings.state());
                format!("{}-", &blake3::hash(state.as_os_str().as_encoded_bytes()).to_hex()[..16])
            }
            false => String::new(),
        };
        Spool { dir: settings.spool.clone(), prefix: format!("{owner}media-") }
    }

    /// Brings the video of a row here, unless it is here already.
    pub(crate) fn fill(&self, db: &Connection, table: &Table, row: &Row) -> Result<Result<Video, Wait>> {
        let n_bytes = row.n_video_bytes.unwrap_or_default();
        if n_bytes < IN_MEMORY {
            let filled = read(db, table, row, || Ok(Vec::new()))?;
            return Ok(filled.map(|(bytes, hash)| Video {
                n_bytes,
                hash,
                place: Place::Memory(bytes.into()),
            }));
        }
        if let Some(video) = self.found(db, table, row, n_bytes)? {
            return Ok(Ok(video));
        }
        if let Err(why) = self.make_room(n_bytes) {
            return Ok(Err(why));
        }
        let part = self.dir.join(format!("{}{}.part", self.prefix, row.id));
        let filled = read(db, table, row, || File::create(&part))?;
        let kept = filled.and_then(|(_, hash)| {
            let path = self.path(row, &hash);
            fs::rename(&part, &path).map_err(|error| no_spool(&path, &error))?;
            Ok(Video { n_bytes, hash, place: Place::File(path) })
        });
        if kept.is_err() {
            fs::remove_file(&part).ok();
        }
        Ok(kept)
    }

    /// Makes the folder, with nothing in it and enough free space around it.
    fn make_room(&self, n_bytes: u64) -> Result<(), Wait> {
        fs::create_dir_all(&self.dir).map_err(|error| no_spool(&self.dir, &error))?;
        self.empty();
        let free = free_bytes(&self.dir).map_err(|error| no_spool(&self.dir, &error))?;
        if free < n_bytes.saturating_add(MARGIN) { Err(Wait::NoSpace(n_bytes, free)) } else { Ok(()) }
    }

    /// Bytes that wait here.
    pub(crate) fn n_bytes(&self) -> u64 {
        let files = self.files();
        files.iter().filter_map(|path| path.metadata().ok()).map(|meta| meta.len()).sum()
    }

    /// Whether nothing waits here.
    pub(crate) fn is_empty(&self) -> bool {
        self.files().is_empty()
    }

    /// Removes all videos. One that stays is in nobody's way but for its space.
    pub(crate) fn empty(&self) {
        for path in self.files() {
            if let Err(error) = fs::remove_file(&path) {
                log::warn!("{} cannot be removed: {error}", path.display());
            }
        }
    }

    /// A video that an earlier attempt left here, if it still is the row's.
    fn found(&self, db: &Connection, table: &Table, row: &Row, n_bytes: u64) -> Result<Option<Video>> {
        let own = format!("{}{}-", self.prefix, row.id);
        let is_own = |path: &&PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(&own) && name.ends_with(".video")
        };
        let files = self.files();
        let Some(path) = files.iter().find(is_own) else {
            return Ok(None);
        };
        if path.metadata().is_ok_and(|meta| meta.len() != n_bytes) {
            return Ok(None);
        }
        // A file survives a power cut by its name alone.
        let Ok(hash) = hash_of(path) else {
            return Ok(None);
        };
        let is_same = matches!(video::hash_of(db, table, row.id, n_bytes)?, Ok(now) if now == hash);
        Ok(is_same.then(|| Video { n_bytes, hash, place: Place::File(path.clone()) }))
    }

    fn path(&self, row: &Row, hash: &blake3::Hash) -> PathBuf {
        self.dir.join(format!("{}{}-{}.video", self.prefix, row.id, &hash.to_hex()[..16]))
    }

    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.dir) else {
            return Vec::new();
        };
        let paths = entries.flatten().map(|entry| entry.path());
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(&self.prefix) && (name.ends_with(".video") || name.ends_with(".part"))
        };
        paths.filter(is_ours).collect()
    }
}

impl Video {
    /// Its bytes from the beginning.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.place {
            Place::Memory(bytes) => Box::new(io::Cursor::new(Arc::clone(bytes))),
            Place::File(path) => Box::new(File::open(path)?),
        })
    }
}

fn read<S: io::Write>(
    db: &Connection,
    table: &Table,
    row: &Row,
    sink: impl FnMut() -> io::Result<S>,
) -> Result<Result<(S, blake3::Hash), Wait>> {
    match video::read(db, table, row.id, row.n_video_bytes.unwrap_or_default(), sink)? {
        Ok(read) => Ok(Ok(read)),
        Err(Unreadable::Restless) => Ok(Err(Wait::Restless)),
        Err(Unreadable::Gone) => Ok(Err(Wait::Gone)),
        Err(Unreadable::Sink(error)) => Ok(Err(Wait::NoSpool(error.to_string()))),
    }
}

fn no_spool(path: &Path, error: &io::Error) -> Wait {
    Wait::NoSpool(format!("{}: {error}", path.display()))
}

fn hash_of(path: &Path) -> io::Result<blake3::Hash> {
    let mut hash = blake3::Hasher::new();
    io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(hash.finalize())
}

/// Bytes that this user may still write to the disk with this folder.
pub(crate) fn free_bytes(dir: &Path) -> io::Result<u64> {
    let space = rustix::fs::statvfs(dir)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}
