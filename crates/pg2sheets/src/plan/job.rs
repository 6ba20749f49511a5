//! What has to be done for one table.

use std::collections::HashSet;

use super::columns::{self, Step};
use super::{Me, Wishes, is_full, titles};
use crate::digest::{Block, Digest, Hash, UNKNOWN, level, raise};
use crate::google::workbook::{Range, Tab};
use crate::mark::{Mark, name};
use crate::source::survey::Survey;
use crate::write::LIMIT;

/// Bytes of requests that are not cells.
const OVERHEAD: u64 = 8_000;

/// The change of one table's tab.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Which of the surveys.
    pub(crate) survey: usize,
    pub(crate) sheet_id: i32,
    /// Title of the tab to be made.
    pub(crate) new_title: Option<String>,
    /// The tab as it is; none when it is to be made.
    pub(crate) tab: Option<Tab>,
    /// Id of the mark's metadata, and whether it is to be made.
    pub(crate) mark_id: (i32, bool),
    /// What the mark says when all is done.
    pub(crate) mark: Mark,
    /// What it said before; without contents where there was none.
    pub(crate) old: Mark,
    /// Header and all rows are written, whatever is there.
    pub(crate) is_full: bool,
    /// Blocks to be written, in order.
    pub(crate) blocks: Vec<usize>,
    /// Of the requests, about.
    pub(crate) n_bytes: u64,
    /// A tab that holds some of the blocks already.
    pub(crate) stage: Option<Tab>,
    /// Whether the user is warned of edits: add or remove.
    pub(crate) protect: Option<bool>,
    /// How our columns come together again before anything is written.
    pub(crate) steps: Vec<Step>,
    /// A tab that was hidden as an orphan is shown again.
    pub(crate) unhide: bool,
}

impl Job {
    /// The change of a tab of ours; `None` when there is none.
    ///
    /// # Errors
    /// Why it may not be changed.
    pub(super) fn of_tab(
        n: usize,
        survey: &Survey,
        tab: &Tab,
        stage: Option<&Tab>,
        me: &Me,
        wishes: &Wishes,
    ) -> Result<Option<Job>, String> {
        let Some((mark_id, old)) = &tab.mark else { return Ok(None) };
        let is_full = is_full(old, wishes)
            || old.spreadsheet != me.spreadsheet
            || old.grid != tab.grid
            || old.head != survey.head;
        let protect = wishes.protect.filter(|wanted| *wanted != is_protected(tab, survey));
        let is_back = old.absent_since.is_some();
        let is_same = !is_full && old.whole == survey.digest.whole;
        if is_same && protect.is_none() && !is_back {
            return Ok(None);
        }
        let mut job = Job::new(n, survey, tab.sheet_id, me, old.clone());
        job.mark_id = (*mark_id, false);
        job.tab = Some(tab.clone());
        job.is_full = is_full;
        job.protect = protect;
        job.unhide = is_back && tab.is_hidden && old.hidden || old.fresh;
        job.blocks = if is_same { Vec::new() } else { changed(&survey.digest, old, is_full) };
        job.mark.full_at = if is_full { wishes.now } else { old.full_at };
        job.stage = stage.cloned();
        if let Some((steps, kinds)) = columns::reunite(tab, old, &job.mark)? {
            (job.steps, job.old.kinds) = (steps, kinds);
        }
        job.finish(survey)?;
        Ok(Some(job))
    }

    /// Takes a tab that is not ours.
    pub(super) fn adopting(
        n: usize,
        survey: &Survey,
        tab: &Tab,
        me: &Me,
        wishes: &Wishes,
        ids: &mut HashSet<i32>,
    ) -> Result<Option<Job>, String> {
        let mut job = Job::new(n, survey, tab.sheet_id, me, Mark::new());
        job.mark_id = (new_id(&survey.table.name, me, wishes.now, ids), true);
        job.tab = Some(tab.clone());
        job.start_whole(survey, wishes);
        job.finish(survey)?;
        Ok(Some(job))
    }

    /// Makes a new tab.
    pub(super) fn creating(
        n: usize,
        survey: &Survey,
        me: &Me,
        wishes: &Wishes,
        ids: &mut HashSet<i32>,
        taken: &mut HashSet<String>,
    ) -> Job {
        let table = &survey.table;
        let id = new_id(&table.name, me, wishes.now, ids);
        let mut job = Job::new(n, survey, id, me, Mark::new());
        job.mark_id = (id, true);
        job.new_title = Some(titles::choose(&table.title, &table.name, taken));
        job.start_whole(survey, wishes);
        // A tab that is made now is closed to nobody.
        let _ = job.finish(survey);
        job
    }

    fn new(n: usize, survey: &Survey, sheet_id: i32, me: &Me, old: Mark) -> Job {
        let mut mark = Mark {
            source: me.source.clone(),
            table: survey.table.name.clone(),
            spreadsheet: me.spreadsheet.clone(),
            sheet: sheet_id,
            head: survey.head.clone(),
            kinds: survey.kinds(),
            names: survey.columns.iter().map(|column| name(&column.name)).collect(),
            stamp: old.stamp,
            rows: survey.digest.n_rows,
            block: survey.digest.block_rows,
            whole: survey.digest.whole.clone(),
            ..Mark::new()
        };
        mark.set_blocks(&survey.digest.blocks);
        Job {
            survey: n,
            sheet_id,
            new_title: None,
            tab: None,
            mark_id: (0, false),
            mark,
            old,
            is_full: false,
            blocks: Vec::new(),
            n_bytes: 0,
            stage: None,
            protect: None,
            steps: Vec::new(),
            unhide: false,
        }
    }

