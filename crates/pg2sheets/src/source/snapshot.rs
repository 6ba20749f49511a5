//! One state of the database, whatever others write meanwhile.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use postgres::Client;
use sync_core::fault;
use sync_core::pg::{self, quote_literal};

use crate::TOOL;
use crate::settings::SourceSettings;

/// What values look like must not depend on the role's or the database's settings.
const FORM: &str = "SET LOCAL datestyle TO 'ISO, YMD'; SET LOCAL intervalstyle TO 'postgres';
    SET LOCAL extra_float_digits TO 1; SET LOCAL bytea_output TO 'hex'; SET LOCAL lc_monetary TO 'C';
    SET LOCAL xmlbinary TO 'base64'; SET LOCAL quote_all_identifiers TO off;
    SET LOCAL lock_timeout TO '10s'";

/// A transaction that sees one state and changes nothing.
pub(crate) struct Snapshot {
    pub(crate) client: Client,
    /// Rows a fetch.
    pub(super) batch: u32,
    deadline: Instant,
}

/// What went wrong with one table, or with everything.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The other tables are not concerned.
    Table(anyhow::Error),
    All(anyhow::Error),
}

impl Snapshot {
    /// Connects, and fixes the state that is read; no statement lasts longer than until `deadline`.
    pub(crate) fn open(settings: &SourceSettings, deadline: Instant) -> Result<Snapshot> {
        let mut client = pg::connect(&settings.pg, TOOL)?;
        let zone = format!("SET LOCAL TIME ZONE {}", quote_literal(&settings.time_zone));
        let limit = limit(time_left(deadline));
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; {FORM}; {zone}; {limit}");
        client.batch_execute(&begin).context("begin to read")?;
        Ok(Snapshot { client, batch: settings.batch, deadline })
    }

    /// Does `work` for one table: a failure concerns that table alone, and afterwards the table may be changed by
    /// others again.
    pub(crate) fn apart<T>(&mut self, work: impl FnOnce(&mut Snapshot) -> Result<T>) -> Result<T, Failure> {
        let all =
            |error: postgres::Error| Failure::All(anyhow::Error::from(error).context("read the database"));
        // One that is slow leaves time for the others.
        let limit = limit(time_left(self.deadline) / 2);
        self.client.batch_execute(&format!("SAVEPOINT one_table; {limit}")).map_err(all)?;
        let done = work(self);
        if let Err(error) = done {
            let is_of_all = self.client.is_closed() || is_of_all(&error);
            // Where everything is concerned, too: after an unclear answer the same table is read once more.
            let is_back = self.client.batch_execute("ROLLBACK TO SAVEPOINT one_table").is_ok();
            return Err(if is_of_all || !is_back { Failure::All(error) } else { Failure::Table(error) });
        }
        // A rollback, since only that gives the table's lock back.
        self.client.batch_execute("ROLLBACK TO SAVEPOINT one_table; RELEASE one_table").map_err(all)?;
        done.map_err(Failure::Table)
    }
}

fn time_left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// The statement that ends statements which take longer; 0 would be no limit.
fn limit(time: Duration) -> String {
    format!("SET LOCAL statement_timeout TO {}", time.as_millis().clamp(1, i32::MAX as u128))
}

/// Whether an error meets every table: what Google says, or the end of the time, does; what a living server says of this
/// one does not.
fn is_of_all(error: &anyhow::Error) -> bool {
    let is_the_servers = error.chain().any(|cause| cause.downcast_ref::<postgres::Error>().is_some());
    !is_the_servers && error.downcast_ref::<OfTable>().is_none()
}

/// A failure of one table that PostgreSQL did not report.
#[derive(Debug)]
pub(crate) struct OfTable(pub(crate) String);

impl std::fmt::Display for OfTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OfTable {}

/// Why a table could not be read or written, with the advice, on one line.
pub(crate) fn reason(error: &anyhow::Error) -> String {
    fault::describe(error).replace("\nhint: ", "; ")
}

/// A failure of one table.
pub(crate) fn of_table(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(OfTable(message.into()))
}
