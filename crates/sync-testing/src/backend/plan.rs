//! Which request suffers which fault.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};

use super::fault::Fault;
use super::record::RequestInfo;

/// A schedule of faults: it is asked once for each request, when its head has arrived.
pub type Schedule = Box<dyn Fn(&RequestInfo) -> Option<Fault> + Send + Sync>;

/// The faults that a test has asked for.
#[derive(Default)]
pub(super) struct Plan {
    /// Whether there is anything below: requests of a backend without faults take no lock.
    used: AtomicBool,
    wishes: Mutex<Wishes>,
}

#[derive(Default)]
struct Wishes {
    queue: VecDeque<Option<Fault>>,
    schedule: Option<Arc<Schedule>>,
    always: Option<Fault>,
    poison: Vec<(String, Fault)>,
}

impl Plan {
    pub(super) fn script(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.change(|w| w.queue.extend(faults));
    }

    pub(super) fn n_scripted(&self) -> usize {
        self.wishes().queue.len()
    }

    pub(super) fn always(&self, fault: Option<Fault>) {
        self.change(|w| w.always = fault);
    }

    pub(super) fn schedule(&self, schedule: Schedule) {
        self.change(|w| w.schedule = Some(Arc::new(schedule)));
    }

    pub(super) fn poison(&self, text: &str, fault: Fault) {
        assert!(
            !matches!(fault, Fault::SlowRead { .. } | Fault::CutRequest { .. }),
            "{fault:?} is done to a body while it is read, and poison is known only afterwards"
        );
        self.change(|w| w.poison.push((text.to_owned(), fault)));
    }

    pub(super) fn clear(&self) {
        self.change(|w| *w = Wishes::default());
    }

    /// The fault for a request whose head has arrived: of the script, else of the schedule, else the constant one.
    pub(super) fn at_head(&self, request: &RequestInfo) -> Option<Fault> {
        if !self.used.load(SeqCst) {
            return None;
        }
        let (schedule, always) = {
            let mut wishes = self.wishes();
            if request.method == "POST"
                && let Some(scripted) = wishes.queue.pop_front()
            {
                return scripted;
            }
            (wishes.schedule.clone(), wishes.always.clone())
        };
        schedule.and_then(|s| s(request)).or(always)
    }

    /// The fault for a request with this text, which goes before the one chosen by its head.
    pub(super) fn at_body(&self, text: &str) -> Option<Fault> {
        if !self.used.load(SeqCst) {
            return None;
        }
        let wishes = self.wishes();
        wishes.poison.iter().find(|(needle, _)| text.contains(needle)).map(|(_, fault)| fault.clone())
    }

    fn change(&self, change: impl FnOnce(&mut Wishes)) {
        change(&mut self.wishes());
        self.used.store(true, SeqCst);
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().expect("no thread panics with the plan")
    }
}
