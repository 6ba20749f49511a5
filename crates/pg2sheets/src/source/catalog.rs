//! Which tables there are, and which of them are wanted.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use sync_core::fault::Fault;
use sync_core::pg::quote_ident;

use super::snapshot::{self, Failure};
use super::{Snapshot, Table};
use crate::config::Wishes;
use crate::settings::SourceSettings;

/// Partitions show in their parents, and temporary tables are other sessions' own.
const TABLES: &str = "SELECT n.nspname::text, c.relname::text, c.relkind IN ('v', 'm'), ARRAY(
        SELECT a.attname::text FROM pg_index i
        CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, nth)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE i.indrelid = c.oid AND i.indisprimary AND k.nth <= i.indnkeyatts ORDER BY k.nth),
        current_schema()::text, c.relhassubclass AND c.relkind <> 'p'
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition AND c.relpersistence <> 't'
        AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    ORDER BY 1, 2";

/// All tables, and those that become tabs.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) wanted: Vec<Table>,
    /// Tables that are named in the settings and are not there.
    pub(crate) missing: Vec<String>,
    /// Everything that is there, wanted or not, as `schema.table`: a tab of anything else is an orphan.
    pub(crate) present: BTreeSet<String>,
}

impl Catalog {
    /// Does `work` for each wanted table, and tells what came of it: what one fails of keeps no other back.
    ///
    /// # Errors
    /// When the database as a whole fails, or `told`.
    pub(crate) fn each<T>(
        &self,
        snapshot: &mut Snapshot,
        mut work: impl FnMut(&mut Snapshot, &Table) -> Result<T>,
        mut told: impl FnMut(&str, Result<T, String>) -> Result<()>,
    ) -> Result<()> {
        for name in &self.missing {
            let reason = "there is no such table, or it is excluded: check --tables and the file of --config";
            told(name, Err(reason.to_owned()))?;
        }
        for table in &self.wanted {
            match snapshot.apart(|snapshot| work(snapshot, table)) {
                Ok(done) => told(&table.name, Ok(done))?,
                Err(Failure::Table(error)) => told(&table.name, Err(snapshot::reason(&error)))?,
                Err(Failure::All(error)) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A table as the server lists it.
struct Listed {
    schema: String,
    name: String,
    is_view: bool,
    key: Vec<String>,
    has_children: bool,
}

/// Lists what is there, and chooses.
///
/// # Errors
/// A configuration fault when the settings choose nothing.
pub(crate) fn read(snapshot: &mut Snapshot, settings: &SourceSettings) -> Result<Catalog> {
    let rows = snapshot.client.query_typed(TABLES, &[]).context("list the tables")?;
    let default = rows.first().and_then(|row| row.get::<_, Option<String>>(4));
    let default = default.unwrap_or_else(|| "public".to_owned());
    let listed = rows.iter().map(|row| Listed {
        schema: row.get(0),
        name: row.get(1),
        is_view: row.get(2),
        key: row.get(3),
        has_children: row.get(5),
    });
    let listed: Vec<Listed> = listed.collect();
    let named = &settings.config.tables;
    let is_twice = |name: &&String| !name.contains('.') && named.contains_key(&format!("{default}.{name}"));
    if let Some(twice) = named.keys().find(is_twice) {
        return Err(Fault::config(
            format!("the file of --config names the table {twice} twice: {twice} and {default}.{twice}"),
            "put both parts together",
        ));
    }
    let mut catalog = choose(&listed, &default, settings);
    catalog.present.extend(settings.config.tables.keys().cloned());
    if listed.is_empty() && catalog.wanted.is_empty() {
        // As between two steps of a migration.
        return Err(Fault::failed(
            format!("{} has no tables", settings.pg.display()),
            "check that this is the database that is meant",
        ));
    }
    if catalog.wanted.is_empty() && catalog.missing.is_empty() {
        return Err(Fault::config(
            format!("no table of {} is wanted: {} are there", settings.pg.display(), listed.len()),
            "check DB_SYNC_INCLUDED_SCHEMAS, DB_SYNC_EXCLUDED_SCHEMAS and the role's rights",
        ));
    }
    Ok(catalog)
}

fn choose(listed: &[Listed], default: &str, settings: &SourceSettings) -> Catalog {
    let full = |name: &str| if name.contains('.') { name.to_owned() } else { format!("{default}.{name}") };
    let is_named = |name: &str| settings.only_tables.iter().any(|only| only == name || full(only) == name);
    let wishes = |table: &Listed| {
        let tables = &settings.config.tables;
        let own = tables.get(&table.full_name());
        own.or_else(|| tables.get(&table.name).filter(|_| table.schema == default))
            .filter(|w| w.query.is_none())
    };
    let mut wanted = Vec::new();
    for table in listed {
        let name = table.full_name();
        let is_wanted = match settings.only_tables.is_empty() {
            true => {
                wishes(table).is_some()
                    || table.is_wanted(settings) && (!table.is_view || settings.with_views)
            }
            false => is_named(&name),
        };
        if is_wanted {
            wanted.push(table.with(wishes(table), table.schema == default, settings));
        }
    }
    let queries = settings.config.tables.iter().filter(|(name, wishes)| {
        wishes.query.is_some() && (settings.only_tables.is_empty() || settings.only_tables.contains(name))
    });
    wanted.extend(queries.map(|(name, wishes)| of_query(name, wishes, settings)));
    let is_there = |name: &String| wanted.iter().any(|table| table.name == *name || table.name == full(name));
    let configured = settings.config.tables.keys().filter(|_| settings.only_tables.is_empty());
    let missing = settings.only_tables.iter().chain(configured).filter(|name| !is_there(name));
    Catalog {
        missing: missing.cloned().collect(),
        present: listed.iter().map(Listed::full_name).collect(),
        wanted,
    }
}

impl Listed {
    /// `schema.table`; a part with a dot or a quote of its own stands between quotes.
    fn full_name(&self) -> String {
        let part = |name: &str| if name.contains(['.', '"']) { quote_ident(name) } else { name.to_owned() };
        format!("{}.{}", part(&self.schema), part(&self.name))
    }

    fn is_wanted(&self, settings: &SourceSettings) -> bool {
        let name = self.name.trim_start_matches('_').to_lowercase();
        (settings.only_schemas.is_empty() || settings.only_schemas.contains(&self.schema))
            && !settings.not_schemas.contains(&self.schema)
            && !settings.not_prefixes.iter().any(|prefix| name.starts_with(prefix))
    }

    fn with(&self, wishes: Option<&Wishes>, is_default: bool, settings: &SourceSettings) -> Table {
        let wishes = wishes.cloned().unwrap_or_default();
        let title = if is_default { self.name.clone() } else { format!("{}.{}", self.schema, self.name) };
        Table {
            name: self.full_name(),
            title: format!("{}{}", settings.title_prefix, wishes.title.unwrap_or(title)),
            relation: format!("{}.{}", quote_ident(&self.schema), quote_ident(&self.name)),
            is_query: false,
            key: self.key.clone(),
            has_children: self.has_children,
            condition: wishes.condition,
            order: wishes.order,
            only: wishes.columns,
        }
    }
}

fn of_query(name: &str, wishes: &Wishes, settings: &SourceSettings) -> Table {
    let query = wishes.query.as_deref().unwrap_or_default().trim().trim_end_matches(';');
    let title = wishes.title.clone().unwrap_or_else(|| name.to_owned());
    Table {
        name: name.to_owned(),
        title: format!("{}{title}", settings.title_prefix),
        // A comment may end the query.
        relation: format!("({query}\n)"),
        is_query: true,
        key: Vec::new(),
        has_children: false,
        condition: None,
        order: wishes.order.clone(),
        only: wishes.columns.clone(),
    }
}

/// The server's clock, in seconds since 1970: that of this machine may be wrong.
pub(crate) fn now(snapshot: &mut Snapshot) -> Result<i64> {
    let sql = "SELECT extract(epoch FROM now())::int8";
    Ok(snapshot.client.query_typed_one(sql, &[])?.get(0))
}
