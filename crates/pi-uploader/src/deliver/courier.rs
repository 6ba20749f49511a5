//! The threads that call the server, and the queue that they share with the thread that has the database.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;
use std::time::Duration;

use sync_core::http::Client;

use super::post::Endpoint;
use super::{Delivery, Job};

/// So many first attempts in a row that the server could not take end a run.
const MAX_STRUGGLES: u32 = 5;

/// Why no further row is sent in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// No server was reached.
    Unreachable(String),
    /// The server does not know us.
    Unauthorized(String),
    /// The server could not take several rows in a row.
    Struggling(String),
    /// We are to end.
    Stopped,
}

/// Rows waiting for a thread.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    is_closed: bool,
    halt: Option<Halt>,
    n_struggles: u32,
}

/// The rows handed out, and what became of them.
#[derive(Debug)]
pub(crate) struct Courier<'a> {
    queue: &'a Queue,
    results: Receiver<(Job, Delivery)>,
    n_out: usize,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next row, `None` when there will be no more.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.halt.is_some() {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.is_closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn halt(&self, why: Halt) {
        self.lock().halt.get_or_insert(why);
        self.changed.notify_all();
    }

    /// Ends the run when the server is in trouble.
    fn judge(&self, job: &Job, delivery: &Delivery) {
        match delivery {
            Delivery::Unreachable { reason } => self.halt(Halt::Unreachable(reason.clone())),
            Delivery::Unauthorized { reason } => self.halt(Halt::Unauthorized(reason.clone())),
            Delivery::Later { reason, .. } if job.n_attempts == 0 => {
                let n_struggles = {
                    let mut state = self.lock();
                    state.n_struggles += 1;
                    state.n_struggles
                };
                if n_struggles >= MAX_STRUGGLES {
                    self.halt(Halt::Struggling(reason.clone()));
                }
            }
            Delivery::Later { .. } => {}
            Delivery::Done { .. } | Delivery::Refused { .. } => self.lock().n_struggles = 0,
        }
    }
}

impl<'a> Courier<'a> {
    /// Starts `n_threads` that end when the courier is dropped.
    pub(crate) fn start<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        queue: &'a Queue,
        n_threads: usize,
        client: &'env Client,
        endpoint: &'env Endpoint,
    ) -> Courier<'a>
    where
        'a: 'scope,
    {
        let (sender, results) = channel();
        for _ in 0..n_threads {
            let sender: Sender<(Job, Delivery)> = sender.clone();
            scope.spawn(move || {
                while let Some(job) = queue.next() {
                    let delivery = endpoint.send(client, &job);
                    queue.judge(&job, &delivery);
                    if sender.send((job, delivery)).is_err() {
                        return;
                    }
                }
            });
        }
        Courier { queue, results, n_out: 0 }
    }

    /// Hands out rows.
    pub(crate) fn send(&mut self, jobs: impl IntoIterator<Item = Job>) {
        let mut state = self.queue.lock();
        let n_before = state.jobs.len();
        state.jobs.extend(jobs);
        self.n_out += state.jobs.len() - n_before;
        drop(state);
        self.queue.changed.notify_all();
    }

    /// Rows whose result is still to come.
    pub(crate) fn n_out(&self) -> usize {
        self.n_out
    }

    /// The next result, `None` when none came in this time, or none will come any more.
    pub(crate) fn result(&mut self, wait: Duration) -> Option<(Job, Delivery)> {
        match self.results.recv_timeout(wait) {
            Ok(result) => {
                self.n_out = self.n_out.saturating_sub(1);
                Some(result)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.n_out = 0;
                None
            }
        }
    }

    /// Sends nothing any more; what is on its way still has its result.
    pub(crate) fn stop(&self) {
        self.queue.halt(Halt::Stopped);
    }

    /// Why nothing is sent any more.
    pub(crate) fn halted(&self) -> Option<Halt> {
        self.queue.lock().halt.clone()
    }
}

impl Drop for Courier<'_> {
    fn drop(&mut self) {
        self.queue.lock().is_closed = true;
        self.queue.changed.notify_all();
    }
}
