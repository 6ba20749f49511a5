//! One run of the job: read, stage, merge, all in one transaction of PostgreSQL.

use std::sync::mpsc::sync_channel;
use std::thread;

use anyhow::{Result, anyhow};
use indicatif::ProgressBar;
use mysql::Conn;
use pg_load::rejected::{Origin, Rejected};
use pg_load::types::ColumnType;
use postgres::Transaction;
use sync_core::commit::Counts;
use sync_core::fault::Fault;
use sync_core::report::{Count, Report};
use sync_core::stop::Stop;

use super::JOB;
use super::destination::{self, Destination, ID, WRITTEN_AT};
use super::reader::{Page, Reader};
use super::rows::{Ordinals, Rows};
use super::schema::Schema;
use super::since::{self, Plan};
use crate::TOOL;
use crate::args::Touch;
use crate::convert::Tally;
use crate::load::fields::{Encoded, Field};
use crate::load::merge::{self, Merge, Write};
use crate::load::missing::{self, Absence, Policy};
use crate::load::rejects;
use crate::load::stage::Stage;
use crate::load::target::Target;
use crate::server;
use crate::session::{self, Session};
use crate::settings::{OrderSettings, RowSettings};

/// The stages of a run.
struct Stages {
    orders: Stage,
    details: Option<Stage>,
    /// Ids of all orders, wanted or not.
    seen: Option<Stage>,
}

/// What was read.
#[derive(Default)]
struct Read {
    n_orders: u64,
    n_wanted: u64,
    n_cut: u64,
    tally: Tally,
    rejected: Vec<Rejected>,
}

/// Runs the job once.
pub(crate) fn run(session: &mut Session<'_>, job: &OrderSettings) -> Result<()> {
    if session.state.done.contains(JOB) {
        return Ok(());
    }
    let settings = session.settings;
    let mut conn = session.source()?;
    let schema = Schema::find(&mut conn)?;
    begin_reading(&mut conn, &schema)?;
    let origin = Origin {
        schema: &settings.schema,
        tool: TOOL,
        source: JOB,
        file: &settings.mysql.database,
        generation: 1,
        table: &schema.head.info.name,
    };
    let mut tx = session::begin(&mut session.client, settings, session.args)?;
    let destination = destination::ensure(&mut tx, &settings.schema, job.details, job.rows.missing)?;
    let name = destination.orders.table.sql();
    let mut plan = since::plan(&mut conn, &mut tx, &schema, &job.since, &origin, &name)?;
    let stages = Stages::create(&mut tx, &destination, job.rows.missing)?;
    let n_estimated = schema.head.info.n_rows;
    let reader = Reader::new(conn, schema.clone(), job.wanted.clone(), job.rows.convert, plan.take_span());
    let progress = session::progress("orders", n_estimated);
    let mut read = stage_all(&mut tx, reader, &destination, &stages, session.stop, &progress)?;
    sync_core::crash::point("staged");
    let mut counts = Counts::default();
    let work = Work { job, destination: &destination, stages: &stages, schema: &settings.schema };
    let n_wanted = read.n_wanted;
    work.merge(&mut tx, &mut read, &mut counts)?;
    sync_core::crash::point("merged");
    work.settle_missing(&mut tx, &read, session.report, &mut counts)?;
    origin.set_aside(&mut tx, &read.rejected)?;
    rejects::settle(&mut tx, &origin)?;
    plan.advance(&mut tx, &settings.schema, n_wanted)?;
    read.count(&mut counts);
    session::end(JOB, session.state, session.args, session.report, tx, counts)?;
    warn(session.report, job, &plan, &read);
    Ok(())
}

/// One snapshot for the whole run, where every table has transactions.
fn begin_reading(conn: &mut Conn, schema: &Schema) -> Result<()> {
    let unsafe_tables: Vec<String> = schema
        .tables()
        .iter()
        .filter(|table| !table.info.is_transactional())
        .map(|table| format!("{} ({})", table.info.name, table.info.engine))
        .collect();
    if !unsafe_tables.is_empty() {
        log::warn!(
            "no snapshot of {}: read in spans of orders, so that writers wait for moments only; what changes meanwhile \
             comes with the next run",
            unsafe_tables.join(", ")
        );
        return Ok(());
    }
    server::begin_snapshot(conn)
}

