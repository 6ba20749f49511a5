//! A request's head and the beginning of its body in one packet.

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// From so many bytes on, output is sent.
const ENOUGH: usize = 8 * 1024;

/// Gathers the output of the connections that it is chained to.
///
/// The library sends the head by itself, and the body behind it: for a small one that is twice the packets, and the
/// server is woken twice.
#[derive(Debug)]
pub(super) struct Gather;

impl<In: Transport> Connector<In> for Gather {
    type Out = Gathered<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Gathered<In>>, Error> {
        Ok(chained.map(|inner| Gathered { inner, held: Vec::new() }))
    }
}

/// A connection whose output is held until there is enough of it, or an answer is waited for.
#[derive(Debug)]
pub(super) struct Gathered<T> {
    inner: T,
    held: Vec<u8>,
}

impl<T: Transport> Gathered<T> {
    fn flush(&mut self, timeout: NextTimeout) -> Result<(), Error> {
        let mut held = self.held.as_slice();
        while !held.is_empty() {
            let output = self.inner.buffers().output();
            let (now, later) = held.split_at(held.len().min(output.len()));
            output[..now.len()].copy_from_slice(now);
            self.inner.transmit_output(now.len(), timeout)?;
            held = later;
        }
        self.held.clear();
        Ok(())
    }
}

impl<T: Transport> Transport for Gathered<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.held.is_empty() && amount >= ENOUGH {
            return self.inner.transmit_output(amount, timeout);
        }
        self.held.extend_from_slice(&self.inner.buffers().output()[..amount]);
        if self.held.len() >= ENOUGH { self.flush(timeout) } else { Ok(()) }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.flush(timeout)?;
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
