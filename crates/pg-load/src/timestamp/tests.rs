use super::*;
use proptest::prelude::*;

fn micros(text: &str) -> Option<i64> {
    parse(text.as_bytes()).map(|m| m.micros)
}

#[test]
fn spellings_of_one_instant() {
    let expected = micros("2026-01-25T10:15:00");
    assert_eq!(expected, Some(1_769_336_100_000_000));
    for text in [
        "2026-01-25 10:15",
        "2026-01-25 10:15:00.000",
        "2026-01-25T10:15:00Z",
        "2026-01-25T10:15:00,0z",
        "2026-01-25 12:15:00+02:00",
        "2026-01-25 12:15+02",
        "2026-01-25 04:45:00.0-0530",
    ] {
        assert_eq!(micros(text), expected, "{text}");
    }
}

#[test]
fn losses_are_told() {
    let moment = parse(b"2026-01-25 10:15:00.1234567").unwrap();
    assert_eq!((moment.micros % 1_000_000, moment.cut, moment.shifted), (123_456, true, false));
    assert!(!parse(b"2026-01-25 10:15:00.123456000").unwrap().cut);
    assert!(parse(b"2026-01-25 10:15:00+02:00").unwrap().shifted);
    assert!(!parse(b"2026-01-25 10:15:00Z").unwrap().shifted);
}

#[test]
fn everything_else_is_refused() {
    for text in [
        "",
        "0000-00-00",
        "0000-01-01",
        "2025-13-45",
        "2025-02-29",
        "31/12/2024",
        "2024-1-1",
        " 2024-01-01",
        "2024-01-01 ",
        "2024-01-01T",
        "2024-01-01T10",
        "2024-01-01 24:00:00",
        "2024-01-01 10:60",
        "2024-01-01 10:00:60",
        "2024-01-01 10:00:",
        "2024-01-01 10:00:00.",
        "2024-01-01 10:00:00+",
        "2024-01-01 10:00:00+16:00",
        "2024-01-01 10:00:00 UTC",
        "2024-01-01x10:00",
        "2024-01-01 10:00.5",
        "now",
        "2024-01-0\u{0661}",
        "20240101",
    ] {
        assert_eq!(micros(text), None, "{text}");
    }
}

#[test]
fn numbers_are_seconds_or_milliseconds() {
    let at = |value| from_number(value).map(|m| m.micros);
    assert_eq!(at(Value::Int(1_769_336_100)), Some(1_769_336_100_000_000));
    assert_eq!(at(Value::Int(1_769_336_100_123)), Some(1_769_336_100_123_000));
    assert_eq!(at(Value::Real(1_769_336_100.123456)), Some(1_769_336_100_123_456));
    assert_eq!(at(Value::Real(1_769_336_100_123.5)), Some(1_769_336_100_123_500));
    assert_eq!(at(Value::Int(-1)), Some(-1_000_000));
    assert_eq!(at(Value::Int(99_999_999_999)), Some(99_999_999_999_000_000));
    assert_eq!(at(Value::Int(100_000_000_000)), Some(100_000_000_000_000));
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e17, 9.3e15] {
        assert_eq!(at(Value::Real(value)), None, "{value}");
    }
    // The last are microseconds of the year 2025.
    for value in [i64::MIN, i64::MAX, -300_000_000_000_000, 1_763_632_800_123_456] {
        assert_eq!(at(Value::Int(value)), None, "{value}");
    }
    assert_eq!(at(Value::Text(b"1769336100")), None);
}

#[test]
fn iso_always_has_six_digits() {
    assert_eq!(to_iso(0), "1970-01-01T00:00:00.000000");
    assert_eq!(to_iso(-1), "1969-12-31T23:59:59.999999");
    assert_eq!(to_iso(micros("2026-01-25 10:15:00.123456").unwrap()), "2026-01-25T10:15:00.123456");
}

