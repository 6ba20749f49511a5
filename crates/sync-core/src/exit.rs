//! The exit codes, the same in every tool.

use std::process::ExitCode;

/// What a process ends with: the part of its result that a scheduler sees.
///
/// 75 and 78 are `EX_TEMPFAIL` and `EX_CONFIG` of `sysexits.h`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Everything is done, or there was nothing to do.
    Done = 0,
    /// The run failed, and running it again will not help by itself.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Done, but some rows, files or tables were set aside.
    Partial = 3,
    /// Not now: the same run may succeed later.
    Temporary = 75,
    /// A setting is missing or wrong.
    Config = 78,
}

/// The section `Exit status:` for a tool's `--help`.
pub const HELP: &str = "\
Exit status:
  0   done, or nothing to do
  1   failed
  2   usage
  3   done, some rows, files or tables set aside
  75  temporary: another run holds the lock, or a server is unreachable after the retries
  78  configuration";

impl Exit {
    /// The number the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// One word for a log, a summary or a status column.
    pub fn word(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::Failed => "failed",
            Exit::Usage => "usage",
            Exit::Partial => "partial",
            Exit::Temporary => "temporary",
            Exit::Config => "configuration",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Exit; 6] =
        [Exit::Done, Exit::Failed, Exit::Usage, Exit::Partial, Exit::Temporary, Exit::Config];

    #[test]
    fn codes_are_the_documented_ones() {
        assert_eq!(ALL.map(Exit::code), [0, 1, 2, 3, 75, 78]);
        assert_eq!(format!("{:?}", ExitCode::from(Exit::Temporary)), format!("{:?}", ExitCode::from(75)));
    }

    #[test]
    fn help_names_every_code() {
        for exit in ALL {
            let line = format!("\n  {:<3} ", exit.code());
            assert!(HELP.contains(&line), "{exit:?} is missing");
        }
    }
}
