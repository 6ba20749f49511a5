//! The requests that have arrived.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::record::Request;
use super::shards::Shards;

/// Requests in order of arrival, and how many there were.
#[derive(Debug)]
pub(super) struct Log {
    keep: bool,
    n: AtomicU64,
    /// What `n` was when the log was emptied.
    n_before: AtomicU64,
    parts: Shards<Vec<(u64, Request)>>,
}

impl Log {
    pub(super) fn new(keep: bool) -> Log {
        Log { keep, n: AtomicU64::new(0), n_before: AtomicU64::new(0), parts: Shards::new() }
    }

    /// Counts a request and gives its number, from 0.
    pub(super) fn arrive(&self) -> u64 {
        self.n.fetch_add(1, SeqCst)
    }

    pub(super) fn n_requests(&self) -> u64 {
        self.n.load(SeqCst) - self.n_before.load(SeqCst)
    }

    pub(super) fn keeps(&self) -> bool {
        self.keep
    }

    pub(super) fn record(&self, n: u64, request: Request) {
        self.parts.of(n).push((n, request));
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        let mut requests: Vec<_> = self.parts.each().flat_map(|p| p.clone()).collect();
        requests.sort_unstable_by_key(|(n, _)| *n);
        requests.into_iter().map(|(_, request)| request).collect()
    }

    pub(super) fn reset(&self) {
        self.n_before.store(self.n.load(SeqCst), SeqCst);
        self.parts.each().for_each(|mut p| p.clear());
    }
}
