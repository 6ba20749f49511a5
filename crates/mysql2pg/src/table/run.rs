//! One run of a job, or of several: each in one transaction of PostgreSQL.

use std::sync::mpsc::sync_channel;
use std::thread;

use anyhow::{Context, Result};
use mysql::Conn;
use pg_load::rejected::{Origin, Rejected};
use pg_load::table::{self, column_list};
use postgres::Transaction;
use sync_core::commit::Counts;
use sync_core::fault::{self, Fault};
use sync_core::pg::quote_literal;
use sync_core::report::{Count, Report};

use super::batch::{self, Batch, Builder};
use super::incremental::{self, Filter};
use super::job::{Job, OnConflict};
use super::plan::{self, Plan};
use super::reader::{self, Way};
use crate::TOOL;
use crate::convert::Tally;
use crate::load::merge::{self, Merge, Merged, Write};
use crate::load::missing::{self, Absence, Policy};
use crate::load::stage::{self, Stage};
use crate::load::target::{self, Target};
use crate::load::{rejects, replace};
use crate::server;
use crate::session::{self, Session};
use crate::settings::RowSettings;

/// Runs each job once; one that fails holds up none of the others.
pub(crate) fn run(session: &mut Session<'_>, jobs: &[Job], rows: RowSettings) -> Result<()> {
    let plans = plans(session, jobs, rows)?;
    for (job, plan) in jobs.iter().zip(plans) {
        if session.stop.asked() {
            return Err(Fault::locked("stopped between two tables", ""));
        }
        if session.state.done.contains(&plan.table) {
            continue;
        }
        let table = plan.table.clone();
        if let Err(err) = one(session, job, plan, rows) {
            if jobs.len() == 1 || fault::verdict(&err).retry || session.stop.asked() {
                return Err(err);
            }
            log::error!("{}", fault::describe(&err));
            session.report.fail_source(&table, &format!("{err:#}"));
        }
    }
    Ok(())
}

/// All jobs against the source, before any of them begins: what is misspelled shows at once.
fn plans(session: &Session<'_>, jobs: &[Job], rows: RowSettings) -> Result<Vec<Plan>> {
    let mut conn = session.source()?;
    let schema = &session.settings.schema;
    jobs.iter().map(|job| plan::make(&mut conn, job, schema, rows.convert.tinyint1_bool)).collect()
}

/// What was read, and where it stands.
#[derive(Default)]
struct Read {
    n_rows: u64,
    n_cut: u64,
    tally: Tally,
    rejected: Vec<Rejected>,
    has_changed_keys: bool,
}

fn one(session: &mut Session<'_>, job: &Job, plan: Plan, rows: RowSettings) -> Result<()> {
    let settings = session.settings;
    let mut conn = session.source()?;
    begin_reading(&mut conn, &plan)?;
    let origin = Origin {
        schema: &settings.schema,
        tool: TOOL,
        source: &job.name,
        file: &settings.mysql.database,
        generation: 1,
        table: job.source_name(),
    };
    let is_staged = session.state.staged.contains(&plan.table);
    let mut tx = session::begin(&mut session.client, settings, session.args)?;
    let (target, is_direct) = destination(&mut tx, job, &plan, rows.missing, is_staged)?;
    let (filter, cursor) = match &job.file.incremental {
        None => (Filter::default(), None),
        Some(incremental) => {
            let name = target.table.sql();
            let (filter, cursor) =
                incremental::plan(&mut conn, &mut tx, &plan, incremental, &origin, &name, is_direct)?;
            (filter, Some(cursor))
        }
    };
    let stage = match is_direct {
        true => None,
        false => Some(Stage::create(&mut tx, "sync_stage", &target.fields)?),
    };
    let n_estimated = plan.info.as_ref().map_or(0, |info| info.n_rows);
    let progress = session::progress(&plan.table, n_estimated);
    let mut read = Read::default();
    let builder = Builder::new(plan.clone(), target.fields.clone(), rows.convert, !is_direct);
    read_all(conn, &plan, &filter, builder, |batch| {
        if session.stop.asked() {
            return Err(Fault::locked("stopped while reading: nothing was written", ""));
        }
        progress.inc(batch.n_read);
        read.add(&mut tx, batch, &target, stage.as_ref(), &plan, rows)
    })?;
    progress.finish_and_clear();
    sync_core::crash::point("staged");
    let mut counts = Counts::default();
    let merged = match &stage {
        None => index(&mut tx, &target, &read).inspect_err(|err| {
            if is_repeated_key(err) {
                session.state.staged.insert(plan.table.clone());
            }
        }),
        Some(stage) => merge(&mut tx, job, &plan, &target, stage, &mut read),
    };
    let merged = merged.map_err(|err| match is_repeated_key(&err) {
        true => Fault::temporary("two rows share a key", "the next attempt sets one of them aside"),
        false => err,
    })?;
    sync_core::crash::point("merged");
    if let Some(stage) = &stage {
        let absence = Absence {
            policy: rows.missing,
            force: rows.force,
            schema: &settings.schema,
            job: &job.name,
            target: &target,
            seen: &stage.sql,
            dependent: None,
            local_time: missing::LOCAL_TIME,
        };
        settle_missing(&mut tx, &absence, &read, session.report, &mut counts)?;
    }
    origin.set_aside(&mut tx, &read.rejected)?;
    let n_set_aside = rejects::settle(&mut tx, &origin)?;
    if let Some(cursor) = cursor {
        cursor.advance(&mut tx, &settings.schema, n_set_aside)?;
    }
    read.count(&merged, &mut counts);
    session::end(&plan.table, session.state, session.args, session.report, tx, counts)
}

