//! The backend's two tables.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::record::{Kind, Row, Video};
use super::shards::Shards;

/// Rows and their keys. All of one key are in one part, whose lock makes looking and inserting one step.
#[derive(Debug)]
pub(super) struct Store {
    parts: Shards<Part>,
    hasher: RandomState,
    unique: bool,
    n_rows: AtomicU64,
    n_evenements: AtomicU64,
    n_media: AtomicU64,
}

#[derive(Debug, Default)]
struct Part {
    evenements: HashMap<String, u64>,
    media: HashMap<String, u64>,
    /// With their numbers in order of commit.
    rows: Vec<(u64, Row)>,
}

/// What became of a row: its id, and whether it is new.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    pub(super) id: u64,
    pub(super) new: bool,
}

impl Store {
    pub(super) fn new(unique: bool) -> Store {
        Store {
            parts: Shards::new(),
            hasher: RandomState::new(),
            unique,
            n_rows: AtomicU64::new(0),
            n_evenements: AtomicU64::new(0),
            n_media: AtomicU64::new(0),
        }
    }

    /// Inserts a row, or gives the id of the one that has its key.
    pub(super) fn insert(&self, kind: Kind, key: Option<&str>, body: &str, video: Option<Video>) -> Stored {
        // Rows without a key are spread by their bodies.
        let mut part = self.parts.of(self.hasher.hash_one(key.unwrap_or(body)));
        if let (true, Some(key)) = (self.unique, key)
            && let Some(&id) = part.ids(kind).get(key)
        {
            return Stored { id, new: false };
        }
        let ids = match kind {
            Kind::Evenement => &self.n_evenements,
            Kind::Media => &self.n_media,
        };
        let id = ids.fetch_add(1, SeqCst) + 1;
        let order = self.n_rows.fetch_add(1, SeqCst);
        if let (true, Some(key)) = (self.unique, key) {
            part.ids(kind).insert(key.to_owned(), id);
        }
        part.rows.push((order, Row { id, kind, key: key.map(Into::into), body: body.into(), video }));
        Stored { id, new: true }
    }

    /// All rows in order of commit.
    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<_> = self.parts.each().flat_map(|p| p.rows.clone()).collect();
        rows.sort_unstable_by_key(|(order, _)| *order);
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

impl Part {
    fn ids(&mut self, kind: Kind) -> &mut HashMap<String, u64> {
        match kind {
            Kind::Evenement => &mut self.evenements,
            Kind::Media => &mut self.media,
        }
    }
}
