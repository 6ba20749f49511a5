//! What has to be done so that the workbook shows what the database holds.

mod columns;
mod job;
mod owner;
mod titles;

use std::collections::HashSet;

pub(crate) use self::columns::Step;
pub(crate) use self::job::Job;
pub(crate) use self::owner::{Me, Owned, owned};
pub(crate) use self::titles::choose as choose_title;

use crate::args::Orphans;
use crate::google::workbook::{Tab, Workbook};
use crate::mark::Mark;
use crate::settings;
use crate::source::survey::Survey;

/// Tabs that Google allows.
const TAB_LIMIT: usize = 200;

/// What the options ask for.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    pub(crate) force: bool,
    pub(crate) full_every: Option<std::time::Duration>,
    pub(crate) adopt: bool,
    /// Whether edits by hand are warned of; `None` leaves that as it is.
    pub(crate) protect: Option<bool>,
    pub(crate) orphans: Orphans,
    /// Whether all tables were looked for, so that a missing one is an orphan.
    pub(crate) is_whole: bool,
    /// Seconds since 1970; a run takes it from the database.
    pub(crate) now: i64,
}

/// Everything that has to be done.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Tabs that go: of orphans, and those that hold blocks for nothing any more.
    pub(crate) deletions: Vec<i32>,
    /// Tabs whose tables are missing: each with the change.
    pub(crate) orphans: Vec<(Tab, OrphanChange)>,
    /// The smallest first.
    pub(crate) jobs: Vec<Job>,
    /// Tables that cannot be written, and why.
    pub(crate) failed: Vec<(String, String)>,
}

/// What becomes of a tab without a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrphanChange {
    /// Missing for the first time: this is noted.
    Note,
    Hide,
}

/// Compares what there is with what there should be.
pub(crate) fn make(
    workbook: &Workbook,
    surveys: &[Survey],
    present: &dyn Fn(&str) -> bool,
    me: &Me,
    wishes: &Wishes,
) -> Plan {
    let mut plan = Plan::default();
    let Owned { tables, staging } = owned(workbook, me);
    let mut taken: HashSet<String> = workbook.tabs.iter().map(|tab| tab.title.to_lowercase()).collect();
    let mut ids: HashSet<i32> = workbook.tabs.iter().map(|tab| tab.sheet_id).collect();
    ids.extend(workbook.tabs.iter().filter_map(|tab| tab.mark.as_ref().map(|(id, _)| *id)));
    let mut n_tabs = workbook.tabs.len();
    for (n, survey) in surveys.iter().enumerate() {
        let name = survey.table.name.as_str();
        let stage = staging.iter().find(|tab| mark_of(tab).table == name);
        let job = match tables.get(name) {
            Some(tab) => Job::of_tab(n, survey, tab, stage.copied(), me, wishes),
            None => match adoptable(workbook, survey, wishes) {
                Some(tab) => Job::adopting(n, survey, tab, me, wishes, &mut ids),
                None if n_tabs >= TAB_LIMIT => Err(format!(
                    "the workbook has {n_tabs} tabs, and Google allows {TAB_LIMIT}: leave tables out, or use a second workbook"
                )),
                None => {
                    n_tabs += 1;
                    Ok(Some(Job::creating(n, survey, me, wishes, &mut ids, &mut taken)))
                }
            },
        };
        match job {
            Ok(job) => plan.jobs.extend(job),
            Err(reason) => plan.failed.push((name.to_owned(), reason)),
        }
    }
    plan.jobs.sort_by_key(|job| (job.is_large(), job.n_bytes * u64::from(job.is_large())));
    let in_use = |tab: &&Tab| {
        let large = plan.jobs.iter().filter(|job| job.is_large());
        large.filter_map(|job| job.stage.as_ref()).any(|stage| stage.sheet_id == tab.sheet_id)
    };
    let idle = staging.iter().filter(|tab| !in_use(tab)).filter(|tab| {
        surveys.iter().any(|s| s.table.name == mark_of(tab).table) || !present(&mark_of(tab).table)
    });
    plan.deletions = idle.map(|tab| tab.sheet_id).collect();
    if wishes.is_whole {
        for tab in tables.values().filter(|tab| !present(&mark_of(tab).table)) {
            plan.orphan(tab, wishes);
        }
    }
    plan.deletions.sort_unstable();
    plan
}

impl Plan {
    /// Nothing has to be done.
    pub(crate) fn is_empty(&self) -> bool {
        self.deletions.is_empty() && self.orphans.is_empty() && self.jobs.is_empty()
    }

    fn orphan(&mut self, tab: &Tab, wishes: &Wishes) {
        let mark = mark_of(tab);
        match (mark.absent_since, wishes.orphans) {
            (None, _) => self.orphans.push((tab.clone(), OrphanChange::Note)),
            (Some(_), Orphans::Hide) if !tab.is_hidden => {
                self.orphans.push((tab.clone(), OrphanChange::Hide))
            }
            (Some(_), Orphans::Delete) => self.deletions.push(tab.sheet_id),
            _ => {}
        }
    }
}

/// The mark of a tab that is known to have one.
fn mark_of(tab: &Tab) -> &Mark {
    static NONE: std::sync::LazyLock<Mark> = std::sync::LazyLock::new(Mark::new);
    tab.mark.as_ref().map_or(&NONE, |(_, mark)| mark)
}

/// A tab without a mark that has the table's title, where the options allow to take it.
fn adoptable<'w>(workbook: &'w Workbook, survey: &Survey, wishes: &Wishes) -> Option<&'w Tab> {
    let is_it = |tab: &&Tab| {
        tab.mark.is_none() && tab.grid[0] > 0 && tab.title.eq_ignore_ascii_case(&survey.table.title)
    };
    workbook.tabs.iter().find(is_it).filter(|_| wishes.adopt)
}

/// Whether a tab has to be written whole because of its age, or because that is asked for.
fn is_full(mark: &Mark, wishes: &Wishes) -> bool {
    // A change under way is not begun anew.
    wishes.force && !mark.whole.is_empty()
        || !mark.whole.is_empty() && settings::is_due(mark.full_at, wishes.full_every, wishes.now)
}
