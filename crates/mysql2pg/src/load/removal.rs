//! Known rows that are to go, or to be marked: those that the destination does not let go stay, with the reason.

use anyhow::Result;
use pg_load::rejected::Rejected;
use pg_load::{bisect, copy};
use postgres::Transaction;
use postgres::types::Type;
use sync_core::pg::quote_ident;

use super::target::Target;

/// Rows of a destination, listed in `pg_temp.sync_due s` by their key and numbered from 1 as `n`.
pub(crate) struct Due<'a> {
    target: &'a Target,
    n_rows: usize,
}

impl<'a> Due<'a> {
    /// Lists rows of the destination `d`; `which` is SQL behind its name. Further columns of `more` are kept beside the key.
    pub(crate) fn list(
        tx: &mut Transaction<'_>,
        target: &'a Target,
        which: &str,
        more: &str,
    ) -> Result<Due<'a>> {
        let keys: Vec<String> = target.keys.iter().map(|key| format!("d.{}", quote_ident(key))).collect();
        tx.batch_execute(&format!(
            "DROP TABLE IF EXISTS pg_temp.sync_due;
             CREATE TEMP TABLE sync_due ON COMMIT DROP AS
             SELECT row_number() OVER () AS n, {} {more} FROM {} d {which}",
            keys.join(", "),
            target.table.sql(),
        ))?;
        let n_rows: i64 = tx.query_typed_one("SELECT count(*) FROM pg_temp.sync_due", &[])?.get(0);
        Ok(Due { target, n_rows: usize::try_from(n_rows)? })
    }

    /// How many rows are listed.
    pub(crate) fn n_rows(&self) -> u64 {
        self.n_rows as u64
    }

    /// Does `change` to the listed rows, which must end with the number of rows that it changed; its argument is a condition
    /// on the list as `s`. Gives the number of changed rows; those that are refused are described.
    pub(crate) fn apply(
        &self,
        tx: &mut Transaction<'_>,
        mut change: impl FnMut(&mut Transaction<'_>, &str) -> Result<u64>,
        rejected: &mut Vec<Rejected>,
    ) -> Result<u64> {
        if self.n_rows == 0 {
            return Ok(0);
        }
        tx.batch_execute("ANALYZE pg_temp.sync_due")?;
        let all = |n: u64| bisect::all_kept(self.n_rows, n);
        match copy::guarded(tx, |tx| change(tx, "true").and_then(all)) {
            Err(err) if bisect::is_about_a_row(&err) => {}
            done => return done,
        }
        tx.batch_execute("CREATE UNIQUE INDEX ON pg_temp.sync_due (n)")?;
        let (mut n_done, mut refused) = (0, Vec::new());
        let mut load = |tx: &mut Transaction<'_>, range: std::ops::Range<usize>| {
            let part = format!("s.n BETWEEN {} AND {}", range.start + 1, range.end);
            bisect::all_kept(range.len(), change(tx, &part)?)
        };
        bisect::load(tx, 0..self.n_rows, &mut load, &mut |n| n_done += n, &mut refused, &|_| false)?;
        rejected.extend(self.describe(tx, &refused)?);
        Ok(n_done)
    }

    fn describe(&self, tx: &mut Transaction<'_>, refused: &[bisect::Refused]) -> Result<Vec<Rejected>> {
        let keys: Vec<String> =
            self.target.keys.iter().map(|key| format!("d.{}::text", quote_ident(key))).collect();
        let sql = format!(
            "SELECT s.n, concat_ws('/', {}), to_jsonb(d)::text FROM pg_temp.sync_due s JOIN {} d ON {}
             WHERE s.n = ANY($1) ORDER BY s.n",
            keys.join(", "),
            self.target.table.sql(),
            self.target.same_key(),
        );
        let numbers: Vec<i64> = refused.iter().map(|(i, _)| *i as i64 + 1).collect();
        let rows = tx.query_typed(&sql, &[(&numbers, Type::INT8_ARRAY)])?;
        let described = rows.iter().map(|row| {
            let reason = refused.iter().find(|(i, _)| *i as i64 + 1 == row.get::<_, i64>(0));
            let reason = reason.map_or("", |(_, reason)| reason.as_str());
            let reason = format!("no longer in the source, and the destination keeps it: {reason}");
            Rejected { key: row.get(1), reason, row: row.get(2) }
        });
        Ok(described.collect())
    }
}
