//! `mysql2pg health`: is the last complete run recent enough?

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use sync_core::exit::Exit;
use sync_core::fault::Fault;
use sync_core::{history, pg};

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
    let Some(last) = last else {
        return Err(Fault::failed("no run has come to its end yet", "look at `mysql2pg status`"));
    };
    let age = Timestamp::now().duration_since(last).unsigned_abs();
    if age > max_age {
        return Err(Fault::failed(
            format!("the last complete run was {} s ago, at {last:.0}", age.as_secs()),
            "look at `mysql2pg status` and at the log",
        ));
    }
    Ok(Exit::Done)
}
