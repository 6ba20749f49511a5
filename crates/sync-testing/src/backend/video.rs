//! Cutting the video out of a request's JSON while it comes in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memchr2;

use super::record::Video;

const MEMBER: &[u8] = b"video_data";

/// Finds the string `video_data` of the outermost object, and keeps the text around it.
#[derive(Debug, Default)]
pub(super) struct VideoCut {
    /// The text without the video's characters: the member is there, with an empty string.
    pub(super) text: Vec<u8>,
    decoder: Option<Decoder>,
    place: Place,
    depth: usize,
    /// Where the last string began in `text`.
    string_at: usize,
    /// Whether the value of the member comes next.
    is_next: bool,
    escape: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Outside,
    String,
    /// After a backslash in a string.
    Escaped,
    Video,
    /// In an escape sequence of the video: `\/` or `\u002b`.
    VideoEscape,
}

impl VideoCut {
    /// Takes the next bytes of the body.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while let Some(&byte) = bytes.first() {
            let n = match self.place {
                Place::Outside => self.take_outside(byte),
                Place::String => self.take_string(bytes),
                Place::Escaped => {
                    self.place = Place::String;
                    self.keep(byte)
                }
                Place::Video => self.take_video(bytes),
                Place::VideoEscape => self.take_escape(byte),
            };
            bytes = &bytes[n..];
        }
    }

    /// The video, if there is one and its base64 is right.
    pub(super) fn finish(&mut self) -> Option<Video> {
        self.decoder.take().filter(|_| self.place == Place::Outside).and_then(Decoder::finish)
    }

    fn keep(&mut self, byte: u8) -> usize {
        self.text.push(byte);
        1
    }

    fn take_outside(&mut self, byte: u8) -> usize {
        let is_value = self.is_next;
        if !byte.is_ascii_whitespace() {
            self.is_next = false;
        }
        match byte {
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b':' => self.is_next = self.depth == 1 && self.last_string() == MEMBER,
            b'"' if is_value => {
                self.decoder = Some(Decoder::default());
                self.place = Place::Video;
            }
            b'"' => {
                self.string_at = self.text.len() + 1;
                self.place = Place::String;
            }
            _ => {}
        }
        self.keep(byte)
    }

    /// What stands between the last string's quotes, if nothing but white space came after it.
    fn last_string(&self) -> &[u8] {
        let string = self.text.get(self.string_at..).unwrap_or_default().trim_ascii_end();
        string.strip_suffix(b"\"").unwrap_or_default()
    }

    fn take_string(&mut self, bytes: &[u8]) -> usize {
        let Some(i) = memchr2(b'"', b'\\', bytes) else {
            self.text.extend_from_slice(bytes);
            return bytes.len();
        };
        self.text.extend_from_slice(&bytes[..=i]);
        self.place = if bytes[i] == b'"' { Place::Outside } else { Place::Escaped };
        i + 1
    }

    fn take_video(&mut self, bytes: &[u8]) -> usize {
        let end = memchr2(b'"', b'\\', bytes);
        self.decode(&bytes[..end.unwrap_or(bytes.len())]);
        let Some(i) = end else { return bytes.len() };
        if bytes[i] == b'"' {
            self.place = Place::Outside;
            self.text.push(b'"');
        } else {
            self.place = Place::VideoEscape;
            self.escape.clear();
        }
        i + 1
    }

    fn take_escape(&mut self, byte: u8) -> usize {
        self.escape.push(byte);
        let decoded = match self.escape.as_slice() {
            [b'u', hex @ ..] if hex.len() < 4 => return 1,
            [b'u', hex @ ..] => std::str::from_utf8(hex).ok().and_then(|h| u8::from_str_radix(h, 16).ok()),
            _ => Some(byte).filter(|b| *b == b'/'),
        };
        // Zero is in no base64: it makes the video wrong.
        self.decode(&[decoded.unwrap_or(0)]);
        self.place = Place::Video;
        1
    }

    fn decode(&mut self, characters: &[u8]) {
        if let Some(decoder) = &mut self.decoder {
            decoder.push(characters);
        }
    }
}

