//! The fake of Google's server on its own, for demos: prints where it is, and runs until it is told to end.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use sync_testing::sheets::{Google, Options};

const USAGE: &str = "usage: sheets [--port N] [--key FILE] [--log]

Prints URL=… and WORKBOOK=…, writes the service account's key to FILE, and runs until SIGTERM. A GET of
URL/dump?workbook=ID&rows=N shows what a workbook holds.";

/// What the command line asks for.
#[derive(Default)]
struct Wishes {
    options: Options,
    key: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Some(wishes) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    let google = Google::start_with(wishes.options);
    if let Some(path) = wishes.key
        && let Err(e) = write_key(&path, &google.key_json())
    {
        eprintln!("{}: {e}", path.display());
        return ExitCode::FAILURE;
    }
    say(&google);
    // The server has a thread of its own; a signal ends the program.
    loop {
        thread::park();
    }
}

#[allow(clippy::print_stdout, reason = "these lines are what a demo reads from this program")]
fn say(google: &Google) {
    println!("URL={}", google.url());
    println!("WORKBOOK={}", google.workbook());
}

/// A key is for its owner alone, even one that opens nothing.
fn write_key(path: &Path, key: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(key.as_bytes())
}

fn parse(mut args: impl Iterator<Item = String>) -> Option<Wishes> {
    let mut wishes = Wishes::default();
    while let Some(flag) = args.next() {
        match flag.as_str() {
            "--port" => wishes.options.port = args.next()?.parse().ok()?,
            "--key" => wishes.key = Some(args.next()?.into()),
            "--log" => wishes.options.log = true,
            _ => return None,
        }
    }
    Some(wishes)
}
