//! Typed values of MySQL go through a real binary COPY; each is read back as the text beside it.

mod hands;

use hands::{copy, setup, t};
use pg_load::encode::{Misfit, Notes, SIGNATURE, TRAILER, begin_row, field};
use pg_load::fit;
use pg_load::table::inspect;
use pg_load::value::Value;
use postgres::Client;

/// Makes a column of this type, sends the values that fit and reads them back; the reasons of the others stand in
/// their place.
fn sent(client: &mut Client, sql: &str, values: &[Value<'_>]) -> Vec<String> {
    client
        .batch_execute(&format!("DROP TABLE IF EXISTS sent; CREATE TABLE sent (i int, v {sql})"))
        .expect("the table can be made");
    let table = inspect(client, "public", "sent").expect("the catalog").expect("the table");
    let column = table.column("v").expect("the column");
    let limit = fit::limit(&column.ty, &column.sql);
    let mut bytes = SIGNATURE.to_vec();
    let mut all = vec![String::new(); values.len()];
    for (i, value) in values.iter().enumerate() {
        let (mut row, mut notes) = (Vec::new(), Notes::default());
        begin_row(&mut row, 2);
        field(&mut row, Value::Int(i as i64), &pg_load::types::ColumnType::Int4, &mut notes)
            .expect("a number");
        let fitted = limit.map_or(Ok(*value), |limit| fit::fit(*value, limit, &mut notes));
        match fitted.and_then(|value| field(&mut row, value, &column.ty, &mut notes)) {
            Ok(()) => bytes.extend_from_slice(&row),
            Err(Misfit::Reason(reason)) => all[i] = format!("! {reason}"),
            Err(Misfit::NeedsNumeric) => all[i] = "! needs numeric".to_owned(),
        }
    }
    bytes.extend_from_slice(&TRAILER);
    copy(client, "sent", &bytes);
    for row in client.query("SELECT i, v::text FROM sent", &[]).expect("rows") {
        all[row.get::<_, i32>(0) as usize] = row.get(1);
    }
    all
}

#[test]
fn numbers() {
    let (_pg, mut client) = setup();
    let values = [Value::Float(0.1), Value::Float(3.402_823_5e38), Value::UInt(18_446_744_073_709_551_615)];
    let max = "18446744073709551615";
    assert_eq!(sent(&mut client, "numeric", &values), ["0.1", &format!("34028235{}", "0".repeat(31)), max]);
    assert_eq!(sent(&mut client, "text", &values), ["0.1", "3.4028235e38", max]);
    assert_eq!(sent(&mut client, "numeric(20)", &values[1..]), ["! numeric field overflow", max]);
    let refused = "! integer does not fit double precision exactly";
    assert_eq!(sent(&mut client, "double precision", &values), ["0.1", "3.4028235e+38", refused]);
    let floats = [0.1, f32::MAX, 1e-45, -0.0, f32::NAN, f32::INFINITY].map(Value::Float);
    let reals = ["0.1", "3.4028235e+38", "1e-45", "-0", "NaN", "Infinity"];
    assert_eq!(sent(&mut client, "real", &floats), reals);
    assert_eq!(sent(&mut client, "double precision", &floats), reals);
    assert_eq!(sent(&mut client, "bigint", &values[2..]), ["! needs numeric"]);
    assert_eq!(sent(&mut client, "jsonb", &values[..1]), ["0.1"]);
}

#[test]
fn times() {
    let (_pg, mut client) = setup();
    let lengths = [3_020_399_000_000, -43_200_000_000, 500_000, -1, 0].map(Value::Interval);
    let expected = ["838:59:59", "-12:00:00", "00:00:00.5", "-00:00:00.000001", "00:00:00"];
    assert_eq!(sent(&mut client, "interval", &lengths), expected);
    assert_eq!(sent(&mut client, "text", &lengths), expected);
    assert_eq!(
        sent(&mut client, "interval(0)", &[Value::Interval(1_900_000), t("-1:00:00.7")]),
        ["00:00:01", "-01:00:00"]
    );
    let moments =
        [Value::Moment(-62_135_596_800_000_000), Value::Moment(253_402_300_799_999_999), Value::Date(-1)];
    let expected = ["0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "1969-12-31 00:00:00"];
    assert_eq!(sent(&mut client, "timestamp", &moments), expected);
    assert_eq!(sent(&mut client, "timestamptz", &moments), expected.map(|text| format!("{text}+00")));
    assert_eq!(sent(&mut client, "timestamp(0)", &moments[1..2]), ["9999-12-31 23:59:59"]);
    let days = [Value::Date(-1), Value::Moment(0), Value::Moment(1)];
    let expected = ["1969-12-31", "1970-01-01", "! time of day in a date column"];
    assert_eq!(sent(&mut client, "date", &days), expected);
    assert_eq!(
        sent(&mut client, "text", &days),
        ["1969-12-31", "1970-01-01 00:00:00", "1970-01-01 00:00:00.000001"]
    );
}

#[test]
fn bits_and_sets() {
    let (_pg, mut client) = setup();
    let bits = |bytes, n| Value::Bits { bytes, n };
    let values = [bits(&[0x0a], 8), bits(&[2, 1], 10), bits(&[1], 1), bits(&[0xff; 8], 64), t("0101")];
    let all = "1".repeat(64);
    let expected = ["00001010", "1000000001", "1", &all, "0101"];
    assert_eq!(sent(&mut client, "bit varying", &values), expected);
    assert_eq!(sent(&mut client, "text", &values), expected);
    assert_eq!(sent(&mut client, "bit(10)", &values[1..2]), ["1000000001"]);
    let refused = "! bit string length 10 does not match type bit(8)";
    assert_eq!(sent(&mut client, "bit(8)", &values[..2]), ["00001010", refused]);
    let refused = "! bit string too long for type bit varying(8)";
    assert_eq!(sent(&mut client, "bit varying(8)", &values[..2]), ["00001010", refused]);
    assert_eq!(sent(&mut client, "boolean", &[bits(&[1], 1), bits(&[0], 1)]), ["true", "false"]);
    let numbers = [("bigint", "513"), ("numeric", "513"), ("bytea", r"\x0201")];
    for (sql, expected) in numbers {
        assert_eq!(sent(&mut client, sql, &values[1..2]), [expected]);
    }
    let sets = ["", "a", "été,\"x\",NULL, y"].map(|set| Value::Set(set.as_bytes()));
    let expected = ["{}", "{a}", r#"{été,"\"x\"","NULL"," y"}"#];
    assert_eq!(sent(&mut client, "text[]", &sets), expected);
    assert_eq!(sent(&mut client, "text", &sets), ["", "a", "été,\"x\",NULL, y"]);
    assert_eq!(
        sent(&mut client, "varchar(3)", &sets[2..]),
        ["! value too long for type character varying(3)"]
    );
}

/// What [`fit`] refuses, the server refuses in the same words; what it lets pass arrives.
#[test]
fn limits_are_the_servers() {
    let (_pg, mut client) = setup();
    let long = ["abcd", "étés", "abc", "été", "ab      ", "abcd  "];
    for sql in ["character varying(3)", "character(3)", "numeric(3,1)", "numeric(2,-2)", "numeric(2,4)"] {
        let texts: &[&str] = if sql.starts_with("numeric") {
            &["99.9", "100", "1e2", "0.0099", "0.0100", "9900", "9950", "10000", "-99.9", "0", "00012.30"]
        } else {
            &long
        };
        let values: Vec<Value<'_>> = texts.iter().map(|text| t(text)).collect();
        for (text, ours) in texts.iter().zip(sent(&mut client, sql, &values)) {
            client.batch_execute("TRUNCATE sent").expect("an empty table");
            let insert = format!(
                "INSERT INTO sent (v) VALUES ('{text}') RETURNING v::text, v::text::numeric(9,4) = '{text}'"
            );
            let insert =
                if sql.starts_with("numeric") { insert } else { insert.replace("::numeric(9,4)", "") };
            match client.query_one(&insert, &[]) {
                Err(err) => {
                    let message = err.as_db_error().expect("the server's words").message().to_owned();
                    let decimals = ours == "! more decimals than its column keeps";
                    assert!(decimals || ours == format!("! {message}"), "{text} as {sql}: {ours}");
                }
                // What the server changed in silence is set aside; blanks in character(n) mean nothing.
                Ok(row) if row.get(1) || sql == "character(3)" => {
                    assert_eq!(ours, row.get::<_, &str>(0), "{text} as {sql}")
                }
                Ok(_) => assert!(ours.starts_with("! "), "{text} as {sql}: {ours}"),
            }
        }
    }
}
