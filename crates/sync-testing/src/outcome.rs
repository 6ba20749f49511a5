//! What a run came to, by the JSON report that it wrote.

use serde_json::Value;

use crate::tool::Run;

/// A run's exit code, report and errors.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Exit code; -1 after a signal.
    pub code: i32,
    /// The report.
    pub report: Value,
    /// What it wrote to the standard error.
    pub stderr: String,
}

impl Outcome {
    /// Reads the JSON report that a run wrote.
    pub fn of(run: &Run) -> Outcome {
        let report = serde_json::from_str(&run.stdout)
            .unwrap_or_else(|err| panic!("{err}: {:?}\n{}", run.stdout, run.stderr));
        Outcome { code: run.code.unwrap_or(-1), report, stderr: run.stderr.clone() }
    }

    /// The same run, which must have ended with this code.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Outcome {
        assert_eq!(self.code, code, "{}\n{}", self.report, self.stderr);
        self
    }

    /// A counter of the report, 0 when it is not there.
    pub fn n(&self, name: &str) -> u64 {
        self.report[name].as_u64().unwrap_or(0)
    }

    /// Read, written, unchanged, duplicates, rejected, skipped.
    pub fn counts(&self) -> [u64; 6] {
        ["read", "written", "unchanged", "duplicates", "rejected", "skipped"].map(|name| self.n(name))
    }
}