impl Stages {
    fn create(tx: &mut Transaction<'_>, destination: &Destination, policy: Policy) -> Result<Stages> {
        let id: Vec<Field> = destination.orders.key_fields().cloned().collect();
        Ok(Stages {
            orders: Stage::create(tx, "sync_stage", &destination.orders.fields)?,
            details: match &destination.details {
                Some(details) => Some(Stage::create(tx, "sync_stage_details", &details.fields)?),
                None => None,
            },
            seen: match policy {
                Policy::Keep => None,
                _ => Some(Stage::create(tx, "sync_seen", &id)?),
            },
        })
    }

    fn add(
        &self,
        tx: &mut Transaction<'_>,
        page: &Page,
        rows: &Rows,
        destination: &Destination,
    ) -> Result<()> {
        let all_taken = |refused: Vec<(usize, String)>| match refused.first() {
            None => Ok(()),
            Some((_, reason)) => Err(anyhow!("PostgreSQL does not take an order: {reason}")),
        };
        all_taken(self.orders.add(tx, &rows.orders)?)?;
        if let Some(details) = &self.details {
            all_taken(details.add(tx, &rows.details)?)?;
        }
        if let Some(seen) = &self.seen {
            let fields: Vec<Field> = destination.orders.key_fields().cloned().collect();
            let mut ids = Encoded::default();
            for order in &page.orders {
                let id = pg_load::value::Value::Text(order.head.id.as_bytes());
                // An id that its column cannot hold is none of the destination's.
                let _ = ids.push(Some(0), &fields, [id], &mut Default::default());
            }
            all_taken(seen.add(tx, &ids)?)?;
        }
        Ok(())
    }
}

/// Reads on a thread of its own while the last page goes to its stage.
fn stage_all(
    tx: &mut Transaction<'_>,
    mut reader: Reader,
    destination: &Destination,
    stages: &Stages,
    stop: &Stop,
    progress: &ProgressBar,
) -> Result<Read> {
    let mut read = Read::default();
    let mut ordinals = Ordinals::default();
    thread::scope(|scope| {
        let (sender, pages) = sync_channel::<Result<Page>>(1);
        scope.spawn(move || {
            while let Some(page) = reader.next().transpose() {
                let has_failed = page.is_err();
                if sender.send(page).is_err() || has_failed {
                    return;
                }
            }
        });
        for page in pages {
            let page = page?;
            if stop.asked() {
                return Err(Fault::locked("stopped while reading: nothing was written", ""));
            }
            read.add(tx, &page, destination, stages, &mut ordinals)?;
            sync_core::crash::point("page-staged");
            progress.inc(page.orders.len() as u64);
        }
        Ok(())
    })?;
    progress.finish_and_clear();
    Ok(read)
}

impl Read {
    fn add(
        &mut self,
        tx: &mut Transaction<'_>,
        page: &Page,
        destination: &Destination,
        stages: &Stages,
        ordinals: &mut Ordinals,
    ) -> Result<()> {
        let wanted = || page.orders.iter().filter(|order| order.is_wanted());
        let rows = Rows::of(wanted(), destination, ordinals);
        stages.add(tx, page, &rows, destination)?;
        self.n_orders += page.orders.len() as u64;
        self.n_wanted += wanted().count() as u64;
        self.n_cut += rows.notes.n_cut;
        self.tally += page.tally;
        self.rejected.extend(rows.rejected);
        Ok(())
    }

    /// What becomes known to the report with the commit.
    fn count(&self, counts: &mut Counts) {
        counts.of.extend([(Count::Read, self.n_orders), (Count::Rejected, self.rejected.len() as u64)]);
        counts.notes.push(("wanted", self.n_wanted));
        counts.notes.extend(self.tally.notes());
        counts.notes.push(("cut timestamps", self.n_cut));
    }
}

/// The part of a run that writes.
struct Work<'a> {
    job: &'a OrderSettings,
    destination: &'a Destination,
    stages: &'a Stages,
    /// Schema of our own tables.
    schema: &'a str,
}

