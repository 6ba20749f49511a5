//! One attempt's connections and what outlives them.

use std::collections::HashSet;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use mysql::Conn;
use pg_load::rejected::{self, Origin};
use postgres::{Client, Transaction};
use sync_core::cli::RunArgs;
use sync_core::commit::{self, Counts, Durable, Ledger};
use sync_core::report::Report;
use sync_core::stop::Stop;
use sync_core::{history, logging, own_tables, pg, run, silence, watermark};

use crate::TOOL;
use crate::load::missing;
use crate::server;
use crate::settings::Settings;

/// What outlives a lost connection.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) ledger: Ledger,
    /// This run held the lock once: whoever holds it now may be our own lost connection.
    pub(crate) has_locked: bool,
    /// Jobs that are done: another attempt of the same run leaves them out.
    pub(crate) done: HashSet<String>,
    /// The job whose commit was not answered.
    in_doubt: Option<String>,
    /// Databases and tables that were read.
    pub(crate) sources: HashSet<(String, String)>,
    /// Tables whose rows must go through a stage although they are new: some share a key.
    pub(crate) staged: HashSet<String>,
}

impl State {
    /// Notes what this run reads: rows set aside of anything else are another run's.
    pub(crate) fn read_from(&mut self, origin: &Origin<'_>) {
        self.sources.insert((origin.file.to_owned(), origin.table.to_owned()));
    }
}

/// What every step of a run needs at hand.
pub(crate) struct Session<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) args: &'a RunArgs,
    pub(crate) stop: &'a Stop,
    pub(crate) report: &'a Report,
    pub(crate) state: &'a mut State,
    pub(crate) client: Client,
    _silence: [silence::Watch; 2],
}

/// Connects to PostgreSQL, makes sure of our own tables, and settles a commit left in doubt.
pub(crate) fn open<'a>(
    settings: &'a Settings,
    args: &'a RunArgs,
    stop: &'a Stop,
    report: &'a Report,
    state: &'a mut State,
) -> Result<Session<'a>> {
    let mut client =
        pg::connect(&settings.pg, TOOL).with_context(|| format!("connect to {}", settings.pg.display()))?;
    if !args.dry_run {
        own_tables::create_missing(&mut client, TOOL, &settings.schema, &own_tables_of(&settings.schema))?;
        if commit::settle(&mut state.ledger, &mut client, stop, report)? {
            state.done.extend(state.in_doubt.take());
        }
    }
    let give_up = |server: String| {
        let (report, args) = (report.clone(), args.clone());
        move || run::give_up_silent_server(&server, &report, &args)
    };
    let mysql = settings.mysql.clone();
    let silence = [
        silence::watch(&settings.pg, TOOL, give_up(settings.pg.display()))?,
        silence::watch_with(move || server::is_silent(&mysql), give_up(settings.mysql.display()))?,
    ];
    Ok(Session { settings, args, stop, report, state, client, _silence: silence })
}

/// Names of our own tables, with the statements that create them.
pub(crate) fn own_tables_of(schema: &str) -> [(&'static str, String); 4] {
    [
        ("sync_watermark", watermark::create_sql(schema)),
        ("sync_rejected", rejected::create_sql(schema)),
        ("sync_run", history::create_sql(schema)),
        ("sync_missing", missing::create_sql(schema)),
    ]
}

impl Session<'_> {
    /// A connection to the source.
    pub(crate) fn source(&self) -> Result<Conn> {
        server::connect(&self.settings.mysql)
    }
}

/// A bar that counts rows up to about `n`, seen on a terminal only.
pub(crate) fn progress(what: &str, n: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/~{human_len}");
    let bar = logging::progress().add(ProgressBar::new(n));
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what.to_owned())
}

/// Begins the transaction of a run.
pub(crate) fn begin<'c>(
    client: &'c mut Client,
    settings: &Settings,
    args: &RunArgs,
) -> Result<Transaction<'c>> {
    let mut tx = commit::begin(client, Durable::Yes)?;
    if args.dry_run {
        // Rolled back with all the rest.
        own_tables::create_schema(&mut tx, &settings.schema)?;
        for (_, sql) in own_tables_of(&settings.schema) {
            tx.batch_execute(&sql)?;
        }
    }
    Ok(tx)
}

/// Ends the transaction of a job; a dry run takes everything back and counts all the same.
pub(crate) fn end(
    job: &str,
    state: &mut State,
    args: &RunArgs,
    report: &Report,
    mut tx: Transaction<'_>,
    counts: Counts,
) -> Result<()> {
    if args.dry_run {
        tx.rollback()?;
        for (count, n) in counts.of {
            report.add(count, n);
        }
        for (name, n) in counts.notes {
            report.note(name, n);
        }
        return Ok(());
    }
    let txid = commit::txid(&mut tx)?;
    state.in_doubt = Some(job.to_owned());
    commit::commit(&mut state.ledger, report, tx, (txid, Durable::Yes), counts)?;
    state.done.extend(state.in_doubt.take());
    Ok(())
}
