//! What tests see of rows and requests.

use std::time::Instant;

pub use blake3::Hash;

use super::fault::Fault;

/// What a row is about, and with that the path it came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A sensor's event: `/api/evenements`.
    Evenement,
    /// A camera's video: `/api/media`.
    Media,
}

/// A video by its bytes, that is after decoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// BLAKE3 of the bytes.
    pub hash: Hash,
    /// How many they are.
    pub len: u64,
}

impl Video {
    /// What the backend keeps of these bytes: for a comparison with what was sent.
    pub fn of(bytes: &[u8]) -> Video {
        Video { hash: hash_of(bytes), len: bytes.len() as u64 }
    }
}

/// The hash that the backend takes, of these bytes.
pub fn hash_of(bytes: &[u8]) -> Hash {
    blake3::hash(bytes)
}

/// A row that the backend has committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id, counted from 1 for each kind.
    pub id: u64,
    /// What it is about.
    pub kind: Kind,
    /// The idempotency key of its request, without the quotes.
    pub key: Option<String>,
    /// The request's JSON text as it came; of a video the string is left empty.
    pub body: String,
    /// The video, of media only.
    pub video: Option<Video>,
}

/// A request whose head has arrived, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// When its head was read.
    pub at: Instant,
    /// Number of its connection, from 1: requests of equal number shared one.
    pub connection: u64,
    /// Its method.
    pub method: String,
    /// Its path, without a query.
    pub path: String,
    /// Its idempotency key, without the quotes where it has them.
    pub key: Option<String>,
    /// Its `Content-Length`.
    pub content_length: Option<u64>,
    /// Its `Authorization`.
    pub authorization: Option<String>,
    /// Its `User-Agent`.
    pub user_agent: Option<String>,
    /// The body's text as far as it was read; of a video the string is left empty.
    pub body: String,
    /// The video, of media that came whole and whose base64 is right.
    pub video: Option<Video>,
    /// Hash of the body's bytes as far as they were read.
    pub body_hash: Hash,
    /// Whether the body was read to its end.
    pub complete: bool,
    /// The fault that was done to it.
    pub fault: Option<Fault>,
    /// Status of its answer, which was sent or begun to be sent; it is noted before the first byte leaves.
    pub answered: Option<u16>,
}

/// What is known of a request when its fault is chosen: its head.
#[derive(Clone, Debug)]
pub struct RequestInfo<'a> {
    /// Number of the request in order of arrival, from 0, over the backend's whole life.
    pub n: u64,
    /// Number of its connection, from 1.
    pub connection: u64,
    /// Its method.
    pub method: &'a str,
    /// Its path, without a query.
    pub path: &'a str,
    /// Its idempotency key, without the quotes.
    pub key: Option<&'a str>,
    /// Its `Content-Length`.
    pub content_length: Option<u64>,
}
