//! Reading what people paste as "the PostgreSQL URL": URLs and `key=value` strings, as libpq reads them.

use anyhow::Result;

use crate::fault::Fault;
use crate::percent::decode;
use crate::pg_dsn::from_dsn;
pub use crate::pg_settings::{ChannelBinding, PgSettings, SslMode, TargetSessionAttrs};
use crate::pg_values::port;

impl PgSettings {
    /// The settings in a URL (`postgres://…`, `postgresql://…`) or a connection string (`host=… dbname=…`).
    ///
    /// Beyond libpq, a password may hold raw special characters where that leaves one reading. Errors are configuration
    /// errors and never show the text, since it holds the password.
    pub fn from_url(text: &str) -> Result<PgSettings> {
        let text = text.trim();
        if text.contains("[YOUR-PASSWORD]") || text.contains("[YOUR_PASSWORD]") {
            return Err(Fault::config(
                "the PostgreSQL URL still holds the placeholder [YOUR-PASSWORD]",
                "put the password in its place",
            ));
        }
        for scheme in ["postgresql://", "postgres://"] {
            if text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)) {
                return from_uri(&text[scheme.len()..]);
            }
        }
        // A scheme other than ours comes before any equals sign.
        let is_dsn =
            text.find('=').is_some_and(|equals| text.find("://").is_none_or(|scheme| equals < scheme));
        if is_dsn { from_dsn(text) } else { Err(not_a_url()) }
    }
}

/// The error for a text that is neither a URL nor a connection string; it does not show the text.
pub(crate) fn not_a_url() -> anyhow::Error {
    Fault::config(
        "the PostgreSQL URL cannot be read",
        "write postgres://USER:PASSWORD@HOST:PORT/DATABASE or 'host=HOST dbname=DATABASE user=USER'",
    )
}

fn from_uri(rest: &str) -> Result<PgSettings> {
    let mut settings = PgSettings::default();
    let (userinfo, location) = split_userinfo(rest);
    if let Some(userinfo) = userinfo {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        settings.set("user", &decode(user))?;
        settings.set("password", &decode(password))?;
    }
    let (place, query) = location.split_once('?').unwrap_or((location, ""));
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    set_hosts(&mut settings, hosts)?;
    settings.set("dbname", &decode(database))?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(not_a_url)?;
        settings.set(&decode(name), &decode(value))?;
    }
    Ok(settings)
}

/// Splits `user:password@` from the rest.
///
/// By the book the last `@` before the first `/` or `?` counts. When what follows is no host list, or the database
/// would hold an `@`, the password has a raw `/`, `?` or `@`: then the last `@` that leaves a host list counts.
fn split_userinfo(rest: &str) -> (Option<&str>, &str) {
    let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
    let by_the_book = rest[..authority_end].rfind('@');
    let location = &rest[by_the_book.map_or(0, |at| at + 1)..];
    let path = location.split('?').next().unwrap_or_default();
    if begins_with_hosts(location) && !path.contains('@') {
        return (by_the_book.map(|at| &rest[..at]), location);
    }
    let raw = rest.rmatch_indices('@').map(|(at, _)| at).find(|at| begins_with_hosts(&rest[at + 1..]));
    match raw.or(by_the_book) {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    }
}

fn begins_with_hosts(location: &str) -> bool {
    let hosts = location.split(['/', '?']).next().unwrap_or_default();
    hosts.split(',').all(|item| {
        split_host(item).is_some_and(|(host, number)| {
            port(number).is_ok() && host.chars().all(|c| c.is_alphanumeric() || ".-_%:".contains(c))
        })
    })
}

/// Host and port of `host:port`, `[ipv6]:port` or `host`; the port may be empty.
fn split_host(item: &str) -> Option<(&str, &str)> {
    if let Some(rest) = item.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after {
            "" => Some((host, "")),
            _ => Some((host, after.strip_prefix(':')?)),
        };
    }
    Some(item.split_once(':').unwrap_or((item, "")))
}

