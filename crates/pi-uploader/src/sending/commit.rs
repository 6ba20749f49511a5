//! Commits of what was answered and of what is about to be sent.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use sync_core::tracking;

use super::intent::outcome;
use super::{Sending, TICK};
use crate::database::BUSY_TIMEOUT;
use crate::deliver::Delivery;
use crate::source::Kind;

/// How long the database's lock is waited for before we look whether we are to end.
const TRY: Duration = Duration::from_millis(250);
/// How long it is waited for once we are to end: a stopped process is cut off after 4 s.
const LAST_TRY: Duration = Duration::from_millis(3200);

impl Sending<'_> {
    /// Commits the results.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.save(&mut |_| Ok(()))
    }

    /// Commits the results, and what `more` writes, which is called again where the database was held by others.
    ///
    /// # Errors
    /// When that cannot be; it says which rows the server has all the same.
    pub(super) fn save(&mut self, more: &mut dyn FnMut(&Connection) -> Result<()>) -> Result<()> {
        let began = Instant::now();
        self.database.db.busy_timeout(TRY)?;
        let saved = loop {
            let saved = self.try_save(more).inspect_err(|_| self.courier.noting(0));
            let is_over = began.elapsed() >= BUSY_TIMEOUT
                || self.stopping().is_some_and(|since| since.elapsed() >= LAST_TRY);
            match saved {
                Err(error) if is_busy(&error) && !is_over => {}
                saved => break saved,
            }
        };
        self.database.db.busy_timeout(BUSY_TIMEOUT)?;
        saved.map_err(|error| self.not_noted(error))?;
        self.courier.noted();
        self.results.clear();
        self.first_result = None;
        Ok(())
    }

    fn try_save(&mut self, more: &mut dyn FnMut(&Connection) -> Result<()>) -> Result<()> {
        let tx = self.database.db.transaction_with_behavior(TransactionBehavior::Immediate);
        let tx = tx.context("write what was sent")?;
        self.courier.noting(self.results.len());
        for (job, delivery) in &self.results {
            let outcome = outcome(job, delivery, self.settings);
            tracking::record(&tx, job.kind.table(), job.id, &outcome)?;
        }
        more(&tx)?;
        sync_core::crash::point("acknowledging");
        tx.commit().context("write what was sent")?;
        sync_core::crash::point("acknowledged");
        Ok(())
    }

    /// The error, with the rows that the server has and we could not note.
    fn not_noted(&mut self, error: Error) -> Error {
        self.courier.stop();
        if self.stop.asked() {
            self.client.shut_down();
        }
        for (job, delivery) in self.courier.results(usize::MAX, TICK) {
            self.take(job, delivery);
        }
        let rows: Vec<String> =
            [Kind::Event, Kind::Media].into_iter().filter_map(|kind| self.unnoted(kind)).collect();
        if rows.is_empty() {
            return error;
        }
        let rows = rows.join(" and ");
        error.context(format!(
            "the server has {rows}, which could not be noted here: they are sent again under the same key"
        ))
    }

    fn unnoted(&self, kind: Kind) -> Option<String> {
        let is_there = |delivery: &Delivery| matches!(delivery, Delivery::Done { .. });
        let done = self.results.iter().filter(|(job, delivery)| job.kind == kind && is_there(delivery));
        let ids: Vec<i64> = done.map(|(job, _)| job.id).collect();
        let (first, last) = (ids.iter().min()?, ids.iter().max()?);
        let name = kind.table();
        Some(match ids.len() {
            1 => format!("{name} {first}"),
            n => format!("{n} rows of {name} ({first} to {last})"),
        })
    }
}

fn is_busy(error: &Error) -> bool {
    let code = error.chain().find_map(|cause| cause.downcast_ref::<rusqlite::Error>()?.sqlite_error_code());
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
