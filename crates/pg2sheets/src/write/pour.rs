//! Changes that take several requests: into a new tab that is hidden until it is complete, through a hidden tab beside
//! the old one, or block by block where there is no room for that.

use anyhow::Result;

use super::blocks::{self, Piece};
use super::body::{Body, LIMIT};
use super::{requests, send, steps};
use crate::digest::{Digest, UNKNOWN};
use crate::google::Google;
use crate::google::workbook::Range;
use crate::mark::Mark;
use crate::plan::Job;
use crate::source::Snapshot;
use crate::source::snapshot::{OfTable, of_table};
use crate::source::survey::Survey;

/// Blocks on their way into a tab.
struct Pour<'a> {
    google: &'a mut Google,
    survey: &'a Survey,
    sheet_id: i32,
    width: u64,
    body: Body,
    /// What the tab is known to hold once the body is sent.
    mark: Mark,
    mark_id: i32,
}

/// A block to be written: which, into which slot of the mark, at which row of the grid.
struct Todo {
    block: usize,
    slot: usize,
    row: u64,
}

/// Writes a change that is larger than a request; `n_free` cells can be had for a while.
pub(super) fn large(
    google: &mut Google,
    snapshot: &mut Snapshot,
    job: &Job,
    survey: &Survey,
    n_free: u64,
) -> Result<()> {
    let is_visible = job.tab.is_some() && !job.old.fresh;
    let n_staged = staged_rows(job, survey) * survey.width().max(1);
    let n_there = job.stage.as_ref().map_or(0, |tab| tab.grid[0] * tab.grid[1]);
    if is_visible && n_staged <= n_free + n_there {
        match staged(google, snapshot, job, survey) {
            Err(error) if is_short(&error) => log::debug!("{error}; {} is written in place", job.mark.table),
            done => return done,
        }
        snapshot.client.batch_execute("CLOSE ALL")?;
    }
    direct(google, snapshot, job, survey)
}

/// Whether Google had no cells left, by its own count.
fn is_short(error: &anyhow::Error) -> bool {
    error.downcast_ref::<OfTable>().is_some_and(|OfTable(reason)| reason.contains("above the limit"))
}

/// Writes into the tab itself; a mark says how far it came.
fn direct(google: &mut Google, snapshot: &mut Snapshot, job: &Job, survey: &Survey) -> Result<()> {
    let mark = job.mark_under_way();
    let (sheet_id, mark_id, width) = (job.sheet_id, job.mark_id.0, job.width());
    let mut pour = Pour { google, survey, sheet_id, width, body: Body::default(), mark, mark_id };
    if let Some(stage) = &job.stage {
        pour.body.push(&requests::delete_sheet(stage.sheet_id));
    }
    steps::begin(job, survey, true, &mut pour.body);
    pour.body.push(&steps::mark(job, &pour.mark, job.mark_id.1));
    let block_rows = survey.digest.block_rows;
    let todo = job.blocks.iter().map(|n| Todo { block: *n, slot: *n, row: *n as u64 * block_rows + 1 });
    pour.blocks(snapshot, &todo.collect::<Vec<_>>())?;
    pour.flush()?;
    // The mark is there since the first request.
    let mut last = Job { mark_id: (mark_id, false), ..job.clone() };
    last.unhide |= job.tab.is_none();
    steps::finish(&last, &mut pour.body);
    pour.send()
}

