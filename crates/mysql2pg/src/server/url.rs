//! Reading what people paste as "the MySQL URL".

use anyhow::Result;
use sync_core::fault::Fault;
use sync_core::percent::decode;

use super::settings::{SslMode, ssl_mode};

/// The parts of a URL that it has.
#[derive(Clone, Default)]
pub(super) struct Parts {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) socket: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: Option<String>,
    pub(super) ssl_mode: Option<SslMode>,
    pub(super) ssl_ca: Option<String>,
}

/// The parts of `mysql://user:password@host:port/database?parameters`, or the same with `mariadb://`.
///
/// Parameters: `ssl-mode` (or `sslmode`), `ssl-ca`, `socket`. User and password may be percent-encoded, and a password
/// may hold raw special characters where that leaves one reading. Errors are configuration errors that never show the
/// text, since it holds the password.
pub(super) fn parse(text: &str) -> Result<Parts> {
    let (scheme, rest) = text.trim().split_once("://").ok_or_else(not_a_url)?;
    if !["mysql", "mariadb"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(not_a_url());
    }
    let (userinfo, location) = split_userinfo(rest);
    let mut parts = Parts::default();
    if let Some(userinfo) = userinfo {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        parts.user = some(decode(user));
        parts.password = some(decode(password));
    }
    let (place, query) = location.split_once('?').unwrap_or((location, ""));
    let (host_port, database) = place.split_once('/').unwrap_or((place, ""));
    let (host, port) = split_host(host_port).ok_or_else(not_a_url)?;
    parts.host = some(decode(host));
    parts.port = if port.is_empty() { None } else { Some(number(port).ok_or_else(bad_port)?) };
    parts.database = some(decode(database));
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        set(&mut parts, &decode(name), decode(value))?;
    }
    Ok(parts)
}

fn set(parts: &mut Parts, name: &str, value: String) -> Result<()> {
    match name.to_ascii_lowercase().replace('_', "-").as_str() {
        "ssl-mode" | "sslmode" => parts.ssl_mode = Some(ssl_mode("ssl-mode in MYSQL_URL", &value)?),
        "ssl-ca" | "sslca" => parts.ssl_ca = some(value),
        "socket" => parts.socket = some(value),
        _ => {
            return Err(Fault::config(
                format!("MYSQL_URL has an unknown parameter `{name}`"),
                "known are ssl-mode, ssl-ca and socket",
            ));
        }
    }
    Ok(())
}

fn not_a_url() -> anyhow::Error {
    Fault::config(
        "MYSQL_URL cannot be read",
        "write mysql://USER:PASSWORD@HOST:PORT/DATABASE, special characters of the password as %XX, such as %40 for @",
    )
}

fn bad_port() -> anyhow::Error {
    // Of a URL that was split at the wrong place the port may be part of the password.
    Fault::config(
        "the port in MYSQL_URL is not a number from 1 to 65535",
        "write special characters of the password as %XX, such as %2F for / and %40 for @",
    )
}

/// Splits `user:password@` from the rest.
///
/// By the book the last `@` before the first `/` or `?` counts. When what follows is no host, or the database would
/// hold an `@`, the password has a raw `/`, `?` or `@`: then the last `@` that leaves a host counts.
fn split_userinfo(rest: &str) -> (Option<&str>, &str) {
    let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
    let by_the_book = rest[..authority_end].rfind('@');
    let location = &rest[by_the_book.map_or(0, |at| at + 1)..];
    let path = location.split('?').next().unwrap_or_default();
    if begins_with_host(location) && !path.contains('@') {
        return (by_the_book.map(|at| &rest[..at]), location);
    }
    let raw = rest.rmatch_indices('@').map(|(at, _)| at).find(|at| begins_with_host(&rest[at + 1..]));
    match raw.or(by_the_book) {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    }
}

fn begins_with_host(location: &str) -> bool {
    let host_port = location.split(['/', '?']).next().unwrap_or_default();
    split_host(host_port).is_some_and(|(host, port)| {
        (port.is_empty() || number(port).is_some())
            && host.chars().all(|c| c.is_alphanumeric() || ".-_%:".contains(c))
    })
}

