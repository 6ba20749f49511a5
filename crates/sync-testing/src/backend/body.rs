//! Reading a request's body without holding its video.

use std::time::Duration;

use super::gate::Ticket;
use super::record::{Hash, Video, hash_of};
use super::video::VideoCut;
use super::wire::Wire;

/// Most text of a request, the video not counted.
const MAX_TEXT: usize = 1 << 24;

/// A body that was read, to its end or not.
#[derive(Debug)]
pub(super) struct Body {
    /// Invalid UTF-8 is replaced in it.
    pub(super) text: String,
    pub(super) is_utf8: bool,
    pub(super) video: Option<Video>,
    pub(super) hash: Hash,
    pub(super) is_complete: bool,
    /// Whether the text is longer than the backend takes; it is empty then.
    pub(super) is_too_long: bool,
}

/// How a body is read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manner {
    /// Whether it has a video to be cut out.
    pub(super) has_video: bool,
    /// Whether its hash is wanted.
    pub(super) is_hashed: bool,
    /// Stop after so many bytes.
    pub(super) at_most: Option<u64>,
    pub(super) bytes_per_s: Option<u64>,
}

/// What has been read so far.
struct Sink {
    manner: Manner,
    hasher: blake3::Hasher,
    cut: VideoCut,
    is_too_long: bool,
}

impl Body {
    /// The body of a request that was answered by its head.
    pub(super) fn unread() -> Body {
        Body {
            text: String::new(),
            is_utf8: true,
            video: None,
            hash: hash_of(b""),
            is_complete: false,
            is_too_long: false,
        }
    }
}

/// Reads a body of `length` bytes.
pub(super) fn read(wire: &mut Wire, length: u64, manner: Manner, ticket: &Ticket) -> Body {
    let cut = VideoCut::default();
    let mut sink = Sink { manner, hasher: blake3::Hasher::new(), cut, is_too_long: false };
    let mut left = length.min(manner.at_most.unwrap_or(length));
    let is_whole = left == length;
    let piece = manner.bytes_per_s.map_or(u64::MAX, piece_of);
    while left > 0 {
        if wire.unread().is_empty() && !wire.read_more().unwrap_or(false) {
            break;
        }
        let n = left.min(piece).min(wire.unread().len() as u64);
        let n_bytes = usize::try_from(n).expect("not more than a buffer");
        sink.take(&wire.unread()[..n_bytes]);
        wire.consume(n_bytes);
        left -= n;
        if let Some(bytes_per_s) = manner.bytes_per_s
            && !ticket.nap(time_of(n, bytes_per_s))
        {
            break;
        }
    }
    sink.finish(is_whole && left == 0)
}

/// How many bytes to handle at once at this speed: those of a twentieth of a second.
pub(super) fn piece_of(bytes_per_s: u64) -> u64 {
    (bytes_per_s / 20).max(1)
}

/// How long so many bytes take at this speed.
pub(super) fn time_of(n: u64, bytes_per_s: u64) -> Duration {
    Duration::from_nanos(n.saturating_mul(1_000_000_000) / bytes_per_s.max(1))
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) {
        if self.manner.is_hashed {
            self.hasher.update(bytes);
        }
        if self.is_too_long {
            return;
        }
        if self.manner.has_video {
            self.cut.push(bytes);
        } else {
            self.cut.text.extend_from_slice(bytes);
        }
        self.is_too_long = self.cut.text.len() > MAX_TEXT;
    }

    fn finish(mut self, is_complete: bool) -> Body {
        let video = self.cut.finish().filter(|_| is_complete);
        let text = if self.is_too_long { Vec::new() } else { self.cut.text };
        let (text, is_utf8) = match String::from_utf8(text) {
            Ok(text) => (text, true),
            Err(e) => (String::from_utf8_lossy(e.as_bytes()).into_owned(), false),
        };
        let hash = if self.manner.is_hashed { self.hasher.finalize() } else { hash_of(b"") };
        Body { text, is_utf8, video, hash, is_complete, is_too_long: self.is_too_long }
    }
}
