//! Tables that somebody else made, rights that are missing, and constraints that refuse rows.

mod common;

use common::oracle::{self, assert_exact};
use common::{DAY, Setup, measurements};

fn three_rows() -> Setup {
    let setup = Setup::new();
    let rows = [("10:00", 0.5), ("10:01", 1.5), ("10:01", 1.5)];
    setup.write(DAY, &measurements(&rows));
    setup
}

#[test]
fn a_foreign_table_without_a_key_is_refused_with_both_ways_out() {
    let setup = three_rows();
    setup.sql("CREATE TABLE m (id bigint, timestamp text, value float8); INSERT INTO m VALUES (7, 'x', 1)");
    let outcome = setup.sync_to(78, &[]);
    for word in ["was not made by sqlite2pg", "key_columns", "--adopt-table"] {
        assert!(outcome.stderr.contains(word), "{word}: {}", outcome.stderr);
    }
    assert_eq!(setup.list("SELECT id FROM m"), ["7"]);
    assert_eq!(
        setup.one("SELECT count(*) FROM pg_attribute WHERE attrelid = 'm'::regclass AND attnum > 0"),
        "3"
    );
}

#[test]
fn an_adopted_table_has_its_rows_recognised_one_by_one() {
    let setup = three_rows();
    setup.sql(
        "CREATE TABLE m (id bigint, timestamp text, value float8);
         INSERT INTO m VALUES (1, '10:00', 0.5), (2, '10:01', 1.5), (99, 'theirs', 9);",
    );
    let outcome = setup.sync_to(0, &["--adopt-table"]);
    assert_eq!(outcome.counts(), [3, 1, 2, 0, 0, 0]);
    assert_eq!(outcome.n("recognised"), 2);
    assert_exact(&setup, DAY, "m", "m");
    assert_eq!(setup.one("SELECT count(*) FROM m"), "4");
    oracle::assert_second_run_writes_nothing(&setup);
    setup.write("2026_01_26", &measurements(&[("10:00", 0.5), ("10:09", 9.5)]));
    assert_eq!(setup.sync_to(0, &[]).n("written"), 2, "ids restart: no duplicates");
    assert_exact(&setup, "2026_01_26", "m", "m");
}

#[test]
fn an_adopted_table_keeps_equal_rows_apart() {
    let setup = Setup::new();
    setup.write(DAY, "CREATE TABLE m (v TEXT); INSERT INTO m VALUES ('a'), ('a'), ('a'), (NULL), (NULL)");
    setup.sql("CREATE TABLE m (v text); INSERT INTO m VALUES ('a'), ('a'), (NULL), ('other')");
    assert_eq!(setup.sync_to(0, &["--adopt-table"]).counts(), [5, 2, 3, 0, 0, 0]);
    assert_exact(&setup, DAY, "m", "m");
    assert_eq!(setup.one("SELECT count(*) FROM m"), "6");
    oracle::assert_second_run_writes_nothing(&setup);
}

/// Environment for a role that may connect and no more.
fn as_guest(setup: &Setup, args: &[&str]) -> sync_testing::tool::Run {
    setup.sql(
        "DO $$ BEGIN CREATE ROLE guest LOGIN PASSWORD 'guest'; EXCEPTION WHEN duplicate_object THEN END $$;
         REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    );
    let port = setup.server.port();
    let database = setup.url().rsplit('/').next().expect("a URL has parts");
    setup
        .tool(args)
        .env("DATABASE_URL", format!("postgresql://guest:guest@127.0.0.1:{port}/{database}"))
        .run()
}

#[test]
fn a_role_without_the_right_to_create_is_told_the_grant() {
    let setup = three_rows();
    let run = as_guest(&setup, &[]);
    assert_ne!(run.code, Some(0));
    assert!(run.stderr.contains("GRANT"), "{}", run.stderr);
    assert!(run.stderr.contains("CREATE ON SCHEMA"), "{}", run.stderr);
    let check = as_guest(&setup, &["check"]);
    assert_ne!(check.code, Some(0));
    assert!(check.stdout.contains("permission denied"), "{}", check.stdout);
}

#[test]
fn a_role_that_may_only_use_our_tables_is_told_the_grant_for_the_data() {
    let setup = three_rows();
    setup.sync_to(0, &[]);
    setup.sql("DROP TABLE m");
    as_guest(&setup, &["check"]);
    setup.sql("GRANT ALL ON sync_watermark, sync_rejected, sync_run TO guest");
    let run = as_guest(&setup, &[]);
    assert!(
        run.code == Some(1) || run.code == Some(3) || run.code == Some(78),
        "{:?} {}",
        run.code,
        run.stderr
    );
    assert!(run.stderr.contains("GRANT USAGE, CREATE ON SCHEMA \"public\""), "{}", run.stderr);
}

