//! Encoded rows go through a real binary COPY, and are what the server itself makes of the same text.

mod hands;

use hands::{copy, setup, t};
use pg_load::encode::{Notes, SIGNATURE, TRAILER, begin_row, field};
use pg_load::types::{ColumnType, from_catalog};
use pg_load::value::Value;
use postgres::Client;

/// Sends the values, numbered from 1, and compares each with the server's own reading of the text beside it.
fn check(client: &mut Client, ty: &ColumnType, cases: &[(Value<'_>, &str)]) {
    let sql = ty.sql();
    client
        .batch_execute(&format!("DROP TABLE IF EXISTS sent; CREATE TABLE sent (i int, v {sql})"))
        .expect("the table can be made");
    let mut bytes = SIGNATURE.to_vec();
    for (i, (value, _)) in cases.iter().enumerate() {
        begin_row(&mut bytes, 2);
        let mut notes = Notes::default();
        field(&mut bytes, Value::Int(i as i64 + 1), &ColumnType::Int4, &mut notes).expect("a small integer");
        field(&mut bytes, *value, ty, &mut notes).unwrap_or_else(|e| panic!("{value:?} as {sql}: {e:?}"));
    }
    bytes.extend_from_slice(&TRAILER);
    copy(client, "sent", &bytes);
    let texts: Vec<&str> = cases.iter().map(|&(_, text)| text).collect();
    let query = format!(
        "SELECT i, v::text, e::{sql}::text FROM sent JOIN unnest($1::text[]) WITH ORDINALITY AS x (e, n) ON n = i ORDER BY i"
    );
    let rows = client.query(&query, &[&texts]).expect("the server reads the texts");
    assert_eq!(rows.len(), cases.len());
    for (row, (value, text)) in rows.iter().zip(cases) {
        let (got, expected): (&str, &str) = (row.get(1), row.get(2));
        assert_eq!(got, expected, "{value:?} as {sql}, from {text:?}");
    }
}

#[test]
fn integers_and_booleans() {
    let (_pg, mut client) = setup();
    let (max, min) = (i64::MAX.to_string(), i64::MIN.to_string());
    let wide = [
        (Value::Int(i64::MAX), max.as_str()),
        (Value::Int(i64::MIN), min.as_str()),
        (Value::Real(-7.0), "-7"),
        (t(&min), min.as_str()),
    ];
    check(&mut client, &ColumnType::Int8, &wide);
    let limits4 = [(Value::Int(i32::MAX.into()), "2147483647"), (Value::Int(i32::MIN.into()), "-2147483648")];
    check(&mut client, &ColumnType::Int4, &limits4);
    check(&mut client, &ColumnType::Int2, &[(Value::Int(-32_768), "-32768"), (t("+5"), "5")]);
    let booleans = [(Value::Int(1), "t"), (Value::Real(0.0), "f"), (t("YES"), "yes"), (t("off"), "off")];
    check(&mut client, &ColumnType::Bool, &booleans);
}

#[test]
fn floats() {
    let (_pg, mut client) = setup();
    let cases = [
        (Value::Real(0.1), "0.1"),
        (Value::Real(f64::MAX), "1.7976931348623157e308"),
        (Value::Real(5e-324), "5e-324"),
        (Value::Real(-0.0), "-0"),
        (Value::Real(f64::INFINITY), "Infinity"),
        (Value::Real(f64::NEG_INFINITY), "-Infinity"),
        (Value::Real(f64::NAN), "NaN"),
        (Value::Int(1 << 53), "9007199254740992"),
        (t("-12.50"), "-12.50"),
    ];
    check(&mut client, &ColumnType::Float8, &cases);
    let narrow = [
        (Value::Real(0.1), "0.1"),
        (Value::Real(f64::NAN), "NaN"),
        (Value::Int(7), "7"),
        (t("1e-3"), "0.001"),
    ];
    check(&mut client, &ColumnType::Float4, &narrow);
}

#[test]
fn numerics() {
    let (_pg, mut client) = setup();
    let (max, min) = (i64::MAX.to_string(), i64::MIN.to_string());
    let texts = [
        "0",
        "-0.000",
        "1.50",
        "10000",
        "9999",
        "0.0001",
        "0.00010",
        "-1e-40",
        "1.5e-7",
        "1e40",
        "12e2",
        "+00012.",
        "1234567890123456789012345678901234567890.12345678901234567890",
        "0.00000000000000000000000000000000000000001",
        "99990000.00009999",
        "1e131071",
        "1e-16383",
    ];
    let mut cases: Vec<(Value<'_>, &str)> = texts.iter().map(|text| (t(text), *text)).collect();
    cases.extend([
        (Value::Int(i64::MAX), max.as_str()),
        (Value::Int(i64::MIN), min.as_str()),
        (Value::Int(0), "0"),
        (Value::Int(100_000_000), "100000000"),
        (Value::Real(0.1), "0.1"),
        (Value::Real(-0.0), "0"),
        (Value::Real(1e300), "1e300"),
        (Value::Real(5e-324), "5e-324"),
        (Value::Real(f64::INFINITY), "Infinity"),
        (Value::Real(f64::NEG_INFINITY), "-Infinity"),
        (Value::Real(f64::NAN), "NaN"),
    ]);
    check(&mut client, &ColumnType::Numeric, &cases);
}

#[test]
fn many_numerics_equal_the_servers() {
    let (_pg, mut client) = setup();
    // A plain generator: the same texts in every run.
    let mut seed = 42u64;
    let mut next = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    let texts: Vec<String> = (0..2000)
        .map(|_| {
            let (n_int, n_frac) = (next(30) + 1, next(30));
            let mut digits =
                |n| (0..n).map(|_| char::from(b"0001234567899"[next(13) as usize])).collect::<String>();
            let (int, frac) = (digits(n_int), digits(n_frac));
            format!("{}{int}.{frac}e{}", ["", "-", "+"][next(3) as usize], next(80) as i64 - 40)
        })
        .collect();
    let cases: Vec<(Value<'_>, &str)> = texts.iter().map(|text| (t(text), text.as_str())).collect();
    check(&mut client, &ColumnType::Numeric, &cases);
}

#[test]
fn text_and_bytes() {
    let (_pg, mut client) = setup();
    let long = "é😀".repeat(200_000);
    let texts = [
        (t(""), ""),
        (t("été 😀 مرحبا"), "été 😀 مرحبا"),
        (t(&long), long.as_str()),
        (Value::Real(5.0), "5.0"),
    ];
    check(&mut client, &ColumnType::Text, &texts);
    check(&mut client, &from_catalog("varchar", "character varying(9)"), &[(t("neuf"), "neuf")]);
    let bytes = [
        (Value::Blob(b""), ""),
        (Value::Blob(b"\0\xff\0"), r"\x00ff00"),
        (Value::Text(b"\xe9\\"), r"\xe95c"),
    ];
    check(&mut client, &ColumnType::Bytea, &bytes);
    let uuid = "00112233-4455-6677-8899-aabbccddeeff";
    check(&mut client, &ColumnType::Uuid, &[(t(uuid), uuid), (t("00112233445566778899AABBCCDDEEFF"), uuid)]);
}

#[test]
fn times() {
    let (_pg, mut client) = setup();
    let cases = [
        (t("0001-01-01 00:00:00"), "0001-01-01 00:00:00"),
        (t("9999-12-31T23:59:59.999999"), "9999-12-31 23:59:59.999999"),
        (t("1900-02-28 12:00"), "1900-02-28 12:00:00"),
        (t("2024-02-29"), "2024-02-29 00:00:00"),
        (t("2026-01-25 12:15:00+02:00"), "2026-01-25 10:15:00"),
        (t("2026-01-25 10:15:00.1234569"), "2026-01-25 10:15:00.123456"),
        (Value::Int(1_769_336_100), "2026-01-25 10:15:00"),
        (Value::Int(1_769_336_100_123), "2026-01-25 10:15:00.123"),
        (Value::Real(1_769_336_100.5), "2026-01-25 10:15:00.5"),
        (Value::Int(-62_135_596_800_000), "0001-01-01 00:00:00"),
        (Value::Int(253_402_300_799_999), "9999-12-31 23:59:59.999"),
    ];
    check(&mut client, &ColumnType::Timestamp, &cases);
    check(&mut client, &ColumnType::Timestamptz, &cases);
    let dates = [
        (t("0001-01-01"), "0001-01-01"),
        (t("9999-12-31 00:00:00"), "9999-12-31"),
        (t("1999-12-31"), "1999-12-31"),
    ];
    check(&mut client, &ColumnType::Date, &dates);
}

#[test]
fn json() {
    let (_pg, mut client) = setup();
    let texts = [r#"{"b": [1, 2.50, "\u00e9\ud83d\ude00"], "a": null}"#, "[]", "\"\"", " 1e3 "];
    let mut cases: Vec<(Value<'_>, &str)> = texts.iter().map(|text| (t(text), *text)).collect();
    cases.extend([(Value::Int(-3), "-3"), (Value::Real(0.1), "0.1"), (Value::Real(1e300), "1e300")]);
    check(&mut client, &ColumnType::Jsonb, &cases);
    check(&mut client, &ColumnType::Json, &cases);
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    check(&mut client, &ColumnType::Jsonb, &[(t(&deep), &deep)]);
}
