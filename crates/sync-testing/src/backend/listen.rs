//! Listening on the backend's port, or not.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};

use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};

use super::{Shared, connection};

/// A port of 127.0.0.1 that stays the backend's while nothing listens there.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) number: u16,
    /// Bound and never listening: no other program gets the port, and connections to it are refused.
    _socket: OwnedFd,
}

/// A thread that accepts connections.
#[derive(Debug)]
pub(super) struct Listening {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Port {
    /// Takes this port, or a free one for 0.
    pub(super) fn take(number: u16) -> Port {
        let flags = SocketFlags::CLOEXEC;
        let socket =
            socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).expect("a socket can be made");
        // Sockets that all say so can share a port, as long as one of them listens at most.
        set_socket_reuseaddr(&socket, true).expect("a socket takes this option");
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, number));
        bind(&socket, &wanted).unwrap_or_else(|e| panic!("port {number}: {e}"));
        let own = getsockname(&socket).expect("a bound socket has an address");
        let own = SocketAddr::try_from(own).expect("an address of the family asked for");
        Port { number: own.port(), _socket: socket }
    }

    /// Listens, and serves every connection in a thread of its own.
    pub(super) fn listen(&self, shared: &Arc<Shared>) -> Listening {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.number));
        let listener = TcpListener::bind(address).unwrap_or_else(|e| panic!("listen on {address}: {e}"));
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, shared) = (Arc::clone(&stop), Arc::clone(shared));
        let thread = thread::spawn(move || accept_all(&listener, &flag, &shared));
        Listening { address, stop, thread }
    }
}

impl Listening {
    /// Stops listening; connections to the port are refused when this returns.
    pub(super) fn end(self) {
        self.stop.store(true, SeqCst);
        // Wakes the thread out of its accept.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.join();
    }
}

fn accept_all(listener: &TcpListener, stop: &AtomicBool, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        if stop.load(SeqCst) {
            return;
        }
        let number = shared.count_connection();
        let _ = stream.set_nodelay(true);
        let ticket = shared.gate.enter(number, &stream);
        let shared = Arc::clone(shared);
        thread::spawn(move || connection::serve(stream, &ticket, &shared));
    }
}
