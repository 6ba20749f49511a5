//! `pg2sheets status`: every tab of ours, and the last run.

use std::io::{self, Write as _};

use anyhow::Result;
use comfy_table::{Table, presets};
use jiff::Timestamp;
use sync_core::exit::Exit;
use sync_core::stop::Stop;

use super::looking;
use crate::google::Google;
use crate::plan::{Me, owned};
use crate::settings::Settings;
use crate::state::Runs;

/// Shows what the workbook knows of itself; changes nothing.
pub(crate) fn run(settings: &Settings, stop: &Stop) -> Result<Exit> {
    let mut out = io::stdout().lock();
    let runs = Runs::read(settings.state_dir.as_deref());
    match runs.last["finished_at"].as_str() {
        Some(at) => writeln!(out, "last run: {at}, exit code {}", runs.last["exit_code"])?,
        None => writeln!(out, "last run: none is known here")?,
    }
    if let Some(at) = runs.complete_at() {
        writeln!(out, "last complete run: {at:.0}")?;
    }
    if let Some(error) = runs.last["error"].as_str() {
        writeln!(out, "error: {error}")?;
    }
    let mut google = Google::new(settings, looking(settings).deadline, stop)?;
    let workbook = google.read()?;
    let me = Me { source: settings.source.name.clone(), spreadsheet: settings.spreadsheet.clone() };
    let owned = owned(&workbook, &me);
    writeln!(
        out,
        "workbook: {}, {} tabs, {} cells of 10,000,000\n",
        workbook.title,
        workbook.tabs.len(),
        workbook.n_cells()
    )?;
    if owned.tables.is_empty() {
        writeln!(out, "no tab of {} yet", me.source)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["tab", "table", "rows", "columns", "written whole", "state"]);
    for (name, tab) in &owned.tables {
        let Some((_, mark)) = &tab.mark else { continue };
        let state = match () {
            () if mark.absent_since.is_some() => "table is missing",
            () if mark.whole.is_empty() => "under way",
            () if mark.grid != tab.grid => "rows or columns were added or deleted by hand",
            () => "complete",
        };
        table.add_row([
            tab.title.clone(),
            name.replace(char::is_control, "?"),
            mark.rows.to_string(),
            mark.width().to_string(),
            Timestamp::from_second(mark.full_at).map_or_else(|_| String::new(), |at| format!("{at:.0}")),
            state.to_owned(),
        ]);
    }
    writeln!(out, "{table}")?;
    Ok(Exit::Done)
}
