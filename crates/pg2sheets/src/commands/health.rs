//! `pg2sheets health`: is the last complete run recent enough?

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use sync_core::exit::Exit;
use sync_core::recent;

use crate::TOOL;
use crate::state::Runs;

/// Succeeds when the last run that came to its end is at most `max_age` old.
pub(crate) fn run(dir: Option<&Path>, max_age: Duration) -> Result<Exit> {
    recent::require_recent(Runs::load(dir)?.complete_at(), max_age, TOOL)?;
    Ok(Exit::Done)
}
