use super::*;

fn text(s: &str) -> Value<'_> {
    Value::Text(s.as_bytes())
}

fn refusal(value: Value<'_>, limit: Limit) -> Option<String> {
    match fit(value, limit, &mut Notes::default()) {
        Ok(kept) => {
            // NaN is not equal to itself.
            assert_eq!(format!("{kept:?}"), format!("{value:?}"));
            None
        }
        Err(Misfit::Reason(reason)) => Some(reason.into_owned()),
        Err(Misfit::NeedsNumeric) => panic!("a limit knows no other type"),
    }
}

#[test]
fn limits_are_read_from_types() {
    let digits = |precision, scale| Some(Limit::Digits { precision, scale });
    assert_eq!(limit(&ColumnType::Numeric, "numeric(10,2)"), digits(10, 2));
    assert_eq!(limit(&ColumnType::Numeric, "numeric"), None);
    assert_eq!(limit(&ColumnType::Numeric, "numeric(5,-2)"), digits(5, -2));
    let ty = "timestamp(0) without time zone";
    assert_eq!(limit(&ColumnType::Timestamp, ty), Some(Limit::SecondDigits(0)));
    assert_eq!(limit(&ColumnType::Interval, "interval(3)"), Some(Limit::SecondDigits(3)));
    for (sql, padded) in
        [("character varying(3)", false), ("varchar(3)", false), ("character(3)", true), ("char(3)", true)]
    {
        assert_eq!(limit(&ColumnType::Text, sql), Some(Limit::Chars { n: 3, padded }), "{sql}");
    }
    assert_eq!(limit(&ColumnType::Bit, "bit(8)"), Some(Limit::Bits { n: 8, exact: true }));
    assert_eq!(limit(&ColumnType::Bit, "bit"), Some(Limit::Bits { n: 1, exact: true }));
    assert_eq!(limit(&ColumnType::Varbit, "bit varying(8)"), Some(Limit::Bits { n: 8, exact: false }));
    assert_eq!(limit(&ColumnType::Varbit, "bit varying"), None);
    assert_eq!(limit(&ColumnType::Text, "text"), None);
    assert_eq!(limit(&ColumnType::Other("numeric(5,2)[]".into()), "numeric(5,2)[]"), None);
}

#[test]
fn numbers_keep_all_their_digits() {
    let limit = Limit::Digits { precision: 5, scale: 2 };
    for fits in [
        text("999.99"),
        text("-0.01"),
        text("1.500000"),
        text("0e9"),
        text("00000999"),
        text("99999e-2"),
        Value::Int(-999),
        Value::Int(0),
        Value::UInt(999),
        Value::Real(0.1),
        Value::Float(0.1),
        Value::Real(f64::NAN),
        Value::Null,
        text("abc"),
        Value::Blob(b"1000"),
    ] {
        assert_eq!(refusal(fits, limit), None, "{fits:?}");
    }
    for overflow in [
        text("1000"),
        text("1e3"),
        text("-1000.00"),
        Value::Int(1000),
        Value::Int(i64::MIN),
        Value::UInt(u64::MAX),
        Value::Real(1e300),
        Value::Real(f64::NEG_INFINITY),
        Value::Float(f32::INFINITY),
    ] {
        assert_eq!(refusal(overflow, limit).as_deref(), Some("numeric field overflow"), "{overflow:?}");
    }
    for finer in [text("0.001"), text("999.999"), Value::Real(1e-7), Value::Float(0.125)] {
        assert_eq!(
            refusal(finer, limit).as_deref(),
            Some("more decimals than its column keeps"),
            "{finer:?}"
        );
    }
    let hundreds = Limit::Digits { precision: 2, scale: -2 };
    assert_eq!(refusal(Value::Int(9900), hundreds), None);
    assert!(refusal(Value::Int(9910), hundreds).is_some() && refusal(Value::Int(10_000), hundreds).is_some());
    let small = Limit::Digits { precision: 2, scale: 3 };
    assert_eq!(refusal(text("0.099"), small), None);
    assert!(refusal(text("0.1"), small).is_some());
}

#[test]
fn text_is_counted_in_characters() {
    let (varying, padded) = (Limit::Chars { n: 3, padded: false }, Limit::Chars { n: 3, padded: true });
    for fits in [text("été"), text("😀😀😀"), text(""), Value::Int(-12), Value::Bits { bytes: &[5], n: 3 }]
    {
        assert_eq!((refusal(fits, varying), refusal(fits, padded)), (None, None), "{fits:?}");
    }
    for long in [text("étés"), text("abcd  "), Value::Int(1234), Value::Set(b"a,bc"), Value::Blob(b"abcd")]
    {
        let expected = Some("value too long for type character varying(3)");
        assert_eq!(refusal(long, varying).as_deref(), expected, "{long:?}");
        assert_eq!(refusal(long, padded).as_deref(), Some("value too long for type character(3)"));
    }
    assert_eq!(refusal(text("ab      "), varying).as_deref(), Some("longer than its column"));
    assert_eq!(refusal(text("ab      "), padded), None, "blanks mean nothing there");
    assert_eq!(refusal(Value::Text(b"\xff\xff\xff\xff"), varying), None, "the encoder refuses it");
}

#[test]
fn bit_strings_have_their_length() {
    let (exact, most) = (Limit::Bits { n: 4, exact: true }, Limit::Bits { n: 4, exact: false });
    let bits = |n| Value::Bits { bytes: &[0], n };
    assert_eq!(
        (refusal(bits(4), exact), refusal(bits(3), most), refusal(text("0101"), exact)),
        (None, None, None)
    );
    assert_eq!(refusal(bits(3), exact).as_deref(), Some("bit string length 3 does not match type bit(4)"));
    assert_eq!(refusal(bits(5), most).as_deref(), Some("bit string too long for type bit varying(4)"));
}

#[test]
fn a_time_is_cut_and_not_rounded() {
    let mut notes = Notes::default();
    let seconds = Limit::SecondDigits(0);
    let at = timestamp::parse(b"2026-01-25 10:00:00").unwrap().micros;
    for value in
        [text("2026-01-25 10:00:00.6"), text("2026-01-25 12:00:00.6+02"), Value::Moment(at + 999_999)]
    {
        assert_eq!(fit(value, seconds, &mut notes), Ok(Value::Moment(at)));
    }
    assert_eq!(notes, Notes { n_cut: 3, n_shifted: 1 });
    assert_eq!(fit(Value::Interval(-1_900_000), seconds, &mut notes), Ok(Value::Interval(-1_000_000)));
    assert_eq!(fit(text("-0:00:01.95"), Limit::SecondDigits(1), &mut notes), Ok(Value::Interval(-1_900_000)));
    assert_eq!(notes.n_cut, 5);
    for kept in [text("2026-01-25 10:00:01"), Value::Date(1), Value::Interval(0), text("noon"), Value::Int(5)]
    {
        assert_eq!(fit(kept, seconds, &mut notes), Ok(kept));
    }
    assert_eq!(notes.n_cut, 5);
}