/// Host and port of `host:port`, `[ipv6]:port` or `host`; the port may be empty.
fn split_host(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']')? {
            (host, "") => Some((host, "")),
            (host, after) => Some((host, after.strip_prefix(':')?)),
        },
        None => Some(text.split_once(':').unwrap_or((text, ""))),
    }
}

fn number(port: &str) -> Option<u16> {
    port.parse().ok().filter(|port| *port > 0)
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
    use sync_core::{exit::Exit, fault};

    fn brief(url: &str) -> (String, String, String, u16, String) {
        let parts = parse(url).unwrap_or_else(|e| panic!("{url}: {e}"));
        let text = Option::unwrap_or_default;
        let port = parts.port.unwrap_or_default();
        (text(parts.user), text(parts.password), text(parts.host), port, text(parts.database))
    }

    #[test]
    fn urls() {
        let cases = [
            ("mysql://u:p@h/d", "u", "p", "h", 0, "d"),
            (" MariaDB://u@h:3307/d\n", "u", "", "h", 3307, "d"),
            ("mysql://u%40corp:p%40%2Fw%3F@h/d%20b", "u@corp", "p@/w?", "h", 0, "d b"),
            ("mysql://u:p@ss@h/d", "u", "p@ss", "h", 0, "d"),
            ("mysql://u:p/w?x@h:1/d", "u", "p/w?x", "h", 1, "d"),
            ("mysql://u:1/2@h:1/d", "u", "1/2", "h", 1, "d"),
            ("mysql://u:p#w:x%zz@mysql_db/d", "u", "p#w:x%zz", "mysql_db", 0, "d"),
            ("mysql://u:p@[2001:db8::1]:1/d", "u", "p", "2001:db8::1", 1, "d"),
            ("mysql://u:p@[::1]/d", "u", "p", "::1", 0, "d"),
            ("mysql://h", "", "", "h", 0, ""),
            ("mysql:///d", "", "", "", 0, "d"),
        ];
        for (url, user, password, host, port, database) in cases {
            let expected = (user.into(), password.into(), host.into(), port, database.into());
            assert_eq!(brief(url), expected, "{url}");
        }
    }

    #[test]
    fn parameters() {
        let parts =
            parse("mysql://h/d?ssl-mode=VERIFY_IDENTITY&ssl_ca=%2Fetc%2Fca.pem&socket=/run/s").unwrap();
        assert_eq!(parts.ssl_mode, Some(SslMode::VerifyIdentity));
        assert_eq!((parts.ssl_ca.as_deref(), parts.socket.as_deref()), (Some("/etc/ca.pem"), Some("/run/s")));
        assert_eq!(parse("mysql://h/d?sslmode=disabled").unwrap().ssl_mode, Some(SslMode::Disabled));
    }

    #[test]
    fn refusals_are_configuration_errors_without_the_password() {
        for text in [
            "hunter2",
            "hunter2://h/d",
            "postgres://u:hunter2@h/d",
            "mysql://u:hunter2@h:33x/d",
            "mysql://u:hunter2@h:0/d",
            "mysql://u:hunter2/h",
            "mysql://u:hunter2@[::1/d",
            "mysql://u:hunter2@h/d?ssl-mode=never",
            "mysql://u:p@h/d?key=hunter2",
        ] {
            let error = parse(text).err().unwrap_or_else(|| panic!("{text}"));
            assert_eq!(fault::verdict(&error).exit, Exit::Config, "{text}");
            assert!(!fault::describe(&error).contains("hunter2"), "{text}: {error}");
        }
        let error = parse("mysql://h/d?compress=yes").err().unwrap();
        assert_eq!(error.to_string(), "MYSQL_URL has an unknown parameter `compress`");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_encoded_password_always_survives(password in ".{1,20}") {
            let encoded: String = password.bytes().map(|b| format!("%{b:02X}")).collect();
            let parts = parse(&format!("mysql://u:{encoded}@h:1/d")).unwrap();
            prop_assert_eq!(parts.password.as_deref(), Some(password.as_str()));
            prop_assert_eq!((parts.host.as_deref(), parts.port), (Some("h"), Some(1)));
        }

        #[test]
        fn nothing_panics(text in ".{0,40}") {
            let _ = parse(&format!("mysql://{text}"));
        }
    }
}