/// Writes into a hidden tab, and from there into the visible one in a single step.
fn staged(google: &mut Google, snapshot: &mut Snapshot, job: &Job, survey: &Survey) -> Result<()> {
    let grid = [staged_rows(job, survey).max(1), survey.width().max(1)];
    let digest = &survey.digest;
    let usable = job
        .stage
        .as_ref()
        .filter(|tab| is_usable(tab.mark.as_ref().map(|(_, mark)| mark), survey) && tab.grid[1] == grid[1]);
    let sheet_id = job.stage.as_ref().map_or_else(|| beside(job.sheet_id), |tab| tab.sheet_id);
    let mut mark = Mark {
        staging: true,
        fresh: false,
        sheet: sheet_id,
        rows: 0,
        grid,
        whole: String::new(),
        ..job.mark.clone()
    };
    mark.blocks = vec![UNKNOWN; job.blocks.len()];
    let mut body = Body::default();
    let mark_id = match usable.and_then(|tab| Some((tab, tab.mark.as_ref()?))) {
        Some((tab, (id, there))) => {
            mark.blocks.iter_mut().zip(&there.blocks).for_each(|(slot, hash)| *slot = *hash);
            if tab.grid[0] < grid[0] {
                body.push(&requests::append_rows(sheet_id, grid[0] - tab.grid[0]));
            }
            *id
        }
        None => {
            if job.stage.is_some() {
                body.push(&requests::delete_sheet(sheet_id));
            }
            let title = format!("pg2sheets {sheet_id}");
            body.push(&requests::add_sheet(sheet_id, &title, grid, true, 0));
            body.push(&requests::create_mark(sheet_id, &mark));
            sheet_id
        }
    };
    let slots = job.blocks.iter().enumerate();
    let todo = slots.filter(|(slot, n)| mark.blocks[*slot] != digest.blocks[**n].hash);
    let todo: Vec<Todo> =
        todo.map(|(slot, n)| Todo { block: *n, slot, row: slot as u64 * digest.block_rows }).collect();
    let mut pour = Pour { google, survey, sheet_id, width: grid[1], body, mark, mark_id };
    pour.blocks(snapshot, &todo)?;
    pour.flush()?;
    steps::begin(job, survey, false, &mut pour.body);
    for run in runs(&job.blocks) {
        let rows = |first: u64| {
            let n: u64 = job.blocks[run.clone()].iter().map(|n| digest.rows_of(*n)).sum();
            Range { rows: [first, first + n], columns: [0, grid[1]] }
        };
        let (from, to) =
            (run.start as u64 * digest.block_rows, job.blocks[run.start] as u64 * digest.block_rows + 1);
        pour.body.push(&requests::copy_values((sheet_id, rows(from)), (job.sheet_id, rows(to))));
    }
    clear_right(job, survey, &mut pour.body);
    steps::finish(job, &mut pour.body);
    pour.body.push(&requests::delete_sheet(sheet_id));
    pour.send()
}

/// Columns that were ours, beside rows that were copied.
fn clear_right(job: &Job, survey: &Survey, body: &mut Body) {
    let columns = [survey.width(), job.width()];
    body.clear(job.sheet_id, Range { rows: [1, job.mark.rows + 1], columns });
}

fn is_usable(mark: Option<&Mark>, survey: &Survey) -> bool {
    mark.is_some_and(|mark| mark.head == survey.head && mark.block == survey.digest.block_rows)
}

/// Rows of all slots.
fn staged_rows(job: &Job, survey: &Survey) -> u64 {
    let Digest { block_rows, .. } = survey.digest;
    let last = job.blocks.last().map_or(0, |n| survey.digest.rows_of(*n));
    (job.blocks.len() as u64).saturating_sub(1) * block_rows + last
}

/// An id for the hidden tab of this one.
fn beside(sheet_id: i32) -> i32 {
    (sheet_id ^ 0x5357_1a6e) & i32::MAX
}

/// Positions of blocks that follow each other.
fn runs(blocks: &[usize]) -> Vec<std::ops::Range<usize>> {
    let mut start = 0;
    let groups = blocks.chunk_by(|a, b| a + 1 == *b);
    let span = |group: &[usize]| {
        start += group.len();
        start - group.len()..start
    };
    groups.map(span).collect()
}

impl Pour<'_> {
    /// Reads and writes these blocks, as many requests as it takes.
    fn blocks(&mut self, snapshot: &mut Snapshot, todo: &[Todo]) -> Result<()> {
        let survey = self.survey;
        let digest = &survey.digest;
        blocks::read(snapshot, survey, todo.iter().map(|todo| todo.block), |n, piece| {
            let Todo { block, slot, row } = todo[n];
            match piece {
                Piece::Row(at, json) => self.row(row + at - block as u64 * digest.block_rows, json)?,
                Piece::End => self.mark.blocks[slot] = digest.blocks[block].hash,
            }
            Ok(())
        })
    }

    fn row(&mut self, row: u64, json: &[u8]) -> Result<()> {
        let reserve = self.mark.blocks.len() * 16 + self.mark.kinds.len() * 7 + 2_000;
        if self.body.len() + json.len() + reserve > LIMIT {
            self.flush()?;
        }
        self.body.place(self.sheet_id, row, self.width);
        self.body.row(json);
        Ok(())
    }

    /// Sends what there is, with a mark that knows of it.
    fn flush(&mut self) -> Result<()> {
        self.body.close_cells();
        if self.body.is_empty() {
            return Ok(());
        }
        self.body.push(&requests::update_mark(self.mark_id, &self.mark));
        self.send()
    }

    fn send(&mut self) -> Result<()> {
        match send(self.google, &self.body.take())? {
            None => Ok(()),
            Some(reason) => Err(of_table(reason)),
        }
    }
}