fn begin_reading(conn: &mut Conn, plan: &Plan) -> Result<()> {
    let engine = plan.info.as_ref().map_or("", |info| info.engine.as_str());
    match reader::way(plan) {
        Way::Stream => return server::begin_snapshot(conn),
        Way::Ranges => log::warn!(
            "{} ({engine}) has no snapshot: read in ranges of its key, what changes meanwhile may be new or old",
            plan.table
        ),
        Way::Buffered => log::warn!(
            "{} ({engine}) has no snapshot and no key to read it in ranges: its writers wait while the server copies it",
            plan.table
        ),
    }
    Ok(())
}

/// The destination, found or made; true when it is new, so that rows may go straight into it.
fn destination(
    tx: &mut Transaction<'_>,
    job: &Job,
    plan: &Plan,
    policy: Policy,
    is_staged: bool,
) -> Result<(Target, bool)> {
    let (schema, name) = (plan.schema.as_str(), plan.table.as_str());
    let qualified = table::qualified(schema, name);
    // Two runs that merge the same rows at once would refuse each other's.
    tx.batch_execute(&format!(
        "SELECT pg_advisory_xact_lock(hashtextextended({}, 0))",
        quote_literal(&qualified)
    ))?;
    let is_new = table::inspect(tx, schema, name)?.is_none();
    if is_new && !job.file.destination.create {
        return Err(Fault::config(
            format!("table {qualified} does not exist"),
            "create it, or let the job do it: destination: {create: true}",
        ));
    }
    let is_direct = is_new && !is_staged;
    table::create_schema(tx, schema)?;
    let keys = if is_direct { &[][..] } else { &plan.keys };
    target::create(tx, schema, name, &plan.columns, keys)?;
    let found = table::inspect(tx, schema, name)?.with_context(|| format!("table {qualified} vanished"))?;
    if plan.keys.is_empty() && !found.ours {
        return Err(Fault::config(
            format!(
                "table {qualified} was not made by {TOOL}, and the source has no key to merge its rows by"
            ),
            "drop or rename it, or name a key in a job's file: destination: {key: [COLUMN]}",
        ));
    }
    missing::prepare(tx, policy, &found)?;
    let target = Target::of(tx, found, &plan.columns, &plan.keys)?;
    if !is_direct && !plan.keys.is_empty() {
        target.require_unique_key(tx)?;
    }
    Ok((target, is_direct))
}

/// Reads on a thread of its own while the last batch is written.
fn read_all(
    mut conn: Conn,
    plan: &Plan,
    filter: &Filter,
    mut builder: Builder,
    mut take: impl FnMut(Batch) -> Result<()>,
) -> Result<()> {
    thread::scope(|scope| {
        let (sender, batches) = sync_channel::<Result<Batch>>(1);
        scope.spawn(move || {
            if let Err(err) = reader::read(&mut conn, plan, filter, &mut builder, &sender) {
                let _ = sender.send(Err(err));
            }
        });
        batches.into_iter().try_for_each(|batch| take(batch?))
    })
}

