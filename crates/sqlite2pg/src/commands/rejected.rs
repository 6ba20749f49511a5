//! `sqlite2pg rejected`: the rows that were set aside, and why.

use std::io::{self, Write};

use anyhow::Result;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::Type;
use sync_core::exit::Exit;
use sync_core::pg::{self, quote_ident};

use crate::session::{TOOL, own_tables_exist};
use crate::settings::Settings;

/// Lists the rows, or takes them off the list; exit 3 while any remain.
pub(crate) fn run(settings: &Settings, discard: bool, json: bool) -> Result<Exit> {
    let mut client = pg::connect(&settings.pg, TOOL)?;
    if !own_tables_exist(&mut client, &settings.schema)? {
        return Ok(Exit::Done);
    }
    let table = format!("{}.sync_rejected", quote_ident(&settings.schema));
    let source = &settings.source_name;
    if discard {
        let sql = format!("DELETE FROM {table} WHERE tool = $1 AND source = $2");
        let n = client.execute_typed(&sql, &[(&TOOL, Type::TEXT), (source, Type::TEXT)])?;
        log::info!("{n} rows taken off the list");
        return Ok(Exit::Done);
    }
    let line = if json {
        "(to_jsonb(r) || jsonb_build_object('row_key', row_key::bigint))::text"
    } else {
        "format('%s  %s  row %s  since %s  %s  %s', file, table_name, row_key,
           to_char(first_rejected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), reason, \"row\")"
    };
    let sql = format!(
        "SELECT {line} FROM {table} r WHERE tool = $1 AND source = $2
         ORDER BY file, table_name, row_key::bigint"
    );
    let params: [(&str, Type); 2] = [(TOOL, Type::TEXT), (source, Type::TEXT)];
    let mut rows = client.query_typed_raw(&sql, params)?;
    let mut out = io::stdout().lock();
    let mut n = 0_u64;
    while let Some(row) = rows.next()? {
        n += 1;
        match writeln!(out, "{}", row.get::<_, &str>(0)) {
            Err(err) if err.kind() == io::ErrorKind::BrokenPipe => break,
            done => done?,
        }
    }
    Ok(if n > 0 { Exit::Partial } else { Exit::Done })
}
