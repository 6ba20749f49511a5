//! Staged rows into their destination by key: new ones inserted, different ones updated, equal ones left alone.

use anyhow::Result;
use pg_load::merge::ORDINAL;
use pg_load::table::column_list;
use pg_load::types::ColumnType;
use pg_load::{bisect, copy};
use postgres::Transaction;
use postgres::types::Type;
use sync_core::pg::quote_ident;

use super::fields::Field;
use super::stage::Stage;
use super::target::Target;

/// Which known rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// Every one: a column says when it was last seen.
    All,
    /// Those that differ.
    Changed,
    /// None: a known row stays as it is.
    New,
}

/// What is merged, and how.
pub(crate) struct Merge<'a> {
    pub(crate) target: &'a Target,
    pub(crate) stage: &'a Stage,
    pub(crate) write: Write,
    /// A further column and the SQL that computes it whenever a row is written.
    pub(crate) computed: Option<(&'a str, &'a str)>,
}

/// What became of the staged rows.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    /// Rows that the destination had not.
    pub(crate) n_new: u64,
    /// Rows that were there with other values, and now have these.
    pub(crate) n_changed: u64,
    /// Rows that were there, equal or to be left alone.
    pub(crate) n_unchanged: u64,
    /// Ordinals of rows that the destination refuses, with the reason.
    pub(crate) refused: Vec<(i64, String)>,
}

/// Merges the stage, whose keys are unique.
pub(crate) fn rows(tx: &mut Transaction<'_>, merge: &Merge<'_>) -> Result<Merged> {
    merge.compare(tx, merge.wanted())?;
    let row = tx.query_typed_one(
        "SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE differs) FROM pg_temp.sync_diff",
        &[],
    )?;
    let [n_new, n_changed] = [0, 1].map(|i| row.get::<_, i64>(i) as u64);
    let sql = format!("SELECT count(*) FROM {}", merge.stage.sql);
    let n_staged = tx.query_typed_one(&sql, &[])?.get::<_, i64>(0) as u64;
    let mut merged =
        Merged { n_new, n_changed, n_unchanged: n_staged - n_new - n_changed, refused: Vec::new() };
    let n_given = match merge.write {
        Write::All => n_staged,
        Write::Changed => n_new + n_changed,
        Write::New => n_new,
    };
    if n_given == 0 {
        return Ok(merged);
    }
    match copy::guarded(tx, |tx| merge.apply(tx, None, n_given)) {
        Ok(()) => {}
        Err(err) if bisect::is_about_a_row(&err) => {
            merge.apply_in_parts(tx, n_given as usize, &mut merged)?
        }
        Err(err) => return Err(err),
    }
    Ok(merged)
}

