//! Daily SQLite files into PostgreSQL: every row once, whatever happens.

mod append;
mod args;
mod commands;
mod compare;
mod dryrun;
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

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use sync_core::cli;
use sync_core::exit::Exit;
use sync_core::logging::LogFile;
use sync_core::stop::Stop;

use crate::args::{Cli, Command};
use crate::session::TOOL;
use crate::settings::Settings;

fn main() -> ExitCode {
    cli::main(TOOL, || {
        let cli = Cli::parse();
        let log = &cli.common.log;
        log.start(TOOL, log.log_file.clone().map(LogFile::Instead))?;
        run(cli)
    })
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
