//! Carrying out a plan: changes that fit are packed into few requests, each of which is made whole or not at all.

mod blocks;
mod body;
mod pour;
mod requests;
pub(crate) mod stamp;
mod steps;

use std::collections::BTreeMap;
use std::ops::Range as Span;

use anyhow::Result;
use google_sheets4::hyper::body::Bytes;

use self::blocks::Piece;
use self::body::Body;
pub(crate) use self::body::LIMIT;
use crate::google::{Change, Google};
use crate::mark::Mark;
use crate::plan::{Job, OrphanChange, Plan};
use crate::source::Snapshot;
use crate::source::snapshot::{Failure, reason};
use crate::source::survey::Survey;

/// Cells that Google allows in a workbook, empty ones too.
pub(crate) const CELL_LIMIT: u64 = 10_000_000;

/// What is reported when tabs cannot be deleted, hidden or marked.
const TIDYING: &str = "tabs without a table";

/// What is written with, and what was.
pub(crate) struct Writer<'a> {
    pub(crate) google: &'a mut Google,
    pub(crate) snapshot: &'a mut Snapshot,
    pub(crate) surveys: &'a [Survey],
    pub(crate) tally: &'a mut Tally,
    /// Cells of all grids.
    pub(crate) n_cells: u64,
}

/// What was written, and what could not be.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Rows and cells that were sent, by table.
    pub(crate) sent: BTreeMap<String, (u64, u64)>,
    pub(crate) failed: BTreeMap<String, String>,
    pub(crate) n_deleted: u64,
}

/// The workbook has to be read again: nobody knows whether the last change was made.
#[derive(Debug)]
pub(crate) struct Unclear;

impl std::fmt::Display for Unclear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a change may have been made or not")
    }
}

impl std::error::Error for Unclear {}

/// A table's part of a body.
struct Part {
    name: String,
    span: Span<usize>,
}

