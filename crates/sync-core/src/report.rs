//! What a run did: counts, and sources that failed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::exit::Exit;
use crate::fault;

/// What is counted, in rows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Count {
    /// Read from the source.
    Read,
    /// Written to the destination.
    Written,
    /// There already, with the same values.
    Unchanged,
    /// Left out because the same row came more than once.
    Duplicates,
    /// Set aside with a reason.
    Rejected,
    /// Left out because the settings say so.
    Skipped,
}

/// Every count, in the order in which people read them.
pub(crate) const COUNTS: [(Count, &str); 6] = [
    (Count::Read, "read"),
    (Count::Written, "written"),
    (Count::Unchanged, "unchanged"),
    (Count::Duplicates, "duplicates"),
    (Count::Rejected, "rejected"),
    (Count::Skipped, "skipped"),
];

/// How a tool prints its report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Format {
    /// A line for people on standard error
    #[default]
    Text,
    /// An object for machines on standard output
    Json,
    /// Nothing
    None,
}

/// The report of one run; clones share it, so that a watcher can print it while the run is stuck.
#[derive(Clone, Debug)]
pub struct Report {
    data: Arc<Mutex<Data>>,
}

/// The contents of a report at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) tool: &'static str,
    pub(crate) source: String,
    pub(crate) started_at: Timestamp,
    pub(crate) counts: [u64; COUNTS.len()],
    pub(crate) set_aside: u64,
    pub(crate) failed: Vec<(String, String)>,
    pub(crate) error: Option<String>,
    pub(crate) notes: Vec<(&'static str, u64)>,
    started: Instant,
    pub(crate) finished: Option<(Timestamp, Duration, Exit)>,
}

impl Report {
    /// A report that begins now; `source` names what the tool reads, and may be empty.
    pub fn new(tool: &'static str, source: &str) -> Report {
        let data = Data {
            tool,
            source: source.to_owned(),
            started_at: Timestamp::now(),
            counts: [0; COUNTS.len()],
            set_aside: 0,
            failed: Vec::new(),
            error: None,
            notes: Vec::new(),
            started: Instant::now(),
            finished: None,
        };
        Report { data: Arc::new(Mutex::new(data)) }
    }

    /// Adds `n` rows to a count.
    pub fn add(&self, name: Count, n: u64) {
        self.lock().counts[name as usize] += n;
    }

    /// Takes `n` rows off a count: they were counted and then lost.
    pub fn take_back(&self, name: Count, n: u64) {
        let mut data = self.lock();
        data.counts[name as usize] = data.counts[name as usize].saturating_sub(n);
    }

    /// Takes `n` off a counter of [`Report::note`].
    pub fn take_back_note(&self, name: &'static str, n: u64) {
        let mut data = self.lock();
        if let Some((_, sum)) = data.notes.iter_mut().find(|(known, _)| *known == name) {
            *sum = sum.saturating_sub(n);
        }
    }

    /// The rows counted so far.
    pub fn get(&self, name: Count) -> u64 {
        self.lock().counts[name as usize]
    }

    /// Adds `n` to a further counter, which is shown only when it is more than zero.
    pub fn note(&self, name: &'static str, n: u64) {
        let mut data = self.lock();
        match data.notes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += n,
            None => data.notes.push((name, n)),
        }
    }

    /// Says how many rows remain set aside in the destination, from this run and earlier ones.
    pub fn set_rejected_remaining(&self, n: u64) {
        self.lock().set_aside = n;
    }

    /// Sets a whole source aside; the last reason wins.
    pub fn fail_source(&self, source: &str, reason: &str) {
        let mut data = self.lock();
        let reason = fault::redact(reason);
        match data.failed.iter_mut().find(|(known, _)| known == source) {
            Some((_, last)) => *last = reason,
            None => data.failed.push((source.to_owned(), reason)),
        }
    }

    /// The sources set aside, each with its reason.
    pub fn failed_sources(&self) -> Vec<(String, String)> {
        self.lock().failed.clone()
    }

    /// Keeps the error that ended the run, in one line.
    pub fn set_error(&self, error: &str) {
        self.lock().error = Some(fault::redact(error));
    }

    /// `Partial` when rows or sources remain set aside, else `Done`: for a run that came to its end.
    pub fn exit(&self) -> Exit {
        self.lock().exit()
    }

    /// Ends the run now, with `exit`.
    pub fn finish(&self, exit: Exit) {
        let mut data = self.lock();
        data.finished = Some((Timestamp::now(), data.started.elapsed(), exit));
    }

    /// A copy of the contents.
    pub(crate) fn data(&self) -> Data {
        self.lock().clone()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Data> {
        // A thread that panicked left whole numbers behind: they are still worth printing.
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Data {
    /// When the run ended, how long it took and with what; of a run not finished yet, as if it ended now.
    pub(crate) fn end(&self) -> (Timestamp, Duration, Exit) {
        self.finished.unwrap_or_else(|| (Timestamp::now(), self.started.elapsed(), self.exit()))
    }

    fn exit(&self) -> Exit {
        if self.failed.is_empty() && self.set_aside == 0 { Exit::Done } else { Exit::Partial }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_counts_and_set_aside_rows_are_partial() {
        let report = Report::new("tool", "main");
        report.clone().add(Count::Skipped, 4);
        assert_eq!(report.get(Count::Skipped), 4);
        assert_eq!(report.exit(), Exit::Done);
        report.set_rejected_remaining(1);
        assert_eq!(report.exit(), Exit::Partial);
        for (n, (count, _)) in COUNTS.iter().enumerate() {
            assert_eq!(*count as usize, n, "COUNTS is in the order of Count");
        }
    }
}
