//! The body of a media call: its halves with the video between them as base64, without ever holding all of it.

use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::spool::Video;

/// Bytes of the video that are encoded at once; a multiple of three, so that nothing is padded before the end.
const PIECE: usize = 48 * 1024;

/// The parts of a body, one behind the other.
pub(crate) struct MediaBody {
    head: io::Cursor<Vec<u8>>,
    video: Box<dyn Read + Send>,
    tail: io::Cursor<Vec<u8>>,
    raw: Vec<u8>,
    encoded: String,
    at: usize,
    is_at_end: bool,
    /// Bytes of the video that are still to come.
    n_left: u64,
    /// Of the bytes that have come.
    hasher: blake3::Hasher,
    hash: blake3::Hash,
}

impl MediaBody {
    /// A body of these halves with the video between them that `video` reads.
    ///
    /// It breaks off before its end when other bytes come than the video's: no server then takes it for whole.
    pub(crate) fn new(halves: (&str, &str), video: &Video) -> io::Result<MediaBody> {
        let reader = video.open()?;
        Ok(MediaBody::of(halves, reader, video.n_bytes, video.hash))
    }

    fn of(
        (head, tail): (&str, &str),
        video: Box<dyn Read + Send>,
        n_video_bytes: u64,
        hash: blake3::Hash,
    ) -> MediaBody {
        MediaBody {
            head: io::Cursor::new(head.into()),
            video,
            tail: io::Cursor::new(tail.into()),
            raw: Vec::with_capacity(PIECE),
            encoded: String::new(),
            at: 0,
            is_at_end: false,
            n_left: n_video_bytes,
            hasher: blake3::Hasher::new(),
            hash,
        }
    }

    /// The body's length in bytes, for a video of this length.
    pub(crate) fn length(head: &str, n_video_bytes: u64, tail: &str) -> u64 {
        (head.len() + tail.len()) as u64 + n_video_bytes.div_ceil(3) * 4
    }

    fn encode_next(&mut self) -> io::Result<()> {
        self.raw.clear();
        let n = self.video.by_ref().take(PIECE as u64).read_to_end(&mut self.raw)?;
        self.n_left = self.n_left.saturating_sub(n as u64);
        self.is_at_end = n < PIECE;
        self.hasher.update(&self.raw);
        if self.is_at_end && self.n_left > 0 {
            // The body would end before its announced length, and the call never.
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the spooled video has become shorter"));
        }
        if self.is_at_end && self.hasher.finalize() != self.hash {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the spooled video is not the row's any more",
            ));
        }
        self.encoded.clear();
        STANDARD.encode_string(&self.raw, &mut self.encoded);
        self.at = 0;
        Ok(())
    }
}

impl Read for MediaBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.head.read(buffer)?;
        if n > 0 {
            return Ok(n);
        }
        if self.at == self.encoded.len() && !self.is_at_end {
            self.encode_next()?;
        }
        let rest = &self.encoded.as_bytes()[self.at..];
        if rest.is_empty() {
            return self.tail.read(buffer);
        }
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}

/// A reader that gives no more than so many bytes per second.
pub(crate) struct Throttled<R> {
    inner: R,
    bytes_per_s: u64,
    began: Instant,
    n_bytes: u64,
}

impl<R: Read> Throttled<R> {
    /// `inner`, slowed down.
    pub(crate) fn new(inner: R, bytes_per_s: u64) -> Throttled<R> {
        Throttled { inner, bytes_per_s, began: Instant::now(), n_bytes: 0 }
    }
}

impl<R: Read> Read for Throttled<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A tenth of a second's worth at a time keeps the flow even.
        let piece =
            usize::try_from(self.bytes_per_s / 10).unwrap_or(usize::MAX).clamp(1, buffer.len().max(1));
        let due = Duration::from_secs_f64(self.n_bytes as f64 / self.bytes_per_s as f64);
        thread::sleep(due.saturating_sub(self.began.elapsed()));
        let end = piece.min(buffer.len());
        let n = self.inner.read(&mut buffer[..end])?;
        self.n_bytes += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(video: &[u8], n_bytes: usize, hash: blake3::Hash) -> MediaBody {
        MediaBody::of(("<", ">"), Box::new(io::Cursor::new(video.to_vec())), n_bytes as u64, hash)
    }

    #[test]
    fn another_video_than_the_rows_breaks_the_call_off() {
        for n in [1, PIECE, PIECE + 1] {
            let mut body = body(&vec![7; n], n, blake3::hash(&vec![8; n]));
            let mut text = Vec::new();
            let error = body.read_to_end(&mut text).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!((text.len() as u64) < MediaBody::length("<", n as u64, ">"), "{n}");
        }
    }

    #[test]
    fn the_body_is_the_halves_with_the_video_between_them() {
        for n in [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7] {
            let video: Vec<u8> = (0..n).map(|i| (i % 251) as u8).collect();
            let mut body = body(&video, n, blake3::hash(&video));
            let mut text = String::new();
            body.read_to_string(&mut text).unwrap();
            assert_eq!(text.len() as u64, MediaBody::length("<", n as u64, ">"), "{n}");
            assert_eq!(STANDARD.decode(&text[1..text.len() - 1]).unwrap(), video, "{n}");
        }
    }

    #[test]
    fn a_video_that_is_shorter_than_announced_breaks_the_call_off() {
        let video = vec![7; PIECE + 10];
        let mut body = body(&video, 2 * PIECE, blake3::hash(&video));
        let error = body.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn throttled_bytes_arrive_in_their_time() {
        let began = Instant::now();
        let mut all = Vec::new();
        Throttled::new(io::Cursor::new(vec![7; 3000]), 10_000).read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), 3000);
        assert!(began.elapsed() >= Duration::from_millis(190), "{:?}", began.elapsed());
    }
}
