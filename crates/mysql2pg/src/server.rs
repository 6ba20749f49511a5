//! The MySQL or MariaDB server that is read: how to reach it, and what it is.

use anyhow::Result;
use mysql::Conn;
use mysql::prelude::Queryable as _;

mod connect;
mod faults;
mod settings;
mod url;

pub(crate) use connect::{connect, is_silent};
pub(crate) use faults::explain;
pub(crate) use settings::{MyFlags, MySettings};

/// What a server says about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Server {
    /// As `SELECT VERSION()` gives it, such as `8.0.36` or `10.11.6-MariaDB-0+deb12u1`.
    pub(crate) version: String,
    pub(crate) is_mariadb: bool,
    /// The cipher of this connection; `None` when it is not encrypted.
    pub(crate) cipher: Option<String>,
}

impl Server {
    /// Asks the server at the other end of `conn`.
    pub(crate) fn of(conn: &mut Conn) -> Result<Server> {
        let version: Option<(String, String)> =
            conn.query_first("SELECT VERSION(), @@version_comment").map_err(explain)?;
        let (version, comment) = version.unwrap_or_default();
        let cipher: Option<(String, String)> =
            conn.query_first("SHOW SESSION STATUS LIKE 'Ssl_cipher'").map_err(explain)?;
        let is_mariadb =
            [&version, &comment].iter().any(|text| text.to_ascii_lowercase().contains("mariadb"));
        let cipher = cipher.map(|(_, cipher)| cipher).filter(|cipher| !cipher.is_empty());
        Ok(Server { version, is_mariadb, cipher })
    }

    /// Product and version for people, such as `MariaDB 10.11.6`.
    pub(crate) fn display(&self) -> String {
        let number = self.version.split('-').next().unwrap_or_default();
        format!("{} {number}", if self.is_mariadb { "MariaDB" } else { "MySQL" })
    }
}

/// Begins a transaction that reads all InnoDB tables as they are now, and writes nothing.
pub(crate) fn begin_snapshot(conn: &mut Conn) -> Result<()> {
    for statement in [
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ] {
        conn.query_drop(statement).map_err(explain)?;
    }
    Ok(())
}

/// `name` as a quoted identifier.
pub(crate) fn quote_ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        assert_eq!(quote_ident("a`b \"c\""), "`a``b \"c\"`");
    }

    #[test]
    fn products() {
        let server = |version: &str, is_mariadb| Server { version: version.into(), is_mariadb, cipher: None };
        assert_eq!(server("10.11.6-MariaDB-0+deb12u1", true).display(), "MariaDB 10.11.6");
        assert_eq!(server("8.0.36", false).display(), "MySQL 8.0.36");
    }
}
