//! The parts of one run of a job: reading into a stage, writing, and what is absent.

use std::collections::HashSet;
use std::sync::mpsc::sync_channel;
use std::thread;

use anyhow::{Context, Result};
use mysql::Conn;
use pg_load::rejected::{Origin, Rejected};
use pg_load::table::column_list;
use postgres::Transaction;
use sync_core::commit::Counts;
use sync_core::fault::Fault;
use sync_core::report::{Count, Report};
use sync_core::stop::Stop;

use super::batch::{self, Batch, Builder};
use super::incremental::Filter;
use super::job::{Job, OnConflict};
use super::plan::Plan;
use super::reader;
use crate::convert::Tally;
use crate::load::merge::{self, Merge, Merged, Write};
use crate::load::missing::{self, Absence, Policy};
use crate::load::stage::{self, Stage};
use crate::load::target::Target;
use crate::load::{rejects, replace};
use crate::session;
use crate::settings::RowSettings;

/// One job on its way into one table.
pub(super) struct Work<'a> {
    pub(super) job: &'a Job,
    pub(super) plan: &'a Plan,
    pub(super) target: &'a Target,
    /// The table was made in this transaction.
    pub(super) is_new: bool,
    /// Where rows wait to be merged; none when they go straight into the table.
    pub(super) stage: Option<&'a Stage>,
    pub(super) rows: RowSettings,
    pub(super) origin: Origin<'a>,
}

/// What was read, and where it stands.
#[derive(Default)]
pub(super) struct Read {
    n_rows: u64,
    n_cut: u64,
    tally: Tally,
    pub(super) rejected: Vec<Rejected>,
    has_changed_keys: bool,
}