/// Decodes base64 piece by piece, and keeps the bytes' hash and number only.
#[derive(Debug, Default)]
struct Decoder {
    hasher: blake3::Hasher,
    len: u64,
    /// Characters that do not make a group of four yet.
    rest: Vec<u8>,
    bytes: Vec<u8>,
    is_padded: bool,
    is_wrong: bool,
}

impl Decoder {
    fn push(&mut self, mut characters: &[u8]) {
        if !self.rest.is_empty() {
            let n = characters.len().min(4 - self.rest.len());
            self.rest.extend_from_slice(&characters[..n]);
            characters = &characters[n..];
            if self.rest.len() < 4 {
                return;
            }
            let group = std::mem::take(&mut self.rest);
            self.decode(&group);
        }
        let (groups, rest) = characters.split_at(characters.len() / 4 * 4);
        self.decode(groups);
        self.rest.extend_from_slice(rest);
    }

    fn decode(&mut self, groups: &[u8]) {
        if groups.is_empty() || self.is_wrong {
            return;
        }
        let most = groups.len() / 4 * 3;
        if self.bytes.len() < most {
            self.bytes.resize(most, 0);
        }
        match STANDARD.decode_slice(groups, &mut self.bytes[..most]) {
            // Padding ends the text.
            Ok(n) if !self.is_padded => {
                self.is_padded = n < most;
                self.hasher.update(&self.bytes[..n]);
                self.len += n as u64;
            }
            _ => self.is_wrong = true,
        }
    }

    fn finish(self) -> Option<Video> {
        let is_right = !self.is_wrong && self.rest.is_empty();
        is_right.then(|| Video { hash: self.hasher.finalize(), len: self.len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(json: &str, piece: usize) -> (String, Option<Video>) {
        let mut cut = VideoCut::default();
        json.as_bytes().chunks(piece).for_each(|p| cut.push(p));
        let video = cut.finish();
        (String::from_utf8(cut.text).unwrap(), video)
    }

    #[test]
    fn the_video_is_found_however_the_bytes_arrive() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1001).collect();
        let base64 = STANDARD.encode(&bytes);
        let frame = |video: &str| {
            format!(
                r#"{{"a":"video_data","b":{{"video_data":"in \" ner"}}, "video_data" : "{video}","z":[1]}}"#
            )
        };
        let texts =
            [frame(&base64), frame(&base64.replace('/', r"\/")), frame(&base64.replace('+', r"\u002B"))];
        for text in texts {
            for piece in [1, 2, 3, 5, 64, 10_000] {
                assert_eq!(cut(&text, piece), (frame(""), Some(Video::of(&bytes))), "pieces of {piece}");
            }
        }
    }

    #[test]
    fn wrong_base64_is_no_video() {
        for wrong in ["AAA", "AA==AAAA", "AAAA*AAA", "AA=A", r"AAA\n", r"AAA\u00", "AAAAA"] {
            assert_eq!(cut(&format!(r#"{{"video_data":"{wrong}"}}"#), 64).1, None, "{wrong}");
            assert_eq!(cut(&format!(r#"{{"video_data":"{wrong}"}}"#), 1).1, None, "{wrong}");
        }
        assert_eq!(cut(r#"{"video_data":"AAAA"#, 64).1, None, "no end");
        assert_eq!(cut(r#"{"video_data":null}"#, 64).1, None);
        assert_eq!(cut(r#"{"video_data":""}"#, 64).1, Some(Video::of(b"")));
    }

    #[test]
    fn text_without_a_video_stays_as_it_is() {
        for text in [r#"["video_data","x"]"#, r#"{"x":"a\\","y":{"video_data":"AAAA"}}"#, "}}:\"", ""] {
            for piece in [1, 100] {
                assert_eq!(cut(text, piece), (text.to_owned(), None));
            }
        }
    }
}
