//! `sqlite2pg health`: is the last complete run recent enough?

use std::time::Duration;

use anyhow::Result;
use sync_core::exit::Exit;
use sync_core::{history, pg, recent};

use crate::session::TOOL;
use crate::settings::Settings;

/// Succeeds when the last run that ended well is at most `max_age` old.
pub(crate) fn run(settings: &Settings, max_age: Duration) -> Result<Exit> {
    let mut client = pg::connect(&settings.pg, TOOL)?;
    let last = history::last_complete(&mut client, &settings.schema, TOOL, &settings.source_name)?;
    recent::require_recent(last, max_age, TOOL)?;
    Ok(Exit::Done)
}