impl Work<'_> {
    /// Reads on a thread of its own while the last batch is written.
    pub(super) fn read(
        &self,
        tx: &mut Transaction<'_>,
        mut conn: Conn,
        filter: &Filter,
        stop: &Stop,
    ) -> Result<Read> {
        let Work { plan, target, rows, .. } = self;
        let n_estimated = plan.info.as_ref().map_or(0, |info| info.n_rows);
        let progress = session::progress(&plan.table, n_estimated);
        let (plan, fields) = (Plan::clone(plan), target.fields.clone());
        let mut builder = Builder::new(plan, fields, rows.convert, self.stage.is_some());
        let mut read = Read::default();
        thread::scope(|scope| {
            let (sender, batches) = sync_channel::<Result<Batch>>(1);
            scope.spawn(move || {
                if let Err(err) = reader::read(&mut conn, self.plan, filter, &mut builder, &sender) {
                    let _ = sender.send(Err(err));
                }
            });
            batches.into_iter().try_for_each(|batch| {
                let batch = batch?;
                if stop.asked() {
                    return Err(Fault::locked("stopped while reading: nothing was written", ""));
                }
                progress.inc(batch.n_read);
                self.take(tx, batch, &mut read)
            })
        })?;
        progress.finish_and_clear();
        Ok(read)
    }

    fn take(&self, tx: &mut Transaction<'_>, mut batch: Batch, read: &mut Read) -> Result<()> {
        let n_before = i64::try_from(read.n_rows)?;
        let refused = match self.stage {
            Some(stage) => stage.add(tx, &batch.rows)?,
            None => {
                let fields = self.target.fields.iter();
                let names: Vec<String> = fields.map(|field| field.column.name.clone()).collect();
                stage::copy_rows(tx, &self.target.table.sql(), &names, &batch.rows)?
            }
        };
        sync_core::crash::point("batch-staged");
        for (i, reason) in refused {
            let n = n_before + i as i64 + 1;
            let row = &batch.source[i];
            batch.rejected.push(batch::describe(self.plan, row, reason, n, &self.rows.convert));
        }
        read.n_rows += batch.n_read;
        read.n_cut += batch.notes.n_cut;
        read.tally += batch.tally;
        read.has_changed_keys |= batch.has_changed_keys;
        read.rejected.append(&mut batch.rejected);
        Ok(())
    }

    /// Writes what was read. Where rows of a new table share a key, the table is noted in `staged` and the run must begin
    /// anew, with a stage.
    pub(super) fn write(
        &self,
        tx: &mut Transaction<'_>,
        read: &mut Read,
        staged: &mut HashSet<String>,
    ) -> Result<Merged> {
        let merged = match self.stage {
            None => self.index(tx, read).map_err(|err| match is_repeated_key(&err) {
                true => {
                    staged.insert(self.plan.table.clone());
                    Fault::temporary("two rows share a key", "the next attempt sets one of them aside")
                }
                false => err,
            }),
            Some(stage) if self.target.keys.is_empty() => replace::rows(tx, self.target, stage),
            Some(stage) => self.merge(tx, stage, read),
        }?;
        if let Some(stage) = self.stage {
            read.rejected.extend(rejects::describe(tx, self.target, stage, &merged.refused)?);
        }
        Ok(merged)
    }

    /// Builds the key of a table that was filled straight away.
    fn index(&self, tx: &mut Transaction<'_>, read: &Read) -> Result<Merged> {
        let Target { table, keys, .. } = self.target;
        if !keys.is_empty() {
            let keys = column_list(keys.iter().map(String::as_str));
            tx.batch_execute(&format!("ALTER TABLE {} ADD PRIMARY KEY ({keys})", table.sql()))
                .context("make the primary key")?;
        }
        Ok(Merged { n_new: read.n_rows - read.rejected.len() as u64, ..Merged::default() })
    }

    fn merge(&self, tx: &mut Transaction<'_>, stage: &Stage, read: &mut Read) -> Result<Merged> {
        let Work { job, plan, target, .. } = self;
        // A table of somebody else may hold for equal what the source does not.
        let may_repeat = read.has_changed_keys || !target.table.ours;
        if plan.info.is_none() || job.file.destination.key.is_some() || may_repeat {
            rejects::take_repeated_out(tx, target, stage, &mut read.rejected)?;
        }
        let write = if job.file.on_conflict == OnConflict::Update { Write::Changed } else { Write::New };
        merge::rows(tx, &Merge { target, stage, write, computed: None })
    }

    /// Rows that are no longer in the source, after a run that has read and understood all of it.
    pub(super) fn settle_missing(
        &self,
        tx: &mut Transaction<'_>,
        read: &mut Read,
        report: &Report,
        counts: &mut Counts,
    ) -> Result<()> {
        let (Work { target, origin, .. }, RowSettings { missing: policy, force, .. }) = (self, self.rows);
        if self.is_new {
            missing::forget(tx, origin, target)?;
        }
        let Some(stage) = self.stage.filter(|_| !target.keys.is_empty()) else {
            return Ok(());
        };
        if policy == Policy::Keep {
            return missing::forget_seen(tx, origin, target, &stage.sql);
        }
        if read.n_rows == 0 && !force {
            log::warn!("the source is empty: no row is marked or deleted; --force lets them go");
            return Ok(());
        }
        if !read.rejected.is_empty() {
            // They count as seen, so that the sightings begin anew.
            missing::forget(tx, origin, target)?;
            log::warn!(
                "rows were set aside, which may be among those that seem to be absent: none are marked or deleted"
            );
            return Ok(());
        }
        let absence = Absence {
            policy,
            force,
            origin,
            target,
            seen: &stage.sql,
            dependent: None,
            local_time: missing::LOCAL_TIME,
        };
        absence.settle(tx, &mut read.rejected)?.say(policy, "rows", report, counts);
        Ok(())
    }
}

impl Read {
    /// What becomes known to the report with the commit.
    pub(super) fn count(&self, merged: &Merged, counts: &mut Counts) {
        counts.of.extend([
            (Count::Read, self.n_rows),
            (Count::Written, merged.n_new + merged.n_changed),
            (Count::Unchanged, merged.n_unchanged),
            (Count::Rejected, self.rejected.len() as u64),
        ]);
        counts.notes.extend(self.tally.notes());
        counts.notes.push(("cut_timestamps", self.n_cut));
    }
}

fn is_repeated_key(err: &anyhow::Error) -> bool {
    pg_load::bisect::code(err) == Some("23505")
}
