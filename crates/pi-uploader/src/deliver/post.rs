//! One call: a row to its endpoint.

use std::io::Read;
use std::time::Duration;

use indicatif::ProgressBar;
use secrecy::{ExposeSecret as _, SecretString};
use sync_core::http::{CallError, Client};

use super::body::{MediaBody, Throttled};
use super::mask::Mask;
use super::{Delivery, Job, answer};
use crate::source::Kind;
use crate::source::rows;

/// Where and how rows are posted.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// What the URLs begin with.
    pub(crate) backend: String,
    /// Says who we are.
    pub(crate) authorization: Option<SecretString>,
    /// Hidden in what the server says.
    pub(crate) mask: Mask,
    /// Bytes per second that videos may take.
    pub(crate) bandwidth: Option<u64>,
    /// Moves with a video's bytes.
    pub(crate) progress: ProgressBar,
}

impl Endpoint {
    /// Sends a row. What breaks off at once, as on a connection that had been closed, is called again once.
    pub(crate) fn send(&self, client: &Client, job: &Job) -> Delivery {
        match self.call(client, job, job.may_be_there) {
            Err(CallError::Broken { at_once: true, .. }) => self.call(client, job, true),
            called => called,
        }
        .unwrap_or_else(|error| match error {
            CallError::Unreachable(reason) => Delivery::Unreachable { reason },
            CallError::Broken { reason, .. } => Delivery::Later { status: None, reason, retry_after: None },
        })
    }

    fn call(&self, client: &Client, job: &Job, may_be_there: bool) -> Result<Delivery, CallError> {
        let key = format!("\"{}\"", job.key);
        let mut headers = vec![("idempotency-key", key.as_str())];
        headers.extend(self.authorization.iter().map(|token| ("authorization", token.expose_secret())));
        let (path, patience) = match job.kind {
            Kind::Event => ("/api/evenements", Duration::from_secs(10)),
            Kind::Media => ("/api/media", Duration::from_secs(30)),
        };
        let url = format!("{}{path}", self.backend);
        let (mut body, length) = self.body(job).map_err(|error| CallError::Broken {
            reason: format!("the spooled video cannot be read: {error}"),
            at_once: false,
        })?;
        let mut answer = client.post(&url, &headers, &mut body, length, patience)?;
        Ok(answer::read(&mut answer, may_be_there, &self.mask))
    }

    fn body<'a>(&self, job: &'a Job) -> std::io::Result<(Box<dyn Read + 'a>, u64)> {
        let Some((video, (head, tail))) = job.video.as_ref().zip(rows::halves(&job.payload)) else {
            return Ok((Box::new(job.payload.as_bytes()), job.payload.len() as u64));
        };
        let length = MediaBody::length(head, video.n_bytes, tail);
        self.progress.set_position(0);
        let body = self.progress.wrap_read(MediaBody::new((head, tail), video)?);
        Ok(match self.bandwidth {
            Some(limit) => (Box::new(Throttled::new(body, limit)), length),
            None => (Box::new(body), length),
        })
    }
}
