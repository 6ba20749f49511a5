//! Tables that take many requests, one of which goes wrong: the same run begins anew, and comes to its end.

mod common;

use common::Setup;
use std::time::Duration;
use sync_testing::sheets::{Fault, On};

#[test]
fn an_unclear_answer_in_the_middle_of_a_large_table_costs_a_second_look() {
    for fault in [Fault::Unavailable, Fault::UnavailableAfter, Fault::Truncated, Fault::ResetAfter] {
        let setup = Setup::new();
        setup.sql(
            "CREATE TABLE t (id int PRIMARY KEY, v text);
             INSERT INTO t SELECT n, 'old '||repeat('x', 1000) FROM generate_series(1, 3500) n",
        );
        for (nth, word) in [(2, "'old"), (2, "'new"), (3, "'newer")] {
            (1..nth).for_each(|_| setup.google.plan(On::Write, Fault::Slow(Duration::ZERO)));
            setup.google.plan(On::Write, fault.clone());
            setup.sync_to(0, &[]);
            let rows = setup.cells("t", 2);
            assert_eq!(rows.len(), 3501, "{fault:?}");
            assert!(rows[1..].iter().all(|row| row[1].split(' ').next() == Some(word)), "{fault:?} {nth}");
            assert_eq!(setup.workbook().tabs.len(), 2, "{fault:?}");
            assert!(!setup.workbook().tab("t").hidden, "{fault:?}");
            setup.assert_settled();
            let next = if word == "'old" { "new" } else { "newer" };
            setup.sql(&format!("UPDATE t SET v = '{next} '||repeat('y', 1000)"));
        }
    }
}
