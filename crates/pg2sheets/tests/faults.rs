//! Whatever Google, the network or the database do: the same cells in the end, and a message that says what to do.

mod common;

use std::time::Duration;

use common::Setup;
use common::shop::{assert_complete, fill, shop};
use sync_testing::outcome::Outcome;
use sync_testing::sheets::{CallKind, Fault, On, Options};

/// What may happen to a call and pass.
fn faults() -> [Fault; 12] {
    [
        Fault::OldLimit,
        Fault::Aborted,
        Fault::Unavailable,
        Fault::UnavailableAfter,
        Fault::Reset,
        Fault::ResetAfter,
        Fault::BadGateway,
        Fault::LoginPage,
        Fault::Truncated,
        Fault::Internal,
        Fault::Unauthorized,
        Fault::Slow(Duration::from_millis(300)),
    ]
}

#[test]
fn faults_of_every_kind_pass_when_the_workbook_is_read() {
    let mut setup = shop();
    for fault in faults() {
        setup.google.plan(On::Read, fault.clone());
        assert_eq!(setup.sync_to(0, &[]).n("written"), 720, "{fault:?}");
        assert_complete(&setup);
        setup = setup.again();
        fill(&setup);
    }
}

#[test]
fn faults_of_every_kind_pass_when_the_workbook_is_changed() {
    let mut setup = shop();
    for fault in faults() {
        setup.google.plan(On::Write, fault.clone());
        assert_eq!(setup.sync_to(0, &[]).n("written"), 720, "{fault:?}");
        assert_complete(&setup);
        setup.sql("INSERT INTO b VALUES (701, 'b701')");
        setup.google.plan(On::Write, fault.clone());
        setup.sync_to(0, &[]);
        assert_eq!(setup.cells("b", 2).len(), 702, "{fault:?}");
        setup.assert_settled();
        setup = setup.again();
        fill(&setup);
    }
}

#[test]
fn faults_of_the_token_server_pass() {
    for fault in [Fault::Unavailable, Fault::Reset, Fault::BadGateway, Fault::Truncated] {
        let setup = shop();
        setup.google.plan(On::Token, fault);
        setup.sync_to(0, &[]);
        assert_complete(&setup);
    }
}

#[test]
fn a_token_that_is_refused_is_asked_for_once_more() {
    let setup = shop();
    setup.sync_to(0, &[]);
    setup.google.revoke_tokens();
    setup.sql("UPDATE a SET v = 'a'||id");
    setup.google.forget_calls();
    setup.sync_to(0, &[]);
    let n_tokens = setup.google.calls().iter().filter(|call| call.kind == CallKind::Token).count();
    assert_eq!(n_tokens, 1);
    setup.google.always(On::Read, Some(Fault::Unauthorized));
    let outcome = setup.sync_to(78, &[]);
    assert!(outcome.stderr.contains("service account"), "{}", outcome.stderr);
}

#[test]
fn a_token_serves_several_runs() {
    let setup = shop();
    setup.sync_to(0, &[]);
    setup.google.forget_calls();
    setup.sync_to(0, &[]);
    assert!(setup.google.calls().iter().all(|call| call.kind != CallKind::Token));
    // A file that somebody broke is as good as none.
    for file in std::fs::read_dir(setup.dir().join("state")).unwrap() {
        std::fs::write(file.unwrap().path(), "{").unwrap();
    }
    setup.sync_to(0, &[]);
}

#[test]
fn what_never_passes_ends_with_the_deadline() {
    for fault in [Fault::TooMany { retry_after: None }, Fault::Unavailable, Fault::Hang, Fault::Reset] {
        let setup = shop();
        setup.google.always(On::Write, Some(fault.clone()));
        let outcome = setup.sync_to(75, &["--deadline", "4s"]);
        assert!(outcome.report["duration_s"].as_f64().unwrap() < 8.0, "{fault:?}");
        assert!(outcome.stderr.contains("hint: "), "{fault:?}: {}", outcome.stderr);
        setup.google.always(On::Write, None);
        setup.sync_to(0, &[]);
        assert_complete(&setup);
    }
}

#[test]
fn what_a_person_has_to_do_is_said() {
    let asked = |prepare: &dyn Fn(&Setup), args: &[&str]| {
        let setup = shop();
        prepare(&setup);
        setup.sync_to(78, args).stderr
    };
    let unshared = asked(&|setup| setup.google.unshare(&setup.google.workbook()), &[]);
    assert!(
        unshared.contains("sheets@demo-project.iam.gserviceaccount.com") && unshared.contains("Share"),
        "{unshared}"
    );
    let disabled = asked(&|setup| setup.google.disable_api(), &[]);
    assert!(disabled.contains("Enable") && disabled.contains("https://console."), "{disabled}");
    let wrong = asked(&|_| {}, &["--spreadsheet-id", "1NoSuchWorkbook_0123456789"]);
    assert!(wrong.contains("1NoSuchWorkbook_0123456789") && wrong.contains("/d/"), "{wrong}");
    for offset in [-7200, 7200] {
        let clock = asked(&|setup| setup.google.set_clock(offset), &[]);
        assert!(clock.contains("clock"), "{clock}");
    }
}

