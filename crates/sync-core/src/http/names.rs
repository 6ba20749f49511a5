//! The addresses of the server's name, looked up once for many calls.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::Authority;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How long addresses are believed: servers move.
const LIFETIME: Duration = Duration::from_secs(60);

/// A resolver that remembers.
///
/// The library looks a name up for each call, on a thread of its own, even where a connection is open: half of what a
/// call on this machine takes.
#[derive(Debug, Default)]
pub(super) struct Names {
    resolver: DefaultResolver,
    known: Mutex<HashMap<Authority, (Instant, ResolvedSocketAddrs)>>,
}

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let Some(authority) = uri.authority() else {
            return self.resolver.resolve(uri, config, timeout);
        };
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, addresses)) = known().get(authority)
            && since.elapsed() < LIFETIME
        {
            return Ok(addresses.clone());
        }
        let addresses = self.resolver.resolve(uri, config, timeout)?;
        known().insert(authority.clone(), (Instant::now(), addresses.clone()));
        Ok(addresses)
    }
}
