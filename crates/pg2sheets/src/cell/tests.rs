use super::*;
use proptest::prelude::*;

fn json(kind: Kind, text: &str) -> String {
    let mut out = Vec::new();
    Cell::of(kind, Some(text)).write_json(&mut out);
    String::from_utf8(out).unwrap()
}

fn number(text: &str) -> Option<f64> {
    let value: serde_json::Value = serde_json::from_str(&json(Kind::Number, text)).unwrap();
    value["userEnteredValue"]["numberValue"].as_f64()
}

#[test]
fn numbers_that_a_double_keeps_are_numbers() {
    for text in
        ["0", "-0", "0.000", "1.50", "123456789012345", "-0.1", "1e+20", "1e-05", "0.000000123456789012345"]
    {
        assert_eq!(number(text), Some(text.parse().unwrap()), "{text}");
    }
    assert_eq!(number("100000000000000000000"), Some(1e20), "one digit that counts");
}

#[test]
fn longer_numbers_are_text() {
    for text in [
        "1234567890123456",
        "9223372036854775807",
        "-9223372036854775808",
        "0.30000000000000004",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e-400",
    ] {
        assert_eq!(Cell::of(Kind::Number, Some(text)), Cell::Text(text.into()));
    }
    let huge = format!("1{}", "0".repeat(400));
    assert_eq!(Cell::of(Kind::Number, Some(&huge)), Cell::Text(huge.clone().into()));
}

#[test]
fn text_stays_text_whatever_it_looks_like() {
    for text in
        ["=IMPORTDATA(\"http://x\")", "+1", "'x", "007", "TRUE", "2024-01-01", "", " ", "a\"b\\c\u{1}\n"]
    {
        let value: serde_json::Value = serde_json::from_str(&json(Kind::Text, text)).unwrap();
        assert_eq!(value["userEnteredValue"]["stringValue"], text);
    }
}

#[test]
fn null_is_an_empty_cell() {
    let mut out = Vec::new();
    Cell::of(Kind::Bool, None).write_json(&mut out);
    assert_eq!(out, b"{}");
}

#[test]
fn bytes_are_shortened_with_their_size() {
    assert_eq!(Cell::of(Kind::Bytes, Some("00ff:2")), Cell::Text("\\x00ff".into()));
    assert_eq!(Cell::of(Kind::Bytes, Some("00ff:900")), Cell::Text("\\x00ff… (900 bytes)".into()));
    assert_eq!(Cell::of(Kind::Bytes, Some(":0")), Cell::Text("\\x".into()));
}

#[test]
fn what_no_cell_holds_is_cut_between_letters() {
    let fits = "😀".repeat(25_000);
    assert_eq!(Cell::of(Kind::Text, Some(&fits)), Cell::Text(fits.clone().into()));
    for text in [format!("a{fits}"), format!("{fits}a"), "é".repeat(50_001)] {
        let Cell::Cut(cut) = Cell::of(Kind::Text, Some(&text)) else { panic!("not cut") };
        assert!(cut.ends_with(CUT) && text.starts_with(cut.trim_end_matches(CUT)));
        assert!((LIMIT - 1..=LIMIT).contains(&cut.encode_utf16().count()));
    }
}

proptest! {
    #[test]
    fn doubles_of_few_digits_come_back(mantissa in -999_999_999_999_999_i64..=999_999_999_999_999, exponent in -300..280) {
        let text = format!("{mantissa}e{exponent}");
        prop_assert_eq!(number(&text), Some(text.parse().unwrap()));
    }

    #[test]
    fn any_text_comes_back(text in ".*") {
        let value: serde_json::Value = serde_json::from_str(&json(Kind::Text, &text)).unwrap();
        prop_assert_eq!(value["userEnteredValue"]["stringValue"].as_str(), Some(text.as_str()));
    }
}
