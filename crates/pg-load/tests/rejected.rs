//! The list of rejected rows on a real server: keys of any text, each once, in order.

use pg_load::rejected::{Origin, Rejected, create_sql};
use sync_testing::postgres::Postgres;

const ORIGIN: Origin<'_> =
    Origin { schema: "public", tool: "tool", source: "s", file: "f", generation: 1, table: "t" };

fn rejected(key: &str, reason: &str) -> Rejected {
    Rejected { key: key.to_owned(), reason: reason.to_owned(), row: "{}".to_owned() }
}

#[test]
fn keys_are_text_and_come_in_order() {
    let pg = Postgres::start();
    let mut client = pg.client(&pg.url());
    client.batch_execute(&create_sql("public")).unwrap();
    let mut tx = client.transaction().unwrap();
    let rows = ["b", "é", "a|1", "", "nul\0", "B"].map(|key| rejected(key, "bad"));
    ORIGIN.set_aside(&mut tx, &rows).unwrap();
    let all = ["", "B", "a|1", "b", "nul\u{fffd}", "é"];
    assert_eq!(ORIGIN.keys(&mut tx, None, 9).unwrap(), all);
    assert_eq!(ORIGIN.keys(&mut tx, Some("B"), 2).unwrap(), all[2..4]);
    assert_eq!(ORIGIN.take_off(&mut tx, &["b", "nul\0", "absent"]).unwrap(), 2);
    assert_eq!(ORIGIN.keys(&mut tx, None, 9).unwrap(), ["", "B", "a|1", "é"]);
}

#[test]
fn numbers_come_in_the_order_of_numbers() {
    let pg = Postgres::start();
    let mut client = pg.client(&pg.url());
    client.batch_execute(&create_sql("public")).unwrap();
    let mut tx = client.transaction().unwrap();
    ORIGIN.set_aside(&mut tx, &["10", "9", "-1"].map(|key| rejected(key, "bad"))).unwrap();
    assert_eq!(ORIGIN.numeric_keys(&mut tx, None, 9).unwrap(), [-1, 9, 10]);
    assert_eq!(ORIGIN.numeric_keys(&mut tx, Some(9), 9).unwrap(), [10]);
    assert_eq!(ORIGIN.take_off(&mut tx, &[9_i64, 10]).unwrap(), 2);
}

#[test]
fn a_key_that_repeats_or_is_long_is_one_row() {
    let pg = Postgres::start();
    let mut client = pg.client(&pg.url());
    client.batch_execute(&create_sql("public")).unwrap();
    let mut tx = client.transaction().unwrap();
    let noise: String = (0..3000_u32).map(|i| char::from(b'!' + (i * i % 89) as u8)).collect();
    let (one, other) = (format!("{noise}1"), format!("{noise}2"));
    let rows =
        [rejected("k", "first"), rejected(&one, "long"), rejected("k", "last"), rejected(&other, "long")];
    ORIGIN.set_aside(&mut tx, &rows).unwrap();
    ORIGIN.set_aside(&mut tx, &rows).unwrap();
    let reasons: Vec<String> = tx
        .query("SELECT reason FROM sync_rejected ORDER BY reason", &[])
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(reasons, ["last", "long", "long"]);
    assert_eq!(ORIGIN.take_off(&mut tx, &[&one, &other]).unwrap(), 2);
}