    fn start_whole(&mut self, survey: &Survey, wishes: &Wishes) {
        self.is_full = true;
        self.blocks = (0..survey.digest.blocks.len()).collect();
        self.mark.full_at = wishes.now;
        self.protect = wishes.protect.filter(|wanted| *wanted);
    }

    fn finish(&mut self, survey: &Survey) -> Result<(), String> {
        let n_new = self.n_new_columns();
        if let Some([_, column]) = self.mark.stamp.as_mut().filter(|[_, column]| *column >= self.old.width())
        {
            *column += n_new;
        }
        let needed = survey.grid();
        self.mark.grid = match &self.tab {
            // Our new columns come between ours and the user's.
            Some(tab) => [tab.grid[0].max(needed[0]), (tab.grid[1] + n_new).max(needed[1])],
            None => needed,
        };
        let cells: u64 = self.blocks.iter().map(|n| survey.digest.blocks[*n].n_bytes + 150).sum();
        let header: u64 = survey.columns.iter().map(|column| column.name.len() as u64 * 2 + 80).sum();
        let formats =
            survey.columns.iter().filter(|column| column.kind.format().is_some()).count() as u64 * 300;
        self.n_bytes =
            OVERHEAD + cells + formats + self.mark.text().len() as u64 * 2 + header * u64::from(self.is_full);
        let ours = Range { rows: [0, u64::MAX], columns: [0, self.width()] };
        let closed = self.tab.as_ref().is_some_and(|tab| tab.closed.iter().any(|range| range.meets(&ours)));
        if closed {
            return Err("a part of its tab is protected against us: remove the protection under Data > Protect sheets \
                and ranges, or add the service account to its editors"
                .to_owned());
        }
        Ok(())
    }

    /// Columns that were ours or will be; one where a table has none, since a range cannot be empty.
    pub(crate) fn width(&self) -> u64 {
        self.mark.width().max(self.old.width()).max(1)
    }

    /// Columns that are inserted behind our last one.
    pub(crate) fn n_new_columns(&self) -> u64 {
        let Some(tab) = &self.tab else { return 0 };
        if !self.steps.is_empty() {
            return self.steps.iter().filter(|step| matches!(step, Step::Insert { .. })).count() as u64;
        }
        match self.mark_id.1 {
            // Of a tab that was adopted all columns are ours.
            true => self.mark.width().saturating_sub(tab.grid[1]),
            false => self.mark.width().saturating_sub(self.old.width().min(tab.grid[1])),
        }
    }

    /// Cells that the workbook will have more.
    pub(crate) fn growth(&self) -> u64 {
        let before = self.tab.as_ref().map_or(0, |tab| tab.grid[0] * tab.grid[1]);
        (self.mark.grid[0] * self.mark.grid[1]).saturating_sub(before)
    }

    /// Whether it takes more than one request.
    pub(crate) fn is_large(&self) -> bool {
        self.n_bytes > LIMIT as u64
    }

    /// The rows that hold what is gone.
    pub(crate) fn tail(&self) -> Range {
        let end = match (self.is_full, &self.tab) {
            (_, None) => 0,
            (true, Some(_)) => self.mark.grid[0],
            (false, Some(_)) => self.old.rows + 1,
        };
        Range { rows: [self.mark.rows + 1, end.max(self.mark.rows + 1)], columns: [0, self.width()] }
    }

    /// The mark while the change is under way: what is not yet written is unknown.
    pub(crate) fn mark_under_way(&self) -> Mark {
        let mut mark = self.mark.clone();
        self.blocks.iter().for_each(|n| mark.blocks[*n] = UNKNOWN);
        mark.whole.clear();
        mark.rows = match self.is_full {
            // Rows that were inserted by hand have moved ours down.
            true => mark.grid[0] - 1,
            false => mark.rows.max(self.old.rows),
        };
        mark.fresh = self.new_title.is_some() || self.old.fresh;
        mark
    }
}

/// Blocks whose rows differ from what the mark knows.
fn changed(digest: &Digest, mark: &Mark, is_full: bool) -> Vec<usize> {
    let mut known: Vec<Block> = mark.blocks.iter().map(|hash| Block { hash: *hash, n_bytes: 0 }).collect();
    for _ in level(mark.block)..digest.level() {
        known = raise(&known);
    }
    let is_known = |n: usize, hash: Hash| known.get(n).is_some_and(|block| block.hash == hash);
    let blocks = digest.blocks.iter().enumerate();
    // A block that was not the last one has changed its size, and its hash therefore.
    blocks
        .filter(|(n, block)| is_full || mark.block > digest.block_rows || !is_known(*n, block.hash))
        .map(|(n, _)| n)
        .collect()
}

fn is_protected(tab: &Tab, survey: &Survey) -> bool {
    tab.protection.is_some_and(|(_, range)| range.columns == [0, survey.width().max(1)])
}

/// An id for a tab and its mark that is not in use; one that is in use where we cannot see it is another in the next run.
fn new_id(name: &str, me: &Me, now: i64, ids: &mut HashSet<i32>) -> i32 {
    let hash = blake3::hash(format!("{}\0{name}\0{now}", me.source).as_bytes());
    let bytes = hash.as_bytes();
    let mut id = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) & i32::MAX;
    while id == 0 || !ids.insert(id) {
        id = id.wrapping_add(1) & i32::MAX;
    }
    id
}
