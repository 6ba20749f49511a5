//! The open connections, and the way to end them all.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Every connection that is open.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Connections let in under a lower number are to end.
    epoch: u64,
    n_inside: usize,
    /// Second handles of the sockets, to shut them down by.
    sockets: HashMap<u64, TcpStream>,
}

/// A connection's presence; dropping it says that the connection has ended.
#[derive(Debug)]
pub(super) struct Ticket {
    gate: Arc<Gate>,
    pub(super) number: u64,
    epoch: u64,
}

impl Gate {
    /// Lets a connection in.
    pub(super) fn enter(self: &Arc<Gate>, number: u64, stream: &TcpStream) -> Ticket {
        let mut state = self.state();
        state.n_inside += 1;
        state.sockets.insert(number, stream.try_clone().expect("a socket can have two handles"));
        Ticket { gate: Arc::clone(self), number, epoch: state.epoch }
    }

    /// Ends every connection, and returns when their threads are done.
    pub(super) fn close_all(&self) {
        let mut state = self.state();
        state.epoch += 1;
        for socket in state.sockets.values() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
        let done = self.changed.wait_while(state, |s| s.n_inside > 0);
        drop(done.expect("no thread panics with the gate"));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with the gate")
    }
}

impl Ticket {
    /// Gives the second handle of the socket back: a socket is closed with its last handle.
    pub(super) fn release_socket(&self) {
        self.gate.state().sockets.remove(&self.number);
    }

    /// Waits so long; `false` as soon as the connection is to end.
    pub(super) fn nap(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut state = self.gate.state();
        while state.epoch == self.epoch {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self.gate.changed.wait_timeout(state, left).expect("no thread panics with the gate").0;
        }
        false
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.sockets.remove(&self.number);
        state.n_inside -= 1;
        self.gate.changed.notify_all();
    }
}
