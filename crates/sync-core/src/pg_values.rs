//! The values of libpq's connection parameters.

use std::time::Duration;

use anyhow::Result;
use postgres::config::{ChannelBinding, TargetSessionAttrs};

use crate::fault::Fault;
use crate::pg_settings::{DEFAULT_PORT, SslMode};

/// The port in `text`; empty is the default. The error does not show the text: of a URL that was split at the wrong
/// place it may be part of the password.
pub(crate) fn port(text: &str) -> Result<u16> {
    if text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| {
        Fault::config(
            "the port of the PostgreSQL server is not a number from 1 to 65535",
            "in a URL, write special characters of the password as %XX, such as %2F for / and %40 for @",
        )
    })
}

/// The meaning of `sslmode`.
pub(crate) fn sslmode(value: &str) -> Result<SslMode> {
    Ok(match value {
        "disable" => SslMode::Disable,
        "allow" => SslMode::Allow,
        "prefer" => SslMode::Prefer,
        "require" => SslMode::Require,
        "verify-ca" => SslMode::VerifyCa,
        "verify-full" => SslMode::VerifyFull,
        _ => {
            return refused("sslmode", value, "disable, allow, prefer, require, verify-ca or verify-full");
        }
    })
}

/// The meaning of `channel_binding`.
pub(crate) fn channel_binding(value: &str) -> Result<ChannelBinding> {
    Ok(match value {
        "disable" => ChannelBinding::Disable,
        "prefer" => ChannelBinding::Prefer,
        "require" => ChannelBinding::Require,
        _ => return refused("channel_binding", value, "disable, prefer or require"),
    })
}

/// The meaning of `target_session_attrs`.
pub(crate) fn target(value: &str) -> Result<TargetSessionAttrs> {
    Ok(match value {
        "any" | "prefer-standby" => TargetSessionAttrs::Any,
        "read-write" | "primary" => TargetSessionAttrs::ReadWrite,
        "read-only" | "standby" => TargetSessionAttrs::ReadOnly,
        _ => {
            return refused("target_session_attrs", value, "any, read-write, read-only, primary or standby");
        }
    })
}

/// The whole number in the value of the parameter `name`.
pub(crate) fn number(name: &str, value: &str) -> Result<i64> {
    value.trim().parse().or_else(|_| refused(name, value, "a whole number"))
}

/// The seconds in the value of the parameter `name`.
pub(crate) fn seconds(name: &str, value: &str) -> Result<Option<Duration>> {
    Ok(millis(number(name, value)?.saturating_mul(1000)))
}

/// Zero and less mean the default.
pub(crate) fn millis(n: i64) -> Option<Duration> {
    u64::try_from(n).ok().filter(|n| *n > 0).map(Duration::from_millis)
}

/// libpq takes no less than 2 s; zero and less mean no limit there, and the default here, since nothing may hang.
pub(crate) fn connect_timeout(n: i64) -> Option<Duration> {
    millis(n.saturating_mul(1000)).map(|timeout| timeout.max(Duration::from_secs(2)))
}

fn refused<T>(name: &str, value: &str, expected: &str) -> Result<T> {
    Err(Fault::config(
        format!("`{value}` is no value for the PostgreSQL parameter {name}"),
        format!("write {expected}"),
    ))
}
