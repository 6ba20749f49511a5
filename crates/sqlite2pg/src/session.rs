//! One connection's worth of work: what every step of a run needs at hand.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result};
use pg_load::copy::Refused;
use pg_load::rejected;
use pg_load::table::{self, Table};
use postgres::types::Type;
use postgres::{Client, Transaction};
use sync_core::report::{Count, Report};
use sync_core::stop::Stop;
use sync_core::watermark::{self, Key, Relation, Stamped, Watermark};
use sync_core::{history, pg, silence};

use crate::args::SyncArgs;
use crate::ending;
use crate::settings::Settings;
use crate::target;

/// Name of the tool in tables, locks and messages.
pub(crate) const TOOL: &str = "sqlite2pg";

/// What a commit adds to the report once it is known to have happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) of: Vec<(Count, u64)>,
    pub(crate) notes: Vec<(&'static str, u64)>,
}

impl Counts {
    fn add_to(&self, report: &Report) {
        for (count, n) in &self.of {
            report.add(*count, *n);
        }
        for (name, n) in &self.notes {
            report.note(name, *n);
        }
    }

    fn take_back_from(&self, report: &Report) {
        for (count, n) in &self.of {
            report.take_back(*count, *n);
        }
        for (name, n) in &self.notes {
            report.take_back_note(name, *n);
        }
    }
}

/// What outlives a lost connection.
#[derive(Default)]
pub(crate) struct State {
    /// A commit that was never answered: its transaction and what it would have counted.
    unanswered: Option<(i64, Counts)>,
    /// Commits that were answered before they were on the server's disk: a crash takes them back.
    volatile: Vec<(i64, Counts)>,
    /// A stop was asked for before everything was read.
    pub(crate) is_cut_short: bool,
    /// This run held the lock once: whoever holds it now may be our own lost connection.
    pub(crate) has_locked: bool,
    /// Tables created in this run whose index is built after their first load.
    pub(crate) unindexed: BTreeSet<String>,
    /// The file at hand got a watermark that no stamp was saved for yet.
    pub(crate) has_new_watermarks: bool,
    /// Batches committed since the run began: progress restarts the patience of retries.
    pub(crate) n_commits: u64,
}

/// A connection and everything decided for this run.
pub(crate) struct Session<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) options: &'a SyncArgs,
    pub(crate) stop: &'a Stop,
    pub(crate) report: &'a Report,
    pub(crate) client: Client,
    pub(crate) state: &'a mut State,
    /// Destination tables by their quoted name, as last looked at.
    pub(crate) tables: HashMap<String, Table>,
    _silence: silence::Watch,
}

/// Connects, makes sure our own tables are there, and settles a commit left in doubt.
pub(crate) fn open<'a>(
    settings: &'a Settings,
    options: &'a SyncArgs,
    stop: &'a Stop,
    report: &'a Report,
    state: &'a mut State,
) -> Result<Session<'a>> {
    let client = connect(settings)?;
    let (its_report, its_options) = (report.clone(), options.clone());
    let give_up = move || ending::give_up_silent_server(&its_report, &its_options);
    let mut session = Session {
        settings,
        options,
        stop,
        report,
        client,
        state,
        tables: HashMap::new(),
        _silence: silence::watch(&settings.pg, TOOL, give_up)?,
    };
    if !options.dry_run {
        session.create_own_tables()?;
    }
    session.settle()?;
    Ok(session)
}

fn connect(settings: &Settings) -> Result<Client> {
    pg::connect(&settings.pg, TOOL).with_context(|| format!("connect to {}", settings.pg.display()))
}

