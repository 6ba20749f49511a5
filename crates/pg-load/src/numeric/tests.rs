use super::*;
use proptest::prelude::*;

fn encoded(s: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    from_text(&mut out, s).map(|()| out)
}

/// Reads a body back the way a person would: place each digit by its weight, show as many decimals as the scale.
fn decoded(body: &[u8]) -> String {
    let words: Vec<u16> = body.chunks(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect();
    let (n, weight, sign, scale) = (words[0] as i64, words[1] as i16 as i64, words[2], words[3] as usize);
    assert_eq!(words.len() as i64, 4 + n);
    let group = |w: i64| {
        let i = weight - w;
        if (0..n).contains(&i) { words[4 + i as usize] } else { 0 }
    };
    let int: String = (0..=weight.max(0)).rev().map(|w| format!("{:04}", group(w))).collect();
    let mut frac: String = (1..=scale as i64 / 4 + 1).map(|w| format!("{:04}", group(-w))).collect();
    assert!(frac[scale..].bytes().all(|b| b == b'0'), "digits behind the scale");
    frac.truncate(scale);
    let int = int.trim_start_matches('0');
    let int = if int.is_empty() { "0" } else { int };
    let point = if scale > 0 { "." } else { "" };
    format!("{}{int}{point}{frac}", if sign == NEGATIVE { "-" } else { "" })
}

#[test]
fn texts_keep_value_and_scale() {
    let cases = [
        ("0", "0"),
        ("-0.00", "0.00"),
        ("007.50", "7.50"),
        ("+.5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1.50e1", "15.0"),
        ("1E-5", "0.00001"),
        ("10000", "10000"),
        ("-123456789.000012340", "-123456789.000012340"),
    ];
    for (text, expected) in cases {
        assert_eq!(decoded(&encoded(text).unwrap()), expected, "{text}");
    }
}

#[test]
fn other_texts_are_refused() {
    for text in
        ["", "abc", "12,5", "-", ".", "1e", "1e+", " 1", "1 ", "0x10", "1_000", "NaN", "Infinity", "1.2.3"]
    {
        let mut out = vec![7];
        assert_eq!(from_text(&mut out, text), None, "{text}");
        assert_eq!(out, [7]);
    }
}

#[test]
fn limits_are_postgres_limits() {
    assert!(encoded(&"9".repeat(131_072)).is_some());
    assert!(encoded(&"9".repeat(131_073)).is_none());
    assert!(encoded("1e131071").is_some());
    assert!(encoded("1e131072").is_none());
    assert!(encoded("1e-16383").is_some());
    assert!(encoded("1e-16384").is_none());
    assert!(encoded("1e99999999999999999999").is_none());
    assert!(encoded("0e99999999999999999999").is_some());
}

#[test]
fn same_value_sees_through_the_spelling() {
    assert!(same_value("12.50", "1.25e1"));
    assert!(!same_value("0.1", "0.10000000000000001"));
    assert!(!same_value("abc", "abc"));
}

proptest! {
    #[test]
    fn any_decimal_reads_back(negative: bool, int in "[1-9][0-9]{0,60}", frac in "[0-9]{0,60}") {
        let point = if frac.is_empty() { "" } else { "." };
        let text = format!("{}{int}{point}{frac}", if negative { "-" } else { "" });
        prop_assert_eq!(decoded(&encoded(&text).unwrap()), text);
    }

    #[test]
    fn an_exponent_moves_the_point(digits in "[1-9][0-9]{0,30}", exponent in -40i64..40) {
        let shifted = if exponent >= 0 {
            format!("{digits}{}", "0".repeat(exponent as usize))
        } else {
            let n = (-exponent) as usize;
            let padded = format!("{}{digits}", "0".repeat((n + 1).saturating_sub(digits.len())));
            format!("{}.{}", &padded[..padded.len() - n], &padded[padded.len() - n..])
        };
        prop_assert_eq!(decoded(&encoded(&format!("{digits}e{exponent}")).unwrap()), shifted);
    }

    #[test]
    fn integers_equal_their_text(value: i64) {
        let mut out = Vec::new();
        from_i64(&mut out, value);
        prop_assert_eq!(Some(out), encoded(&value.to_string()));
    }

    #[test]
    fn doubles_read_back(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let mut out = Vec::new();
        from_f64(&mut out, value);
        prop_assert_eq!(decoded(&out).parse::<f64>().unwrap(), value);
    }
}

#[test]
fn extents_are_those_of_digits_that_count() {
    for (text, expected) in [
        ("1.50", (0, -1)),
        ("-1230.50", (3, -1)),
        ("100", (2, 2)),
        ("1e-3", (-3, -3)),
        ("1.5e1", (1, 0)),
        ("10e-1", (0, 0)),
        ("0.001", (-3, -3)),
        ("-2.", (0, 0)),
        ("007", (0, 0)),
    ] {
        assert_eq!(extent(text.as_bytes()), Some(expected), "{text}");
    }
    for text in ["0.00", "", "abc", "NaN", "1,5"] {
        assert_eq!(extent(text.as_bytes()), None, "{text}");
    }
}
