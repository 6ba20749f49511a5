//! One run: what the server does not have yet, on its way in the order that matters.

use std::thread;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use sync_core::fault::Fault;
use sync_core::http::Client;
use sync_core::logging;
use sync_core::stop::Stop;
use sync_core::tracking;

use crate::database::Database;
use crate::deliver::courier::{Courier, Halt, Queue};
use crate::deliver::mask::Mask;
use crate::deliver::post::Endpoint;
use crate::screen::{Screen, Tally};
use crate::sending::{self, Sending};
use crate::settings::Settings;
use crate::source::schema::{Schema, Table};
use crate::source::unsent::{self, MAX_IDS, Unsent};
use crate::spool::Spool;

/// What a run has to work with.
pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) client: &'a Client,
    /// The proxy on the way, for people.
    pub(crate) proxy: Option<&'a str>,
    pub(crate) stop: &'a Stop,
    /// Only say what would be sent.
    pub(crate) is_dry: bool,
    /// Whether further runs follow: an unknown token may be known then.
    pub(crate) is_loop: bool,
}

/// Sends what is due: events never tried, then videos with newer events between them, then what failed before.
///
/// # Errors
/// A temporary fault when the server cannot be reached or is in trouble, a configuration fault when it does not know
/// us; whatever was acknowledged until then is in the database.
pub(crate) fn run(
    context: &Context<'_>,
    database: &mut Database,
    screen: &mut Screen,
    tally: &mut Tally,
) -> Result<()> {
    let schema = database.schema.clone();
    let events = backlog(database, schema.events.as_ref())?;
    // Where the videos cannot be read, events go all the same.
    let (media, unreadable) = match backlog(database, schema.media.as_ref()) {
        Ok(media) => (media, None),
        Err(error) => (Unsent::default(), Some(error)),
    };
    let schema = if unreadable.is_some() { Schema { media: None, ..schema } } else { schema };
    let n_events = events.new.len() + events.due.len();
    let n_media = media.new.len() + media.due.len();
    let n_failed = unsent::sum(&database.db, &schema, unsent::n_failed)?;
    screen.backlog(n_events, n_media, events.new.len() == MAX_IDS, n_failed);
    tally.n_waiting = (events.new.len() + media.new.len()) as u64 + n_failed;
    if context.is_dry {
        return Ok(());
    }
    let halted = deliver(context, database, screen, tally, |sending| {
        send(sending, &schema, &events, &media)?;
        if unreadable.is_none() { tidy_spool(sending, &schema) } else { Ok(()) }
    })?;
    // Where the run did not go through, what was never tried waits too.
    let sum = |n| unsent::sum(&database.db, &schema, n);
    let n_untried = if halted.is_some() { sum(unsent::n_new)? } else { 0 };
    tally.n_waiting = n_untried + sum(if halted.is_some() { unsent::n_failed } else { unsent::n_marked })?;
    // Stopped when there was nothing left to send, it is done.
    ending(halted.filter(|halt| *halt != Halt::Stopped || n_untried > 0), context)?;
    unreadable.map_or(Ok(()), Err)
}