/// Syncs ids 1 to 9 into a table with this constraint; returns what was set aside.
fn with_constraint(constraint: &str, values: &str) -> (Setup, Vec<String>) {
    let setup = Setup::new();
    setup.write(DAY, "CREATE TABLE m (id INTEGER PRIMARY KEY, v TEXT, n INTEGER)");
    setup.sync_to(0, &[]);
    setup.sql(constraint);
    setup.write(DAY, &format!("INSERT INTO m VALUES {values}"));
    setup.sync_to(3, &[]);
    assert_exact(&setup, DAY, "m", "m");
    oracle::assert_second_run_writes_nothing(&setup);
    let ids = setup.list("SELECT row_key FROM sync_rejected ORDER BY 1");
    (setup, ids)
}

const NINE: &str = "(1, 'a', 1), (2, 'b', 2), (3, NULL, 3), (4, 'toolong', 4), (5, 'e', 500),
    (6, 'a', 6), (7, 'g', -7), (8, 'h', NULL), (9, 'i', 9)";

#[test]
fn a_null_that_is_not_allowed_is_set_aside() {
    let (_setup, ids) = with_constraint("ALTER TABLE m ALTER COLUMN v SET NOT NULL", NINE);
    assert_eq!(ids, ["3"]);
}

#[test]
fn rows_against_a_check_are_set_aside() {
    let (setup, ids) = with_constraint("ALTER TABLE m ADD CHECK (n BETWEEN 0 AND 100)", NINE);
    assert_eq!(ids, ["5", "7"]);
    assert!(setup.rejected()[0].contains("m_n_check"), "{:?}", setup.rejected());
}

#[test]
fn a_second_row_against_a_unique_column_is_set_aside() {
    let (_setup, ids) = with_constraint("ALTER TABLE m ADD UNIQUE (v)", NINE);
    assert_eq!(ids, ["6"]);
}

#[test]
fn a_text_too_long_for_its_column_is_set_aside() {
    let (_setup, ids) = with_constraint("ALTER TABLE m ALTER COLUMN v TYPE varchar(5)", NINE);
    assert_eq!(ids, ["4"]);
}

#[test]
fn a_number_too_large_for_its_column_is_set_aside() {
    let (_setup, ids) = with_constraint("ALTER TABLE m ALTER COLUMN n TYPE numeric(3, 1)", NINE);
    assert_eq!(ids, ["5"]);
    let (_setup, ids) = with_constraint(
        "ALTER TABLE m ALTER COLUMN n TYPE smallint",
        "(1, 'a', 32767), (2, 'b', 32768), (3, 'c', -32769)",
    );
    assert_eq!(ids, ["2", "3"]);
}

#[test]
fn a_row_that_a_trigger_refuses_is_set_aside() {
    let (setup, ids) = with_constraint(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN IF NEW.n = 9 THEN RAISE EXCEPTION 'no nines here'; END IF; RETURN NEW; END $$;
         CREATE TRIGGER t BEFORE INSERT ON m FOR EACH ROW EXECUTE FUNCTION refuse()",
        NINE,
    );
    assert_eq!(ids, ["9"]);
    assert_eq!(setup.rejected(), ["9 no nines here"]);
}

#[test]
fn a_missing_parent_is_set_aside_also_when_it_is_looked_for_at_commit() {
    for when in ["", "DEFERRABLE INITIALLY DEFERRED"] {
        let (_setup, ids) = with_constraint(
            &format!(
                "CREATE TABLE parent (n bigint PRIMARY KEY);
                 INSERT INTO parent SELECT generate_series(1, 9);
                 ALTER TABLE m ADD FOREIGN KEY (n) REFERENCES parent {when}"
            ),
            NINE,
        );
        assert_eq!(ids, ["5", "7"], "{when:?}");
    }
}

