//! A container in parts, so that many connections do not wait for one lock.

use std::sync::{Mutex, MutexGuard};

const N: u64 = 16;

/// Parts of equal kind, each behind a lock of its own.
#[derive(Debug)]
pub(super) struct Shards<T> {
    parts: Vec<Mutex<T>>,
}

impl<T: Default> Shards<T> {
    pub(super) fn new() -> Shards<T> {
        Shards { parts: (0..N).map(|_| Mutex::default()).collect() }
    }

    /// The part for this number, alone to the caller.
    pub(super) fn of(&self, number: u64) -> MutexGuard<'_, T> {
        let part = usize::try_from(number % N).expect("a small number");
        self.parts[part].lock().expect("no thread panics with a part")
    }

    /// Every part in turn.
    pub(super) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.parts.iter().map(|p| p.lock().expect("no thread panics with a part"))
    }
}
