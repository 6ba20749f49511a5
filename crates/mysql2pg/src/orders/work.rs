//! The part of a run that writes: orders, their details, and what becomes of absent ones.

use anyhow::Result;
use pg_load::rejected::{Origin, Rejected};
use pg_load::table;
use pg_load::types::ColumnType;
use postgres::Transaction;
use postgres::types::Type;
use sync_core::commit::Counts;
use sync_core::pg::quote_ident;
use sync_core::report::{Count, Report};

use super::destination::{Destination, ID, WRITTEN_AT};
use super::run::{Read, Stages};
use super::{DETAILS, JOB};
use crate::TOOL;
use crate::args::Touch;
use crate::load::merge::{self, Merge, Write};
use crate::load::missing::{self, Absence, Policy};
use crate::load::rejects;
use crate::load::removal::Due;
use crate::load::stage::Stage;
use crate::load::target::Target;
use crate::settings::{OrderSettings, RowSettings};

/// The part of a run that writes.
pub(super) struct Work<'a> {
    pub(super) job: &'a OrderSettings,
    pub(super) destination: &'a Destination,
    pub(super) stages: &'a Stages,
    pub(super) origin: &'a Origin<'a>,
}

impl Work<'_> {
    /// Merges orders, then their details: those of an order that is refused stay as they are.
    pub(super) fn merge(&self, tx: &mut Transaction<'_>, read: &mut Read, counts: &mut Counts) -> Result<()> {
        let Work { job, destination, stages, .. } = self;
        if read.has_changed_ids {
            // Repaired, or without its NUL, an id may be that of another order.
            rejects::take_repeated_out(tx, &destination.orders, &stages.orders, &mut read.rejected)?;
        }
        let now = local_time(&destination.orders, WRITTEN_AT);
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
        if read.has_changed_ids {
            rejects::take_repeated_out(tx, details, stage, &mut read.rejected)?;
        }
        let merged =
            merge::rows(tx, &Merge { target: details, stage, write: Write::Changed, computed: None })?;
        let n_gone = delete_gone(tx, details, stage, &stages.orders, &mut read.rejected)?;
        counts.notes.push(("details_written", merged.n_new + merged.n_changed));
        counts.notes.push(("details_deleted", n_gone));
        rejects::take_out(tx, details, stage, &merged.refused, &mut read.rejected)
    }

    /// Orders that are no longer in the source, after a run that has read all of it.
    pub(super) fn settle_missing(
        &self,
        tx: &mut Transaction<'_>,
        read: &mut Read,
        report: &Report,
        counts: &mut Counts,
    ) -> Result<()> {
        let Some(seen) = &self.stages.seen else {
            return Ok(());
        };
        let RowSettings { missing: policy, force, .. } = self.job.rows;
        if policy == Policy::Keep {
            return missing::forget_seen(tx, self.origin, &self.destination.orders, &seen.sql);
        }
        if read.n_orders == 0 && !force {
            return Ok(());
        }
        let details = table::inspect(tx, &self.destination.orders.table.schema, DETAILS)?;
        let dependent = details.map(|details| details.sql());
        let absence = Absence {
            policy,
            force,
            origin: self.origin,
            target: &self.destination.orders,
            seen: &seen.sql,
            dependent: dependent.as_deref(),
            local_time: local_time(&self.destination.orders, missing::ABSENT_SINCE),
        };
        absence.settle(tx, &mut read.rejected)?.say(policy, "orders", report, counts);
        Ok(())
    }
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
fn delete_gone(
    tx: &mut Transaction<'_>,
    details: &Target,
    stage: &Stage,
    orders: &Stage,
    rejected: &mut Vec<Rejected>,
) -> Result<u64> {
    let gone = format!(
        "JOIN {} o ON o.{ID} = d.{ID} WHERE NOT EXISTS (SELECT FROM {} s WHERE {})",
        orders.sql,
        stage.sql,
        details.same_key()
    );
    let due = Due::list(tx, details, &gone, "")?;
    let delete = |tx: &mut Transaction<'_>, part: &str| {
        let table = details.table.sql();
        let sql =
            format!("DELETE FROM {table} d USING pg_temp.sync_due s WHERE {} AND {part}", details.same_key());
        Ok(tx.execute_typed(&sql, &[])?)
    };
    due.apply(tx, delete, rejected)
}

/// Whether orders were absent in an earlier run, and may be seen again now.
pub(super) fn has_absent(tx: &mut Transaction<'_>, schema: &str, orders: &Target) -> Result<bool> {
    if orders.table.column(missing::ABSENT_SINCE).is_some() {
        return Ok(true);
    }
    let sql = format!(
        "SELECT EXISTS (SELECT FROM {}.sync_missing WHERE tool = $1 AND source = $2)",
        quote_ident(schema)
    );
    Ok(tx.query_typed_one(&sql, &[(&TOOL, Type::TEXT), (&JOB, Type::TEXT)])?.get(0))
}

/// SQL of the run's time as the column has it: without a zone it is the server's own time.
fn local_time(orders: &Target, column: &str) -> &'static str {
    match orders.table.column(column).map(|column| &column.ty) {
        Some(ColumnType::Timestamptz) => "CURRENT_TIMESTAMP",
        _ => missing::LOCAL_TIME,
    }
}
