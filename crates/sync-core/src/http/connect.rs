//! Errors that come before the request: of names, of connections, and of the proxy on the way.

use std::fmt;

use ureq::Error;
use ureq::unversioned::transport::{ConnectionDetails, Connector, Transport};

/// Marks every error of the connector that it holds: whatever it was, the server has seen nothing of the request.
#[derive(Debug)]
pub(super) struct Marked<C>(pub(super) C);

/// An error of making a connection.
#[derive(Debug)]
pub(super) struct NotConnected(pub(super) Error);

impl<In: Transport, C: Connector<In>> Connector<In> for Marked<C> {
    type Out = C::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        self.0.connect(details, chained).map_err(|error| match error {
            // A proxy is connected to in here, by the same connector.
            Error::Other(_) => error,
            error => Error::Other(Box::new(NotConnected(error))),
        })
    }
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotConnected {}
