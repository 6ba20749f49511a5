//! `mysql2pg status`: the last run of every job, its cursor, and how many rows are set aside.

use std::io::{self, Write};

use anyhow::Result;
use comfy_table::{Table, presets};
use pg_load::{rejected, timestamp};
use postgres::Client;
use postgres::types::Type;
use sync_core::exit::Exit;
use sync_core::pg::quote_ident;
use sync_core::watermark::{self, Stamped, Watermark};
use sync_core::{history, own_tables, pg};

use crate::TOOL;
use crate::orders;
use crate::session;
use crate::settings::Settings;

/// Shows where everything stands; writes nothing.
pub(crate) fn run(settings: &Settings) -> Result<Exit> {
    let mut client = pg::connect(&settings.pg, TOOL)?;
    let schema = &settings.schema;
    let mut out = io::stdout().lock();
    let jobs = jobs(&mut client, schema)?;
    if jobs.is_empty() {
        writeln!(out, "no run yet in schema {schema} of {}", settings.pg.display())?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["job", "last run", "ended", "read", "written", "set aside", "absent", "cursor"]);
    for job in &jobs {
        let Some(run) = history::last(&mut client, schema, TOOL, job)? else { continue };
        let n_aside: u64 = rejected::counts(&mut client, schema, TOOL, job)?.iter().map(|(_, _, n)| n).sum();
        let marks = watermark::load_all(&mut client, schema, job)?;
        let status = run.error.map_or(run.status.clone(), |error| format!("{}: {error}", run.status));
        table.add_row([
            job.clone(),
            format!("{:.0}", run.finished_at),
            status,
            run.n_read.to_string(),
            run.n_written.to_string(),
            n_aside.to_string(),
            n_absent(&mut client, schema, job)?.to_string(),
            cursors(job, &marks),
        ]);
    }
    writeln!(out, "{table}")?;
    Ok(Exit::Done)
}

/// Where the job goes on; of several columns by their names.
fn cursors(job: &str, marks: &[Stamped]) -> String {
    // Of the orders, the number is when all of them were read.
    let number = |mark: &Watermark| mark.at.rowid.filter(|_| job != orders::JOB).map(|n| n.to_string());
    let values: Vec<(&str, String)> = marks
        .iter()
        .filter_map(|(mark, _)| {
            let value = mark.at.last_timestamp.map(timestamp::to_iso).or_else(|| number(mark))?;
            Some((mark.key.table.as_str(), value))
        })
        .collect();
    match values.as_slice() {
        [] => "-".to_owned(),
        [(_, value)] => value.clone(),
        several => {
            several.iter().map(|(column, value)| format!("{column} {value}")).collect::<Vec<_>>().join("\n")
        }
    }
}

/// Names of the jobs that have run, in order; empty when our tables are not there yet.
pub(super) fn jobs(client: &mut Client, schema: &str) -> Result<Vec<String>> {
    let names = session::own_tables_of(schema).map(|(name, _)| name);
    if !own_tables::exist(client, schema, &names)? {
        return Ok(Vec::new());
    }
    let sql =
        format!("SELECT DISTINCT source FROM {}.sync_run WHERE tool = $1 ORDER BY 1", quote_ident(schema));
    Ok(client.query_typed(&sql, &[(&TOOL, Type::TEXT)])?.iter().map(|row| row.get(0)).collect())
}

fn n_absent(client: &mut Client, schema: &str, job: &str) -> Result<i64> {
    let sql =
        format!("SELECT count(*) FROM {}.sync_missing WHERE tool = $1 AND source = $2", quote_ident(schema));
    Ok(client.query_typed_one(&sql, &[(&TOOL, Type::TEXT), (&job, Type::TEXT)])?.get(0))
}
