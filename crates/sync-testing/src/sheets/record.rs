//! The calls that have arrived.

use std::time::Instant;

/// What a call counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// A request for a token.
    Token,
    /// A call that changes nothing.
    Read,
    /// A call that may change something.
    Write,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// When its body had arrived.
    pub at: Instant,
    /// What it counts as.
    pub kind: CallKind,
    /// Such as `POST`.
    pub method: String,
    /// Path and query, as they were sent.
    pub path: String,
    /// Bytes of the body.
    pub n_bytes: usize,
    /// The names of a batch's requests, such as `updateCells`.
    pub requests: Vec<String>,
    /// The answer's status; `None` while there is none, and where the connection was reset.
    pub status: Option<u16>,
    /// The body, where [`Options::keep_bodies`](super::Options::keep_bodies) says so.
    pub body: Option<Vec<u8>>,
    /// The header field `User-Agent`.
    pub user_agent: Option<String>,
}

/// All calls, with numbers that stay when the log is emptied.
#[derive(Debug, Default)]
pub(super) struct Log {
    n: u64,
    calls: Vec<(u64, Call)>,
}

impl Log {
    /// Adds a call and gives its number.
    pub(super) fn arrive(&mut self, call: Call) -> u64 {
        self.n += 1;
        self.calls.push((self.n, call));
        self.n
    }

    pub(super) fn answered(&mut self, number: u64, status: Option<u16>) {
        if let Ok(at) = self.calls.binary_search_by_key(&number, |(n, _)| *n) {
            self.calls[at].1.status = status;
        }
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.iter().map(|(_, call)| call.clone()).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn clear(&mut self) {
        self.calls.clear();
    }
}