impl Session<'_> {
    fn create_own_tables(&mut self) -> Result<()> {
        let schema = &self.settings.schema;
        if own_tables_exist(&mut self.client, schema)? {
            return Ok(());
        }
        table::create_schema(&mut self.client, schema)?;
        let ddl = [watermark::create_sql(schema), rejected::create_sql(schema), history::create_sql(schema)]
            .concat();
        table::alone(&mut self.client, "sync_watermark", |tx| Ok(tx.batch_execute(&ddl)?))
            .map_err(|err| target::no_right(err, "sync_watermark", schema))
            .with_context(|| {
                format!("create the tables sync_watermark, sync_rejected and sync_run in schema {schema}")
            })
    }

    /// Counts a commit whose answer was lost, if the server did carry it out, and no longer counts
    /// what a crash of the server has taken back.
    fn settle(&mut self) -> Result<()> {
        if let Some((txid, _)) = self.state.unanswered {
            let committed = self.was_committed(txid)?;
            if let Some((_, counts)) = self.state.unanswered.take()
                && committed
            {
                counts.add_to(self.report);
            }
        }
        while let Some(txid) = self.state.volatile.last().map(|(txid, _)| *txid) {
            if !self.was_committed(txid)?
                && let Some((_, counts)) = self.state.volatile.last()
            {
                counts.take_back_from(self.report);
            }
            self.state.volatile.pop();
        }
        Ok(())
    }

    fn was_committed(&mut self, txid: i64) -> Result<bool> {
        loop {
            match watermark::was_committed(&mut self.client, txid)? {
                Some(committed) => return Ok(committed),
                // The old server process has not noticed yet that its client is gone.
                None if self.stop.sleep(std::time::Duration::from_millis(200)) => return Ok(false),
                None => {}
            }
        }
    }

    /// Replaces a connection on which a COPY was refused, if that is what the error says.
    pub(crate) fn recover(&mut self, err: &anyhow::Error) -> Result<()> {
        if err.is::<Refused>() {
            self.tables.clear();
            self.client = connect(self.settings)?;
        }
        Ok(())
    }

    /// All watermarks of this source with the stamps of their files.
    pub(crate) fn watermarks(&mut self) -> Result<Vec<Stamped>> {
        if !own_tables_exist(&mut self.client, &self.settings.schema)? {
            return Ok(Vec::new());
        }
        watermark::load_all(&mut self.client, &self.settings.schema, &self.settings.source_name)
    }

    /// The newest generation of one watermark.
    pub(crate) fn watermark(&mut self, key: &Key) -> Result<Option<Watermark>> {
        watermark::load(&mut self.client, &self.settings.schema, &self.settings.source_name, key)
    }

    /// Which physical table each of these destinations is now.
    pub(crate) fn relations(&mut self, names: &[String]) -> Result<HashMap<String, Relation>> {
        let sql = "SELECT d, to_regclass(d)::oid, pg_relation_filenode(to_regclass(d))
                   FROM unnest($1::text[]) d";
        let rows = self.client.query_typed(sql, &[(&names, Type::TEXT_ARRAY)])?;
        Ok(rows.iter().map(|row| (row.get(0), Relation { oid: row.get(1), filenode: row.get(2) })).collect())
    }

    /// The destination's description, looked up once until it is known to have changed.
    pub(crate) fn table(&mut self, schema: &str, name: &str) -> Result<Option<Table>> {
        let key = table::qualified(schema, name);
        if let Some(table) = self.tables.get(&key) {
            return Ok(Some(table.clone()));
        }
        let found = table::inspect(&mut self.client, schema, name)?;
        if let Some(table) = &found {
            self.tables.insert(key, table.clone());
        }
        Ok(found)
    }

    /// Saves that every table of this file was read to its end.
    pub(crate) fn save_stamp(&mut self, file: &str, stamp: &str) -> Result<()> {
        let Settings { schema, source_name, .. } = self.settings;
        watermark::save_stamp(&mut self.client, schema, source_name, file, stamp)
    }
}

/// When a commit is on the server's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durable {
    /// Before it is answered.
    Yes,
    /// With a later one: cursor and rows are lost together or not at all.
    WithTheNext,
}

/// Begins a transaction that writes rows. Deferred constraints speak up at once: at COMMIT they
/// would lose the whole batch for one row.
pub(crate) fn begin(client: &mut Client, durable: Durable) -> Result<Transaction<'_>> {
    let mut tx = client.transaction()?;
    tx.batch_execute(match durable {
        Durable::Yes => "SET CONSTRAINTS ALL IMMEDIATE",
        Durable::WithTheNext => "SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL synchronous_commit = off",
    })?;
    Ok(tx)
}

/// Commits and counts; when the answer is lost, the next connection finds out what happened.
pub(crate) fn commit(
    state: &mut State,
    report: &Report,
    tx: Transaction<'_>,
    (txid, durable): (i64, Durable),
    counts: Counts,
) -> Result<()> {
    sync_core::crash::point("before-commit");
    state.unanswered = Some((txid, counts));
    tx.commit().context("commit")?;
    sync_core::crash::point("after-commit");
    if durable == Durable::Yes {
        state.volatile.clear();
    }
    if let Some((txid, counts)) = state.unanswered.take() {
        counts.add_to(report);
        if durable == Durable::WithTheNext {
            state.volatile.push((txid, counts));
        }
    }
    state.n_commits += 1;
    Ok(())
}

/// Whether all three tables of our own are in the schema.
pub(crate) fn own_tables_exist(client: &mut Client, schema: &str) -> Result<bool> {
    let row = client.query_typed_one(
        "SELECT count(*) = 3 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname IN ('sync_watermark', 'sync_rejected', 'sync_run')",
        &[(&schema, Type::TEXT)],
    )?;
    Ok(row.get(0))
}
