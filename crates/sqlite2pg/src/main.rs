//! Daily SQLite files into PostgreSQL: every row once, whatever happens.

mod append;
mod args;
mod commands;
mod compare;
mod dryrun;
mod ending;
mod folders;
mod load;
mod retry;
mod select;
mod session;
mod settings;
mod source;
mod start;
mod sync;
mod tablesync;
mod target;
mod verify;
mod whole;

use std::io;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use sync_core::exit::Exit;
use sync_core::logging::{self, LogOptions};
use sync_core::stop::Stop;
use sync_core::{crash, fault};

use crate::args::{Cli, Command, CommonArgs, LogFormat};
use crate::session::TOOL;
use crate::settings::Settings;

fn main() -> ExitCode {
    crash::setup();
    let cli = Cli::parse();
    if let Err(err) = set_up_logging(&cli.common) {
        eprintln!("{TOOL}: {}", fault::describe(&err));
        return fault::verdict(&err).exit.into();
    }
    let exit = run(cli).unwrap_or_else(|err| {
        if is_reader_gone(&err) {
            return Exit::Done;
        }
        log::error!("{}", fault::describe(&err));
        fault::verdict(&err).exit
    });
    exit.into()
}

/// Whether standard output was closed, as `| head -1` does when it has seen enough.
fn is_reader_gone(err: &anyhow::Error) -> bool {
    let root = err.downcast_ref::<io::Error>();
    root.is_some_and(|err| err.kind() == io::ErrorKind::BrokenPipe)
}

fn run(cli: Cli) -> Result<Exit> {
    let stop = Stop::on_signals()?;
    let settings = Settings::load(&cli.common)?;
    match cli.command {
        None => commands::sync::run(&settings, &cli.sync, &stop),
        Some(Command::Sync(args)) => commands::sync::run(&settings, &args, &stop),
        Some(Command::Check) => commands::check::run(&settings),
        Some(Command::Init(args)) => commands::init::run(&settings, &cli.sync, &args, &stop),
        Some(Command::Status { files }) => commands::status::run(&settings, &cli.sync, &stop, files),
        Some(Command::Verify { since, repair }) => {
            commands::verify::run(&settings, &cli.sync, &stop, since, repair)
        }
        Some(Command::Rejected { retry: true, .. }) => {
            commands::sync::retry_rejected(&settings, &cli.sync, &stop)
        }
        Some(Command::Rejected { discard, json, .. }) => commands::rejected::run(&settings, discard, json),
        Some(Command::Health { max_age }) => commands::health::run(&settings, max_age),
    }
}

fn set_up_logging(args: &CommonArgs) -> Result<()> {
    let verbose = if args.quiet { -1 } else { i8::try_from(args.verbose).unwrap_or(i8::MAX) };
    logging::init(
        TOOL,
        LogOptions { verbose, json: args.log_format == LogFormat::Json, file: args.log_file.clone() },
    )
}
