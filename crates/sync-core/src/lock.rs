//! One run at a time for a job: an advisory lock that the server frees when this process dies.

use std::fmt;

use anyhow::{Context as _, Result};
use postgres::Client;
use postgres::types::Type;

use crate::exit::Exit;
use crate::fault::{self, Fault};
use crate::pg::{self, PgSettings};

/// A lock that is held until it is dropped: an open transaction on a connection of its own.
///
/// A transaction, because behind a pooler only that keeps one server connection to itself.
pub struct Lock {
    name: String,
    connection: Client,
}

impl Lock {
    /// Gives the lock back and waits until the server has freed it, so that another run may begin at once.
    ///
    /// A lock that is merely dropped is freed when the server notices that the connection has gone.
    pub fn release(mut self) {
        if let Err(error) = self.connection.batch_execute("ROLLBACK") {
            log::debug!("the lock {} was lost before it was released: {error}", self.name);
        }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Takes the lock `name` in the database of `settings`, without waiting.
///
/// When another run holds it, the error is temporary and not tried again; otherwise errors are those of
/// [`pg::connect`].
pub fn lock(settings: &PgSettings, application_name: &str, name: &str) -> Result<Lock> {
    let mut connection = pg::connect(settings, application_name)?;
    let obtained = try_lock(&mut connection, key(name)).with_context(|| format!("taking the lock {name}"))?;
    if obtained {
        return Ok(Lock { name: name.to_owned(), connection });
    }
    let hint =
        "wait until it ends; SELECT * FROM pg_stat_activity shows it, and pg_terminate_backend(pid) ends it";
    Err(Fault::locked(format!("another run holds the lock {name}"), hint))
}

/// Takes the lock again in another attempt of the same run; `has_held` remembers from one attempt to the next whether
/// this run has held it.
///
/// After a lost connection the run's own old one may hold the lock for a moment: then the error is tried again.
pub fn lock_again(
    settings: &PgSettings,
    application_name: &str,
    name: &str,
    has_held: &mut bool,
) -> Result<Lock> {
    let taken = lock(settings, application_name, name);
    if let Err(error) = &taken
        && *has_held
        && is_held(error)
    {
        return Err(Fault::temporary(format!("{error:#}"), "it may be a connection that this run has lost"));
    }
    *has_held |= taken.is_ok();
    taken
}

/// Whether a lock was refused because somebody holds it: temporary, and yet not tried again.
fn is_held(error: &anyhow::Error) -> bool {
    let verdict = fault::verdict(error);
    verdict.exit == Exit::Temporary && !verdict.retry
}

fn try_lock(connection: &mut Client, key: i64) -> Result<bool> {
    connection.batch_execute("BEGIN")?;
    // Through pg_settings, because older servers do not know transaction_timeout.
    connection.batch_execute(
        "SELECT set_config(name, '0', true) FROM pg_settings \
         WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')",
    )?;
    let row = connection.query_typed_one("SELECT pg_try_advisory_xact_lock($1)", &[(&key, Type::INT8)])?;
    Ok(row.try_get(0)?)
}

/// The first 64 bits of the name's BLAKE3 hash.
fn key(name: &str) -> i64 {
    let hash = blake3::hash(name.as_bytes());
    hash.as_bytes().iter().take(8).fold(0, |key, byte| (key << 8) | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn keys_stay_the_same_and_differ_by_name() {
        // Two versions of a tool must agree on the key, hence the number.
        assert_eq!(key("sqlite2pg:main"), key("sqlite2pg:main"));
        assert_eq!(key(""), i64::from_be_bytes([0xaf, 0x13, 0x49, 0xb9, 0xf5, 0xf9, 0xa1, 0xa6]));
        assert_ne!(key("a"), key("b"));
    }
}
