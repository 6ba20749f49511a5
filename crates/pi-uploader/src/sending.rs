//! One run's rows on their way: from the database to the threads that call the server, and their results back into it.
//!
//! What is about to be sent and what was acknowledged are committed together, so that a hundred rows cost one commit.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rusqlite::{Connection, TransactionBehavior};
use sync_core::http::Client;
use sync_core::stop::Stop;
use sync_core::tracking::{self, Intent, Outcome};

use crate::database::Database;
use crate::deliver::courier::{Courier, Delivered, Halt};
use crate::deliver::{Delivery, Job};
use crate::pause;
use crate::screen::{self, Screen, Tally};
use crate::settings::Settings;
use crate::source::Kind;
use crate::source::rows::{self, Row};
use crate::source::schema::Table;
use crate::spool::{Spool, Video, Wait};

/// Rows whose acknowledgements are committed together.
const BATCH: usize = 100;
/// How long an acknowledgement may wait for others.
const ACK_DELAY: Duration = Duration::from_secs(2);
/// How long we look for a signal to stop at the latest.
const TICK: Duration = Duration::from_millis(100);
/// How long a call may take once we are to end.
const LAST_CALL: Duration = Duration::from_secs(2);

/// A run at work.
pub(crate) struct Sending<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) database: &'a mut Database,
    pub(crate) client: &'a Client,
    pub(crate) courier: Courier<'a>,
    pub(crate) spool: Spool,
    pub(crate) screen: &'a mut Screen,
    pub(crate) stop: &'a Stop,
    pub(crate) tally: Tally,
    /// Results that are not in the database yet, and since when the first of them is here.
    pub(crate) results: Vec<Delivered>,
    pub(crate) first_result: Option<Instant>,
}