impl Read {
    fn add(
        &mut self,
        tx: &mut Transaction<'_>,
        mut batch: Batch,
        target: &Target,
        stage: Option<&Stage>,
        plan: &Plan,
        rows: RowSettings,
    ) -> Result<()> {
        let n_before = i64::try_from(self.n_rows)?;
        let refused = match stage {
            Some(stage) => stage.add(tx, &batch.rows)?,
            None => {
                let names: Vec<String> =
                    target.fields.iter().map(|field| field.column.name.clone()).collect();
                stage::copy_rows(tx, &target.table.sql(), &names, &batch.rows)?
            }
        };
        sync_core::crash::point("batch-staged");
        for (i, reason) in refused {
            let n = n_before + i as i64 + 1;
            batch.rejected.push(batch::describe(plan, &batch.source[i], reason, n, &rows.convert));
        }
        self.n_rows += batch.n_read;
        self.n_cut += batch.notes.n_cut;
        self.tally += batch.tally;
        self.has_changed_keys |= batch.has_changed_keys;
        self.rejected.append(&mut batch.rejected);
        Ok(())
    }

    /// What becomes known to the report with the commit.
    fn count(&self, merged: &Merged, counts: &mut Counts) {
        counts.of.extend([
            (Count::Read, self.n_rows),
            (Count::Written, merged.n_new + merged.n_changed),
            (Count::Unchanged, merged.n_unchanged),
            (Count::Rejected, self.rejected.len() as u64),
        ]);
        counts.notes.extend(self.tally.notes());
        counts.notes.push(("cut timestamps", self.n_cut));
    }
}

/// Builds the key of a table that was filled straight away.
fn index(tx: &mut Transaction<'_>, target: &Target, read: &Read) -> Result<Merged> {
    if !target.keys.is_empty() {
        tx.batch_execute(&format!(
            "ALTER TABLE {} ADD PRIMARY KEY ({})",
            target.table.sql(),
            column_list(target.keys.iter().map(String::as_str))
        ))
        .context("make the primary key")?;
    }
    Ok(Merged { n_new: read.n_rows - read.rejected.len() as u64, ..Merged::default() })
}

fn is_repeated_key(err: &anyhow::Error) -> bool {
    pg_load::bisect::code(err) == Some("23505")
}

/// Merges by key, or replaces all rows where there is none.
fn merge(
    tx: &mut Transaction<'_>,
    job: &Job,
    plan: &Plan,
    target: &Target,
    stage: &Stage,
    read: &mut Read,
) -> Result<Merged> {
    let merged = if target.keys.is_empty() {
        replace::rows(tx, target, stage)?
    } else {
        if plan.info.is_none() || job.file.destination.key.is_some() || read.has_changed_keys {
            let repeated = merge::repeated_keys(tx, target, stage)?;
            let reason = "its key is that of another row";
            let refused: Vec<_> = repeated.into_iter().map(|ordinal| (ordinal, reason.to_owned())).collect();
            rejects::take_out(tx, target, stage, &refused, &mut read.rejected)?;
        }
        let write = if job.file.on_conflict == OnConflict::Update { Write::Changed } else { Write::New };
        merge::rows(tx, &Merge { target, stage, write, computed: None })?
    };
    read.rejected.extend(rejects::describe(tx, target, stage, &merged.refused)?);
    Ok(merged)
}

/// Rows that are no longer in the source, after a run that has read and understood all of it.
fn settle_missing(
    tx: &mut Transaction<'_>,
    absence: &Absence<'_>,
    read: &Read,
    report: &Report,
    counts: &mut Counts,
) -> Result<()> {
    let keeps = absence.policy == Policy::Keep || absence.target.keys.is_empty();
    if keeps || (read.n_rows == 0 && !absence.force) {
        return Ok(());
    }
    if !read.rejected.is_empty() {
        log::warn!(
            "rows were set aside, which may be among those that seem to be absent: none are marked or deleted"
        );
        return Ok(());
    }
    absence.settle(tx)?.say(absence.policy, "rows", report, counts);
    Ok(())
}
