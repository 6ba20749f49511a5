//! Commits whose rows are counted once, even when the answer is lost or the server takes them back.

use std::time::Duration;

use anyhow::{Context as _, Result};
use postgres::{Client, Transaction};

use crate::report::{Count, Report};
use crate::stop::Stop;
use crate::{crash, watermark};

/// How often the server is asked again about a commit that it still works on.
const PAUSE: Duration = Duration::from_millis(200);

/// What a commit adds to the report once it is known to have happened.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Rows, by count.
    pub of: Vec<(Count, u64)>,
    /// Further counters, for [`Report::note`].
    pub notes: Vec<(&'static str, u64)>,
}

impl Counts {
    fn add_to(&self, report: &Report) {
        for (count, n) in &self.of {
            report.add(*count, *n);
        }
        for (name, n) in &self.notes {
            report.note(name, *n);
        }
    }

    fn take_back_from(&self, report: &Report) {
        for (count, n) in &self.of {
            report.take_back(*count, *n);
        }
        for (name, n) in &self.notes {
            report.take_back_note(name, *n);
        }
    }
}

/// The commits of one run; it outlives a lost connection.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Commits carried out so far, for those who want to know whether a run makes progress.
    pub n_commits: u64,
    /// A commit that was never answered: its transaction and what it would have counted.
    unanswered: Option<(i64, Counts)>,
    /// Commits that were answered before they were on the server's disk: a crash takes them back.
    volatile: Vec<(i64, Counts)>,
}

/// When a commit is on the server's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// Before it is answered.
    Yes,
    /// With a later one: cursor and rows are lost together or not at all.
    WithTheNext,
}

/// Begins a transaction that writes rows. Deferred constraints speak up at once: at COMMIT they would lose the whole
/// batch for one row.
pub fn begin(client: &mut Client, durable: Durable) -> Result<Transaction<'_>> {
    let mut tx = client.transaction()?;
    tx.batch_execute(match durable {
        Durable::Yes => "SET CONSTRAINTS ALL IMMEDIATE",
        Durable::WithTheNext => "SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL synchronous_commit = off",
    })?;
    Ok(tx)
}

/// The number of this transaction, by which [`settle`] recognises it later.
///
/// [`watermark::advance`] gives it too; without a watermark, ask before the transaction is committed.
pub fn txid(tx: &mut Transaction<'_>) -> Result<i64> {
    Ok(tx.query_typed_one("SELECT txid_current()", &[])?.try_get(0)?)
}

/// Commits and counts; when the answer is lost, [`settle`] finds out on the next connection what happened.
pub fn commit(
    ledger: &mut Ledger,
    report: &Report,
    tx: Transaction<'_>,
    (txid, durable): (i64, Durable),
    counts: Counts,
) -> Result<()> {
    crash::point("before-commit");
    ledger.unanswered = Some((txid, counts));
    tx.commit().context("commit")?;
    crash::point("after-commit");
    if durable == Durable::Yes {
        ledger.volatile.clear();
    }
    if let Some((txid, counts)) = ledger.unanswered.take() {
        counts.add_to(report);
        if durable == Durable::WithTheNext {
            ledger.volatile.push((txid, counts));
        }
    }
    ledger.n_commits += 1;
    Ok(())
}

/// Counts a commit whose answer was lost, if the server did carry it out, and no longer counts what a crash of the
/// server has taken back; true when it carried such a commit out.
///
/// Call it on every new connection. While the server still works on the commit it is asked again, until `stop`.
pub fn settle(ledger: &mut Ledger, client: &mut Client, stop: &Stop, report: &Report) -> Result<bool> {
    let mut is_carried_out = false;
    if let Some((txid, _)) = ledger.unanswered {
        is_carried_out = was_committed(client, txid, stop)?;
        if let Some((_, counts)) = ledger.unanswered.take()
            && is_carried_out
        {
            counts.add_to(report);
            ledger.n_commits += 1;
        }
    }
    while let Some(txid) = ledger.volatile.last().map(|(txid, _)| *txid) {
        if !was_committed(client, txid, stop)?
            && let Some((_, counts)) = ledger.volatile.last()
        {
            counts.take_back_from(report);
        }
        ledger.volatile.pop();
    }
    Ok(is_carried_out)
}

fn was_committed(client: &mut Client, txid: i64, stop: &Stop) -> Result<bool> {
    loop {
        match watermark::was_committed(client, txid)? {
            Some(committed) => return Ok(committed),
            // The old server process has not noticed yet that its client is gone.
            None if stop.sleep(PAUSE) => return Ok(false),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_taken_back_as_they_were_added() {
        let report = Report::new("tool", "");
        let counts = Counts { of: vec![(Count::Written, 3)], notes: vec![("shifted", 2)] };
        counts.add_to(&report);
        counts.add_to(&report);
        counts.take_back_from(&report);
        assert_eq!(report.get(Count::Written), 3);
        assert!(report.summary().contains("shifted 2"), "{}", report.summary());
    }
}
