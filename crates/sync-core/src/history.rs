//! The history of runs in the destination: one row a run, and one for a row of idle runs.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use postgres::Client;
use postgres::error::SqlState;
use postgres::types::{ToSql, Type};

use crate::exit::Exit;
use crate::pg::{self, PgSettings, quote_ident};
use crate::report::{Count, Report};

/// A row of `sync_run`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Begin of the first of `n_runs` runs.
    pub started_at: Timestamp,
    /// End of the last of `n_runs` runs.
    pub finished_at: Timestamp,
    /// Rows read.
    pub n_read: i64,
    /// Rows written.
    pub n_written: i64,
    /// Rows left out because they came more than once.
    pub n_duplicates: i64,
    /// Rows set aside.
    pub n_rejected: i64,
    /// Sources set aside.
    pub n_failed_sources: i32,
    /// What the process ended with.
    pub exit_code: i32,
    /// The same as a word.
    pub status: String,
    /// The error that ended the run.
    pub error: Option<String>,
    /// Idle runs that this row stands for; 1 for any other run.
    pub n_runs: i32,
}

/// The statements that create the table `sync_run` and its index in `schema`, if they are not there yet.
pub fn create_sql(schema: &str) -> String {
    let schema = quote_ident(schema);
    format!(
        "CREATE TABLE IF NOT EXISTS {schema}.sync_run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tool text NOT NULL,
    source text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    n_read bigint NOT NULL,
    n_written bigint NOT NULL,
    n_duplicates bigint NOT NULL,
    n_rejected bigint NOT NULL,
    n_failed_sources int NOT NULL,
    exit_code int NOT NULL,
    status text NOT NULL,
    error text,
    n_runs int NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS sync_run_tool_source_finished_at_idx ON {schema}.sync_run (tool, source, finished_at);
"
    )
}

/// Adds the run of `report`, which ended with `exit`, to `sync_run` in `schema`.
///
/// An idle run (nothing read or written) like the latest one only moves that row's `finished_at` and `n_runs`, so that
/// a schedule of seconds does not fill the table.
pub fn record(client: &mut Client, schema: &str, report: &Report, exit: Exit) -> Result<()> {
    let data = report.data();
    let (finished_at, ..) = data.end();
    // PostgreSQL has no text with a NUL in it.
    let error = data.error.as_ref().map(|error| error.replace('\0', ""));
    let source = data.source.replace('\0', "");
    let count = |name: Count| i64::try_from(report.get(name)).unwrap_or(i64::MAX);
    let (n_read, n_written) = (count(Count::Read), count(Count::Written));
    let (n_duplicates, n_rejected) = (count(Count::Duplicates), count(Count::Rejected));
    let n_failed = i32::try_from(data.failed.len()).unwrap_or(i32::MAX);
    let exit_code = i32::from(exit.code());
    let values: [(&(dyn ToSql + Sync), Type); 12] = [
        (&data.tool, Type::TEXT),
        (&source, Type::TEXT),
        (&data.started_at, Type::TIMESTAMPTZ),
        (&finished_at, Type::TIMESTAMPTZ),
        (&n_read, Type::INT8),
        (&n_written, Type::INT8),
        (&n_duplicates, Type::INT8),
        (&n_rejected, Type::INT8),
        (&n_failed, Type::INT4),
        (&exit_code, Type::INT4),
        (&exit.word(), Type::TEXT),
        (&error, Type::TEXT),
    ];
    client.query_typed(&record_sql(schema), &values).context("writing the run history sync_run")?;
    Ok(())
}

/// The same on a connection of its own: for a run that failed, and has none any more.
pub fn record_apart(settings: &PgSettings, schema: &str, report: &Report, exit: Exit) -> Result<()> {
    record(&mut pg::connect(settings, report.data().tool)?, schema, report, exit)
}

fn record_sql(schema: &str) -> String {
    let table = format!("{}.sync_run", quote_ident(schema));
    format!(
        "WITH latest AS (
            SELECT * FROM {table} WHERE tool = $1 AND source = $2 ORDER BY finished_at DESC, id DESC LIMIT 1
        ), idle AS (
            UPDATE {table} r SET finished_at = $4, n_runs = r.n_runs + 1
            FROM latest WHERE r.id = latest.id
                AND $5 = 0 AND $6 = 0 AND latest.n_read = 0 AND latest.n_written = 0
                AND $7 = latest.n_duplicates AND $8 = latest.n_rejected AND $9 = latest.n_failed_sources
                AND $10 = latest.exit_code AND $12 IS NOT DISTINCT FROM latest.error
            RETURNING r.id
        )
        INSERT INTO {table} (tool, source, started_at, finished_at, n_read, n_written, n_duplicates, n_rejected,
            n_failed_sources, exit_code, status, error)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 WHERE NOT EXISTS (SELECT FROM idle)"
    )
}

/// The latest row of `tool` and `source`; `None` also when there is no table yet.
pub fn last(client: &mut Client, schema: &str, tool: &str, source: &str) -> Result<Option<Run>> {
    let sql = format!(
        "SELECT started_at, finished_at, n_read, n_written, n_duplicates, n_rejected, n_failed_sources, exit_code,
            status, error, n_runs
        FROM {}.sync_run WHERE tool = $1 AND source = $2 ORDER BY finished_at DESC, id DESC LIMIT 1",
        quote_ident(schema)
    );
    let Some(row) = find(client, &sql, tool, source)? else {
        return Ok(None);
    };
    Ok(Some(Run {
        started_at: row.try_get(0)?,
        finished_at: row.try_get(1)?,
        n_read: row.try_get(2)?,
        n_written: row.try_get(3)?,
        n_duplicates: row.try_get(4)?,
        n_rejected: row.try_get(5)?,
        n_failed_sources: row.try_get(6)?,
        exit_code: row.try_get(7)?,
        status: row.try_get(8)?,
        error: row.try_get(9)?,
        n_runs: row.try_get(10)?,
    }))
}

/// When a run of `tool` and `source` last came to its end (exit code 0, or 3 with some rows set aside); `None` also
/// when there is no table yet.
pub fn last_complete(
    client: &mut Client,
    schema: &str,
    tool: &str,
    source: &str,
) -> Result<Option<Timestamp>> {
    let sql = format!(
        "SELECT max(finished_at) FROM {}.sync_run WHERE tool = $1 AND source = $2 AND exit_code IN (0, 3)",
        quote_ident(schema)
    );
    match find(client, &sql, tool, source)? {
        Some(row) => Ok(row.try_get(0)?),
        None => Ok(None),
    }
}

fn find(client: &mut Client, sql: &str, tool: &str, source: &str) -> Result<Option<postgres::Row>> {
    match client.query_typed_opt(sql, &[(&tool, Type::TEXT), (&source, Type::TEXT)]) {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(None),
        found => found.context("reading the run history sync_run"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_quoted() {
        for sql in [create_sql("My \"S\""), record_sql("My \"S\"")] {
            assert!(sql.contains("\"My \"\"S\"\"\".sync_run"), "{sql}");
        }
    }
}
