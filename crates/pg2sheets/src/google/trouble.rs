//! Why a call brought nothing.

use std::time::Duration;

use google_sheets4::common::{self, Delegate, Error, Response};
use hyper_util::client::legacy;
use sync_core::http;

use super::faults;

/// Why an attempt brought nothing.
pub(super) enum Trouble {
    /// Nothing was sent.
    Unreachable(String),
    /// The connection broke, or what came back is no answer.
    Broken(String),
    Answer {
        status: u16,
        body: Vec<u8>,
        retry_after: Option<Duration>,
    },
}

/// Keeps what the library's errors leave out.
#[derive(Default)]
pub(super) struct Listener {
    status: u16,
    retry_after: Option<Duration>,
}

impl Delegate for Listener {
    fn http_failure(&mut self, answer: &Response, _: Option<&serde_json::Value>) -> common::Retry {
        self.status = answer.status().as_u16();
        self.retry_after = http::retry_after(answer.headers());
        common::Retry::Abort
    }
}

impl Trouble {
    pub(super) fn of(error: Error, listener: &Listener) -> Trouble {
        let answer =
            |body| Trouble::Answer { status: listener.status, body, retry_after: listener.retry_after };
        match error {
            Error::BadRequest(body) => answer(body.to_string().into_bytes()),
            Error::Failure(_) => answer(Vec::new()),
            Error::HttpError(error) => Trouble::of_network(&error),
            Error::JsonDecodeError(..) => Trouble::foreign(),
            other => Trouble::Broken(other.to_string()),
        }
    }

    /// What came back is an answer, but not one of Google's.
    pub(super) fn foreign() -> Trouble {
        Trouble::Broken(
            "the answer is cut short, or not Google's: a login page on the way, perhaps".to_owned(),
        )
    }

    pub(super) fn of_network(error: &legacy::Error) -> Trouble {
        let reason = faults::chain(error);
        if error.is_connect() { Trouble::Unreachable(reason) } else { Trouble::Broken(reason) }
    }
}
