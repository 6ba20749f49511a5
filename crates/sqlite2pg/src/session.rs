//! One connection's worth of work: what every step of a run needs at hand.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result};
use pg_load::copy::Refused;
use pg_load::rejected;
use pg_load::table::{self, Table};
use postgres::Client;
use postgres::types::Type;
use sync_core::commit::{self, Ledger};
use sync_core::report::Report;
use sync_core::stop::Stop;
use sync_core::watermark::{self, Key, Relation, Stamped, Watermark};
use sync_core::{history, own_tables, pg, run, silence};

use crate::args::SyncArgs;
use crate::settings::Settings;

/// Name of the tool in tables, locks and messages.
pub(crate) const TOOL: &str = "sqlite2pg";

/// The tables beside the data.
pub(crate) const OWN_TABLES: [&str; 3] = ["sync_watermark", "sync_rejected", "sync_run"];

/// What outlives a lost connection.
#[derive(Default)]
pub(crate) struct State {
    /// What was committed, and what may have been.
    pub(crate) ledger: Ledger,
    /// A stop was asked for before everything was read.
    pub(crate) is_cut_short: bool,
    /// This run held the lock once: whoever holds it now may be our own lost connection.
    pub(crate) has_locked: bool,
    /// Tables created in this run whose index is built after their first load.
    pub(crate) unindexed: BTreeSet<String>,
    /// The file at hand got a watermark that no stamp was saved for yet.
    pub(crate) has_new_watermarks: bool,
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
    let mut client = connect(settings)?;
    let (its_report, its_options) = (report.clone(), options.run.clone());
    let give_up = move || run::give_up_silent_server("PostgreSQL", &its_report, &its_options);
    let silence = silence::watch(&settings.pg, TOOL, give_up)?;
    if !options.run.dry_run {
        let schema = &settings.schema;
        let ddl = [watermark::create_sql(schema), rejected::create_sql(schema), history::create_sql(schema)];
        let tables: Vec<_> = OWN_TABLES.into_iter().zip(ddl).collect();
        own_tables::create_missing(&mut client, TOOL, schema, &tables)?;
    }
    commit::settle(&mut state.ledger, &mut client, stop, report)?;
    Ok(Session { settings, options, stop, report, client, state, tables: HashMap::new(), _silence: silence })
}

fn connect(settings: &Settings) -> Result<Client> {
    pg::connect(&settings.pg, TOOL).with_context(|| format!("connect to {}", settings.pg.display()))
}

impl Session<'_> {
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

/// Whether all three tables of our own are in the schema.
pub(crate) fn own_tables_exist(client: &mut Client, schema: &str) -> Result<bool> {
    own_tables::exist(client, schema, &OWN_TABLES)
}
