//! Rows that could not be delivered, kept in `sync_rejected` with the reason until they can.

use anyhow::Result;
use postgres::types::{FromSql, Type};
use postgres::{Client, GenericClient, Transaction};
use sync_core::pg::quote_ident;

/// Where rejected rows belong: one generation of one table of one file.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// Schema of `sync_rejected`.
    pub schema: &'a str,
    /// Name of the tool.
    pub tool: &'a str,
    /// Name of the source that the file belongs to.
    pub source: &'a str,
    /// File name.
    pub file: &'a str,
    /// Generation of the watermark that passed the row.
    pub generation: i32,
    /// Table name in the source.
    pub table: &'a str,
}

/// A row that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What names the row in the source: a row id as decimal text, or the text of a key.
    ///
    /// Over 1000 bytes it is kept by its beginning and a hash, because an index holds no longer ones.
    pub key: String,
    /// Why it was set aside.
    pub reason: String,
    /// The row as JSON that jsonb accepts.
    pub row: String,
}

/// Statement that creates the table of rejected rows in `schema` when it is missing.
pub fn create_sql(schema: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {}.sync_rejected (
           tool text, source text, file text, generation int, table_name text, row_key text,
           reason text NOT NULL, \"row\" jsonb NOT NULL,
           first_rejected_at timestamptz NOT NULL DEFAULT now(),
           last_rejected_at timestamptz NOT NULL DEFAULT now(),
           PRIMARY KEY (tool, source, file, generation, table_name, row_key));",
        quote_ident(schema)
    )
}

/// Most bytes of a key that are kept as they are.
const MAX_KEY: usize = 1000;

const BELONGS: &str = "tool = $1 AND source = $2 AND file = $3 AND generation = $4 AND table_name = $5";

type Param<'a> = (&'a (dyn postgres::types::ToSql + Sync), Type);

/// A key as PostgreSQL's text can hold it.
fn kept_key(key: &str) -> String {
    key.replace('\0', "\u{fffd}")
}

/// A key in SQL as the table keeps it.
fn shortened(key: &str) -> String {
    format!(
        "CASE WHEN octet_length({key}) > {MAX_KEY}
         THEN left({key}, 200) || '…' || to_hex(hashtextextended({key}, 0)) ELSE {key} END"
    )
}

