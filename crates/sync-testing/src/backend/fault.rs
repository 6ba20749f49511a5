//! What can go wrong with one request.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// One way in which the backend mistreats one request.
///
/// Where a fault commits, an invalid request is answered as it deserves (4xx) and commits nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Reads the request and never answers; nothing is committed. The connection stays open until the client ends it.
    Silent,
    /// Commits, and answers only after this time.
    Slow(Duration),
    /// Commits, and sends the reply at this speed.
    SlowReply {
        /// Bytes per second, of head and body alike.
        bytes_per_s: u64,
    },
    /// Reads the request's body at this speed, then commits and answers as usual.
    ///
    /// The kernel takes some bytes ahead, so that a body of less than a few MB leaves the client at once all the same.
    SlowRead {
        /// Bytes per second.
        bytes_per_s: u64,
    },
    /// Commits, then closes the connection without an answer.
    LoseReply,
    /// Closes the connection when so many bytes of the body were read, or all of a shorter one; nothing is committed.
    CutRequest {
        /// Bytes of the body that are read.
        after_bytes: u64,
    },
    /// Commits, sends so many bytes of the reply, and closes the connection.
    CutReply {
        /// Bytes of the reply that are sent, those of its head counted.
        after_bytes: usize,
    },
    /// Reads the request and answers with this; nothing is committed.
    Status {
        /// Status code.
        code: u16,
        /// Header fields beside `Content-Length`; without a `Content-Type` the body is said to be JSON.
        headers: Vec<(String, String)>,
        /// The reply's body.
        body: String,
    },
    /// Commits; the reply has the usual status, and a body that is broken JSON.
    Garbage,
    /// 200 with an HTML login page, as a captive portal answers; nothing is committed.
    Html,
    /// 302 to this location; nothing is committed.
    Redirect(String),
    /// Commits; the reply has the id as a text: `"id":"123"`.
    IdAsText,
    /// Commits; the reply is a JSON object without an id.
    NoId,
    /// 200 with an empty JSON array; nothing is committed.
    JsonArray,
    /// Commits and answers as usual, then closes the connection without having announced it.
    CloseAfter,
    /// Reads the request, then resets the connection (RST) without an answer; nothing is committed.
    Reset,
}

impl Fault {
    /// An answer with this status, and a body as the backend's own faults have it.
    pub fn status(code: u16) -> Fault {
        let reason = http::StatusCode::from_u16(code).ok().and_then(|s| s.canonical_reason());
        let body = serde_json::json!({ "detail": reason.unwrap_or("scripted") }).to_string();
        Fault::Status { code, headers: Vec::new(), body }
    }

    /// An answer with this status and a `Retry-After` in whole seconds.
    pub fn retry_after(code: u16, seconds: u64) -> Fault {
        Fault::status(code).with_header("Retry-After", seconds.to_string())
    }

    /// An answer with this status and a `Retry-After` as an HTTP date, which has no fractions of a second.
    pub fn retry_after_date(code: u16, at: SystemTime) -> Fault {
        let at = Timestamp::try_from(at).expect("a time within jiff's range");
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&at).expect("a year of four digits");
        Fault::status(code).with_header("Retry-After", date)
    }

    /// 429 with a `Retry-After` in whole seconds.
    pub fn too_many_requests(seconds: u64) -> Fault {
        Fault::retry_after(429, seconds)
    }

    /// 503 with a `Retry-After` in whole seconds.
    pub fn unavailable(seconds: u64) -> Fault {
        Fault::retry_after(503, seconds)
    }

    /// The same answer with one more header field; only for [`Fault::Status`].
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Fault {
        let Fault::Status { headers, .. } = &mut self else {
            panic!("{self:?} has no header fields of its own");
        };
        headers.push((name.to_owned(), value.into()));
        self
    }
}
