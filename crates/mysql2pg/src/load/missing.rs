//! Rows of the destination that the source has no longer: kept, marked or deleted, and never on a single sighting.

use anyhow::Result;
use clap::ValueEnum;
use pg_load::rejected::{Origin, Rejected};
use pg_load::table;
use postgres::Transaction;
use postgres::types::Type;
use sync_core::commit::Counts;
use sync_core::pg::{quote_ident, quote_literal};
use sync_core::report::Report;

use super::removal::Due;
use super::target::Target;
use crate::TOOL;

/// Column that says since when a row is absent from the source.
pub(crate) const ABSENT_SINCE: &str = "absent_depuis";
/// SQL of the run's time on a clock without a zone: the server's own time, whatever our session's is.
pub(crate) const LOCAL_TIME: &str =
    "(CURRENT_TIMESTAMP AT TIME ZONE (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'))";
/// However small the table: so many rows may go without `--force`.
const ALWAYS_ALLOWED: u64 = 100;

/// What becomes of rows that are no longer in the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Policy {
    /// They stay as they are
    #[default]
    Keep,
    /// They get the time of their absence in the column absent_depuis
    Mark,
    /// They are deleted
    Delete,
}

/// What was found and done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Rows absent for the first time: noted, and nothing else.
    pub(crate) n_noted: u64,
    /// Rows marked or deleted.
    pub(crate) n_done: u64,
    /// Rows that would have been marked or deleted, had they not been too many.
    pub(crate) n_held_back: u64,
}

impl Outcome {
    /// Counts what was done with the commit, and warns of what was not.
    pub(crate) fn say(&self, policy: Policy, what: &str, report: &Report, counts: &mut Counts) {
        let done = if policy == Policy::Delete { "deleted" } else { "marked_absent" };
        counts.notes.extend([(done, self.n_done), ("newly_absent", self.n_noted)]);
        if self.n_held_back > 0 {
            let held_back = format!(
                "{} {what} are no longer in the source, too many to believe: --force lets them go",
                self.n_held_back
            );
            log::warn!("{held_back}");
            report.fail_source(&format!("absent {what}"), &held_back);
        }
    }
}

/// Which rows the source was seen to have, and what to do with the others.
pub(crate) struct Absence<'a> {
    pub(crate) policy: Policy,
    pub(crate) force: bool,
    /// Whose rows these are.
    pub(crate) origin: &'a Origin<'a>,
    pub(crate) target: &'a Target,
    /// Quoted table with the key's columns of every row that the source has.
    pub(crate) seen: &'a str,
    /// A further quoted table, whose rows go with those of the same key.
    pub(crate) dependent: Option<&'a str>,
    /// SQL of the run's time, as the destination's clock columns have it.
    pub(crate) local_time: &'a str,
}

/// Statements that create the table of absences in `schema` when it is missing.
pub(crate) fn create_sql(schema: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {}.sync_missing (
           tool text, source text, file text, destination text, row_key text,
           first_missing_at timestamptz NOT NULL DEFAULT now(),
           PRIMARY KEY (tool, source, file, destination, row_key));",
        quote_ident(schema)
    )
}

/// Forgets who was absent from a destination: what comes is a first sighting again.
pub(crate) fn forget(tx: &mut Transaction<'_>, origin: &Origin<'_>, target: &Target) -> Result<()> {
    let sql = format!(
        "DELETE FROM {}.sync_missing m WHERE {}",
        quote_ident(origin.schema),
        belongs(origin, target)
    );
    tx.execute_typed(&sql, &[])?;
    Ok(())
}

/// Forgets the absence of rows that were seen now, and takes their mark off.
pub(crate) fn forget_seen(
    tx: &mut Transaction<'_>,
    origin: &Origin<'_>,
    target: &Target,
    seen: &str,
) -> Result<()> {
    let sql = format!(
        "DELETE FROM {}.sync_missing m USING {seen} s WHERE {} AND m.row_key = {}",
        quote_ident(origin.schema),
        belongs(origin, target),
        key_text(target, "s"),
    );
    tx.execute_typed(&sql, &[])?;
    if target.table.column(ABSENT_SINCE).is_some()
        && !target.fields.iter().any(|f| f.column.name == ABSENT_SINCE)
    {
        let sql = format!(
            "UPDATE {} d SET {ABSENT_SINCE} = NULL FROM {seen} s WHERE {} AND d.{ABSENT_SINCE} IS NOT NULL",
            target.table.sql(),
            target.same_key()
        );
        tx.execute_typed(&sql, &[])?;
    }
    Ok(())
}

/// Which rows of `sync_missing m` are those of one destination and one source. Another database is another source: what it
/// lacks says nothing of this one.
fn belongs(origin: &Origin<'_>, target: &Target) -> String {
    format!(
        "m.tool = {} AND m.source = {} AND m.file = {} AND m.destination = {}",
        quote_literal(TOOL),
        quote_literal(origin.source),
        quote_literal(origin.file),
        quote_literal(&target.table.sql())
    )
}

/// A row's key as one text.
fn key_text(target: &Target, alias: &str) -> String {
    match target.keys.as_slice() {
        [key] => format!("{alias}.{}::text", quote_ident(key)),
        keys => {
            let keys: Vec<String> = keys.iter().map(|key| format!("{alias}.{}", quote_ident(key))).collect();
            format!("jsonb_build_array({})::text", keys.join(", "))
        }
    }
}

