//! Bringing rows to the server: the calls, what their answers mean, and when to stop calling.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod courier;
pub(crate) mod mask;
pub(crate) mod post;

use std::time::Duration;

use crate::source::Kind;
use crate::spool::Video;

/// A row on its way.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) kind: Kind,
    pub(crate) id: i64,
    /// Idempotency key.
    pub(crate) key: String,
    /// What is sent; of media all but the video.
    pub(crate) payload: String,
    pub(crate) video: Option<Video>,
    /// How often the server did not take it.
    pub(crate) n_attempts: u32,
    /// It may have been sent by a run that was killed, or whose answer was lost.
    pub(crate) may_be_there: bool,
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The server has it.
    Done {
        /// Its id there.
        remote_id: Option<i64>,
    },
    /// The server cannot take it now; others it may.
    Later {
        /// HTTP status, when there was an answer.
        status: Option<u16>,
        /// Why.
        reason: String,
        /// The pause that the server asks for.
        retry_after: Option<Duration>,
    },
    /// The server does not want it.
    Refused {
        /// HTTP status.
        status: u16,
        /// What it says.
        reason: String,
    },
    /// No server was reached, or another one than ours.
    Unreachable {
        /// Why.
        reason: String,
    },
    /// The server does not know us.
    Unauthorized {
        /// What it says.
        reason: String,
    },
}
