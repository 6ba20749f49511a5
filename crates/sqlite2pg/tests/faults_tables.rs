//! Somebody drops, empties or alters the destination while a run writes to it.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::{DAY, Setup, oracle};
use sync_testing::outcome::Outcome;

const N_ROWS: u32 = 60_000;

/// Begins a load, runs `ddl` in the middle of it, and gives what the run came to.
fn in_the_middle(setup: &Setup, ddl: &str) -> Outcome {
    setup.write(
        DAY,
        &format!(
            "CREATE TABLE t(timestamp TEXT, machine TEXT, v REAL, i INTEGER);
             WITH RECURSIVE c(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM c WHERE k < {N_ROWS})
             INSERT INTO t SELECT '2026-01-25T10:00:00', 'machine-' || (k % 7), k / 7.0, k FROM c"
        ),
    );
    let running = setup.tool(&["--report", "json", "--batch-rows", "300"]).spawn();
    let mut client = setup.client();
    let began = Instant::now();
    while !client.query_one("SELECT count(*) > 1000 FROM t", &[]).is_ok_and(|row| row.get(0)) {
        assert!(began.elapsed() < Duration::from_secs(30) && !running.has_ended(), "{}", running.stderr());
        thread::sleep(Duration::from_millis(1));
    }
    client.batch_execute(ddl).unwrap_or_else(|err| panic!("{ddl}: {err:?}"));
    assert!(!running.has_ended(), "{ddl}: the load was over before");
    Outcome::of(&running.wait())
}

/// The same run makes good what was done to its table.
fn made_good(ddl: &str) -> Setup {
    let setup = Setup::new();
    let outcome = in_the_middle(&setup, ddl);
    assert_eq!(outcome.code, 0, "{ddl}: {}\n{}", outcome.report, outcome.stderr);
    oracle::assert_exact(&setup, DAY, "t", "t");
    oracle::assert_second_run_writes_nothing(&setup);
    assert_eq!(setup.one("SELECT count(*) FROM t"), N_ROWS.to_string(), "{ddl}");
    let n = setup
        .one("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND indisunique AND indisvalid");
    assert_eq!(n, "1", "{ddl}: the index on our two columns is there");
    setup
}

#[test]
fn a_table_dropped_in_the_middle_is_made_again_with_all_rows() {
    made_good("DROP TABLE t");
}

#[test]
fn a_table_emptied_in_the_middle_is_filled_again() {
    made_good("TRUNCATE t");
}

#[test]
fn a_table_renamed_in_the_middle_is_made_again_with_all_rows() {
    made_good("ALTER TABLE t RENAME TO elsewhere");
}

#[test]
fn a_table_rewritten_in_the_middle_doubles_nothing() {
    made_good("VACUUM FULL t");
}

#[test]
fn a_column_given_another_type_in_the_middle_takes_all_rows() {
    made_good("ALTER TABLE t ALTER COLUMN i TYPE numeric");
    made_good("ALTER TABLE t ALTER COLUMN machine TYPE varchar(40)");
}

#[test]
fn a_column_added_in_the_middle_keeps_its_default() {
    let setup = made_good("ALTER TABLE t ADD COLUMN added_by_hand int DEFAULT 7");
    assert_eq!(setup.one("SELECT count(*) FROM t WHERE added_by_hand = 7"), N_ROWS.to_string());
}

#[test]
fn a_column_dropped_in_the_middle_loses_no_row_and_verify_repairs_its_values() {
    for ddl in ["ALTER TABLE t DROP COLUMN i", "ALTER TABLE t DROP COLUMN i, ADD COLUMN i numeric"] {
        let setup = Setup::new();
        let outcome = in_the_middle(&setup, ddl);
        assert_eq!(outcome.code, 0, "{ddl}: {}\n{}", outcome.report, outcome.stderr);
        setup.sync_to(0, &[]);
        assert_eq!(setup.one("SELECT count(*) FROM t"), N_ROWS.to_string(), "{ddl}");
        assert_eq!(
            setup.one("SELECT count(*) FROM t WHERE i < 1 OR v IS NULL OR machine IS NULL"),
            "0",
            "{ddl}"
        );
        assert_eq!(setup.run(&["verify"]).code, Some(3), "{ddl}: values went with the column");
        let repaired = setup.run(&["verify", "--repair"]);
        assert_eq!(repaired.code, Some(0), "{ddl}: {repaired:?}");
        let found = oracle::compare(&setup, DAY, "t", "t", &[]);
        assert_eq!(found.missing.len(), 0, "{ddl}: every row is there with its value");
    }
}

#[test]
fn the_watermarks_dropped_in_the_middle_double_nothing() {
    let setup = Setup::new();
    let outcome = in_the_middle(&setup, "DROP TABLE sync_watermark");
    assert_ne!(outcome.code, 0, "it cannot go on: {}", outcome.report);
    setup.sync_to(0, &[]);
    oracle::assert_exact(&setup, DAY, "t", "t");
    assert_eq!(setup.one("SELECT count(*) FROM t"), N_ROWS.to_string());
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_table_that_may_not_be_written_to_holds_up_no_other() {
    let setup = Setup::new();
    setup.sql("CREATE ROLE bob LOGIN PASSWORD 'bob'; GRANT CREATE ON SCHEMA public TO bob");
    let (_, place) = setup.url().rsplit_once('@').unwrap();
    let as_bob =
        || setup.tool(&["--report", "json"]).env("DATABASE_URL", format!("postgres://bob:bob@{place}")).run();
    let days = ["2026_01_24", DAY];
    let write = |n: u32| {
        for day in days {
            setup.write(
                day,
                &format!(
                    "CREATE TABLE IF NOT EXISTS a(v INTEGER); CREATE TABLE IF NOT EXISTS b(v INTEGER);
                     INSERT INTO a VALUES ({n}); INSERT INTO b VALUES ({n})"
                ),
            );
        }
    };
    write(1);
    assert_eq!(as_bob().code, Some(0));
    write(2);
    setup.sql("ALTER TABLE a OWNER TO postgres; GRANT SELECT ON a TO bob");
    let outcome = Outcome::of(&as_bob());
    assert_eq!((outcome.code, outcome.n("written")), (3, 2), "{}\n{}", outcome.report, outcome.stderr);
    assert_eq!(outcome.report["failed"].as_array().unwrap().len(), 2, "{}", outcome.report);
    assert!(outcome.report.to_string().contains("permission denied for table a"), "{}", outcome.report);
    assert_eq!(setup.one("SELECT string_agg(v::text, ' ' ORDER BY v) FROM b"), "1 1 2 2");
    setup.sql("GRANT INSERT ON a TO bob");
    assert_eq!(as_bob().code, Some(0));
    for (day, table) in days.iter().flat_map(|day| [(day, "a"), (day, "b")]) {
        oracle::assert_exact(&setup, day, table, table);
    }
}