/// Adds the column that marks absent rows, when the policy needs it and it is missing.
pub(crate) fn prepare(tx: &mut Transaction<'_>, policy: Policy, target: &table::Table) -> Result<()> {
    if policy == Policy::Mark && target.column(ABSENT_SINCE).is_none() {
        table::add_column(tx, &target.sql(), ABSENT_SINCE, &pg_load::types::ColumnType::Timestamp)?;
    }
    Ok(())
}

impl Absence<'_> {
    /// Notes who is absent, and marks or deletes who was absent in the last full run too; rows that the destination does
    /// not let go are `rejected`.
    pub(crate) fn settle(&self, tx: &mut Transaction<'_>, rejected: &mut Vec<Rejected>) -> Result<Outcome> {
        self.list(tx)?;
        let mut outcome = Outcome::default();
        let due = self.due(tx)?;
        let sql = format!("SELECT count(*) FROM {}", self.target.table.sql());
        let n_rows = tx.query_typed_one(&sql, &[])?.get::<_, i64>(0) as u64;
        if self.force || due.n_rows() <= ALWAYS_ALLOWED.max(n_rows / 10) {
            outcome.n_done = match self.policy {
                Policy::Keep => 0,
                Policy::Mark => due.apply(tx, |tx, part| self.mark(tx, part), rejected)?,
                Policy::Delete => due.apply(tx, |tx, part| self.delete(tx, part), rejected)?,
            };
        } else {
            outcome.n_held_back = due.n_rows();
        }
        forget_seen(tx, self.origin, self.target, self.seen)?;
        outcome.n_noted = self.note(tx)?;
        Ok(outcome)
    }

    /// `pg_temp.sync_absent(row_key, since)`, `since` NULL at the first sighting.
    fn list(&self, tx: &mut Transaction<'_>) -> Result<()> {
        let first_key = quote_ident(self.target.keys.first().map_or("", String::as_str));
        tx.batch_execute(&format!(
            "ANALYZE {seen};
             DROP TABLE IF EXISTS pg_temp.sync_absent;
             CREATE TEMP TABLE sync_absent ON COMMIT DROP AS
             SELECT a.row_key, m.first_missing_at AS since FROM
               (SELECT {key} AS row_key FROM {table} d LEFT JOIN {seen} s ON {same_key}
                WHERE s.{first_key} IS NULL) a
             LEFT JOIN {missing} m ON {belongs} AND m.row_key = a.row_key;
             ANALYZE pg_temp.sync_absent",
            seen = self.seen,
            key = key_text(self.target, "d"),
            table = self.target.table.sql(),
            same_key = self.target.same_key(),
            missing = self.missing(),
            belongs = belongs(self.origin, self.target),
        ))?;
        Ok(())
    }

    /// Rows that are absent again, with `since` beside their key.
    fn due(&self, tx: &mut Transaction<'_>) -> Result<Due<'_>> {
        let unmarked = match self.policy {
            Policy::Mark => format!("AND d.{ABSENT_SINCE} IS NULL"),
            _ => String::new(),
        };
        let which = format!(
            "JOIN pg_temp.sync_absent a ON a.row_key = {} WHERE a.since IS NOT NULL {unmarked}",
            key_text(self.target, "d")
        );
        Due::list(tx, self.target, &which, ", a.since")
    }

    fn mark(&self, tx: &mut Transaction<'_>, part: &str) -> Result<u64> {
        let sql = format!(
            "UPDATE {} d SET {ABSENT_SINCE} = {} - (now() - s.since) FROM pg_temp.sync_due s WHERE {} AND {part}",
            self.target.table.sql(),
            self.local_time,
            self.target.same_key()
        );
        Ok(tx.execute_typed(&sql, &[])?)
    }

    fn delete(&self, tx: &mut Transaction<'_>, part: &str) -> Result<u64> {
        let mut n_deleted = 0;
        for table in self.dependent.into_iter().chain([self.target.table.sql().as_str()]) {
            let sql = format!(
                "DELETE FROM {table} d USING pg_temp.sync_due s WHERE {} AND {part}",
                self.target.same_key()
            );
            n_deleted = tx.execute_typed(&sql, &[])?;
        }
        Ok(n_deleted)
    }

    /// Remembers who is absent now, and forgets all others; gives the number of newly absent rows.
    fn note(&self, tx: &mut Transaction<'_>) -> Result<u64> {
        let (missing, belongs) = (self.missing(), belongs(self.origin, self.target));
        let key = key_text(self.target, "d");
        tx.batch_execute(&format!(
            "DELETE FROM {missing} m WHERE {belongs} AND NOT EXISTS (
               SELECT FROM pg_temp.sync_absent a JOIN {} d ON {key} = a.row_key WHERE a.row_key = m.row_key)",
            self.target.table.sql()
        ))?;
        let sql = format!(
            "INSERT INTO {missing} (tool, source, file, destination, row_key)
             SELECT $1, $2, $3, $4, row_key FROM pg_temp.sync_absent WHERE since IS NULL ON CONFLICT DO NOTHING"
        );
        let destination = self.target.table.sql();
        Ok(tx.execute_typed(
            &sql,
            &[
                (&TOOL, Type::TEXT),
                (&self.origin.source, Type::TEXT),
                (&self.origin.file, Type::TEXT),
                (&destination, Type::TEXT),
            ],
        )?)
    }

    fn missing(&self) -> String {
        format!("{}.sync_missing", quote_ident(self.origin.schema))
    }
}