#[test]
fn a_missing_parent_is_set_aside_also_when_the_table_is_read_whole() {
    let setup = Setup::new();
    setup.write(DAY, "CREATE TABLE m (k TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID");
    setup.sync_to(0, &[]);
    setup.sql(
        "CREATE TABLE parent (n bigint PRIMARY KEY); INSERT INTO parent VALUES (1), (3);
         ALTER TABLE m ADD FOREIGN KEY (n) REFERENCES parent DEFERRABLE INITIALLY DEFERRED",
    );
    setup.write(DAY, "INSERT INTO m VALUES ('a', 1), ('b', 2), ('c', 3), ('d', NULL)");
    assert_eq!(setup.sync_to(3, &[]).n("written"), 3);
    assert_exact(&setup, DAY, "m", "m");
    setup.sql("INSERT INTO parent VALUES (2)");
    assert_eq!(setup.run(&["rejected", "--retry"]).code, Some(0));
    assert_exact(&setup, DAY, "m", "m");
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_value_that_its_type_refuses_is_set_aside_also_when_the_table_is_read_whole() {
    let types = [
        ("interval", "'1 day'", "'x'"),
        ("money", "'1.50'", "'x'"),
        ("point", "'(1,2)'", "'x'"),
        ("text[]", "'{a,b}'", "'{'"),
        ("positive", "'5'", "'-1'"),
        ("name", "'short'", "replace(hex(zeroblob(50)), '00', 'ab')"),
    ];
    for (ty, good, bad) in types {
        let setup = Setup::new();
        setup.write(DAY, "CREATE TABLE m (v TEXT)");
        setup.sync_to(0, &[]);
        setup.sql("CREATE DOMAIN positive AS int CHECK (VALUE > 0)");
        setup.sql(&format!("ALTER TABLE m ALTER COLUMN v TYPE {ty} USING NULL"));
        setup.write(DAY, &format!("INSERT INTO m VALUES ({good}), ({bad}), (NULL), ({good}), ({bad})"));
        assert_eq!(setup.sync_to(3, &[]).counts(), [5, 3, 0, 0, 2, 0], "{ty}");
        setup.sql("VACUUM FULL m");
        assert_eq!(setup.sync_to(3, &[]).counts(), [5, 0, 3, 0, 2, 0], "{ty}");
        assert_eq!(setup.list("SELECT row_key FROM sync_rejected ORDER BY 1"), ["2", "5"], "{ty}");
        let run = setup.run(&["verify"]);
        assert!(run.stdout.contains("2 rows that do not fit"), "{ty}: {} {}", run.stdout, run.stderr);
        assert!(!run.stdout.contains("MISSING"), "{ty}: {}", run.stdout);
        setup.write(DAY, &format!("DELETE FROM m WHERE rowid = 1; VACUUM; INSERT INTO m VALUES ({good})"));
        assert_eq!(
            setup.sync_to(3, &[]).n("written"),
            0,
            "{ty}: the deleted row is recognised as the new one"
        );
        assert_eq!(setup.rejected().len(), 2, "{ty}");
        oracle::assert_second_run_writes_nothing(&setup);
    }
}

#[test]
fn bad_rows_in_small_batches_are_found_as_well() {
    let setup = Setup::new();
    setup.write(DAY, "CREATE TABLE m (v INTEGER)");
    setup.sync_to(0, &[]);
    setup.sql("ALTER TABLE m ADD CHECK (v % 10 <> 3)");
    let values: Vec<String> = (0..100).map(|n| format!("({n})")).collect();
    setup.write(DAY, &format!("INSERT INTO m VALUES {}", values.join(",")));
    let outcome = setup.sync_to(3, &["--batch-rows", "7"]);
    assert_eq!(outcome.counts(), [100, 90, 0, 0, 10, 0]);
    assert_exact(&setup, DAY, "m", "m");
    oracle::assert_second_run_writes_nothing(&setup);
}

#[test]
fn a_number_with_more_digits_than_its_column_keeps_is_set_aside() {
    // today: 1.999 arrives as 2.00, exit 0, and verify says "equal"
    let (_setup, ids) = with_constraint(
        "ALTER TABLE m ALTER COLUMN v TYPE numeric(10,2) USING NULL",
        "(1, '1.50', 1), (2, '1.999', 2), (3, '2.500', 3), (4, '0.001', 4)",
    );
    assert_eq!(ids, ["2", "4"]);
}

#[test]
fn blanks_behind_a_text_that_its_column_cuts_are_set_aside() {
    // today: 'ab      ' arrives in varchar(3) as 'ab ', exit 0
    let (_setup, ids) =
        with_constraint("ALTER TABLE m ALTER COLUMN v TYPE varchar(3)", "(1, 'ab', 1), (2, 'ab      ', 2)");
    assert_eq!(ids, ["2"]);
}

#[test]
fn digits_that_a_timestamp_column_does_not_keep_are_cut_and_counted() {
    // today: 10:00:00.6 arrives in timestamp(0) as 10:00:01, not counted
    let setup = Setup::new();
    setup.write(DAY, "CREATE TABLE m (v TIMESTAMP)");
    setup.sync_to(0, &[]);
    setup.sql("ALTER TABLE m ALTER COLUMN v TYPE timestamp(0)");
    setup.write(DAY, "INSERT INTO m VALUES ('2026-01-25 10:00:00.6'), ('2026-01-25 10:00:01')");
    assert_eq!(setup.sync_to(0, &[]).n("cut_to_microseconds"), 1);
    assert_eq!(setup.list("SELECT v FROM m ORDER BY 1"), ["2026-01-25 10:00:00", "2026-01-25 10:00:01"]);
}