impl Origin<'_> {
    fn table(&self) -> String {
        format!("{}.sync_rejected", quote_ident(self.schema))
    }

    fn params(&self) -> [Param<'_>; 5] {
        [
            (&self.tool, Type::TEXT),
            (&self.source, Type::TEXT),
            (&self.file, Type::TEXT),
            (&self.generation, Type::INT4),
            (&self.table, Type::TEXT),
        ]
    }

    /// Sets rows aside; one that was set aside before keeps the time it first was.
    pub fn set_aside(&self, tx: &mut Transaction<'_>, rows: &[Rejected]) -> Result<()> {
        for rows in rows.chunks(1000) {
            let keys: Vec<String> = rows.iter().map(|row| kept_key(&row.key)).collect();
            let reasons: Vec<String> = rows.iter().map(|row| row.reason.replace('\0', " ")).collect();
            let json: Vec<&str> = rows.iter().map(|row| row.row.as_str()).collect();
            let sql = format!(
                "INSERT INTO {} (tool, source, file, generation, table_name, row_key, reason, \"row\")
                 SELECT DISTINCT ON (k) $1, $2, $3, $4, $5, k, r, j::jsonb
                 FROM (SELECT {} AS k, r, j, n FROM unnest($6, $7, $8) WITH ORDINALITY AS x(k, r, j, n)) x
                 ORDER BY k, n DESC
                 ON CONFLICT (tool, source, file, generation, table_name, row_key) DO UPDATE
                 SET reason = excluded.reason, \"row\" = excluded.\"row\", last_rejected_at = now()",
                self.table(),
                shortened("k"),
            );
            let mut params = self.params().to_vec();
            params.push((&keys, Type::TEXT_ARRAY));
            params.push((&reasons, Type::TEXT_ARRAY));
            params.push((&json, Type::TEXT_ARRAY));
            tx.execute_typed(&sql, &params)?;
        }
        Ok(())
    }

    /// Keys of the rows set aside, in the order of their bytes, from behind `after`, at most `limit`.
    pub fn keys(
        &self,
        client: &mut impl GenericClient,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<String>> {
        self.keys_as(client, "row_key COLLATE \"C\"", (&after, Type::TEXT), limit)
    }

    /// The same where every key is a number, in the order of numbers.
    ///
    /// # Errors
    /// The server's refusal when a key is no number, and the connection's faults.
    pub fn numeric_keys(
        &self,
        client: &mut impl GenericClient,
        after: Option<i64>,
        limit: i64,
    ) -> Result<Vec<i64>> {
        self.keys_as(client, "row_key::bigint", (&after, Type::INT8), limit)
    }

    fn keys_as<T: for<'a> FromSql<'a>>(
        &self,
        client: &mut impl GenericClient,
        key: &str,
        after: Param<'_>,
        limit: i64,
    ) -> Result<Vec<T>> {
        let sql = format!(
            "SELECT {key} FROM {} WHERE {BELONGS} AND ($6 IS NULL OR {key} > $6) ORDER BY 1 LIMIT $7",
            self.table()
        );
        let mut params = self.params().to_vec();
        params.push(after);
        params.push((&limit, Type::INT8));
        Ok(client.query_typed(&sql, &params)?.iter().map(|row| row.get(0)).collect())
    }

    /// Takes rows off the list because they have arrived; returns how many of the keys were on it.
    pub fn take_off<K: ToString>(&self, tx: &mut Transaction<'_>, keys: &[K]) -> Result<u64> {
        let keys: Vec<String> = keys.iter().map(|key| kept_key(&key.to_string())).collect();
        let sql = format!(
            "DELETE FROM {} WHERE {BELONGS} AND row_key = ANY(ARRAY(SELECT {} FROM unnest($6) AS x(k)))",
            self.table(),
            shortened("k"),
        );
        let mut params = self.params().to_vec();
        params.push((&keys, Type::TEXT_ARRAY));
        Ok(tx.execute_typed(&sql, &params)?)
    }

    /// Gives the rows on the list to a later generation of the watermark.
    pub fn move_to(&self, tx: &mut Transaction<'_>, generation: i32) -> Result<()> {
        let sql = format!("UPDATE {} SET generation = $6 WHERE {BELONGS}", self.table());
        let mut params = self.params().to_vec();
        params.push((&generation, Type::INT4));
        tx.execute_typed(&sql, &params)?;
        Ok(())
    }

    /// Empties the list of this file's table in every generation: all its rows are read anew.
    pub fn clear(&self, tx: &mut Transaction<'_>) -> Result<()> {
        let sql = format!(
            "DELETE FROM {} WHERE tool = $1 AND source = $2 AND file = $3 AND table_name = $4",
            self.table()
        );
        tx.execute_typed(
            &sql,
            &[
                (&self.tool, Type::TEXT),
                (&self.source, Type::TEXT),
                (&self.file, Type::TEXT),
                (&self.table, Type::TEXT),
            ],
        )?;
        Ok(())
    }
}

/// How many rows of a source are set aside, by file and table.
pub fn counts(
    client: &mut Client,
    schema: &str,
    tool: &str,
    source: &str,
) -> Result<Vec<(String, String, u64)>> {
    let sql = format!(
        "SELECT file, table_name, count(*) FROM {}.sync_rejected
         WHERE tool = $1 AND source = $2 GROUP BY 1, 2 ORDER BY 1, 2",
        quote_ident(schema)
    );
    let rows = client.query_typed(&sql, &[(&tool, Type::TEXT), (&source, Type::TEXT)])?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get::<_, i64>(2) as u64)).collect())
}
