//! A run may be killed at any request: the next one converges, and readers see the old state or the new one.
#![cfg(feature = "failpoints")]

mod common;

use common::Setup;
use sync_testing::tool::Run;

/// Kills a run at pass `n` of a point.
fn killed_at(setup: &Setup, point: &str, n: usize) -> Run {
    let killed = setup.tool(&["--report", "json"]).env("FAILPOINTS", format!("{point}={n}*off->return"));
    killed.run()
}

/// Ten small tables and one that takes several requests.
fn fill(setup: &Setup, version: u32) {
    for n in 0..10 {
        setup.sql(&format!(
            "DROP TABLE IF EXISTS t{n}; CREATE TABLE t{n} (id int PRIMARY KEY, v text);
            INSERT INTO t{n} SELECT x, 'v{version} '||x FROM generate_series(1, {}) x",
            30 * version
        ));
    }
    setup.sql(&format!(
        "DROP TABLE IF EXISTS big; CREATE TABLE big (id int PRIMARY KEY, v text);
        INSERT INTO big SELECT x, 'v{version} '||repeat('x', 1000) FROM generate_series(1, {}) x",
        4000 + 1000 * version
    ));
}

/// The version of all cells of a tab.
fn versions(setup: &Setup, title: &str) -> Vec<String> {
    let mut versions: Vec<String> = setup.cells(title, 2)[1..]
        .iter()
        .map(|row| row[1].split(' ').next().unwrap_or_default().to_owned())
        .collect();
    versions.dedup();
    versions
}

#[test]
fn a_run_killed_at_any_request_is_gone_on_with() {
    for point in ["before-write", "after-write"] {
        let setup = Setup::new();
        for version in 1..=2 {
            fill(&setup, version);
            let mut n = 0;
            loop {
                let run = killed_at(&setup, point, n);
                let book = setup.workbook();
                for tab in book.tabs.iter().filter(|tab| !tab.hidden && tab.title != "Sheet1") {
                    let seen = versions(&setup, &tab.title);
                    assert_eq!(seen.len(), 1, "{point} {n}: {} shows {seen:?}", tab.title);
                }
                if run.code == Some(0) {
                    break;
                }
                assert_eq!(run.signal, Some(9), "{}", run.stderr);
                n = usize::from(n == 0);
            }
            setup.sync_to(0, &[]);
            for title in ["t0", "t9", "big"] {
                assert_eq!(versions(&setup, title), [format!("'v{version}")], "{point}");
            }
            assert_eq!(setup.cells("big", 2).len() as u32, 4001 + 1000 * version);
            assert_eq!(setup.workbook().tabs.len(), 12, "no tab is left over");
            setup.assert_settled();
        }
    }
}
