//! One run of the job: read, stage, merge, all in one transaction of PostgreSQL.

use std::sync::mpsc::sync_channel;
use std::thread;

use anyhow::{Result, anyhow};
use indicatif::ProgressBar;
use mysql::Conn;
use pg_load::rejected::{Origin, Rejected};
use postgres::Transaction;
use sync_core::commit::Counts;
use sync_core::fault::Fault;
use sync_core::report::{Count, Report};
use sync_core::stop::Stop;

use super::JOB;
use super::destination::{self, Destination};
use super::reader::{Page, Reader};
use super::rows::{Ordinals, Rows};
use super::schema::Schema;
use super::since::{self, Plan};
use super::work::{self, Work};
use crate::TOOL;
use crate::convert::Tally;
use crate::load::fields::{Encoded, Field};
use crate::load::missing::Policy;
use crate::load::rejects;
use crate::load::stage::Stage;
use crate::server;
use crate::session::{self, Session};
use crate::settings::OrderSettings;

/// The stages of a run.
pub(super) struct Stages {
    pub(super) orders: Stage,
    pub(super) details: Option<Stage>,
    /// Ids of all orders, wanted or not.
    pub(super) seen: Option<Stage>,
}

/// What was read.
#[derive(Default)]
pub(super) struct Read {
    pub(super) n_orders: u64,
    n_wanted: u64,
    n_cut: u64,
    tally: Tally,
    pub(super) rejected: Vec<Rejected>,
    pub(super) has_changed_ids: bool,
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
    session.state.read_from(&origin);
    let mut tx = session::begin(&mut session.client, settings, session.args)?;
    let destination = destination::ensure(&mut tx, &settings.schema, job.details, job.rows.missing)?;
    let name = destination.orders.table.sql();
    let relation = destination.orders.table.relation;
    let mut plan = since::plan(&mut conn, &mut tx, &schema, &job.since, &origin, (&name, relation))?;
    let has_absent = work::has_absent(&mut tx, &settings.schema, &destination.orders)?;
    let stages = Stages::create(&mut tx, &destination, job.rows.missing, has_absent)?;
    let n_estimated = schema.head.info.n_rows;
    let reader = Reader::new(conn, schema.clone(), job.wanted.clone(), job.rows.convert, plan.take_span());
    let progress = session::progress("orders", n_estimated);
    let mut read = stage_all(&mut tx, reader, &destination, &stages, session.stop, &progress)?;
    sync_core::crash::point("staged");
    let mut counts = Counts::default();
    let work = Work { job, destination: &destination, stages: &stages, origin: &origin };
    let n_wanted = read.n_wanted;
    work.merge(&mut tx, &mut read, &mut counts)?;
    sync_core::crash::point("merged");
    work.settle_missing(&mut tx, &mut read, session.report, &mut counts)?;
    rejects::set_aside(&mut tx, &origin, &mut read.rejected)?;
    rejects::settle(&mut tx, &origin)?;
    plan.advance(&mut tx, &settings.schema, n_wanted)?;
    read.count(&mut counts);
    // Before the commit: when its answer is lost, no attempt comes here again.
    warn(session.report, job, &plan, &read);
    session::end(JOB, session.state, session.args, session.report, tx, counts)
}

/// One snapshot for the whole run, where every table has transactions.
fn begin_reading(conn: &mut Conn, schema: &Schema) -> Result<()> {
    for hint in schema.tables().iter().filter_map(|table| table.collation_hint()) {
        log::warn!("{hint}; until then all of the table is read for each page");
    }
    let unsafe_tables: Vec<String> = schema
        .tables()
        .iter()
        .filter(|table| !table.info.is_transactional())
        .map(|table| format!("{} ({})", table.info.name, table.info.engine))
        .collect();
    if !unsafe_tables.is_empty() {
        log::warn!(
            "no snapshot of {}: read in spans, so that writers wait for moments only; what changes meanwhile comes \
             with the next run",
            unsafe_tables.join(", ")
        );
        for table in schema.tables().iter().filter(|table| table.locks_whole()) {
            let name = &table.info.name;
            log::warn!("{name} has no index on its order: its writers wait each time that all of it is read");
        }
        return Ok(());
    }
    server::begin_snapshot(conn)
}

impl Stages {
    /// `has_absent`: some orders were absent in an earlier run, and may be seen again.
    fn create(
        tx: &mut Transaction<'_>,
        destination: &Destination,
        policy: Policy,
        has_absent: bool,
    ) -> Result<Stages> {
        let id: Vec<Field> = destination.orders.key_fields().cloned().collect();
        Ok(Stages {
            orders: Stage::create(tx, "sync_stage", &destination.orders.fields)?,
            details: match &destination.details {
                Some(details) => Some(Stage::create(tx, "sync_stage_details", &details.fields)?),
                None => None,
            },
            seen: match policy {
                Policy::Keep if !has_absent => None,
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
        self.has_changed_ids |= page.has_changed_ids;
        self.rejected.extend(rows.rejected);
        Ok(())
    }

    /// What becomes known to the report with the commit.
    fn count(&self, counts: &mut Counts) {
        counts.of.extend([(Count::Read, self.n_orders), (Count::Rejected, self.rejected.len() as u64)]);
        counts.notes.push(("wanted", self.n_wanted));
        counts.notes.extend(self.tally.notes());
        counts.notes.push(("cut_timestamps", self.n_cut));
    }
}

/// Says what a person should look at.
fn warn(report: &Report, job: &OrderSettings, plan: &Plan, read: &Read) {
    if read.n_orders == 0 && plan.is_full && !job.rows.force {
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
