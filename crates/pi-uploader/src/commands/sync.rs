//! `pi-uploader [sync]`: once or again and again, with a report at the end of every run.

use std::fs::{self, File, TryLockError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rusqlite::TransactionBehavior;
use sync_core::exit::Exit;
use sync_core::fault::Fault;
use sync_core::http::{self, Client};
use sync_core::report::{Count, Format, Report};
use sync_core::run::{self, Run};
use sync_core::stop::Stop;
use sync_core::tracking;

use crate::args::SyncArgs;
use crate::database::{self, Database};
use crate::run::Context;
use crate::screen::{Screen, Tally};
use crate::settings::{Mode, Settings};
use crate::{TOOL, run as one};

/// Name of the last complete run in `sync_state`.
pub(crate) const LAST_COMPLETE: &str = "last_complete_at";
/// Name of the last run's report in `sync_state`.
pub(crate) const LAST_RUN: &str = "last_run";

/// How long a run that failed waits to note how it went; one that was stopped waits a tenth of it.
const LAST_NOTE: Duration = Duration::from_secs(1);

/// Sends when the options say so.
pub(crate) fn run(settings: &Settings, args: &SyncArgs, stop: &Stop) -> Result<Exit> {
    let mut args = args.run.clone();
    let is_asked = args.once || args.every.is_some() || args.cron.is_some() || args.dry_run;
    if !is_asked && settings.mode != Mode::Once {
        args.every = Some(Some(settings.interval));
    }
    args.once |= args.dry_run;
    let mut screen = Screen::new(settings.lang);
    let mode = match (args.loops(), settings.mode) {
        (false, _) => Mode::Once,
        (true, Mode::Periodic) => Mode::Periodic,
        (true, _) => Mode::Continuous,
    };
    screen.start(settings, mode);
    let client = client(settings)?;
    let proxy = http::proxy(&settings.backend)?;
    let _lock = if args.no_lock || args.dry_run { None } else { Some(lock(settings)?) };
    let mut sum = Tally::default();
    // The box stands where other tools have a line.
    let shown = args.report;
    if args.report == Format::Text {
        args.report = Format::None;
    }
    let context = Context {
        settings,
        client: &client,
        proxy: proxy.as_ref().map(|proxy| proxy.place.as_str()),
        stop,
        is_dry: args.dry_run,
        is_loop: args.loops(),
    };
    let mut is_first = true;
    let exit = run::on_schedule(&args, settings.interval, stop, || {
        let mut tally = Tally::default();
        let run =
            Run { tool: TOOL, source: &settings.device, args: &args, ping_url: settings.ping_url.as_deref() };
        let work = |report: &Report| {
            let mut database =
                if context.is_dry { database::look(settings)? } else { database::open(settings)? };
            if std::mem::take(&mut is_first) && !context.is_dry {
                screen.ready();
            }
            work(&context, &mut database, &mut screen, &mut tally, report)
        };
        let exit = run::one(run, stop, work, |_, _| Ok(()));
        if shown == Format::Text && !context.is_dry {
            screen.report(&tally);
        }
        sum.add(&tally);
        exit
    })?;
    if args.loops() {
        screen.statistics(&sum);
    }
    Ok(exit)
}

fn work(
    context: &Context<'_>,
    database: &mut Database,
    screen: &mut Screen,
    tally: &mut Tally,
    report: &Report,
) -> Result<()> {
    let began = std::time::Instant::now();
    let ran = one::run(context, database, screen, tally);
    tally.duration = began.elapsed();
    let (events, media) = (tally.events, tally.media);
    report.add(Count::Read, events.0 + events.1 + media.0 + media.1);
    report.add(Count::Written, events.0 + media.0);
    report.add(Count::Rejected, events.1 + media.1);
    for (name, n) in [
        ("events_sent", events.0),
        ("events_failed", events.1),
        ("media_sent", media.0),
        ("media_failed", media.1),
        ("waiting", tally.n_waiting),
    ] {
        report.note(name, n);
    }
    if context.is_dry {
        return ran;
    }
    report.set_rejected_remaining(tally.n_waiting);
    // Whoever waits for our end, or has waited for the lock, does not wait for this.
    match (&ran, context.stop.asked()) {
        (_, true) => database.db.busy_timeout(LAST_NOTE / 10)?,
        (Err(_), false) => database.db.busy_timeout(LAST_NOTE)?,
        (Ok(()), false) => {}
    }
    let noted = note(database, report, ran.is_ok());
    ran.and(noted)
}

fn note(database: &mut Database, report: &Report, is_complete: bool) -> Result<()> {
    let tx = database.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if is_complete {
        tracking::set_state(&tx, LAST_COMPLETE, &tracking::now().to_string())?;
    }
    tracking::set_state(&tx, LAST_RUN, &report.json())?;
    tx.commit()?;
    Ok(())
}

/// What calls the server.
pub(crate) fn client(settings: &Settings) -> Result<Client> {
    Client::new(&http::Options {
        user_agent: concat!("pi-uploader/", env!("CARGO_PKG_VERSION")),
        ca_file: settings.ca_file.as_deref(),
        n_connections: settings.concurrency,
    })
}

/// Keeps a second instance out for as long as this process lives.
fn lock(settings: &Settings) -> Result<File> {
    let path = settings.lock();
    let file = fs::OpenOptions::new().create(true).append(true).open(&path);
    let file = file
        .with_context(|| format!("open the lock {}", path.display()))
        .map_err(|error| may_not_lock(error, settings))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Fault::locked(
            format!("another pi-uploader is at work on {}", settings.state().display()),
            "stop it first, or let it do the work",
        )),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("lock {}", path.display())),
    }
}

fn may_not_lock(error: anyhow::Error, settings: &Settings) -> anyhow::Error {
    if !settings.db.is_file() {
        return match database::look(settings) {
            Err(missing) => missing,
            Ok(_) => error,
        };
    }
    database::may_not_write(error, settings.state())
}
