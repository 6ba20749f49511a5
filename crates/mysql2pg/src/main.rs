//! Legacy MySQL into PostgreSQL: the planned orders of an ERP, or any other table.

mod args;
mod catalog;
mod cells;
mod column;
mod commands;
mod convert;
mod load;
mod mojibake;
mod moment;
mod orders;
mod server;
mod session;
mod settings;
mod table;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use sync_core::cli;
use sync_core::env::Env;
use sync_core::exit::Exit;
use sync_core::logging::LogFile;
use sync_core::stop::Stop;

use crate::args::{Cli, Command};
use crate::settings::Settings;

/// Name of the tool in tables, locks and messages.
const TOOL: &str = "mysql2pg";

fn main() -> ExitCode {
    cli::main(TOOL, || run(Cli::parse()))
}

fn run(cli: Cli) -> Result<Exit> {
    let env = Env::load(cli.common.env_file.as_deref())?;
    cli.common.log.start(TOOL, Settings::log_file(&cli.common, &env)?.map(LogFile::Beside))?;
    match &cli.command {
        Some(Command::Jobs { .. }) => return commands::jobs::show(),
        Some(Command::Inspect(args)) => {
            return commands::inspect::run(&settings::mysql(&cli.common, &env)?, args);
        }
        _ => {}
    }
    let settings = Settings::load(&cli.common, &env)?;
    let stop = Stop::on_signals()?;
    match cli.command {
        None => commands::sync::run(&settings, &cli.sync, &stop),
        Some(Command::Sync(args)) => commands::sync::run(&settings, &args, &stop),
        Some(Command::Copy(args)) => commands::sync::copy(&settings, &args, &stop),
        Some(Command::Check { job }) => commands::check::run(&settings, job.as_deref()),
        Some(Command::Status) => commands::status::run(&settings),
        Some(Command::Rejected { json }) => commands::rejected::run(&settings, json),
        Some(Command::Health { max_age, job }) => commands::health::run(&settings, max_age, job.as_deref()),
        Some(Command::Inspect(_) | Command::Jobs { .. }) => Ok(Exit::Done),
    }
}
