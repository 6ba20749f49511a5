//! `sqlite2pg health`: is the last complete run recent enough?

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use sync_core::exit::Exit;
use sync_core::fault::Fault;
use sync_core::{history, pg};

use crate::session::TOOL;
use crate::settings::Settings;

/// Succeeds when the last run that ended well is at most `max_age` old.
pub(crate) fn run(settings: &Settings, max_age: Duration) -> Result<Exit> {
    let mut client = pg::connect(&settings.pg, TOOL)?;
    let last = history::last_complete(&mut client, &settings.schema, TOOL, &settings.source_name)?;
    let Some(last) = last else {
        return Err(Fault::failed("no run has come to its end yet", "look at `sqlite2pg status`"));
    };
    let age = Timestamp::now().duration_since(last).unsigned_abs();
    if age > max_age {
        return Err(Fault::failed(
            format!("the last complete run was {} s ago, at {last:.0}", age.as_secs()),
            "look at `sqlite2pg status` and at the log",
        ));
    }
    Ok(Exit::Done)
}
