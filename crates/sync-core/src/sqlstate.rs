//! The PostgreSQL part of the fault table: SQLSTATE and connection errors.

use std::error::Error as _;
use std::io;

use postgres::Error;
use postgres::error::DbError;

use crate::exit::Exit::{Config, Failed, Temporary};
use crate::fault::Verdict;

const TLS_HINT: &str = "check sslmode and sslrootcert: verify-full needs a certificate for this very host name, \
    verify-ca only a known authority, require only that the server speaks TLS";

/// What to do about an error of the driver.
pub(crate) fn verdict(error: &Error) -> Verdict {
    match error.as_db_error() {
        Some(db) => {
            let known = by_code(db.code().code(), db.message());
            let server_hint = || db.hint().map(|hint| hint.split_whitespace().collect::<Vec<_>>().join(" "));
            Verdict { hint: known.hint.or_else(server_hint), ..known }
        }
        None => without_code(error),
    }
}

/// The table; `code` is an SQLSTATE of <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn by_code(code: &str, message: &str) -> Verdict {
    let (exit, retry, hint) = match code {
        "28P01" => (Config, false, "check user and password"),
        "28000" => (Config, false, "check user, password and sslmode, and the server's pg_hba.conf"),
        c if c.starts_with("28") => (Config, false, "check user and password"),
        "3D000" => (Config, false, "check the database name, or create the database"),
        "3F000" => (Config, false, "check the schema name, or create the schema"),
        // The answer of Supabase's pooler to a wrong user name.
        "XX000" if message.contains("Tenant or user not found") => {
            (Config, false, "check the user name: behind this pooler it is USER.PROJECT")
        }
        "42501" if message.contains("row-level security") => (
            Failed,
            false,
            "a policy would hide rows from this role: give it BYPASSRLS, or have it read a view",
        ),
        "42501" => (Failed, false, "the role lacks a right: have the owner GRANT it"),
        "25006" => (Failed, false, "the server is read-only, a standby perhaps: name the primary"),
        "57014" => (Temporary, false, ""),
        "53100" => (Temporary, true, "the server's disk is full"),
        // The last two: the server ended a transaction, or a session, that it found idle.
        "40001" | "40P01" | "55P03" | "25P03" | "57P05" => (Temporary, true, ""),
        c if c.starts_with("08") || c.starts_with("53") || c.starts_with("57P0") => (Temporary, true, ""),
        _ => (Failed, false, ""),
    };
    Verdict::new(exit, retry, hint)
}

fn without_code(error: &Error) -> Verdict {
    let network = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    // The driver keeps its kinds to itself; their texts are all it shows.
    match error.to_string().as_str() {
        "error performing TLS handshake" if !network.is_some_and(cut_off) => {
            Verdict::new(Config, false, TLS_HINT)
        }
        "authentication error" => Verdict::new(Config, false, "check user, password and channel_binding"),
        "invalid connection string" | "invalid configuration" => Verdict::new(
            Config,
            false,
            "check the PostgreSQL URL, and that it has the password the server asks for",
        ),
        "error connecting to server" => {
            Verdict::new(Temporary, true, "check host and port, and that the server runs")
        }
        "timeout waiting for server" => Verdict::new(Temporary, true, ""),
        // A value that cannot be encoded or decoded comes as an io::Error too, but no second try helps.
        text if text.starts_with("error serializing") || text.starts_with("error deserializing") => {
            Verdict::new(Failed, false, "")
        }
        _ if error.is_closed() || network.is_some() => Verdict::new(
            Temporary,
            true,
            "the server, or something on the way to it, broke the connection: check host and port, and the server's log",
        ),
        _ => Verdict::new(Failed, false, ""),
    }
}

fn cut_off(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        error.kind(),
        K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::TimedOut
    )
}

/// The server's message with its detail and SQLSTATE.
pub(crate) fn text(error: &DbError) -> String {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{}{detail} (SQLSTATE {})", error.message(), error.code().code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn the_table() {
        let cases: &[(&str, Exit, bool)] = &[
            ("08006", Temporary, true),
            ("08P01", Temporary, true),
            ("53300", Temporary, true),
            ("57P01", Temporary, true),
            ("57P03", Temporary, true),
            ("40001", Temporary, true),
            ("40P01", Temporary, true),
            ("55P03", Temporary, true),
            ("57014", Temporary, false),
            ("28P01", Config, false),
            ("28000", Config, false),
            ("3D000", Config, false),
            ("42501", Failed, false),
            ("23505", Failed, false),
            ("42601", Failed, false),
            ("XX000", Failed, false),
        ];
        for (code, exit, retry) in cases {
            let verdict = by_code(code, "");
            assert_eq!((verdict.exit, verdict.retry), (*exit, *retry), "{code}");
        }
        assert!(by_code("42501", "").hint.unwrap().contains("GRANT"));
        let hidden = by_code("42501", "query would be affected by row-level security policy for table \"t\"");
        assert!(hidden.hint.unwrap().contains("BYPASSRLS"));
        assert!(by_code("28P01", "").hint.unwrap().contains("user and password"));
        assert_eq!(by_code("XX000", "Tenant or user not found").exit, Config);
    }

    #[test]
    fn connection_errors_without_a_code() {
        let refused = postgres::Config::new().host("127.0.0.1").port(1).user("u").connect(postgres::NoTls);
        let verdict = verdict(&refused.err().unwrap());
        assert_eq!((verdict.exit, verdict.retry), (Temporary, true));
        let broken = "port=x".parse::<postgres::Config>().unwrap_err();
        assert_eq!(super::verdict(&broken).exit, Config);
    }
}
