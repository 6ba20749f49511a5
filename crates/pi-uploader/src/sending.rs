//! One run's rows on their way: from the database to the threads that call the server, and their results back into it.
//!
//! What is about to be sent and what was acknowledged are committed together, so that a hundred rows cost one commit.

use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;
use sync_core::http::Client;
use sync_core::stop::Stop;
use sync_core::tracking::{self, Outcome};

use self::intent::{know, prepare, refuse};
use crate::database::{self, Database};
use crate::deliver::courier::{Courier, Delivered, Halt};
use crate::deliver::{Delivery, Job};
use crate::screen::{Screen, Tally};
use crate::settings::Settings;
use crate::source::Kind;
use crate::source::rows::{self, Row};
use crate::source::schema::Table;
use crate::spool::{Spool, Wait};

mod commit;
mod intent;

/// Rows that are handed out together.
const BATCH: usize = 100;
/// How long an acknowledgement may wait for others: the courier stands still after 2 s.
const ACK_DELAY: Duration = Duration::from_millis(1500);
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
    /// Rows whose results are committed together.
    pub(crate) n_enough: usize,
    /// Results that are not in the database yet, and since when the first of them is here.
    pub(crate) results: Vec<Delivered>,
    pub(crate) first_result: Option<Instant>,
    /// Since when we know that we are to end.
    pub(crate) stopping: Option<Instant>,
}

/// How many results are committed together.
///
/// In WAL mode a commit waits for the disk once, and comes early enough that further rows go meanwhile, up to the
/// courier's limit; in the others it waits four times, which is worth fewer commits.
pub(crate) fn n_enough(db: &Connection) -> Result<usize> {
    let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(if mode == "wal" { 80 } else { BATCH })
}

impl Sending<'_> {
    /// Sends events in this order; returns early when the run has come to its end.
    pub(crate) fn events(&mut self, table: &Table, ids: &[i64]) -> Result<()> {
        let mut left = ids;
        loop {
            let n_out = self.courier.n_out();
            if n_out <= 2 * BATCH - self.n_enough && !left.is_empty() && self.goes_on() {
                // A second batch is there before the first has gone, and the first two cost one commit.
                let (batch, others) = left.split_at(left.len().min(2 * BATCH - n_out));
                left = others;
                self.hand_out(table, batch)?;
            }
            if self.courier.n_out() == 0 {
                return self.flush();
            }
            self.collect(self.n_enough)?;
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
        let video = match self.spool.fill(&self.database.db, table, &row) {
            Ok(Ok(video)) => video,
            Ok(Err(Wait::Gone)) => return Ok(()),
            Ok(Err(wait)) => return self.put_off(&row, &wait),
            // The other videos may be whole.
            Err(error) if database::is_damaged(&error) => return self.set_aside(&row, &format!("{error:#}")),
            Err(error) => return Err(error),
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
            // Where the database was held by others, this is done again.
            jobs.clear();
            misfits.clear();
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
        while self.courier.n_out() > 0 && self.results.len() < n_wanted {
            for (job, delivery) in self.courier.results(n_wanted - self.results.len(), TICK) {
                self.take(job, delivery);
            }
            if self.first_result.is_some_and(|first| first.elapsed() >= ACK_DELAY) {
                self.flush()?;
            }
            if self.stopping().is_some_and(|since| since.elapsed() >= LAST_CALL) {
                self.client.shut_down();
            }
        }
        Ok(())
    }

    /// Since when we are to end; then no further row is sent.
    fn stopping(&mut self) -> Option<Instant> {
        if self.stop.asked() && self.stopping.is_none() {
            self.courier.stop();
            self.stopping = Some(Instant::now());
        }
        self.stopping
    }

    fn take(&mut self, job: Job, delivery: Delivery) {
        // Broken off by ourselves, it says nothing of the server.
        if self.stopping.is_some() && !matches!(delivery, Delivery::Done { .. } | Delivery::Refused { .. }) {
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
