//! What an error means: the exit code, whether to try again, and advice; one table for every tool.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use crate::exit::Exit;

/// An error whose exit code and advice the program itself decided.
#[derive(Debug)]
pub struct Fault {
    message: String,
    hint: String,
    exit: Exit,
    retry: bool,
}

impl Fault {
    /// A missing or wrong setting: exit code 78; an empty `hint` is none.
    pub fn config(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Fault::error(message.into(), hint.into(), Exit::Config, false)
    }

    /// A failure that may pass: exit code 75, tried again; an empty `hint` is none.
    pub fn temporary(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Fault::error(message.into(), hint.into(), Exit::Temporary, true)
    }

    /// Another run is at work: exit code 75, not tried again; an empty `hint` is none.
    pub fn locked(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Fault::error(message.into(), hint.into(), Exit::Temporary, false)
    }

    /// A failure that stays: exit code 1; an empty `hint` is none.
    pub fn failed(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Fault::error(message.into(), hint.into(), Exit::Failed, false)
    }

    fn error(message: String, hint: String, exit: Exit, retry: bool) -> anyhow::Error {
        anyhow::Error::new(Fault { message, hint, exit, retry })
    }

    fn verdict(&self) -> Verdict {
        Verdict::new(self.exit, self.retry, &self.hint)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Fault {}

/// What to do about an error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// What the process ends with when nothing better happens.
    pub exit: Exit,
    /// Whether the same attempt may succeed in a moment.
    pub retry: bool,
    /// Advice to the operator, a sentence without the word "hint".
    pub hint: Option<String>,
}

impl Verdict {
    /// A verdict; an empty `hint` is none.
    pub(crate) fn new(exit: Exit, retry: bool, hint: &str) -> Verdict {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        Verdict { exit, retry, hint }
    }
}

/// What to do about `err`: the first error in its chain that the table knows decides; otherwise it is a failure.
pub fn verdict(err: &anyhow::Error) -> Verdict {
    // A fault that was attached as context is reachable only this way.
    if let Some(fault) = err.downcast_ref::<Fault>() {
        return fault.verdict();
    }
    err.chain().find_map(known).unwrap_or(Verdict::new(Exit::Failed, false, ""))
}

fn known(cause: &(dyn StdError + 'static)) -> Option<Verdict> {
    if let Some(fault) = cause.downcast_ref::<Fault>() {
        return Some(fault.verdict());
    }
    #[cfg(feature = "pg")]
    if let Some(error) = cause.downcast_ref::<postgres::Error>() {
        return Some(crate::sqlstate::verdict(error));
    }
    #[cfg(feature = "sqlite")]
    if let Some(error) = cause.downcast_ref::<rusqlite::Error>() {
        return Some(sqlite_verdict(error));
    }
    cause.downcast_ref::<io::Error>().and_then(io_verdict)
}

fn io_verdict(error: &io::Error) -> Option<Verdict> {
    use io::ErrorKind as K;
    match error.kind() {
        K::StorageFull | K::QuotaExceeded => {
            Some(Verdict::new(Exit::Failed, false, "the disk is full: free some space and run again"))
        }
        K::ConnectionRefused
        | K::ConnectionReset
        | K::ConnectionAborted
        | K::HostUnreachable
        | K::NetworkUnreachable
        | K::NetworkDown
        | K::TimedOut
        | K::BrokenPipe
        | K::UnexpectedEof => Some(Verdict::new(Exit::Temporary, true, "")),
        _ => None,
    }
}

#[cfg(feature = "sqlite")]
fn sqlite_verdict(error: &rusqlite::Error) -> Verdict {
    use rusqlite::ErrorCode as C;
    let (exit, retry, hint) = match error.sqlite_error_code() {
        Some(C::DatabaseBusy | C::DatabaseLocked) => {
            (Exit::Temporary, true, "another program holds the database")
        }
        Some(C::DiskFull) => (Exit::Failed, false, "the disk is full: free some space and run again"),
        Some(C::ReadOnly | C::CannotOpen | C::PermissionDenied | C::AuthorizationForStatementDenied) => {
            (Exit::Config, false, "check that this user may write the database and its folder")
        }
        Some(C::NotADatabase) => (Exit::Config, false, "check the path: this is no SQLite database"),
        Some(C::DatabaseCorrupt) => {
            (Exit::Failed, false, "the database is damaged: see `sqlite3 FILE .recover`")
        }
        _ => (Exit::Failed, false, ""),
    };
    Verdict::new(exit, retry, hint)
}

/// The error as people read it: `what we did: cause` on one line, and `hint: …` on a second when there is one.
///
/// A server's message comes with its detail and SQLSTATE; passwords in URLs and connection strings are masked.
pub fn describe(err: &anyhow::Error) -> String {
    let line = one_line(err);
    match verdict(err).hint {
        Some(hint) => format!("{line}\nhint: {}", redact(&hint)),
        None => line,
    }
}

/// The chain of causes on one line, without repeated sentences and without passwords.
pub(crate) fn one_line(err: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in err.chain() {
        let part = text(cause).split_whitespace().collect::<Vec<_>>().join(" ");
        // Many errors print their source as well as giving it.
        if !part.is_empty() && !parts.iter().any(|earlier| earlier.contains(&part)) {
            parts.push(part);
        }
    }
    redact(&parts.join(": "))
}

fn text(cause: &(dyn StdError + 'static)) -> String {
    #[cfg(feature = "pg")]
    {
        // `postgres::Error` prints no more than "db error"; the cause below it says everything.
        if cause.downcast_ref::<postgres::Error>().is_some_and(|e| e.as_db_error().is_some()) {
            return String::new();
        }
        if let Some(error) = cause.downcast_ref::<postgres::error::DbError>() {
            return crate::sqlstate::text(error);
        }
    }
    cause.to_string()
}

/// `text` with the passwords in URLs (`//user:password@`) and connection strings (`password=…`) masked.
pub fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for (n, word) in text.split(' ').enumerate() {
        if n > 0 {
            clean.push(' ');
        }
        clean.push_str(&redact_word(word));
    }
    clean
}

fn redact_word(word: &str) -> String {
    if let Some((scheme, rest)) = word.split_once("://")
        && let Some((userinfo, host)) = rest.rsplit_once('@')
        && let Some((user, _)) = userinfo.split_once(':')
    {
        return format!("{scheme}://{user}:***@{}", redact_word(host));
    }
    match word.find("password=") {
        Some(at) => {
            let value = at + "password=".len();
            let end = word[value..].find(['&', '\'', '"', ';']).map_or(word.len(), |n| value + n);
            format!("{}***{}", &word[..value], if end == value { "" } else { &word[end..] })
        }
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context as _, anyhow};

    fn of(err: &anyhow::Error) -> (Exit, bool) {
        let verdict = verdict(err);
        (verdict.exit, verdict.retry)
    }

    #[test]
    fn faults_decide_through_any_context() {
        assert_eq!(of(&Fault::config("a", "b").context("c")), (Exit::Config, false));
        assert_eq!(of(&Fault::temporary("a", "").context("c")), (Exit::Temporary, true));
        assert_eq!(of(&Fault::locked("a", "")), (Exit::Temporary, false));
        assert_eq!(of(&Fault::failed("a", "")), (Exit::Failed, false));
        assert_eq!(of(&anyhow!("plain")), (Exit::Failed, false));
        let attached = Fault { message: "m".into(), hint: String::new(), exit: Exit::Config, retry: false };
        assert_eq!(of(&anyhow!("cause").context(attached)), (Exit::Config, false));
    }

    #[test]
    fn io_errors() {
        let of_kind =
            |kind: io::ErrorKind| of(&anyhow::Error::from(io::Error::from(kind)).context("reading"));
        assert_eq!(of_kind(io::ErrorKind::ConnectionRefused), (Exit::Temporary, true));
        assert_eq!(of_kind(io::ErrorKind::UnexpectedEof), (Exit::Temporary, true));
        assert_eq!(of_kind(io::ErrorKind::StorageFull), (Exit::Failed, false));
        assert_eq!(of_kind(io::ErrorKind::NotFound), (Exit::Failed, false));
        let full = anyhow::Error::from(io::Error::from_raw_os_error(28));
        assert!(describe(&full).contains("\nhint: the disk is full"));
    }

    #[test]
    fn a_description_is_one_line_and_a_hint() {
        let err = Fault::config("no such\nfolder", "create it").context("reading the files");
        assert_eq!(describe(&err), "reading the files: no such folder\nhint: create it");
    }

    #[test]
    fn a_repeated_sentence_is_said_once() {
        let inner = io::Error::other("wire cut");
        let err = anyhow::Error::from(inner).context("sending: wire cut").context("batch 3");
        assert_eq!(describe(&err), "batch 3: sending: wire cut");
    }

    #[test]
    fn passwords_are_masked() {
        let cases = [
            ("to postgres://bob:hunter2@db/x failed", "to postgres://bob:***@db/x failed"),
            ("mysql://bob:hun@t:er2@db?password=hunter2&x=1", "mysql://bob:***@db?password=***&x=1"),
            ("host=db password=hunter2 user=bob", "host=db password=*** user=bob"),
            ("host=db password='hunter2 x'", "host=db password=*** x'"),
            ("https://db/x and bob@example.org", "https://db/x and bob@example.org"),
        ];
        for (text, clean) in cases {
            assert_eq!(redact(text), clean);
        }
        let err: anyhow::Result<()> = Err(anyhow!("bad URL postgres://u:hunter2@h/d")).context("connecting");
        assert!(!describe(&err.unwrap_err()).contains("hunter2"));
    }
}
