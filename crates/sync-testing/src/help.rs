//! What every command's help must say.

use crate::tool::Tool;

/// The help of each command, and of the tool itself, explains the exit codes; `tool` makes the tool with its arguments.
pub fn assert_exit_codes(commands: &[&str], tool: impl Fn(&[&str]) -> Tool) {
    for command in [""].iter().chain(commands) {
        let args: Vec<&str> = [command, "--help"].into_iter().filter(|arg| !arg.is_empty()).collect();
        let run = tool(&args).run();
        assert_eq!(run.code, Some(0), "{command}");
        for code in ["Exit status:", "\n  3 ", "\n  75 ", "\n  78 "] {
            assert!(run.stdout.contains(code), "{command} {code}: {}", run.stdout);
        }
    }
}
