//! Whether a tool still does its work.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;

use crate::fault::Fault;

/// Fails unless `last`, when a run last came to its end, is at most `max_age` ago; `tool` is named in the advice.
pub fn require_recent(last: Option<Timestamp>, max_age: Duration, tool: &str) -> Result<()> {
    let Some(last) = last else {
        return Err(Fault::failed("no run has come to its end yet", format!("look at `{tool} status`")));
    };
    let age = Timestamp::now().duration_since(last).unsigned_abs();
    if age > max_age {
        return Err(Fault::failed(
            format!("the last complete run was {} s ago, at {last:.0}", age.as_secs()),
            format!("look at `{tool} status` and at the log"),
        ));
    }
    Ok(())
}
