//! Whole rows through a real binary COPY, and values that neither side accepts.

mod hands;

use hands::{copy, setup, t};
use pg_load::encode::{Misfit, Notes, SIGNATURE, TRAILER, begin_row, field};
use pg_load::row_json;
use pg_load::types::ColumnType;
use pg_load::value::Value;

#[test]
fn a_row_with_a_column_of_each_type() {
    let (_pg, mut client) = setup();
    let columns = [
        (ColumnType::Int2, Value::Int(1)),
        (ColumnType::Int4, Value::Int(2)),
        (ColumnType::Int8, Value::Int(3)),
        (ColumnType::Float4, Value::Real(0.5)),
        (ColumnType::Float8, Value::Real(0.1)),
        (ColumnType::Numeric, t("1.10")),
        (ColumnType::Text, t("text")),
        (ColumnType::Bytea, Value::Blob(b"\x01")),
        (ColumnType::Bool, Value::Int(1)),
        (ColumnType::Date, t("2026-01-25")),
        (ColumnType::Timestamp, t("2026-01-25 10:15:00")),
        (ColumnType::Timestamptz, t("2026-01-25 10:15:00")),
        (ColumnType::Json, t("{}")),
        (ColumnType::Jsonb, t("[1]")),
        (ColumnType::Uuid, t("00112233445566778899aabbccddeeff")),
    ];
    let declared: Vec<String> =
        columns.iter().enumerate().map(|(i, (ty, _))| format!("c{i} {}", ty.sql())).collect();
    client
        .batch_execute(&format!("CREATE TABLE every ({})", declared.join(", ")))
        .expect("the table can be made");
    let mut bytes = SIGNATURE.to_vec();
    begin_row(&mut bytes, columns.len() as u16);
    for (ty, value) in &columns {
        field(&mut bytes, *value, ty, &mut Notes::default()).expect("it fits");
    }
    begin_row(&mut bytes, columns.len() as u16);
    for (ty, _) in &columns {
        field(&mut bytes, Value::Null, ty, &mut Notes::default()).expect("NULL fits");
    }
    bytes.extend_from_slice(&TRAILER);
    copy(&mut client, "every", &bytes);
    let rows = client.query("SELECT every::text FROM every", &[]).expect("rows");
    let expected = r#"(1,2,3,0.5,0.1,1.10,text,"\\x01",t,2026-01-25,"2026-01-25 10:15:00","2026-01-25 10:15:00+00",{},[1],00112233-4455-6677-8899-aabbccddeeff)"#;
    assert_eq!(rows[0].get::<_, &str>(0), expected);
    assert_eq!(rows[1].get::<_, &str>(0), "(,,,,,,,,,,,,,,)");
}

#[test]
fn rejected_rows_are_always_jsonb() {
    let (_pg, mut client) = setup();
    let long = "\u{1}é".repeat(1000);
    let hostile = [
        ("", t("a\0b")),
        ("", Value::Blob(b"\xff\0")),
        ("nul\0", Value::Real(f64::NAN)),
        ("max", Value::Real(f64::MAX)),
        ("min", Value::Real(5e-324)),
        ("int", Value::Int(i64::MIN)),
        ("long", t(&long)),
        ("lone", Value::Text(b"\xed\xa0\x80")),
    ];
    let json = row_json::row(&hostile);
    let n: i64 = client
        .query_one("SELECT count(*) FROM jsonb_object_keys($1::text::jsonb)", &[&json])
        .expect("jsonb accepts it")
        .get(0);
    assert_eq!(n, 8);
}

#[test]
fn what_the_server_refuses_is_refused_before() {
    let (_pg, mut client) = setup();
    let cases = [
        (ColumnType::Jsonb, r#""\u0000""#),
        (ColumnType::Jsonb, r#""\ud800""#),
        (ColumnType::Jsonb, "1e131072"),
        (ColumnType::Numeric, "1e131072"),
        (ColumnType::Numeric, "1e-16384"),
        (ColumnType::Numeric, "12,5"),
        (ColumnType::Timestamp, "0000-00-00"),
        (ColumnType::Timestamp, "2025-13-45"),
        (ColumnType::Bool, "2"),
        (ColumnType::Int8, "9223372036854775808"),
    ];
    for (ty, text) in cases {
        let found = field(&mut Vec::new(), t(text), &ty, &mut Notes::default());
        assert!(matches!(found, Err(Misfit::Reason(_))), "{text} as {ty:?}");
        let server = client.query(&format!("SELECT $1::text::{}", ty.sql()), &[&text]);
        assert!(server.is_err(), "the server takes {text} as {ty:?}");
    }
}
