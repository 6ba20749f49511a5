//! Which call meets which fault.

use std::time::Duration;

use super::record::CallKind;

/// The calls that a fault is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Requests for a token.
    Token,
    /// Calls that count as reads.
    Read,
    /// Calls that count as writes.
    Write,
    /// Every call.
    Any,
}

/// What goes wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429, before anything is applied.
    TooMany {
        /// What `Retry-After` says.
        retry_after: Option<String>,
    },
    /// 403 with the reason `rateLimitExceeded`, before anything is applied.
    OldLimit,
    /// 409, before anything is applied.
    Aborted,
    /// 503, before anything is applied.
    Unavailable,
    /// 503, though all was applied.
    UnavailableAfter,
    /// The connection is reset before anything is applied.
    Reset,
    /// The connection is reset when all was applied.
    ResetAfter,
    /// No answer until the server is dropped; nothing is applied.
    Hang,
    /// All is applied, and the answer comes this much later.
    Slow(Duration),
    /// 502 with a page of HTML; nothing is applied.
    BadGateway,
    /// 200 with a page of HTML, as a hotel's login page; nothing is applied.
    LoginPage,
    /// All is applied, and half of the answer's body comes.
    Truncated,
    /// 401; nothing is applied.
    Unauthorized,
    /// 500; nothing is applied.
    Internal,
}

impl On {
    fn means(self, kind: CallKind) -> bool {
        match self {
            On::Any => true,
            On::Token => kind == CallKind::Token,
            On::Read => kind == CallKind::Read,
            On::Write => kind == CallKind::Write,
        }
    }
}

/// The faults that a test has asked for.
#[derive(Debug, Default)]
pub(super) struct Plan {
    queue: Vec<(On, Fault)>,
    always: Vec<(On, Fault)>,
}

impl Plan {
    pub(super) fn push(&mut self, on: On, fault: Fault) {
        self.queue.push((on, fault));
    }

    pub(super) fn always(&mut self, on: On, fault: Option<Fault>) {
        self.always.retain(|(other, _)| *other != on);
        self.always.extend(fault.map(|f| (on, f)));
    }

    /// The fault of this call; one of the queue is used up.
    pub(super) fn take(&mut self, kind: CallKind) -> Option<Fault> {
        if let Some(at) = self.queue.iter().position(|(on, _)| on.means(kind)) {
            return Some(self.queue.remove(at).1);
        }
        self.always.iter().find(|(on, _)| on.means(kind)).map(|(_, fault)| fault.clone())
    }
}
