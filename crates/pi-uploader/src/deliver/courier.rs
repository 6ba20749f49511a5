//! The threads that call the server, and the queue that they share with the thread that has the database.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use sync_core::http::Client;

use super::post::Endpoint;
use super::{Delivery, Job};

/// So many rows in a row that the server could not take end a run.
const MAX_STRUGGLES: u32 = 5;
/// So many rows may be on their way or answered, beside those that are being noted in the database.
const MAX_UNNOTED: usize = 100;
/// No row is sent as long as an answer is not noted that is older than this.
const MAX_DELAY: Duration = Duration::from_secs(2);

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

/// A row, and what became of it.
pub(crate) type Delivered = (Job, Delivery);

/// Rows waiting for a thread, and those that have been with one.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// There is something to do for the threads, or nothing any more.
    work: Condvar,
    /// As many results are there as are waited for, or no more will come.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Rows that are with a thread.
    n_calling: usize,
    results: VecDeque<Delivered>,
    /// When the results came that are not in the database yet, fetched or not.
    unnoted: VecDeque<Instant>,
    /// How many of them, from the first on, the database is writing now: others go meanwhile.
    n_noting: usize,
    /// Results that are waited for: to be woken for each would cost more than the call.
    n_wanted: usize,
    is_closed: bool,
    halt: Option<Halt>,
    n_struggles: u32,
}

impl State {
    /// Rows whose result is still to be fetched.
    fn n_out(&self) -> usize {
        let n_waiting = if self.halt.is_some() { 0 } else { self.jobs.len() };
        n_waiting + self.n_calling + self.results.len()
    }

    /// Whether the database has to catch up first: a kill must not make more rows go twice.
    fn is_ahead(&self) -> bool {
        self.n_calling + self.unnoted.len() - self.n_noting >= MAX_UNNOTED
            || self.unnoted.front().is_some_and(|first| first.elapsed() >= MAX_DELAY)
    }

    fn has_ended(&self) -> bool {
        self.is_closed || self.halt.is_some()
    }

    fn is_enough(&self) -> bool {
        self.results.len() >= self.n_wanted || self.results.len() == self.n_out()
    }

    /// Ends the run when the server is in trouble.
    fn judge(&mut self, delivery: &Delivery) {
        let halt = match delivery {
            Delivery::Unreachable { reason } => Halt::Unreachable(reason.clone()),
            Delivery::Unauthorized { reason } => Halt::Unauthorized(reason.clone()),
            Delivery::Later { reason, .. } => {
                self.n_struggles += 1;
                if self.n_struggles < MAX_STRUGGLES {
                    return;
                }
                Halt::Struggling(reason.clone())
            }
            Delivery::Done { .. } | Delivery::Refused { .. } => {
                self.n_struggles = 0;
                return;
            }
        };
        self.halt.get_or_insert(halt);
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next row, `None` when there will be no more.
    fn next(&self) -> Option<Job> {
        let is_idle = |state: &mut State| !state.has_ended() && (state.jobs.is_empty() || state.is_ahead());
        let mut state = self.work.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        if state.has_ended() {
            return None;
        }
        let job = state.jobs.pop_front()?;
        state.n_calling += 1;
        Some(job)
    }

    /// Takes a row back, `None` from a thread that died of it.
    fn give_back(&self, delivered: Option<Delivered>) {
        let mut state = self.lock();
        state.n_calling -= 1;
        if let Some((job, delivery)) = delivered {
            state.judge(&delivery);
            state.unnoted.push_back(Instant::now());
            state.results.push_back((job, delivery));
        }
        let (is_enough, has_ended) = (state.is_enough(), state.has_ended());
        drop(state);
        if is_enough {
            self.done.notify_all();
        }
        if has_ended {
            self.work.notify_all();
        }
    }
}

/// A thread at work; one that dies must not be waited for.
struct AtWork<'a>(&'a Queue);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.give_back(None);
        }
    }
}

/// The rows handed out, and what became of them.
#[derive(Debug)]
pub(crate) struct Courier<'a> {
    queue: &'a Queue,
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
        for _ in 0..n_threads {
            scope.spawn(move || {
                while let Some(job) = queue.next() {
                    let _at_work = AtWork(queue);
                    let delivery = endpoint.send(client, &job);
                    queue.give_back(Some((job, delivery)));
                }
            });
        }
        Courier { queue }
    }

    /// Hands out rows.
    pub(crate) fn send(&self, jobs: impl IntoIterator<Item = Job>) {
        self.queue.lock().jobs.extend(jobs);
        self.queue.work.notify_all();
    }

    /// Rows whose result is still to come.
    pub(crate) fn n_out(&self) -> usize {
        self.queue.lock().n_out()
    }

    /// Up to so many results; fewer when no more came in this time, or none will come any more.
    pub(crate) fn results(&self, n_wanted: usize, wait: Duration) -> Vec<Delivered> {
        let mut state = self.queue.lock();
        state.n_wanted = n_wanted;
        let waited = self.queue.done.wait_timeout_while(state, wait, |state| !state.is_enough());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let n = n_wanted.min(state.results.len());
        state.results.drain(..n).collect()
    }

    /// So many results are being written to the database, which is ours now; 0: it was not to be.
    pub(crate) fn noting(&self, n: usize) {
        let mut state = self.queue.lock();
        state.n_noting = n.min(state.unnoted.len());
        drop(state);
        self.queue.work.notify_all();
    }

    /// What was being written is in the database now.
    pub(crate) fn noted(&self) {
        let mut state = self.queue.lock();
        let n = std::mem::take(&mut state.n_noting);
        state.unnoted.drain(..n);
        drop(state);
        self.queue.work.notify_all();
    }

    /// Sends nothing any more; what is on its way still has its result.
    pub(crate) fn stop(&self) {
        self.queue.lock().halt.get_or_insert(Halt::Stopped);
        self.queue.work.notify_all();
    }

    /// Why nothing is sent any more.
    pub(crate) fn halted(&self) -> Option<Halt> {
        self.queue.lock().halt.clone()
    }
}

impl Drop for Courier<'_> {
    fn drop(&mut self) {
        self.queue.lock().is_closed = true;
        self.queue.work.notify_all();
    }
}