#[test]
fn a_full_workbook_takes_what_still_fits() {
    let setup = Setup::with(Options { quota: None, cell_limit: 26_000 + 5_000, ..Options::default() });
    setup.sql("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT n, 'a' FROM generate_series(1, 3000) n;
        CREATE TABLE b (id int PRIMARY KEY, v text); INSERT INTO b SELECT n, 'b' FROM generate_series(1, 20) n");
    let outcome = setup.sync_to(3, &[]);
    let failed = &outcome.report["failed"][0];
    assert_eq!(failed["source"], "public.a");
    assert!(failed["reason"].as_str().unwrap().contains("limit"), "{failed}");
    assert_eq!(setup.cells("b", 2).len(), 21);
}

#[test]
fn a_table_that_may_not_be_read_is_named_and_is_no_orphan() {
    let setup = shop();
    setup.sync_to(0, &[]);
    let user = format!("reader{}", std::process::id());
    setup.sql(&format!(
        "CREATE ROLE {user} LOGIN PASSWORD 'x'; GRANT SELECT ON b TO {user}; UPDATE b SET v = 'c'"
    ));
    let url = setup.url().replacen("://", &format!("://{user}:x@"), 1);
    let url = match url.rsplit_once('@') {
        Some((_, rest)) => format!("postgres://{user}:x@{rest}"),
        None => url,
    };
    for _ in 0..3 {
        let outcome = setup.sync_to(3, &["--database-url", &url, "--orphans", "delete"]);
        let failed = &outcome.report["failed"][0];
        assert_eq!(failed["source"], "public.a");
        assert!(failed["reason"].as_str().unwrap().contains("GRANT"), "{failed}");
    }
    assert_eq!(setup.cells("a", 1).len(), 21);
    assert_eq!(setup.cells("b", 2)[1], ["1", "'c"]);
}

#[test]
fn a_table_that_is_locked_does_not_hold_up_the_others() {
    let setup = shop();
    let mut client = setup.client();
    client.batch_execute("BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE").unwrap();
    let outcome = setup.sync_to(3, &[]);
    assert_eq!(outcome.report["failed"][0]["source"], "public.a");
    assert_eq!(setup.cells("b", 1).len(), 701);
    client.batch_execute("ROLLBACK").unwrap();
    setup.sync_to(0, &[]);
    assert_complete(&setup);
}

#[test]
fn a_table_that_changes_its_form_while_another_is_written_is_named() {
    for change in ["DROP TABLE b", "TRUNCATE b", "ALTER TABLE b DROP COLUMN v"] {
        let setup = Setup::new();
        for table in ["a", "b"] {
            setup.sql(&format!(
                "CREATE TABLE {table} (id int PRIMARY KEY, v text);
                 INSERT INTO {table} SELECT n, repeat('x', 2000) FROM generate_series(1, 3000) n"
            ));
        }
        setup.sql("INSERT INTO b VALUES (0, 'x'); CREATE TABLE c (id int)");
        setup.google.always(On::Write, Some(Fault::Slow(Duration::from_millis(200))));
        let running = setup.tool(&["--report", "json"]).spawn();
        // The token, the workbook, the small table, and the first part of the first large one.
        setup.google.wait_for_calls(4);
        setup.sql(change);
        let outcome = Outcome::of(&running.wait()).ended_with(3);
        assert_eq!(outcome.report["failed"][0]["source"], "public.b", "{change}");
        assert_eq!(setup.cells("a", 1).len(), 3001);
        setup.google.always(On::Write, None);
        setup.sync_to(0, &[]);
        setup.assert_settled();
    }
}

#[test]
fn a_second_run_at_the_same_time_gives_way() {
    let setup = shop();
    setup.google.plan(On::Write, Fault::Slow(Duration::from_secs(2)));
    let running = setup.tool(&["--report", "json"]).spawn();
    setup.google.wait_for_calls(3);
    let outcome = setup.sync_to(75, &[]);
    assert!(outcome.stderr.contains("another run"), "{}", outcome.stderr);
    assert_eq!(running.wait().code, Some(0));
    assert_complete(&setup);
}

#[test]
fn a_signal_ends_the_run_in_time() {
    let setup = shop();
    setup.google.plan(On::Write, Fault::Hang);
    let running = setup.tool(&["--report", "json"]).spawn();
    setup.google.wait_for_calls(3);
    running.term();
    let run = running.wait();
    assert_eq!(run.code, Some(75), "{}", run.stderr);
    setup.sync_to(0, &[]);
    assert_complete(&setup);
}
