use super::*;
use pg_load::encode::{Notes, field};

const OPTIONS: Options = Options { fix_encoding: true, tinyint1_bool: false };

fn column(kind: Kind) -> SourceColumn {
    SourceColumn { name: "c".into(), kind }
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

/// The value and what it counted; encoded too, so that it fits the column's own destination.
fn converted(value: &Value, kind: Kind) -> Result<(String, Tally), Misfit> {
    let mut tally = Tally::default();
    let column = column(kind);
    let converted = convert(value, &column, &OPTIONS, &mut tally)?;
    field(&mut Vec::new(), converted.cell(), &column.destination(false).0, &mut Notes::default())?;
    Ok((format!("{:?}", converted.cell()), tally))
}

fn kept(value: &Value, kind: Kind) -> String {
    let (text, tally) = converted(value, kind).unwrap_or_else(|err| panic!("{value:?}: {err:?}"));
    assert_eq!(tally, Tally::default(), "{value:?}");
    text
}

#[test]
fn numbers_stay() {
    assert_eq!(kept(&Value::NULL, Kind::Int4), "Null");
    assert_eq!(kept(&Value::Int(-1), Kind::TinyInt1), "Int(-1)");
    assert_eq!(kept(&Value::UInt(u64::MAX), Kind::UInt8), "UInt(18446744073709551615)");
    assert_eq!(kept(&Value::Float(0.1), Kind::Float), "Float(0.1)");
    assert_eq!(kept(&Value::Double(1e308), Kind::Double), "Real(1e308)");
    assert_eq!(kept(&Value::Int(2024), Kind::Int2), "Int(2024)");
    let digits = bytes(b"12345678901234567890123456789012345.123456789012345678901234567890");
    assert!(kept(&digits, Kind::Decimal { precision: 65, scale: 30 }).starts_with("Text("));
    assert_eq!(kept(&bytes(&[1]), Kind::Bit(1)), "Bits { bytes: [1], n: 1 }");
    assert_eq!(kept(&bytes(&[2, 1]), Kind::Bit(10)), "Bits { bytes: [2, 1], n: 10 }");
}

#[test]
fn zero_dates_are_null_and_counted() {
    for (year, month, day) in [(0, 0, 0), (2024, 0, 10), (2024, 1, 0), (2024, 0, 0), (0, 1, 1)] {
        for kind in [Kind::Date, Kind::DateTime, Kind::Timestamp] {
            let (text, tally) = converted(&Value::Date(year, month, day, 0, 0, 0, 0), kind).unwrap();
            assert_eq!((text.as_str(), tally), ("Null", Tally { n_zero_dates: 1, ..Tally::default() }));
        }
    }
}

#[test]
fn days_are_those_of_the_calendar() {
    assert_eq!(kept(&Value::Date(1970, 1, 2, 0, 0, 0, 0), Kind::Date), "Date(1)");
    assert_eq!(kept(&Value::Date(1970, 1, 2, 0, 0, 1, 5), Kind::DateTime), "Moment(86401000005)");
    assert_eq!(
        kept(&Value::Date(9999, 12, 31, 23, 59, 59, 999_999), Kind::Timestamp),
        "Moment(253402300799999999)"
    );
    for value in [
        Value::Date(2024, 2, 30, 0, 0, 0, 0),
        Value::Date(2023, 2, 29, 0, 0, 0, 0),
        Value::Date(2024, 13, 1, 0, 0, 0, 0),
        Value::Date(2024, 1, 1, 0, 60, 0, 0),
    ] {
        assert!(matches!(converted(&value, Kind::DateTime), Err(Misfit::Reason(_))), "{value:?}");
    }
}

#[test]
fn times_are_lengths() {
    assert_eq!(kept(&Value::Time(false, 34, 22, 59, 59, 0), Kind::Time), "Interval(3020399000000)");
    assert_eq!(kept(&Value::Time(true, 0, 12, 0, 0, 0), Kind::Time), "Interval(-43200000000)");
    assert_eq!(kept(&Value::Time(true, 0, 0, 0, 0, 500_000), Kind::Time), "Interval(-500000)");
    assert_eq!(kept(&Value::Time(false, 0, 0, 0, 0, 0), Kind::Time), "Interval(0)");
}

#[test]
fn texts_are_cleaned_and_counted_by_value() {
    let text = |s: &str| converted(&bytes(s.as_bytes()), Kind::Text).unwrap();
    let cell = |s: &str| format!("{:?}", Cell::Text(s.as_bytes()));
    assert_eq!(text(""), (cell(""), Tally::default()));
    assert_eq!(text("São naïve 😀"), (cell("São naïve 😀"), Tally::default()));
    assert_eq!(text("a\0b\0"), (cell("ab"), Tally { n_nuls: 1, ..Tally::default() }));
    assert_eq!(text("Ã©tÃ©, été"), (cell("été, été"), Tally { n_repaired: 1, ..Tally::default() }));
    // The NUL stood inside of a broken sequence.
    assert_eq!(text("Ã\0©"), (cell("é"), Tally { n_nuls: 1, n_repaired: 1, ..Tally::default() }));
    assert!(converted(&bytes(b"\xc3"), Kind::Text).is_err(), "not UTF-8");
    let mut tally = Tally::default();
    let as_it_is = Options { fix_encoding: false, ..OPTIONS };
    let value = bytes("Ã©".as_bytes());
    assert_eq!(
        convert(&value, &column(Kind::Text), &as_it_is, &mut tally).unwrap().cell(),
        Cell::Text("Ã©".as_bytes())
    );
    assert_eq!(tally, Tally::default());
}

#[test]
fn sets_json_and_geometries() {
    assert_eq!(kept(&bytes(b""), Kind::Set), "Set([])");
    assert_eq!(converted(&bytes("a,Ã©".as_bytes()), Kind::Set).unwrap().1.n_repaired, 1);
    let json = bytes(br#"{"a": "\u0000x\\u0000"}"#);
    let (text, tally) = converted(&json, Kind::Json).unwrap();
    assert_eq!(text, format!("{:?}", Cell::Text(br#"{"a": "x\\u0000"}"#)));
    assert_eq!(tally, Tally { n_json_nuls: 1, ..Tally::default() });
    assert!(converted(&bytes(br#""\ud800""#), Kind::Json).is_err(), "half a character");
    assert_eq!(kept(&bytes(&[230, 16, 0, 0, 1, 7]), Kind::Geometry), "Blob([1, 7])");
    assert!(
        converted(&bytes(&[0; 4]), Kind::Geometry).is_err()
            && converted(&bytes(&[]), Kind::Geometry).is_err()
    );
    assert_eq!(kept(&bytes(&[0, 255]), Kind::Bytes), "Blob([0, 255])");
    kept(&bytes(b"00112233-4455-6677-8899-aabbccddeeff"), Kind::Uuid);
}

#[test]
fn what_stays_is_not_copied() {
    for kind in [Kind::Text, Kind::Json, Kind::Set, Kind::Bytes] {
        let value = bytes(b"\"x\"");
        let mut tally = Tally::default();
        assert!(matches!(convert(&value, &column(kind), &OPTIONS, &mut tally), Ok(Converted::Kept(_))));
    }
}

#[test]
fn tallies_add_up() {
    let mut sum = Tally { n_zero_dates: 1, n_nuls: 2, n_repaired: 3, n_json_nuls: 4 };
    sum += sum;
    assert_eq!(sum.notes().map(|(_, n)| n), [2, 4, 6, 8]);
}
