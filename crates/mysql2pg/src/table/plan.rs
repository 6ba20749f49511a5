//! What a job means for this source: which columns are read, and what they become.

use anyhow::Result;
use mysql::Conn;
use mysql::prelude::Queryable;
use pg_load::merge::ORDINAL;
use sync_core::fault::Fault;

use super::job::{ColumnRule, Job, Source};
use super::transform::Transform;
use crate::catalog::{self, TableInfo};
use crate::column::SourceColumn;
use crate::load::target::NewColumn;
use crate::server::{self, quote_ident};

/// Longest name in PostgreSQL, in bytes.
const MAX_NAME: usize = 63;

/// A job, resolved.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Columns that are read, in the order of the result.
    pub(crate) source: Vec<SourceColumn>,
    /// What is done to each of them.
    pub(crate) transforms: Vec<Vec<Transform>>,
    /// The destination's columns for them.
    pub(crate) columns: Vec<NewColumn>,
    /// Names of the destination columns that tell rows apart; empty where the source has no key.
    pub(crate) keys: Vec<String>,
    /// What is read, as a FROM clause takes it.
    pub(crate) from: String,
    /// The table that is read; none for a query.
    pub(crate) info: Option<TableInfo>,
    pub(crate) schema: String,
    pub(crate) table: String,
}

/// Resolves a job against the source.
///
/// # Errors
/// A configuration fault that names the table or column that is missing.
pub(crate) fn make(conn: &mut Conn, job: &Job, schema: &str, tinyint1_bool: bool) -> Result<Plan> {
    let (info, from, all) = match &job.file.source {
        Source::Table(name) => {
            let info = catalog::find(conn, name)?.ok_or_else(|| {
                Fault::config(
                    format!("the source has no table {name}"),
                    "is it in MYSQL_DB, and may this user see it?",
                )
            })?;
            let from = quote_ident(&info.name);
            let all = info.columns.clone();
            if all.is_empty() {
                return Err(Fault::config(
                    format!("{} has no columns that can be read", info.name),
                    "a view of a table that is gone, perhaps: see SHOW CREATE VIEW",
                ));
            }
            (Some(info), from, all)
        }
        Source::Query(sql) => {
            let sql = sql.trim().trim_end_matches(';');
            let statement = conn.prep(sql).map_err(server::explain)?;
            let all = statement.columns().iter().map(SourceColumn::from_result).collect();
            (None, format!("({sql}\n) q"), all)
        }
    };
    let rules = rules(job, &all)?;
    let mut plan = Plan {
        source: Vec::new(),
        transforms: Vec::new(),
        columns: Vec::new(),
        keys: Vec::new(),
        from,
        schema: job.file.destination.schema.clone().unwrap_or_else(|| schema.to_owned()),
        table: match (&job.file.destination.table, &info) {
            (Some(table), _) => table.clone(),
            (None, Some(info)) => info.name.clone(),
            (None, None) => job.name.clone(),
        },
        info,
    };
    for (column, rule) in rules {
        let to = rule.to.clone().unwrap_or_else(|| column.name.clone());
        let (_, sql) = column.destination(tinyint1_bool);
        plan.columns.push(NewColumn { name: to, sql: rule.ty.unwrap_or(sql), required: false });
        plan.transforms.push(rule.transform);
        plan.source.push(column);
    }
    plan.keys = keys(job, &plan)?;
    plan.check_names()?;
    let Plan { columns, keys, .. } = &mut plan;
    columns.iter_mut().for_each(|column| column.required = keys.contains(&column.name));
    Ok(plan)
}

/// Each column that is read with its rule: those of the job, or every one as it is.
fn rules(job: &Job, all: &[SourceColumn]) -> Result<Vec<(SourceColumn, ColumnRule)>> {
    let as_it_is = |column: &SourceColumn| {
        let rule = ColumnRule { from: column.name.clone(), to: None, ty: None, transform: Vec::new() };
        (column.clone(), rule)
    };
    if job.file.columns.is_empty() {
        return Ok(all.iter().map(as_it_is).collect());
    }
    let found = |rule: &ColumnRule| {
        let exact = all.iter().find(|column| column.name == rule.from);
        let found = exact
            .or_else(|| all.iter().find(|column| column.name.to_lowercase() == rule.from.to_lowercase()));
        match found {
            Some(column) => Ok((column.clone(), rule.clone())),
            None => Err(Fault::config(
                format!("{} has no column {}", job.source_name(), rule.from),
                format!("it has {}", all.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")),
            )),
        }
    };
    job.file.columns.iter().map(found).collect()
}

/// Destination names of the key: as the job says, else the source's primary key, where all of it is read.
fn keys(job: &Job, plan: &Plan) -> Result<Vec<String>> {
    if let Some(keys) = &job.file.destination.key {
        let missing = keys.iter().find(|key| !plan.columns.iter().any(|column| column.name == **key));
        return match missing {
            None => Ok(keys.clone()),
            Some(key) => Err(Fault::config(
                format!("destination.key names {key}, which is no column of the destination"),
                "name the columns as they are called in PostgreSQL",
            )),
        };
    }
    let Some(info) = &plan.info else {
        return Ok(Vec::new());
    };
    let to = |key: &String| {
        let at = plan.source.iter().position(|column| column.name == *key)?;
        Some(plan.columns[at].name.clone())
    };
    Ok(info.key.iter().map(to).collect::<Option<Vec<String>>>().unwrap_or_default())
}

impl Plan {
    fn check_names(&self) -> Result<()> {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        for (i, name) in names.iter().enumerate() {
            if names[..i].contains(name) {
                return Err(Fault::config(
                    format!("two columns of {} are called {name}", self.table),
                    "give one of them another name: columns: [{from: …, to: …}]",
                ));
            }
        }
        if names.contains(&ORDINAL) {
            return Err(Fault::config(
                format!("a column of {} is called {ORDINAL}, as one of our own", self.table),
                "give it another name in a job's file: columns: [{from: …, to: …}]",
            ));
        }
        match names.iter().chain([&self.table.as_str()]).find(|name| name.len() > MAX_NAME) {
            Some(name) => Err(Fault::config(
                format!(
                    "{}: the name {name} is longer than the {MAX_NAME} bytes that PostgreSQL takes",
                    self.table
                ),
                "give it another name in a job's file: `mysql2pg jobs show`",
            )),
            None => Ok(()),
        }
    }

    /// `SELECT columns`, without a source.
    pub(crate) fn select(&self) -> String {
        let names: Vec<String> = self.source.iter().map(|column| quote_ident(&column.name)).collect();
        names.join(", ")
    }

    /// Positions of the key's columns.
    pub(crate) fn key_places(&self) -> Vec<usize> {
        let place = |key: &String| self.columns.iter().position(|column| column.name == *key);
        self.keys.iter().filter_map(place).collect()
    }
}