impl Writer<'_> {
    /// Does everything that the plan asks for; what fails for one table is noted.
    ///
    /// # Errors
    /// [`Unclear`], and whatever concerns all tables.
    pub(crate) fn carry_out(&mut self, plan: &Plan) -> Result<()> {
        let mut body = Body::default();
        let mut parts = Vec::new();
        self.clean_up(plan, &mut body);
        for job in plan.jobs.iter().filter(|job| !job.is_large()) {
            self.small(job, &mut body, &mut parts)?;
        }
        self.flush(&mut body, &mut parts)?;
        for job in plan.jobs.iter().filter(|job| job.is_large()) {
            self.large(job)?;
        }
        Ok(())
    }

    /// What frees cells comes first.
    fn clean_up(&mut self, plan: &Plan, body: &mut Body) {
        for sheet_id in &plan.deletions {
            body.push(&requests::delete_sheet(*sheet_id));
            self.tally.n_deleted += 1;
        }
        for (tab, change) in &plan.orphans {
            let Some((id, mark)) = &tab.mark else { continue };
            match change {
                OrphanChange::Note => body.push(&requests::update_mark(*id, &steps::absent(mark))),
                OrphanChange::Hide => {
                    body.push(&requests::set_hidden(tab.sheet_id, true));
                    body.push(&requests::update_mark(*id, &Mark { hidden: true, ..mark.clone() }));
                }
            }
        }
    }

    /// Adds a change that fits into one request; what is in the way is sent before it.
    fn small(&mut self, job: &Job, body: &mut Body, parts: &mut Vec<Part>) -> Result<()> {
        let survey = &self.surveys[job.survey];
        if let Err(reason) = self.reserve(job) {
            self.fail(survey, &reason);
            return Ok(());
        }
        let mut start = body.end();
        let rendered = self.snapshot.apart(|snapshot| {
            steps::begin(job, survey, false, body);
            rows_of(snapshot, job, survey, body)?;
            steps::finish(job, body);
            Ok(())
        });
        if let Err(error) = rendered {
            body.truncate(start);
            return self.settle(survey, error);
        }
        if body.len() > LIMIT && start > 0 {
            let mut own = body.split_off(start);
            self.flush(body, parts)?;
            std::mem::swap(body, &mut own);
            start = 0;
        }
        parts.push(Part { name: survey.table.name.clone(), span: start..body.end() });
        self.count(job, survey);
        Ok(())
    }

    /// A change that takes several requests.
    fn large(&mut self, job: &Job) -> Result<()> {
        let survey = &self.surveys[job.survey];
        if let Err(reason) = self.reserve(job) {
            self.fail(survey, &reason);
            return Ok(());
        }
        self.count(job, survey);
        let free = CELL_LIMIT.saturating_sub(self.n_cells);
        let Writer { google, snapshot, .. } = self;
        let poured = snapshot.apart(|snapshot| pour::large(google, snapshot, job, survey, free));
        match poured {
            Ok(()) => Ok(()),
            Err(failure) => {
                if let Failure::All(error) = &failure {
                    self.take_back(error, &survey.table.name);
                }
                self.settle(survey, failure)
            }
        }
    }

    /// Sends a body; where it is refused, each of its parts alone.
    fn flush(&mut self, body: &mut Body, parts: &mut Vec<Part>) -> Result<()> {
        let mut parts = std::mem::take(parts);
        if body.is_empty() {
            return Ok(());
        }
        // What stands before the first table tidies up.
        let start = parts.first().map_or(body.end(), |part| part.span.start);
        if start > 0 {
            parts.insert(0, Part { name: TIDYING.to_owned(), span: 0..start });
        }
        let alone: Vec<Bytes> = match parts.len() {
            1 => Vec::new(),
            _ => parts.iter().map(|part| body.part(part.span.clone())).collect(),
        };
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        let Some(refused) = self.send_for(&names, &body.take())? else { return Ok(()) };
        if alone.is_empty() {
            self.refuse(names[0], &refused);
        } else {
            log::debug!("{refused}; each table is tried alone");
        }
        for (n, bytes) in alone.iter().enumerate() {
            if let Some(reason) = self.send_for(&names[n..], bytes)? {
                self.refuse(names[n], &reason);
            }
        }
        Ok(())
    }

    /// Sends a body; when it could not be sent, none of these tables was written.
    fn send_for(&mut self, names: &[&str], bytes: &Bytes) -> Result<Option<String>> {
        let sent = send(self.google, bytes);
        if let Err(error) = &sent {
            names.iter().for_each(|name| self.take_back(error, name));
        }
        sent
    }

    /// Takes the cells that the change needs.
    fn reserve(&mut self, job: &Job) -> Result<(), String> {
        let sum = self.n_cells + job.growth();
        if sum > CELL_LIMIT {
            return Err(format!(
                "the workbook would have {sum} cells, and Google allows {CELL_LIMIT}: leave out columns or tables, or \
                 use a second workbook"
            ));
        }
        self.n_cells = sum;
        Ok(())
    }

    fn count(&mut self, job: &Job, survey: &Survey) {
        let n_rows: u64 = job.blocks.iter().map(|n| survey.digest.rows_of(*n)).sum();
        let n_cells = (n_rows + u64::from(job.is_full)) * survey.width();
        self.tally.sent.insert(survey.table.name.clone(), (n_rows, n_cells));
    }

    /// What was not written does not count; what may have been does.
    fn take_back(&mut self, error: &anyhow::Error, name: &str) {
        if error.downcast_ref::<Unclear>().is_none() {
            self.tally.sent.remove(name);
        }
    }

    fn settle(&mut self, survey: &Survey, failure: Failure) -> Result<()> {
        match failure {
            Failure::All(error) => Err(error),
            Failure::Table(error) => {
                self.fail(survey, &reason(&error));
                Ok(())
            }
        }
    }

    fn fail(&mut self, survey: &Survey, reason: &str) {
        let name = survey.table.name.clone();
        self.refuse(&name, reason);
    }

    fn refuse(&mut self, name: &str, reason: &str) {
        self.tally.sent.remove(name);
        self.tally.failed.insert(name.to_owned(), reason.to_owned());
    }
}

/// `None` when the change is made, else why not.
fn send(google: &mut Google, bytes: &Bytes) -> Result<Option<String>> {
    sync_core::crash::point("before-write");
    match google.write(bytes)? {
        Change::Made => {
            sync_core::crash::point("after-write");
            Ok(None)
        }
        Change::Rejected(reason) => Ok(Some(reason)),
        Change::Unclear => Err(Unclear.into()),
    }
}

/// Writes the changed blocks of a table into the body, each run of them as one request.
fn rows_of(snapshot: &mut Snapshot, job: &Job, survey: &Survey, body: &mut Body) -> Result<()> {
    blocks::read(snapshot, survey, job.blocks.iter().copied(), |_, piece| {
        if let Piece::Row(at, json) = piece {
            body.place(job.sheet_id, at + 1, job.width());
            body.row(json);
        }
        Ok(())
    })?;
    body.close_cells();
    Ok(())
}

/// Makes a change that leaves nothing behind, to see whether changes may be made.
pub(crate) fn probe(google: &mut Google) -> Result<()> {
    let mut body = Body::default();
    requests::probe().iter().for_each(|request| body.push(request));
    match google.write(&body.take())? {
        Change::Made | Change::Unclear => Ok(()),
        Change::Rejected(reason) => {
            Err(sync_core::fault::Fault::failed(format!("change the workbook: {reason}"), ""))
        }
    }
}
