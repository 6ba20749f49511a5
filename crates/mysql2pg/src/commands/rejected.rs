//! `mysql2pg rejected`: the rows that were set aside, and why.

use std::io::{self, Write};

use anyhow::Result;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::Type;
use sync_core::exit::Exit;
use sync_core::own_tables;
use sync_core::pg::{self, quote_ident};

use crate::TOOL;
use crate::settings::Settings;

/// Lists the rows; exit 3 while there are any.
pub(crate) fn run(settings: &Settings, json: bool) -> Result<Exit> {
    let mut client = pg::connect(&settings.pg, TOOL)?;
    if !own_tables::exist(&mut client, &settings.schema, &["sync_rejected"])? {
        return Ok(Exit::Done);
    }
    let line = if json {
        "to_jsonb(r)::text"
    } else {
        "format('%s  %s  row %s  since %s  %s  %s', source, table_name, row_key,
           to_char(first_rejected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), reason, \"row\")"
    };
    let sql = format!(
        "SELECT {line} FROM {}.sync_rejected r WHERE tool = $1 ORDER BY source, table_name, row_key",
        quote_ident(&settings.schema)
    );
    let mut rows = client.query_typed_raw(&sql, [(TOOL, Type::TEXT)])?;
    let mut out = io::stdout().lock();
    let mut n = 0_u64;
    while let Some(row) = rows.next()? {
        n += 1;
        writeln!(out, "{}", row.get::<_, &str>(0))?;
    }
    Ok(if n > 0 { Exit::Partial } else { Exit::Done })
}
