//! Random walks through everything that may happen to a file and to PostgreSQL between two runs:
//! after each run every row of the file is there, and no row twice. Each row says something that no
//! other row says, so a row that is there twice was doubled.

mod common;

use std::fs;

use common::oracle;
use common::{DAY, Setup};

/// What may happen to the rows of a table with row ids; `{n}` is a fresh number.
const TO_ROWS: [&str; 7] = [
    "INSERT INTO m (v, n) VALUES ('row', {n})",
    "INSERT INTO m (v, n) SELECT v || 'x', {n} + rowid * 1e-6 FROM m LIMIT 20",
    "DELETE FROM m WHERE rowid = (SELECT max(rowid) FROM m)",
    "DELETE FROM m WHERE rowid <= (SELECT avg(rowid) FROM m)",
    "DELETE FROM m WHERE rowid % 3 = {n} % 3; INSERT INTO m (v, n) VALUES (NULL, {n})",
    "DELETE FROM m; INSERT INTO m (v, n) VALUES ('first', {n}), ('second', {n} + 0.5)",
    "UPDATE m SET n = {n} WHERE rowid = (SELECT max(rowid) FROM m)",
];

/// What may happen to the file besides; a backup is made, and put in its place.
const TO_FILE: [&str; 6] =
    ["VACUUM", "REINDEX", "PRAGMA journal_mode = WAL", "PRAGMA journal_mode = DELETE", BACKUP, RESTORE];
const BACKUP: &str = "backup";
const RESTORE: &str = "restore";

/// What may happen to PostgreSQL.
const TO_POSTGRES: [&str; 5] = [
    "TRUNCATE m",
    "DROP TABLE m",
    "VACUUM FULL m",
    "DROP TABLE sync_watermark",
    "DELETE FROM sync_watermark",
];

/// A walk that can be replayed: the same seed gives the same steps.
struct Walk {
    state: u64,
    done: Vec<String>,
}

impl Walk {
    fn new(seed: u64) -> Walk {
        Walk { state: seed, done: vec![format!("seed {seed}")] }
    }

    /// A number below `limit` (the generator of Knuth's MMIX).
    fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.state >> 33) as usize % limit
    }

    fn pick(&mut self, from: &[&str]) -> String {
        let i = self.below(from.len());
        let step = from[i].replace("{n}", &(self.done.len() * 10).to_string());
        self.done.push(step.clone());
        step
    }

    /// Up to four things that happen between two runs.
    fn happen(&mut self, setup: &Setup, to_postgres: &[&str]) {
        for _ in 0..=self.below(3) {
            let step = match self.below(10) {
                0 | 1 => self.pick(&TO_FILE),
                _ => self.pick(&TO_ROWS),
            };
            change(setup, &step);
        }
        if !to_postgres.is_empty() && self.below(4) == 0 {
            let step = self.pick(to_postgres);
            setup.sql(&step);
        }
    }
}

/// Does one step to the day file.
fn change(setup: &Setup, step: &str) {
    let (file, backup) = (setup.file(DAY), setup.dir().join("backup.db"));
    if step != BACKUP && step != RESTORE {
        return setup.write(DAY, step);
    }
    setup.write(DAY, "PRAGMA journal_mode = DELETE");
    if step == BACKUP {
        fs::copy(file, backup).expect("a copy");
    } else if backup.exists() {
        fs::copy(backup, file).expect("a copy");
    }
}

/// Runs, and looks whether every row of the file is there and none twice.
fn check(setup: &Setup, walk: &mut Walk) {
    let batch = ["1", "3", "10000"][walk.below(3)];
    let outcome = setup.sync(&["--batch-rows", batch]);
    assert_eq!(outcome.code, 0, "{}\n{:#?}", outcome.stderr, walk.done);
    let found = oracle::compare(setup, DAY, "m", "m", &[]);
    assert!(found.missing.is_empty(), "{:#?}\n{found:#?}", walk.done);
    let doubled = setup.list("SELECT coalesce(v, '') || ' ' || n FROM m GROUP BY v, n HAVING count(*) > 1");
    assert!(doubled.is_empty(), "{:#?}\n{doubled:#?}", walk.done);
    let [read, rest @ ..] = outcome.counts();
    assert_eq!(read, rest.iter().sum::<u64>(), "{}", outcome.report);
    walk.done.push(format!("run with batches of {batch}: {:?}", outcome.counts()));
}

fn walk(seed: u64, create: &str, config: &str, to_postgres: &[&str]) {
    let setup = Setup::new();
    setup.config(config);
    let mut walk = Walk::new(seed);
    setup.write(DAY, create);
    check(&setup, &mut walk);
    for _ in 0..16 {
        walk.happen(&setup, to_postgres);
        check(&setup, &mut walk);
    }
    oracle::assert_second_run_writes_nothing(&setup);
}

const WITH_ID: &str = "CREATE TABLE m (id INTEGER PRIMARY KEY, v TEXT, n REAL)";
const WITHOUT_ID: &str = "CREATE TABLE m (v TEXT, n REAL)";

#[test]
fn whatever_happens_to_a_file_with_ids_every_row_arrives_once() {
    for seed in 1..=2 {
        walk(seed, WITH_ID, "", &[]);
    }
}

#[test]
fn whatever_happens_to_a_file_without_ids_every_row_arrives_once() {
    for seed in 11..=12 {
        walk(seed, WITHOUT_ID, "", &[]);
    }
}

#[test]
fn whatever_happens_to_postgresql_as_well_every_row_is_there_once() {
    for seed in 21..=22 {
        walk(seed, WITH_ID, "", &TO_POSTGRES);
        walk(seed, WITHOUT_ID, "", &TO_POSTGRES);
    }
}

#[test]
fn whatever_happens_rows_with_a_key_are_there_once() {
    for seed in 31..=32 {
        walk(seed, WITHOUT_ID, "key_columns: [n]", &TO_POSTGRES);
        walk(seed, WITHOUT_ID, "key_columns: [n]\non_duplicate: update", &TO_POSTGRES);
    }
}
