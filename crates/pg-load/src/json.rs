//! JSON text as `jsonb` takes it: what the server would object to, and escapes that it cannot store.

use std::borrow::Cow;
use std::str;

use crate::numeric;

/// What PostgreSQL objects to in text that is JSON.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) nul: bool,
    pub(crate) lone_surrogate: bool,
    pub(crate) huge_number: bool,
    pub(crate) depth: usize,
}

/// Looks through text that is known to be JSON.
pub(crate) fn scan(json: &str) -> Found {
    let bytes = json.as_bytes();
    let mut found = Found::default();
    let (mut i, mut depth) = (0, 0usize);
    while let Some(&byte) = bytes.get(i) {
        match byte {
            b'"' => i = scan_string(bytes, i + 1, &mut found),
            b'-' | b'0'..=b'9' => {
                let rest = &bytes[i..];
                let in_number = |b: &&u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let n = rest.iter().take_while(in_number).count();
                // No number shorter than this is beyond numeric: that takes an exponent of five digits.
                if n >= 7 {
                    found.huge_number |= numeric::from_text(&mut Vec::new(), &json[i..i + n]).is_none();
                }
                i += n;
            }
            _ => {
                match byte {
                    b'[' | b'{' => depth += 1,
                    b']' | b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                found.depth = found.depth.max(depth);
                i += 1;
            }
        }
    }
    found
}

/// Looks through a string that begins at `i`; gives the place behind its closing quote.
fn scan_string(bytes: &[u8], mut i: usize, found: &mut Found) -> usize {
    let mut high = false;
    while let Some(&byte) = bytes.get(i) {
        let unit = if byte == b'\\' { code_unit(bytes, i) } else { None };
        let low = matches!(unit, Some(0xDC00..=0xDFFF));
        // A high half needs a low one right behind it, and a low one a high one right before.
        found.lone_surrogate |= high != low;
        high = is_high(unit);
        found.nul |= unit == Some(0);
        match (byte, unit) {
            (b'"', _) => return i + 1,
            (_, Some(_)) => i += 6,
            (b'\\', None) => i += 2,
            _ => i += 1,
        }
    }
    i
}

fn is_high(unit: Option<u16>) -> bool {
    matches!(unit, Some(0xD800..=0xDBFF))
}

/// The code unit that `\uXXXX` at `i` stands for; `None` for any other escape.
fn code_unit(bytes: &[u8], i: usize) -> Option<u16> {
    let digits = bytes.get(i + 1..i + 6)?.strip_prefix(b"u")?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// The JSON text without its `\u0000` escapes, which `jsonb` cannot store, and how many there were.
///
/// Only real escapes go: in `\\u0000` a backslash is escaped, and text follows. One behind the first half of a
/// surrogate pair stays, so that two halves which were apart do not become a character.
pub fn without_nul_escapes(json: &[u8]) -> (Cow<'_, [u8]>, usize) {
    let mut kept = Vec::new();
    let (mut n, mut copied, mut i) = (0, 0, 0);
    let mut high = false;
    while let Some(&byte) = json.get(i) {
        if byte != b'\\' {
            high = false;
            i += 1;
            continue;
        }
        let unit = code_unit(json, i);
        let end = (i + if unit.is_some() { 6 } else { 2 }).min(json.len());
        if unit == Some(0) && !high {
            kept.extend_from_slice(&json[copied..i]);
            copied = end;
            n += 1;
        } else {
            high = is_high(unit);
        }
        i = end;
    }
    if n == 0 {
        return (Cow::Borrowed(json), 0);
    }
    kept.extend_from_slice(&json[copied..]);
    (Cow::Owned(kept), n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_escapes_of_nul_go() {
        for (json, expected, n_expected) in [
            (r#""a\u0000b""#, r#""ab""#, 1),
            (r#"{"\u0000\u0000k": "\u0000"}"#, r#"{"k": ""}"#, 3),
            (r#""\\u0000""#, r#""\\u0000""#, 0),
            (r#""\\\u0000""#, r#""\\""#, 1),
            (r#""\u00001""#, r#""1""#, 1),
            (r#""\u0001\u000a u0000 \n""#, r#""\u0001\u000a u0000 \n""#, 0),
            (r#""\ud83d\ude00\u0000""#, r#""\ud83d\ude00""#, 1),
            // Halves that were apart stay apart: the encoder refuses them.
            (r#""\ud83d\u0000\ude00""#, r#""\ud83d\u0000\ude00""#, 0),
            ("", "", 0),
            ("\"\\", "\"\\", 0),
        ] {
            let (kept, n) = without_nul_escapes(json.as_bytes());
            assert_eq!((str::from_utf8(&kept).unwrap(), n), (expected, n_expected), "{json}");
            assert_eq!(matches!(kept, Cow::Borrowed(_)), n_expected == 0);
        }
    }
}
