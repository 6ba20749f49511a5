//! Memory does not depend on the size of a table; one value is the most that is held.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use common::{DAY, Setup, oracle};

/// What the tool itself may take, whatever the table's size.
const BASE_KB: u64 = 32 * 1024;

/// A first load of `n` rows of about 100 bytes; gives its peak of resident memory in kB.
fn peak_of_load(n: u32, config: &str) -> u64 {
    let setup = Setup::new();
    setup.config(config);
    setup.write(
        DAY,
        &format!(
            "PRAGMA synchronous = OFF;
             CREATE TABLE t(id INTEGER PRIMARY KEY, timestamp TEXT, machine TEXT, v REAL, i INTEGER, note TEXT);
             WITH RECURSIVE c(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM c WHERE k < {n})
             INSERT INTO t SELECT k, '2026-01-25T10:00:00.123456', 'machine-' || (k % 7), k / 7.0, k,
               iif(k % 3, 'relevé à la station nº ' || k, NULL) FROM c"
        ),
    );
    let run = setup.run(&["--report", "none"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(setup.one("SELECT count(*) FROM t"), n.to_string());
    run.peak_rss_kb.expect("it ran long enough to be looked at")
}

#[test]
fn three_hundred_thousand_rows_take_at_most_32_mb() {
    let peak = peak_of_load(300_000, "");
    assert!(peak <= BASE_KB, "{peak} kB");
}

#[test]
fn ten_times_the_rows_take_no_more_memory() {
    let (small, large) = (peak_of_load(50_000, ""), peak_of_load(500_000, ""));
    assert!(large * 10 <= small * 14, "{small} kB, then {large} kB");
    assert!(large <= BASE_KB, "{large} kB");
}

#[test]
fn four_times_the_rows_with_a_configured_key_take_no_more_memory() {
    let keyed = "key_columns: [id, timestamp]";
    let (small, large) = (peak_of_load(150_000, keyed), peak_of_load(600_000, keyed));
    // How pages meet in time, and so how much of two of them is held at once, differs from run to run.
    assert!(large * 10 <= small * 14, "{small} kB, then {large} kB");
    assert!(large <= BASE_KB, "{large} kB");
}

#[test]
fn a_blob_of_40_mb_takes_at_most_three_times_its_size() {
    const MB: u64 = 40;
    let setup = Setup::new();
    setup.write(
        DAY,
        &format!(
            "CREATE TABLE t(timestamp TEXT, b BLOB);
             INSERT INTO t VALUES ('2026-01-25T10:00:00', x'00'), ('2026-01-25T10:00:01', randomblob({MB} << 20)),
               ('2026-01-25T10:00:02', randomblob({MB} << 20)), ('2026-01-25T10:00:03', NULL)"
        ),
    );
    let run = setup.run(&["--report", "none"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let peak = run.peak_rss_kb.expect("it ran long enough to be looked at");
    assert!(peak <= 3 * MB * 1024 + BASE_KB, "{peak} kB");
    let lengths = setup.list("SELECT length(b) FROM t ORDER BY timestamp");
    let length = (MB << 20).to_string();
    assert_eq!(lengths, ["1", &length, &length, "NULL"]);
}

#[test]
fn a_table_read_whole_takes_no_more_memory() {
    let setup = Setup::new();
    setup.write(
        DAY,
        "CREATE TABLE t(timestamp TEXT, v REAL);
         WITH RECURSIVE c(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM c WHERE k < 200000)
         INSERT INTO t SELECT '2026-01-25T10:00:00', k / 7.0 FROM c",
    );
    setup.sync_to(0, &[]);
    setup.write(DAY, "UPDATE t SET rowid = rowid + 1000000");
    let run = setup.run(&["--report", "none"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let peak = run.peak_rss_kb.expect("it ran long enough to be looked at");
    assert!(peak <= BASE_KB, "{peak} kB");
    oracle::assert_exact(&setup, DAY, "t", "t");
}
