//! What `--dry-run` prints: which tabs would be written, and what that would take.

use std::io::{self, Write as _};

use anyhow::Result;
use comfy_table::{Table, presets};

use crate::plan::Plan;
use crate::run::Sight;
use crate::write::LIMIT;

/// Prints the plan; the number of calls is an estimate.
pub(crate) fn print(plan: &Plan, sight: &Sight) -> Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["tab", "table", "change", "rows", "cells", "bytes"]);
    let (mut n_small, mut n_calls) = (0, 0);
    for job in &plan.jobs {
        let survey = &sight.surveys[job.survey];
        let n_rows: u64 = job.blocks.iter().map(|n| survey.digest.rows_of(*n)).sum();
        let title = job.new_title.as_deref().or(job.tab.as_ref().map(|tab| tab.title.as_str()));
        let change = match (&job.tab, job.is_full) {
            (None, _) => "new",
            (_, true) => "whole",
            (_, false) => "changed blocks",
        };
        match job.is_large() {
            true => n_calls += job.n_bytes.div_ceil(LIMIT as u64) + 1,
            false => n_small += job.n_bytes,
        }
        table.add_row([
            title.unwrap_or_default().to_owned(),
            survey.table.name.clone(),
            change.to_owned(),
            n_rows.to_string(),
            (n_rows * survey.width()).to_string(),
            job.n_bytes.to_string(),
        ]);
    }
    n_calls += n_small.div_ceil(LIMIT as u64) + 1;
    let mut out = io::stdout().lock();
    if plan.is_empty() {
        writeln!(out, "nothing to do: 1 call")?;
        return Ok(());
    }
    if !plan.jobs.is_empty() {
        writeln!(out, "{table}")?;
    }
    for (what, n) in [("deleted", plan.deletions.len()), ("without a table", plan.orphans.len())] {
        if n > 0 {
            writeln!(out, "tabs {what}: {n}")?;
        }
    }
    writeln!(out, "about {n_calls} calls")?;
    Ok(())
}
