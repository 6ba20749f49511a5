//! Two tables, and what their tabs are to hold.

use super::Setup;

/// Two tables, the second of which a change will follow.
pub(crate) fn shop() -> Setup {
    let setup = Setup::new();
    fill(&setup);
    setup
}

pub(crate) fn fill(setup: &Setup) {
    setup.sql("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT n, 'a'||n FROM generate_series(1, 20) n;
        CREATE TABLE b (id int PRIMARY KEY, v text); INSERT INTO b SELECT n, 'b'||n FROM generate_series(1, 700) n");
}

/// The workbook has every row once, in tabs of its own.
#[track_caller]
pub(crate) fn assert_complete(setup: &Setup) {
    for (title, n) in [("a", 20), ("b", 700)] {
        let expected: Vec<Vec<String>> =
            (1..=n).map(|n| vec![n.to_string(), format!("'{title}{n}")]).collect();
        assert_eq!(setup.cells(title, 2)[1..], expected);
    }
    assert_eq!(setup.workbook().tabs.len(), 3);
    setup.assert_settled();
}