impl Work<'_> {
    /// Merges orders, then their details: those of an order that is refused stay as they are.
    fn merge(&self, tx: &mut Transaction<'_>, read: &mut Read, counts: &mut Counts) -> Result<()> {
        let Work { job, destination, stages, .. } = self;
        set_aside_repeated(tx, &destination.orders, &stages.orders, read)?;
        let now = local_time(&destination.orders);
        let merged = merge::rows(
            tx,
            &Merge {
                target: &destination.orders,
                stage: &stages.orders,
                write: if job.touch == Touch::All { Write::All } else { Write::Changed },
                computed: Some((WRITTEN_AT, now)),
            },
        )?;
        counts.of.extend([
            (Count::Written, merged.n_new + merged.n_changed),
            (Count::Unchanged, merged.n_unchanged),
        ]);
        rejects::take_out(tx, &destination.orders, &stages.orders, &merged.refused, &mut read.rejected)?;
        let (Some(details), Some(stage)) = (&destination.details, &stages.details) else {
            return Ok(());
        };
        if !read.rejected.is_empty() {
            drop_orphans(tx, stage, &stages.orders)?;
        }
        set_aside_repeated(tx, details, stage, read)?;
        let n_gone = delete_gone(tx, details, stage, &stages.orders)?;
        let merged =
            merge::rows(tx, &Merge { target: details, stage, write: Write::Changed, computed: None })?;
        counts.notes.push(("details written", merged.n_new + merged.n_changed));
        counts.notes.push(("details deleted", n_gone));
        rejects::take_out(tx, details, stage, &merged.refused, &mut read.rejected)
    }

    /// Orders that are no longer in the source, after a run that has read all of it.
    fn settle_missing(
        &self,
        tx: &mut Transaction<'_>,
        read: &Read,
        report: &Report,
        counts: &mut Counts,
    ) -> Result<()> {
        let Some(seen) = &self.stages.seen else {
            return Ok(());
        };
        let RowSettings { missing: policy, force, .. } = self.job.rows;
        if read.n_orders == 0 && !force {
            return Ok(());
        }
        let dependent = self.destination.details.as_ref().map(|details| details.table.sql());
        let absence = Absence {
            policy,
            force,
            schema: self.schema,
            job: JOB,
            target: &self.destination.orders,
            seen: &seen.sql,
            dependent: dependent.as_deref(),
            local_time: local_time(&self.destination.orders),
        };
        absence.settle(tx)?.say(policy, "orders", report, counts);
        Ok(())
    }
}

/// Sets rows aside whose key another row has too: repaired, or without its NUL, it is the same text.
fn set_aside_repeated(
    tx: &mut Transaction<'_>,
    target: &Target,
    stage: &Stage,
    read: &mut Read,
) -> Result<()> {
    if read.tally.is_empty() {
        return Ok(());
    }
    let repeated = merge::repeated_keys(tx, target, stage)?;
    let reason = "its key is that of another row, once repaired";
    let refused: Vec<(i64, String)> =
        repeated.into_iter().map(|ordinal| (ordinal, reason.to_owned())).collect();
    rejects::take_out(tx, target, stage, &refused, &mut read.rejected)
}

/// Takes the details out of the stage whose order is not staged.
fn drop_orphans(tx: &mut Transaction<'_>, details: &Stage, orders: &Stage) -> Result<()> {
    tx.batch_execute(&format!(
        "DELETE FROM {} s WHERE NOT EXISTS (SELECT FROM {} o WHERE o.{ID} = s.{ID})",
        details.sql, orders.sql
    ))?;
    Ok(())
}

/// Deletes the details of staged orders that the source has no longer.
fn delete_gone(tx: &mut Transaction<'_>, details: &Target, stage: &Stage, orders: &Stage) -> Result<u64> {
    tx.batch_execute(&format!("ANALYZE {}; ANALYZE {}", stage.sql, orders.sql))?;
    let sql = format!(
        "DELETE FROM {} d USING {} o WHERE o.{ID} = d.{ID} AND NOT EXISTS (SELECT FROM {} s WHERE {})",
        details.table.sql(),
        orders.sql,
        stage.sql,
        details.same_key()
    );
    Ok(tx.execute_typed(&sql, &[])?)
}

/// SQL of the run's time as the destination's clock columns have it: without a zone it is the server's own time.
fn local_time(orders: &Target) -> &'static str {
    match orders.table.column(WRITTEN_AT).map(|column| &column.ty) {
        Some(ColumnType::Timestamptz) => "CURRENT_TIMESTAMP",
        _ => missing::LOCAL_TIME,
    }
}

/// Says what a person should look at.
fn warn(report: &Report, job: &OrderSettings, plan: &Plan, read: &Read) {
    if read.n_orders == 0 && plan.is_full {
        log::warn!("the source has no orders at all: nothing is marked or deleted");
    }
    let last = u64::try_from(plan.mark.at.n_rows).unwrap_or(0);
    let few = if read.n_wanted < job.min_rows && plan.is_full {
        Some(format!("{} orders found, fewer than --min-rows {}", read.n_wanted, job.min_rows))
    } else if plan.is_full && read.n_wanted * 2 < last {
        Some(format!("{} orders found, {last} in the last full run", read.n_wanted))
    } else {
        None
    };
    if let Some(few) = few {
        log::warn!("{few}");
        if job.strict {
            report.fail_source("orders", &few);
        }
    }
}
