//! A request's head.

use httparse::{EMPTY_HEADER, Header, Status};

/// Most header fields of a request.
const MAX_FIELDS: usize = 64;

/// What a request says before its body.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) key: Option<String>,
    /// Whether the key is a string of structured fields, that is in quotes.
    pub(super) key_is_quoted: bool,
    pub(super) length: Length,
    pub(super) is_json: bool,
    pub(super) authorization: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) expects_continue: bool,
    /// Whether the client wants the connection closed after the answer.
    pub(super) closes: bool,
}

/// How the end of a request's body is to be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Length {
    #[default]
    Missing,
    Known(u64),
    Chunked,
    Wrong,
}

/// What the first bytes of a request are.
#[derive(Debug)]
pub(super) enum Parsed {
    /// The beginning of a head.
    Partial,
    /// A head, and how many bytes it takes.
    Whole(Head, usize),
    /// No HTTP.
    Wrong,
}

/// Looks for a whole head at the beginning of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let n = match request.parse(bytes) {
        Ok(Status::Complete(n)) => n,
        Ok(Status::Partial) => return Parsed::Partial,
        Err(_) => return Parsed::Wrong,
    };
    let (Some(method), Some(target)) = (request.method, request.path) else { return Parsed::Wrong };
    let path = target.split('?').next().unwrap_or_default();
    let mut head = Head {
        method: method.to_owned(),
        path: path.to_owned(),
        closes: request.version == Some(0),
        ..Head::default()
    };
    for field in request.headers.iter() {
        head.take(field);
    }
    Parsed::Whole(head, n)
}

impl Head {
    /// How many bytes of body to read; `None` if that cannot be known.
    pub(super) fn body_length(&self) -> Option<u64> {
        match self.length {
            Length::Known(n) => Some(n),
            Length::Missing if self.method != "POST" => Some(0),
            Length::Missing | Length::Chunked | Length::Wrong => None,
        }
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        match self.length {
            Length::Known(n) => Some(n),
            _ => None,
        }
    }

    fn take(&mut self, field: &Header) {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        let value = String::from_utf8_lossy(field.value);
        if is("content-length") {
            self.take_length(&value);
        } else if is("transfer-encoding") {
            self.length = Length::Chunked;
        } else if is("idempotency-key") {
            let inside = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            let inside = inside.filter(|v| !v.is_empty() && !v.contains(['"', '\\']));
            self.key_is_quoted = inside.is_some();
            self.key = Some(inside.unwrap_or(&value).to_owned());
        } else if is("content-type") {
            let media_type = value.split(';').next().unwrap_or_default().trim();
            self.is_json = media_type.eq_ignore_ascii_case("application/json");
        } else if is("authorization") {
            self.authorization = Some(value.into_owned());
        } else if is("user-agent") {
            self.user_agent = Some(value.into_owned());
        } else if is("expect") {
            self.expects_continue = value.eq_ignore_ascii_case("100-continue");
        } else if is("connection") {
            self.closes |= value.split(',').any(|v| v.trim().eq_ignore_ascii_case("close"));
        }
    }

    fn take_length(&mut self, value: &str) {
        // A sign is no digit, though Rust's parser takes it.
        let n = value.parse().ok().filter(|_| value.bytes().all(|b| b.is_ascii_digit()));
        self.length = match (self.length, n) {
            (Length::Missing, Some(n)) => Length::Known(n),
            (Length::Known(before), Some(n)) if before == n => Length::Known(n),
            (Length::Chunked, _) => Length::Chunked,
            _ => Length::Wrong,
        };
    }
}
