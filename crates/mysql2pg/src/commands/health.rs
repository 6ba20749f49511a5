//! `mysql2pg health`: is the last complete run recent enough?

use std::time::Duration;

use anyhow::Result;
use sync_core::exit::Exit;
use sync_core::{history, pg, recent};

use crate::TOOL;
use crate::commands::status;
use crate::settings::Settings;

/// Succeeds when the last run of the job, or of any job, that ended well is at most `max_age` old.
pub(crate) fn run(settings: &Settings, max_age: Duration, job: Option<&str>) -> Result<Exit> {
    let mut client = pg::connect(&settings.pg, TOOL)?;
    let jobs = match job {
        Some(job) => vec![job.to_owned()],
        None => status::jobs(&mut client, &settings.schema)?,
    };
    let mut last = None;
    for job in &jobs {
        last = last.max(history::last_complete(&mut client, &settings.schema, TOOL, job)?);
    }
    recent::require_recent(last, max_age, TOOL)?;
    Ok(Exit::Done)
}
