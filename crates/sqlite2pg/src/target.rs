//! The PostgreSQL side of one source table: found, made or grown until its rows fit.

use anyhow::{Context, Result};
use pg_load::merge::SOURCE_FILE;
use pg_load::table::{self, Table};
use pg_load::types::ColumnType;
use sync_core::fault::Fault;
use sync_core::own_tables;
use sync_core::watermark::Key;

use crate::session::{OWN_TABLES, Session, TOOL};
use crate::settings::OnDuplicate;
use crate::source::SourceFault;
use crate::source::files::DayFile;
use crate::source::plan::{self, Field};
use crate::source::tables::SourceTable;

/// Columns that say which source row a row is.
pub(crate) const IDENTITY: [&str; 2] = ["_source_id", "_source_rowid"];

/// Where a source table's rows go, and how.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The table as it is now.
    pub(crate) table: Table,
    /// Source columns on their way.
    pub(crate) fields: Vec<Field>,
    /// Destination names of the configured key; empty for identity by source row.
    pub(crate) keys: Vec<String>,
    /// A unique index on the keys exists.
    pub(crate) indexed: bool,
}

impl Target {
    /// Rows are matched by a configured key rather than by source row.
    pub(crate) fn is_keyed(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Names and types of the destination columns that the watermark remembers: rejected rows
    /// are tried again when they change.
    pub(crate) fn shape(&self) -> Vec<String> {
        self.fields.iter().map(|field| format!("{} {}", field.column.name, field.column.sql)).collect()
    }
}

/// Name in PostgreSQL of the table that this source table goes to.
pub(crate) fn name_of(session: &Session<'_>, table: &str) -> String {
    plan::fit_name(&session.settings.destination_name(table), &OWN_TABLES)
}

/// What the watermark of this table of this file is called.
pub(crate) fn key_of(session: &Session<'_>, file: &DayFile, table: &str) -> Key {
    Key {
        file: file.name.clone(),
        table: table.to_owned(),
        destination: table::qualified(&session.settings.schema, &name_of(session, table)),
    }
}

/// Finds the destination as it is, without changing anything.
pub(crate) fn find(session: &mut Session<'_>, source: &SourceTable) -> Result<Option<Target>> {
    let name = name_of(session, &source.name);
    let schema = session.settings.schema.clone();
    let Some(table) = session.table(&schema, &name)? else {
        return Ok(None);
    };
    let fields = plan::fields(source, Some(&table));
    let keys = key_names(session, source, &fields)?;
    Ok(Some(Target { table, fields, keys, indexed: false }))
}

/// Finds or makes the destination and gives it every column that the source has.
pub(crate) fn ensure(session: &mut Session<'_>, source: &SourceTable) -> Result<Target> {
    let name = name_of(session, &source.name);
    let schema = session.settings.schema.clone();
    let qualified = table::qualified(&schema, &name);
    if session.table(&schema, &name)?.is_none() {
        create(session, source, &schema, &name)?;
        sync_core::crash::point("table-created");
    }
    let mut target = find(session, source)?.with_context(|| format!("table {qualified} vanished"))?;
    if grow(session, &target)? {
        session.tables.remove(&qualified);
        target = find(session, source)?.with_context(|| format!("table {qualified} vanished"))?;
    }
    index(session, &mut target, &qualified)?;
    Ok(target)
}

fn create(session: &mut Session<'_>, source: &SourceTable, schema: &str, name: &str) -> Result<()> {
    let fields = plan::fields(source, None);
    let keyed = !key_names(session, source, &fields)?.is_empty();
    let qualified = table::qualified(schema, name);
    let (int, bigint, date) = (ColumnType::Int4, ColumnType::Int8, ColumnType::Date);
    let mut columns: Vec<(&str, &ColumnType)> = Vec::new();
    if !keyed {
        columns.extend([(IDENTITY[0], &int), (IDENTITY[1], &bigint)]);
    }
    columns.extend(fields.iter().map(|field| (field.column.name.as_str(), &field.column.ty)));
    if keyed && session.settings.on_duplicate == OnDuplicate::Update {
        columns.push((SOURCE_FILE, &date));
    }
    table::alone(&mut session.client, &qualified, |tx| table::create(tx, TOOL, schema, name, &columns))
        .map_err(|err| own_tables::no_right(err, TOOL, &qualified, schema))?;
    if !keyed {
        session.state.unindexed.insert(qualified);
    }
    Ok(())
}

/// Adds what is missing; says whether anything was.
fn grow(session: &mut Session<'_>, target: &Target) -> Result<bool> {
    let qualified = target.table.sql();
    let mut missing: Vec<(String, ColumnType)> = Vec::new();
    let mut want = |name: &str, ty: ColumnType| {
        if target.table.column(name).is_none() {
            missing.push((name.to_owned(), ty));
        }
    };
    for field in &target.fields {
        want(&field.column.name, field.column.ty.clone());
    }
    if !target.is_keyed() {
        if target.table.column(IDENTITY[0]).is_none() && !session.options.adopt_table {
            return Err(foreign_table(&qualified));
        }
        want(IDENTITY[0], ColumnType::Int4);
        want(IDENTITY[1], ColumnType::Int8);
    } else if session.settings.on_duplicate == OnDuplicate::Update {
        want(SOURCE_FILE, ColumnType::Date);
    }
    if missing.is_empty() {
        return Ok(false);
    }
    table::alone(&mut session.client, &qualified, |tx| {
        missing.iter().try_for_each(|(name, ty)| table::add_column(tx, &qualified, name, ty))
    })
    .map_err(|err| own_tables::no_right(err, TOOL, &qualified, &target.table.schema))?;
    Ok(true)
}

/// Makes sure of the index: at once, or after the first load of a table made in this run.
fn index(session: &mut Session<'_>, target: &mut Target, qualified: &str) -> Result<()> {
    if target.is_keyed() {
        let keys: Vec<&str> = target.keys.iter().map(String::as_str).collect();
        if target.table.ours {
            table::ensure_unique_index(&mut session.client, qualified, &keys, true)?;
        }
        target.indexed = table::has_unique_index(&mut session.client, qualified, &keys)?;
        if !target.indexed {
            log::warn!(
                "{qualified} has no unique index on {}: create one, it makes every run faster",
                keys.join(", ")
            );
        }
    } else if !session.state.unindexed.contains(qualified) {
        table::ensure_unique_index(&mut session.client, qualified, &IDENTITY, false)?;
    }
    Ok(())
}

fn key_names(session: &Session<'_>, source: &SourceTable, fields: &[Field]) -> Result<Vec<String>> {
    let Some(keys) = session.settings.key_columns.of(&source.name) else {
        return Ok(Vec::new());
    };
    keys.iter()
        .map(|key| {
            let field =
                fields.iter().find(|field| source.columns[field.index].name.eq_ignore_ascii_case(key));
            match field {
                Some(field) => Ok(field.column.name.clone()),
                None => Err(SourceFault(format!(
                    "table {} has no column {key}, which key_columns names",
                    source.name
                ))
                .into()),
            }
        })
        .collect()
}

fn foreign_table(qualified: &str) -> anyhow::Error {
    Fault::config(
        format!("table {qualified} exists and was not made by sqlite2pg"),
        "name its key with `key_columns: [its primary key]`, or run once with --adopt-table, which \
         adds two columns and recognises the rows that are there",
    )
}
