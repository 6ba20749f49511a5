//! A client's connection as bytes: plain or under TLS.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

const CAPACITY: usize = 64 * 1024;

/// How long a client may go on sending after it was refused.
const LINGER: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Socket {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

/// A connection with the bytes that were read ahead.
#[derive(Debug)]
pub(super) struct Wire {
    socket: Socket,
    buffer: Box<[u8]>,
    unread: Range<usize>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> Wire {
        let socket = match tls {
            None => Socket::Plain(stream),
            Some(config) => {
                let session = ServerConnection::new(config).expect("a configuration that rustls takes");
                Socket::Tls(Box::new(StreamOwned::new(session, stream)))
            }
        };
        Wire { socket, buffer: vec![0; CAPACITY].into(), unread: 0..0 }
    }

    /// What was read and is not yet consumed.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.unread.clone()]
    }

    /// Marks the first `n` unread bytes as done with.
    pub(super) fn consume(&mut self, n: usize) {
        self.unread.start += n;
    }

    /// Reads more behind what is unread; `false` at the connection's end, or if there is no room left.
    pub(super) fn read_more(&mut self) -> io::Result<bool> {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.end == self.buffer.len() && self.unread.start > 0 {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        let n = self.socket.read(&mut self.buffer[self.unread.end..])?;
        self.unread.end += n;
        Ok(n > 0)
    }

    /// Whether so many bytes are unread that no more fit.
    pub(super) fn is_full(&self) -> bool {
        self.unread.len() == self.buffer.len()
    }

    /// Sends these bytes with one call where the kernel takes them at once.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)?;
        self.socket.flush()
    }

    /// Swallows what the client sends until it ends the connection.
    pub(super) fn drain(&mut self) {
        while let Ok(1..) = self.socket.read(&mut self.buffer) {}
    }

    /// Ends the sending half, and swallows what the client is still sending: a reset would destroy the reply.
    pub(super) fn linger(&mut self) {
        self.say_goodbye();
        let _ = self.tcp().shutdown(Shutdown::Write);
        let _ = self.tcp().set_read_timeout(Some(LINGER));
        self.drain();
    }

    /// Says under TLS that nothing was cut off.
    pub(super) fn say_goodbye(&mut self) {
        if let Socket::Tls(tls) = &mut self.socket {
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
    }

    pub(super) fn into_tcp(self) -> TcpStream {
        match self.socket {
            Socket::Plain(tcp) => tcp,
            Socket::Tls(tls) => tls.sock,
        }
    }

    fn tcp(&self) -> &TcpStream {
        match &self.socket {
            Socket::Plain(tcp) => tcp,
            Socket::Tls(tls) => &tls.sock,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Plain(tcp) => tcp.read(buffer),
            Socket::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Plain(tcp) => tcp.write(bytes),
            Socket::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Socket::Plain(tcp) => tcp.flush(),
            Socket::Tls(tls) => tls.flush(),
        }
    }
}