fn set_hosts(settings: &mut PgSettings, hosts: &str) -> Result<()> {
    let items: Vec<_> = hosts.split(',').map(split_host).collect::<Option<_>>().ok_or_else(not_a_url)?;
    if items.iter().any(|(_, number)| !number.is_empty()) {
        settings.ports = items.iter().map(|(_, number)| port(number)).collect::<Result<_>>()?;
    }
    if items.iter().any(|(host, _)| !host.is_empty()) {
        settings.hosts = items.iter().map(|(host, _)| decode(host)).collect();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{exit::Exit, fault};
    use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
    use secrecy::ExposeSecret as _;

    fn read(url: &str) -> PgSettings {
        PgSettings::from_url(url).unwrap_or_else(|e| panic!("{url}: {e}"))
    }

    /// user, password, and `host:port,…/database`
    fn brief(url: &str) -> (String, String, String) {
        let settings = read(url);
        let password = settings.password.as_ref().map(|p| p.expose_secret().to_owned());
        let place = PgSettings { user: None, ..settings.clone() }.display();
        (settings.user.unwrap_or_default(), password.unwrap_or_default(), place)
    }

    #[test]
    fn urls() {
        let cases = [
            ("postgres://u:p@h/d", "u", "p", "h:5432/d"),
            ("POSTGRESQL://u@h:6543/d?sslmode=require", "u", "", "h:6543/d"),
            ("postgresql://u:p%40%2Fw@h/d", "u", "p@/w", "h:5432/d"),
            ("postgres://u:p@ss@h/d", "u", "p@ss", "h:5432/d"),
            ("postgres://u:p/w?x@h:1/d", "u", "p/w?x", "h:1/d"),
            ("postgres://u:1/2@h:1/d", "u", "1/2", "h:1/d"),
            ("postgres://u:p#w:x%zz@h/d", "u", "p#w:x%zz", "h:5432/d"),
            ("postgres://u:p@a:1,b:2/d", "u", "p", "a:1,b:2/d"),
            ("postgres://u:p@a,b/d", "u", "p", "a:5432,b:5432/d"),
            ("postgres://u:p@[2001:db8::1]:1/d", "u", "p", "[2001:db8::1]:1/d"),
            ("postgres://u@%2Fvar%2Frun%2Fpg/d", "u", "", "/var/run/pg:5432/d"),
            ("postgres:///d?host=/tmp&port=7&user=me@corp&password=x", "me@corp", "x", "/tmp:7/d"),
            (
                "postgres://postgres.ref:p@aws-0-eu.pooler.supabase.com:6543/postgres?pgbouncer=true&supa=base-pooler.x",
                "postgres.ref",
                "p",
                "aws-0-eu.pooler.supabase.com:6543/postgres",
            ),
        ];
        for (url, user, password, place) in cases {
            assert_eq!(brief(url), (user.into(), password.into(), place.into()), "{url}");
        }
    }

    #[test]
    fn parameters() {
        let settings = read(
            "postgres://u@ep-x.neon.tech/d?sslmode=verify-full&sslrootcert=system&channel_binding=require\
             &options=-c%20search_path%3Dx&connect_timeout=5&application_name=me&keepalives_idle=3&tcp_user_timeout=900",
        );
        assert_eq!(settings.sslmode, Some(SslMode::VerifyFull));
        assert_eq!(settings.sslrootcert.as_deref(), Some("system"));
        assert_eq!(settings.channel_binding, Some(ChannelBinding::Require));
        assert_eq!(settings.options.as_deref(), Some("-c search_path=x"));
        assert_eq!(settings.connect_timeout.unwrap().as_secs(), 5);
        assert_eq!(settings.application_name.as_deref(), Some("me"));
        assert_eq!(settings.keepalives_idle.unwrap().as_secs(), 3);
        assert_eq!(settings.tcp_user_timeout.unwrap().as_millis(), 900);
    }

    #[test]
    fn refusals_are_configuration_errors_without_the_password() {
        let texts = [
            "",
            "hunter2",
            "mysql://u:hunter2@h/d",
            "jdbc:postgresql://h/d?password=hunter2",
            "host='hunter2",
            "postgres://u:hunter2@h:54x/d",
            "postgres://u:hunter2/h",
            "host=h hunter2 x=y",
            "postgres://h/d?hunter2",
            "postgres://u:hunter2@h/d?sslmode=never",
            "postgres://u:[YOUR-PASSWORD]@h/hunter2",
        ];
        for text in texts {
            let error = PgSettings::from_url(text).expect_err(text);
            assert_eq!(fault::verdict(&error).exit, Exit::Config, "{text}");
            assert!(!fault::describe(&error).contains("hunter2"), "{text}");
        }
        assert!(!format!("{:?}", read("postgres://u:hunter2@h/d")).contains("hunter2"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_encoded_password_always_survives(password in ".{1,20}") {
            let encoded: String = password.bytes().map(|b| format!("%{b:02X}")).collect();
            let settings = read(&format!("postgres://u:{encoded}@h:1/d?sslmode=disable"));
            prop_assert_eq!(settings.password.as_ref().unwrap().expose_secret(), &password);
            prop_assert_eq!(settings.display(), "h:1/d");
        }

        #[test]
        fn a_raw_password_of_harmless_characters_survives(password in "[A-Za-z0-9!$^*()_+=.~;#|<>{}-]{1,20}") {
            let settings = read(&format!("postgres://u:{password}@h/d"));
            prop_assert_eq!(settings.password.as_ref().unwrap().expose_secret(), &password);
        }

        #[test]
        fn nothing_panics(text in ".{0,40}") {
            let _ = PgSettings::from_url(&format!("postgres://{text}"));
            prop_assert!(PgSettings::from_url(&text).is_ok() || PgSettings::from_url(&text).is_err());
        }
    }
}