proptest! {
    #[test]
    fn date_times_are_jiffs(seconds in -62_135_596_800i64..253_402_207_200, nanos in 0i32..1_000_000_000, t: bool) {
        let instant = jiff::Timestamp::new(seconds, nanos).unwrap();
        let civil = jiff::tz::TimeZone::UTC.to_datetime(instant);
        let separator = if t { 'T' } else { ' ' };
        let text = format!("{:04}-{:02}-{:02}{separator}{:02}:{:02}:{:02}.{nanos:09}",
            civil.year(), civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second());
        prop_assume!(civil.year() >= 1);
        let moment = parse(text.as_bytes()).unwrap();
        prop_assert_eq!(moment.micros, seconds * 1_000_000 + i64::from(nanos) / 1000);
        prop_assert_eq!(moment.cut, nanos % 1000 != 0);
        prop_assert_eq!(micros(&to_iso(moment.micros)), Some(moment.micros));
    }

    #[test]
    fn dates_are_valid_when_jiff_says_so(year in 1i16..=9999, month in 0i8..=13, day in 0i8..=32) {
        let text = format!("{year:04}-{month:02}-{day:02}");
        let oracle = jiff::civil::Date::new(year, month, day).ok();
        let oracle = oracle.map(|d| d.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_microsecond());
        prop_assert_eq!(micros(&text), oracle);
    }

    #[test]
    fn offsets_are_jiffs(seconds in 0i64..4_000_000_000, minutes in -959i32..=959) {
        let offset = jiff::tz::Offset::from_seconds(minutes * 60).unwrap();
        let text = jiff::Timestamp::from_second(seconds).unwrap().display_with_offset(offset).to_string();
        let moment = parse(text.as_bytes()).unwrap();
        prop_assert_eq!(moment.micros, seconds * 1_000_000);
        prop_assert_eq!(moment.shifted, minutes != 0);
    }

    #[test]
    fn no_bytes_panic(text: Vec<u8>) {
        let _ = parse(&text);
    }
}

#[test]
fn days_are_those_of_the_calendar() {
    assert_eq!(day(1970, 1, 1), Some(0));
    assert_eq!(day(2000, 2, 29), Some(11_016));
    assert_eq!(day(9999, 12, 31), Some(2_932_896));
    for (year, month, of_month) in
        [(2024, 2, 30), (1900, 2, 29), (0, 1, 1), (2024, 0, 1), (2024, 1, 0), (2024, 13, 1), (10_000, 1, 1)]
    {
        assert_eq!(day(year, month, of_month), None);
    }
}

#[test]
fn times_print_as_postgresql_prints_them() {
    assert_eq!(date_text(-1), "1969-12-31");
    assert_eq!(moment_text(0), "1970-01-01 00:00:00");
    assert_eq!(moment_text(-500_000), "1969-12-31 23:59:59.5");
    assert_eq!(interval_text(3_020_399_000_000), "838:59:59");
    assert_eq!(interval_text(-43_200_000_000), "-12:00:00");
    assert_eq!(interval_text(-10), "-00:00:00.00001");
    assert_eq!(interval_text(0), "00:00:00");
}

#[test]
fn intervals_are_hours_minutes_and_seconds() {
    for (text, expected) in [
        ("838:59:59", 3_020_399_000_000),
        ("-12:00", -43_200_000_000),
        ("+0:00:00.5", 500_000),
        ("-00:00:00.000001", -1),
    ] {
        assert_eq!(parse_interval(text.as_bytes()), Some((expected, false)), "{text}");
    }
    assert_eq!(parse_interval(b"1:00:00.0000019"), Some((3_600_000_001, true)));
    for text in [
        "",
        "12",
        ":00",
        "1:60",
        "1:00:60",
        "1:00:00.",
        "1 day",
        "--1:00",
        "1:0",
        "1:00:00 ",
        "9999999999:00",
    ] {
        assert_eq!(parse_interval(text.as_bytes()), None, "{text}");
    }
}

proptest! {
    #[test]
    fn printed_intervals_read_back(micros in -3_600_000_000_000_000_i64..3_600_000_000_000_000) {
        prop_assert_eq!(parse_interval(interval_text(micros).as_bytes()), Some((micros, false)));
    }
}
