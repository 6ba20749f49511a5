//! What is noted of a row before it is sent, and behind it.

use anyhow::Result;
use rusqlite::Connection;
use sync_core::tracking::{self, Intent, Outcome};

use crate::deliver::{Delivery, Job};
use crate::pause;
use crate::screen;
use crate::settings::Settings;
use crate::source::rows::Row;
use crate::spool::Video;

/// The row as it is sent: what was frozen at its first attempt, as long as it still is that row.
pub(super) fn prepare(db: &Connection, row: &Row, device: &str, video: Option<&Video>) -> Result<Job> {
    let table = row.kind.table();
    let key = row.key(device, video.map(|video| &video.hash));
    let known = tracking::attempt(db, table, row.id)?;
    let frozen = known.as_ref().filter(|known| known.fingerprint == row.fingerprint && known.key == key);
    let job = |payload, n_attempts| Job {
        kind: row.kind,
        id: row.id,
        key: key.clone(),
        payload,
        video: video.cloned(),
        n_attempts,
        may_be_there: frozen.is_some(),
    };
    if let Some(tracking::Attempt { payload: Some(payload), n_attempts, .. }) = frozen
        && !payload.is_empty()
    {
        return Ok(job(payload.clone(), *n_attempts));
    }
    let payload = row.payload(device);
    let intent =
        Intent { table, local_id: row.id, fingerprint: &row.fingerprint, key: &key, payload: &payload };
    tracking::intend(db, &intent, known.as_ref())?;
    Ok(job(payload, 0))
}

/// Sees to it that the row is known, without freezing what would be sent; gives how often it has failed.
pub(super) fn know(db: &Connection, row: &Row, device: &str) -> Result<u32> {
    let table = row.kind.table();
    let known = tracking::attempt(db, table, row.id)?;
    if let Some(known) = known.as_ref().filter(|known| known.fingerprint == row.fingerprint) {
        return Ok(known.n_attempts);
    }
    let key = row.key(device, None);
    let intent = Intent { table, local_id: row.id, fingerprint: &row.fingerprint, key: &key, payload: "" };
    tracking::intend(db, &intent, known.as_ref())?;
    Ok(0)
}

/// Notes a row that cannot be sent as it is.
pub(super) fn refuse(db: &Connection, row: &Row, device: &str, reason: &str) -> Result<()> {
    let pause = pause::refused(know(db, row, device)?);
    let outcome = Outcome::Failed { status: None, reason: reason.to_owned(), pause };
    tracking::record(db, row.kind.table(), row.id, &outcome)
}

/// What is noted of a row's delivery.
pub(super) fn outcome(job: &Job, delivery: &Delivery, settings: &Settings) -> Outcome {
    match delivery {
        Delivery::Done { remote_id } => Outcome::Sent { remote_id: *remote_id },
        Delivery::Later { status, reason, retry_after } => Outcome::Failed {
            status: *status,
            reason: reason.clone(),
            pause: pause::later(job.n_attempts, *retry_after),
        },
        Delivery::Refused { status, reason } => Outcome::Failed {
            status: Some(*status),
            reason: reason.clone(),
            pause: pause::refused(job.n_attempts),
        },
        Delivery::Unreachable { reason } => {
            Outcome::Untried { reason: screen::unreachable(settings.lang, reason) }
        }
        Delivery::Unauthorized { reason } => Outcome::Untried { reason: reason.clone() },
    }
}
