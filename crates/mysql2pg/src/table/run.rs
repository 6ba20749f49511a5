//! One run of a job, or of several: each in one transaction of PostgreSQL.

use anyhow::{Context, Result};
use mysql::Conn;
use pg_load::rejected::Origin;
use pg_load::table;
use postgres::Transaction;
use sync_core::commit::Counts;
use sync_core::fault::{self, Fault};
use sync_core::own_tables;

use super::incremental::{self, Filter};
use super::job::Job;
use super::plan::{self, Plan};
use super::reader::{self, Way};
use super::work::Work;
use crate::TOOL;
use crate::load::missing::{self, Policy};
use crate::load::rejects;
use crate::load::stage::Stage;
use crate::load::target::{self, Target};
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
        let was_staged = session.state.staged.contains(&table);
        let mut done = one(session, job, &plan, rows);
        if done.is_err() && !was_staged && session.state.staged.contains(&table) {
            // Nothing is to be waited for: once more by way of a stage, where one of the rows is set aside.
            done = one(session, job, &plan, rows);
        }
        if let Err(err) = done {
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

fn one(session: &mut Session<'_>, job: &Job, plan: &Plan, rows: RowSettings) -> Result<()> {
    let settings = session.settings;
    let mut conn = session.source()?;
    begin_reading(&mut conn, plan)?;
    let origin = Origin {
        schema: &settings.schema,
        tool: TOOL,
        source: &job.name,
        file: &settings.mysql.database,
        generation: 1,
        // Its own name: the job may spell it in any case, and another time in another.
        table: plan.info.as_ref().map_or(job.source_name(), |info| &info.name),
    };
    let is_staged = session.state.staged.contains(&plan.table);
    session.state.read_from(&origin);
    let mut tx = session::begin(&mut session.client, settings, session.args)?;
    let (target, is_new) = destination(&mut tx, job, plan, rows.missing, is_staged)?;
    let (filter, cursor) = match &job.file.incremental {
        None => (Filter::default(), None),
        Some(incremental) => {
            let (filter, cursor) =
                incremental::plan(&mut conn, &mut tx, plan, incremental, &origin, &target, is_new)?;
            (filter, Some(cursor))
        }
    };
    let stage = match is_new && !is_staged {
        true => None,
        false => Some(Stage::create(&mut tx, "sync_stage", &target.fields)?),
    };
    let work = Work { job, plan, target: &target, is_new, stage: stage.as_ref(), rows, origin };
    let mut read = work.read(&mut tx, conn, &filter, session.stop)?;
    sync_core::crash::point("staged");
    let mut counts = Counts::default();
    let merged = work.write(&mut tx, &mut read, &mut session.state.staged)?;
    sync_core::crash::point("merged");
    work.settle_missing(&mut tx, &mut read, session.report, &mut counts)?;
    rejects::set_aside(&mut tx, &work.origin, &mut read.rejected)?;
    let n_set_aside = rejects::settle(&mut tx, &work.origin)?;
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

/// The destination, found or made; true when it is new, so that rows may go straight into it unless they are staged.
fn destination(
    tx: &mut Transaction<'_>,
    job: &Job,
    plan: &Plan,
    policy: Policy,
    is_staged: bool,
) -> Result<(Target, bool)> {
    let (schema, name) = (plan.schema.as_str(), plan.table.as_str());
    let qualified = table::qualified(schema, name);
    target::lock(tx, schema, name)?;
    let is_new = table::inspect(tx, schema, name)?.is_none();
    if is_new && !job.file.destination.create {
        return Err(Fault::config(
            format!("table {qualified} does not exist"),
            "create it, or let the job do it: destination: {create: true}",
        ));
    }
    let is_direct = is_new && !is_staged;
    for rule in &job.file.columns {
        rule.ty.as_ref().map_or(Ok(()), |ty| target::is_type(tx, ty))?;
    }
    own_tables::create_schema(tx, schema)?;
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
    if policy == Policy::Mark && plan.columns.iter().any(|column| column.name == missing::ABSENT_SINCE) {
        return Err(Fault::config(
            format!("--missing mark: the source has a column {} itself", missing::ABSENT_SINCE),
            "give it another name in a job's file: columns: [{from: …, to: …}]",
        ));
    }
    missing::prepare(tx, policy, &found)?;
    let target = Target::of(tx, found, &plan.columns, &plan.keys)?;
    if !is_direct && !plan.keys.is_empty() {
        target.require_unique_key(tx)?;
    }
    Ok((target, is_new))
}