impl Merge<'_> {
    /// Which staged rows count as new or changed.
    fn wanted(&self) -> &'static str {
        if self.write == Write::New { "is_new" } else { "is_new OR differs" }
    }

    /// Lists in `pg_temp.sync_diff` the staged rows that fulfil `wanted`, numbered from 1.
    fn compare(&self, tx: &mut Transaction<'_>, wanted: &str) -> Result<()> {
        let Target { table, keys, .. } = self.target;
        let ordinal = quote_ident(ORDINAL);
        let first_key = keys.first().map(|key| quote_ident(key)).unwrap_or_default();
        let differs = self.differs();
        // Statistics of the keys are all that the joins need, and other columns are long.
        tx.batch_execute(&format!(
            "SET LOCAL work_mem = '64MB'; ANALYZE {stage} ({keys});
             DROP TABLE IF EXISTS pg_temp.sync_diff;
             CREATE TEMP TABLE sync_diff ON COMMIT DROP AS
             SELECT ord, row_number() OVER () AS n, is_new, differs FROM (
               SELECT s.{ordinal} AS ord, d.{first_key} IS NULL AS is_new,
                 d.{first_key} IS NOT NULL AND ({differs}) AS differs
               FROM {stage} s LEFT JOIN {table} d ON {same_key}) each WHERE {wanted};
             ANALYZE pg_temp.sync_diff",
            stage = self.stage.sql,
            keys = column_list(keys.iter().map(String::as_str)),
            table = table.sql(),
            same_key = self.target.same_key(),
        ))?;
        Ok(())
    }

    fn differs(&self) -> String {
        let differs: Vec<String> = self.target.values().map(differs).collect();
        if differs.is_empty() { "false".to_owned() } else { format!("({})", differs.join(" OR ")) }
    }

    /// Writes the listed rows with numbers in `part` (inclusive), or all that are to be written.
    fn apply(&self, tx: &mut Transaction<'_>, part: Option<(i64, i64)>, n_given: u64) -> Result<()> {
        let part = part.map_or(String::new(), |(from, to)| format!("AND f.n BETWEEN {from} AND {to}"));
        let (stage, ordinal) = (&self.stage.sql, quote_ident(ORDINAL));
        let table = self.target.table.sql();
        let same_key = self.target.same_key();
        let mut n_kept = 0;
        let assignments = self.assignments();
        if self.write != Write::New && !assignments.is_empty() {
            let listed = format!("JOIN pg_temp.sync_diff f ON f.ord = s.{ordinal} AND NOT f.is_new {part}");
            // Every known row at once needs no list of them.
            let listed = if self.write == Write::All && part.is_empty() { "" } else { &listed };
            let sql = format!("UPDATE {table} d SET {assignments} FROM {stage} s {listed} WHERE {same_key}");
            n_kept += tx.execute_typed(&sql, &[])?;
        }
        let (names, values) = self.inserted();
        n_kept += tx.execute_typed(
            &format!(
                "INSERT INTO {table} ({names}) SELECT {values} FROM {stage} s JOIN pg_temp.sync_diff f
                 ON f.ord = s.{ordinal} WHERE f.is_new {part}"
            ),
            &[],
        )?;
        bisect::all_kept(n_given as usize, n_kept)?;
        Ok(())
    }

    /// Writes what can be written, halving around rows that the destination refuses.
    fn apply_in_parts(&self, tx: &mut Transaction<'_>, n_given: usize, merged: &mut Merged) -> Result<()> {
        if self.write == Write::All {
            self.compare(tx, "true")?;
        }
        let ordinal = quote_ident(ORDINAL);
        tx.batch_execute(&format!(
            "CREATE INDEX ON pg_temp.sync_diff (n); CREATE INDEX ON {} ({ordinal})",
            self.stage.sql
        ))?;
        let mut refused = Vec::new();
        let mut load = |tx: &mut Transaction<'_>, range: std::ops::Range<usize>| {
            self.apply(tx, Some((range.start as i64 + 1, range.end as i64)), range.len() as u64)
        };
        bisect::load(tx, 0..n_given, &mut load, &mut |()| {}, &mut refused, &|_| false)?;
        for (i, reason) in refused {
            let sql = "SELECT ord, is_new, differs FROM pg_temp.sync_diff WHERE n = $1";
            let row = tx.query_typed_one(sql, &[(&(i as i64 + 1), Type::INT8)])?;
            merged.n_new -= u64::from(row.get::<_, bool>(1));
            merged.n_changed -= u64::from(row.get::<_, bool>(2));
            merged.n_unchanged -= u64::from(!row.get::<_, bool>(1) && !row.get::<_, bool>(2));
            merged.refused.push((row.get(0), reason));
        }
        Ok(())
    }

    fn assignments(&self) -> String {
        let mut all: Vec<String> = self
            .target
            .values()
            .map(|field| format!("{} = {}", quote_ident(&field.column.name), field.column.cast("s")))
            .collect();
        all.extend(self.computed.map(|(name, sql)| format!("{} = {sql}", quote_ident(name))));
        all.join(", ")
    }

    fn inserted(&self) -> (String, String) {
        let fields = &self.target.fields;
        let names = fields.iter().map(|field| field.column.name.as_str());
        let names = column_list(names.chain(self.computed.map(|(name, _)| name)));
        let values = fields.iter().map(|field| field.column.cast("s"));
        let values: Vec<String> = values.chain(self.computed.map(|(_, sql)| sql.to_owned())).collect();
        (names, values.join(", "))
    }
}

/// Whether a column's staged value is another one; text byte by byte, whatever the collation holds for equal.
fn differs(field: &Field) -> String {
    let column = &field.column;
    let (there, here) = (format!("d.{}", quote_ident(&column.name)), column.cast("s"));
    match column.ty {
        ColumnType::Text => format!("{there} COLLATE \"C\" IS DISTINCT FROM {here}"),
        ColumnType::Json | ColumnType::Other(_) => {
            format!("{there}::text COLLATE \"C\" IS DISTINCT FROM ({here})::text")
        }
        _ => format!("{there} IS DISTINCT FROM {here}"),
    }
}
