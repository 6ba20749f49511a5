//! What calls begin with.

use anyhow::{Context as _, Result};
use ureq::http::Uri;

use crate::fault::Fault;

/// What calls begin with: the URL in this setting, without a slash at its end.
///
/// # Errors
/// A configuration fault when it is no `http` or `https` URL.
pub fn base_url(setting: &str, text: &str) -> Result<String> {
    let text = text.trim().trim_end_matches('/');
    let uri: Uri = text.parse().ok().context("no URL").map_err(|_| not_http(setting, text))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => {}
        _ => return Err(not_http(setting, text)),
    }
    if is_port_wrong(&uri) || text.contains(['?', '#']) {
        return Err(not_http(setting, text));
    }
    Ok(text.to_owned())
}

/// Whether it names a port that no server can have.
pub(super) fn is_port_wrong(uri: &Uri) -> bool {
    let place = uri.authority().map_or("", |authority| authority.as_str());
    place.rsplit(['@', ']']).next().is_some_and(|end| end.contains(':')) && uri.port_u16().is_none()
}

fn not_http(setting: &str, text: &str) -> anyhow::Error {
    let shown = if text.contains('@') { "it" } else { text };
    Fault::config(
        format!("{setting}: {shown} is no http or https URL that a path can follow"),
        "e.g. http://backend:8000",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault;

    #[test]
    fn urls_that_calls_begin_with() {
        assert_eq!(base_url("URL", " http://backend:8000/ ").unwrap(), "http://backend:8000");
        assert_eq!(base_url("URL", "https://h/pre/fix").unwrap(), "https://h/pre/fix");
        for right in ["http://[::1]:8000", "http://[::1]", "http://u:p@h:80/x", "http://u:p@h"] {
            assert_eq!(base_url("URL", right).unwrap(), right);
        }
        for wrong in [
            "",
            "backend:8000",
            "ftp://h",
            "http://",
            "postgres://me:hunter2@h",
            "http://h:70000",
            "http://h:",
            "http://me:hunter2@h:x",
            "http://h/?a=b",
            "http://h/#f",
        ] {
            let error = base_url("URL", wrong).unwrap_err();
            assert_eq!(fault::verdict(&error).exit, crate::exit::Exit::Config, "{wrong}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
