//! One proxied connection: bytes go both ways until a switch says otherwise.
//!
//! One thread owns both sockets, because a reset is only sent when the last handle of a socket is closed.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_linger;

use crate::proxy::Switches;

/// Longest needle that a trap can watch for, in bytes.
pub(crate) const TAIL: usize = 256;

/// How often a connection that has nothing to forward looks at its switches.
const TICK: Duration = Duration::from_millis(5);

/// Closes a socket so that its peer sees a reset and loses what was under way. It must be the socket's only handle.
pub(crate) fn reset(stream: TcpStream) {
    let _ = set_socket_linger(&stream, Some(Duration::ZERO));
}

/// One direction of a connection: what was read and is not yet written.
#[derive(Debug, Default)]
struct Flow {
    pending: Vec<u8>,
    ended: bool,
    closed: bool,
}

/// Forwards one connection until it ends or is cut.
pub(crate) fn serve(client: TcpStream, port: u16, epoch: usize, switches: &Switches) {
    while switches.black_hole.load(SeqCst) {
        if switches.epoch.load(SeqCst) != epoch {
            return reset(client);
        }
        thread::sleep(TICK);
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
        return reset(client);
    };
    for stream in [&client, &server] {
        stream.set_nonblocking(true).expect("a socket can be made non-blocking");
        let _ = stream.set_nodelay(true);
    }
    match forward(&client, &server, epoch, switches) {
        Ending::Both => {}
        Ending::Reset => {
            reset(client);
            reset(server);
        }
        Ending::AnswerLost => {
            reset(client);
            drain(server);
        }
    }
}

/// How a connection ended.
enum Ending {
    /// Both sides closed it in good order.
    Both,
    /// Cut, or broken by one side.
    Reset,
    /// The server has answered the request that was to stay unanswered.
    AnswerLost,
}

fn forward(client: &TcpStream, server: &TcpStream, epoch: usize, switches: &Switches) -> Ending {
    let (mut up, mut down) = (Flow::default(), Flow::default());
    let mut seen = Vec::new();
    let mut swallow_answer = false;
    while !(up.closed && down.closed) {
        if switches.epoch.load(SeqCst) != epoch {
            return Ending::Reset;
        }
        wait(client, server, &up, &down);
        let hole = switches.black_hole.load(SeqCst);
        let Ok(n_fresh) = up.read(client, hole, &switches.n_bytes_up) else {
            return Ending::Reset;
        };
        if down.read(server, hole, &switches.n_bytes_down).is_err() {
            return Ending::Reset;
        }
        if swallow_answer && (!down.pending.is_empty() || down.ended) {
            return Ending::AnswerLost;
        }
        if n_fresh > 0 {
            match spring(&up.pending, &mut seen, switches) {
                None => {}
                Some(true) => swallow_answer = true,
                Some(false) => return Ending::Reset,
            }
        }
        if hole {
            up.pending.clear();
            down.pending.clear();
            continue;
        }
        if up.write(server).is_err() || down.write(client).is_err() {
            return Ending::Reset;
        }
    }
    Ending::Both
}

/// Waits until one of the sockets can be read or written, or a tick has passed.
fn wait(client: &TcpStream, server: &TcpStream, up: &Flow, down: &Flow) {
    let mut fds = Vec::with_capacity(2);
    for (stream, from, to) in [(client, up, down), (server, down, up)] {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, from.pending.is_empty() && !from.ended);
        flags.set(PollFlags::OUT, !to.pending.is_empty());
        // A socket with nothing to wait for is left out, else its hang-up would make poll return at once for ever.
        if !flags.is_empty() {
            fds.push(PollFd::new(stream, flags));
        }
    }
    let tick = Timespec { tv_sec: 0, tv_nsec: i64::from(TICK.subsec_nanos()) };
    let _ = poll(&mut fds, Some(&tick));
}

impl Flow {
    /// Reads what there is, unless earlier bytes still wait. In a black hole it is forgotten, and so is an end.
    /// Gives the number of bytes that wait to be written.
    ///
    /// They are counted here and not when they are written: who has received a byte must find it counted.
    fn read(&mut self, mut from: &TcpStream, hole: bool, n_bytes: &AtomicU64) -> std::io::Result<usize> {
        if self.ended || !self.pending.is_empty() {
            return Ok(0);
        }
        let mut buffer = [0; 64 * 1024];
        match from.read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(_) if hole => {}
            Ok(n) => {
                n_bytes.fetch_add(n as u64, SeqCst);
                self.pending.extend_from_slice(&buffer[..n]);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(_) if hole => self.ended = true,
            Err(e) => return Err(e),
        }
        Ok(self.pending.len())
    }

    fn write(&mut self, mut to: &TcpStream) -> std::io::Result<()> {
        if !self.pending.is_empty() {
            match to.write(&self.pending) {
                Ok(n) => drop(self.pending.drain(..n)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
        if self.ended && self.pending.is_empty() && !self.closed {
            self.closed = true;
            let _ = to.shutdown(Shutdown::Write);
        }
        Ok(())
    }
}

/// Looks for the trap's needle where bytes have just been read; at its last count says whether they are delivered.
fn spring(fresh: &[u8], seen: &mut Vec<u8>, switches: &Switches) -> Option<bool> {
    let n_old = seen.len();
    seen.extend_from_slice(fresh);
    let mut armed = switches.trap.lock().expect("no thread panics with the trap");
    let mut sprung = None;
    if let Some(trap) = armed.as_mut() {
        let needle = &trap.needle;
        let ends_in_fresh = |&(i, window): &(usize, &[u8])| i + needle.len() > n_old && window == needle;
        let n_found = seen.windows(needle.len()).enumerate().filter(ends_in_fresh).count();
        trap.n_left = trap.n_left.saturating_sub(n_found);
        if trap.n_left == 0 {
            sprung = Some(trap.deliver);
            *armed = None;
        }
    }
    // The start of a needle may be at the end of what we have seen.
    seen.drain(..seen.len().saturating_sub(TAIL));
    sprung
}

/// Lets the server read to the end what it was sent, and throws its answers away.
fn drain(mut server: TcpStream) {
    let _ = server.shutdown(Shutdown::Write);
    let _ = server.set_nonblocking(false);
    let _ = server.set_read_timeout(Some(Duration::from_secs(5)));
    let mut buffer = [0; 4096];
    while server.read(&mut buffer).is_ok_and(|n| n > 0) {}
}
