//! What a user can ask for, one file each.

pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod health;
pub(crate) mod plan;
pub(crate) mod preview;
pub(crate) mod status;
pub(crate) mod sync;

use std::time::{Duration, Instant};

use crate::args::Orphans;
use crate::plan::Wishes;
use crate::run::Job;
use crate::settings::Settings;

/// How long commands that only look may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// A look at everything, which changes nothing.
fn looking(settings: &Settings) -> Job<'_> {
    let wishes = Wishes {
        force: false,
        full_every: None,
        adopt: false,
        protect: None,
        orphans: Orphans::Keep,
        is_whole: settings.source.only_tables.is_empty(),
        now: 0,
    };
    Job { settings, wishes, last_synced: None, deadline: Instant::now() + PATIENCE, is_dry: true }
}
