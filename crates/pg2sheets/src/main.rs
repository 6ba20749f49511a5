//! PostgreSQL tables into one Google workbook, each table a tab.

mod args;
mod cell;
mod commands;
mod config;
mod credentials;
mod digest;
mod exclusion;
mod google;
mod mark;
mod plan;
mod run;
mod serial;
mod settings;
mod source;
mod state;
mod write;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use sync_core::cli;
use sync_core::exit::Exit;
use sync_core::logging::LogFile;
use sync_core::stop::Stop;

use crate::args::{Cli, Command};
use crate::settings::{Settings, SourceSettings};

/// Name of the tool in locks and messages.
const TOOL: &str = "pg2sheets";

fn main() -> ExitCode {
    cli::main(TOOL, || run(Cli::parse()))
}

fn run(cli: Cli) -> Result<Exit> {
    let env = settings::env(&cli.common)?;
    let log = settings::log(&cli.common, &env)?;
    log.start(TOOL, log.log_file.clone().map(LogFile::Beside))?;
    match &cli.command {
        Some(Command::Preview { dir }) => {
            return commands::preview::run(&SourceSettings::load(&cli.common, &env)?, dir);
        }
        Some(Command::Health { max_age }) => {
            return commands::health::run(settings::state_dir(&cli.common, &env)?.as_deref(), *max_age);
        }
        _ => {}
    }
    let settings = Settings::load(&cli.common, &env)?;
    let stop = Stop::on_signals()?;
    match cli.command {
        None => commands::sync::run(&settings, &cli.sync, &stop),
        Some(Command::Sync(args)) => commands::sync::run(&settings, &args, &stop),
        Some(Command::Check) => commands::check::run(&settings, &stop),
        Some(Command::Status) => commands::status::run(&settings, &stop),
        Some(Command::Diff) => commands::diff::run(&settings, &stop),
        Some(Command::Preview { .. } | Command::Health { .. }) => Ok(Exit::Done),
    }
}
