//! Events and videos of a Raspberry Pi's SQLite database to an HTTP backend, each exactly once.

mod args;
mod commands;
mod database;
mod deliver;
mod lang;
mod pause;
mod run;
mod screen;
mod sending;
mod settings;
mod source;
mod spool;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use sync_core::cli;
use sync_core::env::Env;
use sync_core::exit::Exit;
use sync_core::logging::LogFile;
use sync_core::stop::Stop;

use crate::args::{Cli, Command, RowArgs};
use crate::settings::Settings;

/// Name of the tool in messages.
const TOOL: &str = "pi-uploader";

fn main() -> ExitCode {
    cli::main(TOOL, || run(Cli::parse()))
}

fn run(cli: Cli) -> Result<Exit> {
    let env = Env::load(cli.common.env_file.as_deref())?;
    cli.common.log.start(TOOL, cli.common.log.log_file.clone().map(LogFile::Beside))?;
    let settings = Settings::load(&cli.common, &env)?;
    match cli.command {
        None => commands::sync::run(&settings, &cli.sync, &Stop::on_signals()?),
        Some(Command::Sync(args)) => commands::sync::run(&settings, &args, &Stop::on_signals()?),
        Some(Command::Check) => commands::check::run(&settings),
        Some(Command::Status) => commands::status::run(&settings),
        Some(Command::Failures { json }) => commands::failures::run(&settings, json),
        Some(Command::Retry { table, id }) => {
            let row = table.zip(id).map(|(table, id)| RowArgs { table, id });
            commands::forget::retry(&settings, row.as_ref())
        }
        Some(Command::Resend { row }) => commands::forget::resend(&settings, &row),
        Some(Command::Reset { yes }) => commands::forget::reset(&settings, yes),
        Some(Command::Prune { sent_before, yes }) => commands::prune::run(&settings, sent_before, yes),
        Some(Command::Health { max_age, max_backlog }) => {
            commands::health::run(&settings, max_age, max_backlog)
        }
    }
}