/// Does `work` with threads that call the server; gives what kept them from going on.
fn deliver(
    context: &Context<'_>,
    database: &mut Database,
    screen: &mut Screen,
    tally: &mut Tally,
    work: impl FnOnce(&mut Sending<'_>) -> Result<()>,
) -> Result<Option<Halt>> {
    let settings = context.settings;
    let endpoint = Endpoint {
        backend: settings.backend.clone(),
        authorization: settings.authorization(),
        mask: Mask::new(settings),
        bandwidth: settings.bandwidth,
        progress: video_bar(),
    };
    let n_enough = sending::n_enough(&database.db)?;
    let queue = Queue::default();
    let halted = thread::scope(|scope| {
        let mut sending = Sending {
            settings,
            client: context.client,
            courier: Courier::start(scope, &queue, settings.concurrency, context.client, &endpoint),
            spool: Spool::new(settings),
            screen,
            stop: context.stop,
            tally: *tally,
            n_enough,
            results: Vec::new(),
            first_result: None,
            stopping: None,
            database,
        };
        let worked = work(&mut sending);
        *tally = sending.tally;
        worked.map(|()| sending.halted())
    })?;
    endpoint.progress.finish_and_clear();
    Ok(halted)
}

fn backlog(database: &Database, table: Option<&Table>) -> Result<Unsent> {
    let Some(table) = table else {
        return Ok(Unsent::default());
    };
    let due = unsent::due(&database.db, table, tracking::now())?;
    Ok(Unsent { new: unsent::new(&database.db, table, None)?, due })
}

fn send(sending: &mut Sending<'_>, schema: &Schema, events: &Unsent, media: &Unsent) -> Result<()> {
    let mut last_event = events.new.last().copied();
    if let Some(table) = &schema.events {
        sending.events(table, &events.new)?;
    }
    newer_events(sending, schema, &mut last_event)?;
    videos(sending, schema, &media.new, &mut last_event)?;
    if let Some(table) = &schema.events {
        sending.events(table, &events.due)?;
    }
    videos(sending, schema, &media.due, &mut last_event)
}

/// Videos in this order, with newer events between them.
fn videos(
    sending: &mut Sending<'_>,
    schema: &Schema,
    ids: &[i64],
    last_event: &mut Option<i64>,
) -> Result<()> {
    let Some(table) = &schema.media else {
        return Ok(());
    };
    for id in ids {
        if !sending.goes_on() {
            break;
        }
        sending.media(table, *id)?;
        newer_events(sending, schema, last_event)?;
    }
    Ok(())
}

/// Events that have come since the last one was looked for.
fn newer_events(sending: &mut Sending<'_>, schema: &Schema, last: &mut Option<i64>) -> Result<()> {
    let Some(table) = &schema.events else {
        return Ok(());
    };
    while sending.goes_on() {
        if last.is_none() {
            *last = unsent::highest(&sending.database.db, table)?;
        }
        let newer = unsent::new(&sending.database.db, table, *last)?;
        let Some(newest) = newer.last() else {
            return Ok(());
        };
        *last = Some(*newest);
        sending.events(table, &newer)?;
    }
    Ok(())
}

/// Removes what killed runs have spooled, unless a video may still need it.
fn tidy_spool(sending: &Sending<'_>, schema: &Schema) -> Result<()> {
    let is_needed = || match &schema.media {
        Some(table) => Ok(unsent::count(&sending.database.db, table)? > 0),
        None => anyhow::Ok(false),
    };
    if sending.spool.is_empty() || is_needed()? {
        return Ok(());
    }
    sending.spool.empty();
    Ok(())
}

fn ending(halted: Option<Halt>, context: &Context<'_>) -> Result<()> {
    match halted {
        None => Ok(()),
        Some(Halt::Unreachable(reason)) => Err(Fault::temporary(
            format!("the backend cannot be reached: {reason}"),
            format!("{}; nothing is lost, the next run goes on", whom_to_ask(context.proxy)),
        )),
        Some(Halt::Struggling(reason)) => Err(Fault::temporary(
            format!("the backend takes nothing now: {reason}"),
            "see the backend's log; nothing is lost, the next run goes on",
        )),
        Some(Halt::Stopped) => Err(Fault::locked("stopped before all was sent: the next run goes on", "")),
        Some(Halt::Unauthorized(reason)) => {
            let message = format!("the backend does not know us: {reason}");
            let hint = "set BACKEND_TOKEN or BACKEND_TOKEN_FILE to a token that the backend accepts";
            Err(if context.is_loop { Fault::temporary(message, hint) } else { Fault::config(message, hint) })
        }
    }
}

/// What to look at where the backend is not reached.
pub(crate) fn whom_to_ask(proxy: Option<&str>) -> String {
    match proxy {
        Some(proxy) => format!("check the proxy ({proxy}), BACKEND_URL and the network"),
        None => "check BACKEND_URL and the network".to_owned(),
    }
}

/// The bytes of a big video; shown on a terminal.
fn video_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    logging::progress().add(bar)
}
