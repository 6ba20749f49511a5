//! The proxy on the way, where the environment names one.

use std::ffi::OsString;

use anyhow::Result;
use ureq::http::Uri;
use ureq::{Proxy, ProxyProtocol};

use super::url::is_port_wrong;
use crate::fault::Fault;

/// Names under which the library looks for a proxy, in its order.
const NAMES: [&str; 6] = ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
/// And for the servers that are called without it.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// A proxy that the environment names; not for a log, since the URL holds its password.
#[derive(Clone)]
pub struct OnTheWay {
    /// For people: the setting's name, and the proxy without its password.
    pub place: String,
    /// The URL as it is set, with name and password.
    pub url: String,
    /// Whether the proxy itself is spoken to by TLS.
    pub is_tls: bool,
}

/// The proxy through which calls to this server go.
///
/// # Errors
/// A configuration fault when the setting cannot be used: the library would pass over it and call the server directly.
pub fn proxy(server: &str) -> Result<Option<OnTheWay>> {
    of(server, |name| std::env::var_os(name))
}

fn of(server: &str, get: impl Fn(&str) -> Option<OsString>) -> Result<Option<OnTheWay>> {
    if is_excepted(server, &get) {
        return Ok(None);
    }
    let set = |name| Some((name, get(name).filter(|value| !value.is_empty())?));
    let Some((name, value)) = NAMES.into_iter().find_map(set) else {
        return Ok(None);
    };
    let url = value.to_str().unwrap_or_default();
    let usable = |proxy: &Proxy| {
        matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) && !is_port_wrong(proxy.uri())
    };
    let proxy = Proxy::new(url).ok().filter(usable).ok_or_else(|| {
        Fault::config(
            format!("{name}: no proxy that can be used"),
            "write http://proxy:3128, unset it, or name the server in NO_PROXY; SOCKS is not spoken here",
        )
    })?;
    let scheme = proxy.uri().scheme_str().unwrap_or("http");
    let place = format!("{name}, {scheme}://{}:{}", proxy.host(), proxy.port());
    Ok(Some(OnTheWay { place, url: url.to_owned(), is_tls: proxy.protocol() == ProxyProtocol::Https }))
}

fn is_excepted(server: &str, get: impl Fn(&str) -> Option<OsString>) -> bool {
    let Some(exceptions) = EXCEPTIONS.iter().find_map(|name| get(name)?.into_string().ok()) else {
        return false;
    };
    let any = Proxy::builder(ProxyProtocol::Http).host("any");
    let any = exceptions.split(',').fold(any, |proxy, exception| proxy.no_proxy(exception)).build();
    any.ok().zip(server.parse::<Uri>().ok()).is_some_and(|(proxy, server)| proxy.is_no_proxy(&server))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::fault;

    fn with(pairs: &[(&str, &str)]) -> Result<Option<String>> {
        let get = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Ok(of("http://backend:8000", get)?.map(|proxy| proxy.place))
    }

    #[test]
    fn the_proxy_is_named_without_its_password() {
        assert_eq!(with(&[]).unwrap(), None);
        assert_eq!(with(&[("HTTP_PROXY", "")]).unwrap(), None);
        for (value, place) in [
            ("http://me:hunter2@proxy:3128/", "HTTP_PROXY, http://proxy:3128"),
            ("proxy", "HTTP_PROXY, http://proxy:80"),
            ("https://proxy", "HTTP_PROXY, https://proxy:443"),
        ] {
            assert_eq!(with(&[("HTTP_PROXY", value)]).unwrap().as_deref(), Some(place));
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_a_fault_unless_the_server_is_excepted() {
        for wrong in [
            "socks5://me:hunter2@proxy",
            "socks4://proxy",
            "://hunter2",
            "ftp://proxy",
            "http://",
            "http://proxy:70000",
            "http://me:hunter2@",
        ] {
            let error = with(&[("ALL_PROXY", wrong), ("HTTP_PROXY", "http://proxy")]).unwrap_err();
            assert_eq!(fault::verdict(&error).exit, Exit::Config, "{wrong}");
            let said = fault::describe(&error);
            assert!(said.contains("ALL_PROXY") && !said.contains("hunter2"), "{said}");
            for exception in ["*", "other,backend", "back*"] {
                assert_eq!(with(&[("ALL_PROXY", wrong), ("NO_PROXY", exception)]).unwrap(), None);
            }
            assert!(with(&[("ALL_PROXY", wrong), ("NO_PROXY", "other")]).is_err());
        }
    }
}