impl Sending<'_> {
    /// Sends events in this order; returns early when the run has come to its end.
    pub(crate) fn events(&mut self, table: &Table, ids: &[i64]) -> Result<()> {
        let mut left = ids;
        loop {
            let n_out = self.courier.n_out();
            if n_out <= BATCH && !left.is_empty() && self.goes_on() {
                // A second batch is there before the first has gone, and the first two cost one commit.
                let (batch, others) = left.split_at(left.len().min(2 * BATCH - n_out));
                left = others;
                self.hand_out(table, batch)?;
            }
            if self.courier.n_out() == 0 {
                return self.flush();
            }
            self.collect(BATCH)?;
            if left.is_empty() || !self.goes_on() {
                self.flush()?;
            }
        }
    }

    /// Sends one video.
    pub(crate) fn media(&mut self, table: &Table, id: i64) -> Result<()> {
        let Some((row, misfit)) = rows::row(&self.database.db, table, id)? else {
            return Ok(());
        };
        let misfit = match (misfit, row.n_video_bytes) {
            (Ok(()), None) => {
                Err(self.settings.lang.of("vidéo absente ou vide", "no video, or an empty one").to_owned())
            }
            (Ok(()), Some(n)) if self.settings.max_media.is_some_and(|limit| n > limit) => {
                Err(format!("{n} bytes: more than --max-media-mb"))
            }
            (misfit, _) => misfit,
        };
        if let Err(reason) = misfit {
            return self.set_aside(&row, &reason);
        }
        let video = match self.spool.fill(&self.database.db, table, &row)? {
            Ok(video) => video,
            Err(Wait::Gone) => return Ok(()),
            Err(wait) => return self.put_off(&row, &wait),
        };
        let mut job = None;
        let device = self.settings.device.as_str();
        self.save(&mut |db| {
            job = Some(prepare(db, &row, device, Some(&video))?);
            Ok(())
        })?;
        sync_core::crash::point("intended");
        self.courier.send(job);
        while self.courier.n_out() > 0 {
            self.collect(1)?;
        }
        self.flush()?;
        let is_there = |tracked: &tracking::Attempt| tracked.payload.is_none();
        if tracking::attempt(&self.database.db, table.kind.table(), id)?.as_ref().is_some_and(is_there) {
            self.spool.empty();
        }
        Ok(())
    }

    /// Whether further rows are sent.
    pub(crate) fn goes_on(&self) -> bool {
        self.courier.halted().is_none() && !self.stop.asked()
    }

    fn hand_out(&mut self, table: &Table, ids: &[i64]) -> Result<()> {
        let mut jobs = Vec::with_capacity(ids.len());
        let mut misfits = Vec::new();
        let device = self.settings.device.as_str();
        self.save(&mut |db| {
            let mut reader = rows::Reader::new(db, table)?;
            for id in ids {
                match reader.row(*id)? {
                    None => {}
                    Some((row, Ok(()))) => jobs.push(prepare(db, &row, device, None)?),
                    Some((row, Err(reason))) => {
                        refuse(db, &row, device, &reason)?;
                        misfits.push((row.id, reason));
                    }
                }
            }
            Ok(())
        })?;
        sync_core::crash::point("intended");
        for (id, reason) in misfits {
            self.say_misfit(table.kind, id, &reason);
        }
        self.courier.send(jobs);
        Ok(())
    }

    /// Waits for results, until there are so many or no more to come.
    fn collect(&mut self, n_wanted: usize) -> Result<()> {
        let mut last_call: Option<Instant> = None;
        while self.courier.n_out() > 0 && self.results.len() < n_wanted {
            for (job, delivery) in self.courier.results(n_wanted - self.results.len(), TICK) {
                self.take(job, delivery, last_call.is_some());
            }
            if self.first_result.is_some_and(|first| first.elapsed() >= ACK_DELAY) {
                self.flush()?;
            }
            if self.stop.asked() {
                self.courier.stop();
                if last_call.get_or_insert_with(Instant::now).elapsed() >= LAST_CALL {
                    self.client.shut_down();
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, job: Job, delivery: Delivery, is_stopping: bool) {
        // Broken off by ourselves, it says nothing of the server.
        if is_stopping && !matches!(delivery, Delivery::Done { .. } | Delivery::Refused { .. }) {
            return;
        }
        self.screen.row(&job, &delivery);
        match delivery {
            Delivery::Unreachable { .. } | Delivery::Unauthorized { .. } => {}
            _ => self.tally.count(job.kind, matches!(delivery, Delivery::Done { .. })),
        }
        self.first_result.get_or_insert_with(Instant::now);
        self.results.push((job, delivery));
    }

    /// Commits the results.
    fn flush(&mut self) -> Result<()> {
        self.save(&mut |_| Ok(()))
    }

    /// Commits the results, and what `more` writes.
    fn save(&mut self, more: &mut dyn FnMut(&Connection) -> Result<()>) -> Result<()> {
        let results = std::mem::take(&mut self.results);
        self.first_result = None;
        let tx = self.database.db.transaction_with_behavior(TransactionBehavior::Immediate);
        let tx = tx.context("write what was sent")?;
        for (job, delivery) in &results {
            let outcome = outcome(job, delivery, self.settings);
            tracking::record(&tx, job.kind.table(), job.id, &outcome)?;
        }
        more(&tx)?;
        sync_core::crash::point("acknowledging");
        tx.commit().context("write what was sent")?;
        sync_core::crash::point("acknowledged");
        Ok(())
    }

    /// A row that cannot be sent as it is.
    fn set_aside(&mut self, row: &Row, reason: &str) -> Result<()> {
        let device = self.settings.device.as_str();
        self.save(&mut |db| refuse(db, row, device, reason))?;
        self.say_misfit(row.kind, row.id, reason);
        Ok(())
    }

    /// A video that cannot be sent now, through no fault of its own or the server's.
    fn put_off(&mut self, row: &Row, wait: &Wait) -> Result<()> {
        let reason = match wait {
            Wait::NoSpool(reason) => format!("the spool cannot be used: {reason}"),
            Wait::NoSpace(needed, free) => format!("no room in the spool: {needed} bytes, {free} free"),
            Wait::Restless | Wait::Gone => "the video changes while it is read".to_owned(),
        };
        let device = self.settings.device.as_str();
        self.save(&mut |db| {
            know(db, row, device)?;
            tracking::record(db, row.kind.table(), row.id, &Outcome::Untried { reason: reason.clone() })
        })?;
        self.say_misfit(row.kind, row.id, &reason);
        Ok(())
    }

    fn say_misfit(&mut self, kind: Kind, id: i64, reason: &str) {
        self.screen.misfit(kind, id, reason);
        self.tally.count(kind, false);
    }

    /// What keeps the run from going through.
    pub(crate) fn halted(&self) -> Option<Halt> {
        self.courier.halted().or_else(|| self.stop.asked().then_some(Halt::Stopped))
    }
}

/// The row as it is sent: what was frozen at its first attempt, as long as it still is that row.
fn prepare(db: &Connection, row: &Row, device: &str, video: Option<&Video>) -> Result<Job> {
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
fn know(db: &Connection, row: &Row, device: &str) -> Result<u32> {
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
fn refuse(db: &Connection, row: &Row, device: &str, reason: &str) -> Result<()> {
    let pause = pause::refused(know(db, row, device)?);
    let outcome = Outcome::Failed { status: None, reason: reason.to_owned(), pause };
    tracking::record(db, row.kind.table(), row.id, &outcome)
}

fn outcome(job: &Job, delivery: &Delivery, settings: &Settings) -> Outcome {
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
