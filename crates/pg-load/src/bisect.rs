//! Finding the rows that a server refuses, so that all others arrive.

use std::fmt;
use std::ops::Range;

use anyhow::{Error, Result};
use postgres::Transaction;

use crate::copy::guarded;

/// A row that the server refused, by its index, with the server's words.
pub type Refused = (usize, String);

/// The destination answered that all is well, and kept fewer rows than it was given.
#[derive(Debug)]
pub struct Swallowed;

impl fmt::Display for Swallowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the destination took it and kept nothing: look at its triggers")
    }
}

impl std::error::Error for Swallowed {}

/// Fails with [`Swallowed`] unless as many rows were kept as were given.
///
/// # Errors
/// [`Swallowed`], which is about a row: the ones that were kept are found by halving.
pub fn all_kept(n_given: usize, n_kept: u64) -> Result<u64> {
    if n_kept == n_given as u64 { Ok(n_kept) } else { Err(Swallowed.into()) }
}

/// Whether a failure is about the data of some row, so that other rows may still pass.
pub fn is_about_a_row(err: &Error) -> bool {
    if err.is::<Swallowed>() {
        return true;
    }
    code(err).is_some_and(|code| {
        // data exception, integrity constraint, WITH CHECK OPTION, program limit, raised in a trigger,
        // too long for type `name`
        ["22", "23", "44", "54", "P0", "42622"].iter().any(|class| code.starts_with(class))
    })
}

/// The SQLSTATE that the server gave, if it was the server that failed.
pub fn code(err: &Error) -> Option<&str> {
    db_error(err).map(|err| err.code().code())
}

/// The server's own error inside of `err`.
pub fn db_error(err: &Error) -> Option<&postgres::error::DbError> {
    err.chain().find_map(|cause| {
        let cause = cause.downcast_ref::<postgres::Error>().or_else(|| {
            let io = cause.downcast_ref::<std::io::Error>()?;
            io.get_ref()?.downcast_ref::<postgres::Error>()
        })?;
        cause.as_db_error()
    })
}

/// Loads the rows of `range` with `load`, halving it around rows that the server refuses.
///
/// # Errors
/// Any failure that is not about a row, and those that `give_up` says end the batch.
pub fn load<T>(
    tx: &mut Transaction<'_>,
    range: Range<usize>,
    load: &mut impl FnMut(&mut Transaction<'_>, Range<usize>) -> Result<T>,
    done: &mut impl FnMut(T),
    refused: &mut Vec<Refused>,
    give_up: &impl Fn(&Error) -> bool,
) -> Result<()> {
    if range.is_empty() {
        return Ok(());
    }
    let err = match guarded(tx, |tx| load(tx, range.clone())) {
        Ok(part) => {
            done(part);
            return Ok(());
        }
        Err(err) => err,
    };
    if !is_about_a_row(&err) || give_up(&err) {
        return Err(err);
    }
    if range.len() == 1 {
        let reason = db_error(&err).map_or_else(|| err.to_string(), |db| db.message().to_owned());
        refused.push((range.start, reason));
        return Ok(());
    }
    let middle = range.start + range.len() / 2;
    self::load(tx, range.start..middle, load, done, refused, give_up)?;
    self::load(tx, middle..range.end, load, done, refused, give_up)
}
