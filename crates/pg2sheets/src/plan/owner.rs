//! Whose tab is it?

use std::collections::BTreeMap;

use crate::google::workbook::{Tab, Workbook};

/// Who writes where.
#[derive(Clone, Debug)]
pub(crate) struct Me {
    /// Name of the database, or what the user calls it.
    pub(crate) source: String,
    pub(crate) spreadsheet: String,
}

/// Tabs of ours.
#[derive(Debug, Default)]
pub(crate) struct Owned<'w> {
    /// By the name of the table.
    pub(crate) tables: BTreeMap<&'w str, &'w Tab>,
    /// Hidden ones that hold blocks on their way.
    pub(crate) staging: Vec<&'w Tab>,
}

/// The tabs that carry our mark. A duplicate within the workbook carries another tab's id: it is the user's. Of two
/// for one table, one that was not copied comes first.
pub(crate) fn owned<'w>(workbook: &'w Workbook, me: &Me) -> Owned<'w> {
    let mut owned = Owned::default();
    for tab in &workbook.tabs {
        let Some((_, mark)) = &tab.mark else { continue };
        if mark.source != me.source || mark.sheet != tab.sheet_id {
            continue;
        }
        if mark.staging {
            owned.staging.push(tab);
            continue;
        }
        let is_here =
            |tab: &Tab| tab.mark.as_ref().is_some_and(|(_, mark)| mark.spreadsheet == me.spreadsheet);
        let known = owned.tables.entry(&mark.table).or_insert(tab);
        if !is_here(known) && is_here(tab) {
            *known = tab;
        }
    }
    owned
}
