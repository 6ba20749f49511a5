//! `pi-uploader health`: does it still send?

use std::time::Duration;

use anyhow::Result;
use sync_core::exit::Exit;
use sync_core::fault::Fault;
use sync_core::recent;

use super::status;
use crate::settings::Settings;
use crate::source::unsent;
use crate::{TOOL, database};

/// Succeeds when the last complete run is at most `max_age` old and at most `max_backlog` rows wait.
pub(crate) fn run(settings: &Settings, max_age: Duration, max_backlog: Option<u64>) -> Result<Exit> {
    let database = database::look(settings)?;
    recent::require_recent(status::last_complete(&database.db)?, max_age, TOOL)?;
    if let Some(limit) = max_backlog {
        let n = unsent::sum(&database.db, &database.schema, unsent::count)?;
        if n > limit {
            return Err(Fault::failed(
                format!("{n} rows wait, more than {limit}"),
                format!("look at `{TOOL} status` and `{TOOL} failures`"),
            ));
        }
    }
    Ok(Exit::Done)
}
