//! Double-encoded UTF-8: text that was UTF-8, was read as windows-1252 or ISO-8859-1, and was written as UTF-8 again.
//!
//! `Planifiée` has become `PlanifiÃ©e`. It is undone sequence by sequence, because in one value broken text can stand
//! beside clean text; and only for sequences that clean French or German does not have:
//!
//! | first character | followed by | becomes |
//! |---|---|---|
//! | `Ã` | one that stood for a byte 80–BF | `À` to `ÿ` |
//! | `Â` | one that stood for a byte A0–BF | no-break space, `°`, `»` and the others up to `¿` |
//! | `Å` | one | `Œ œ Š š Ÿ Ž ž` alone |
//! | `â` | two | `’ “ – … € ™ → ≤ ● ♥ ⚠` and their neighbours |
//! | `ð` | three | emoji, and all from U+10000 to U+3FFFF |
//!
//! Deliberately not repaired:
//! - sequences led by `É Ä Ö Ü Î È` and other letters of clean text: `É»`, `ÄŸ` and `Éœ` stay, and with them broken
//!   Polish, Greek, Cyrillic or Chinese;
//! - C1 controls (`Â` with U+0080–U+009F), which no text has;
//! - `â` followed by what may end a word or go on with it (`Œ œ Ÿ … ’ ” » ® °`, no-break space and others; a dash and a
//!   letter): so broken check marks (`âœ”`), fractions of thirds and eighths (`â…“`) and box drawings stay;
//! - a letter quoted by itself: `«Ã»`, `«Â»`;
//! - a sequence that is read half as windows-1252 and half as ISO-8859-1.
//!
//! Nobody can tell `Â°` for `°` from `Â` followed by `°`. No word of French or German ends in `Â`, nor has either language
//! `Ã` or `Å`, so these count as broken; Portuguese in capitals (`IRMÃ…`) is read wrong when typographic punctuation
//! follows its `Ã` at once, as is Danish in capitals (`PÅ’`).

use std::sync::LazyLock;

use encoding_rs::WINDOWS_1252;

/// What follows `â` for punctuation, currencies, arrows, mathematical and other signs, beside dashes and controls.
const SECOND: &str = "€‚„†‡ˆ‰˜™šž¬\u{ad}";

/// The first byte of each of the first characters.
const FIRST: u8 = 0xC3;

/// What windows-1252 makes of the bytes 80–9F; five of them it has not, and they are the C1 controls themselves.
static HIGH: LazyLock<[char; 32]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let byte = [0x80 + i as u8];
        let (text, _) = WINDOWS_1252.decode_without_bom_handling(&byte);
        text.chars().next().unwrap_or(char::from(byte[0]))
    })
});

/// The text as it was before it was encoded twice or more; `None` when nothing in it is broken.
///
/// Encoding what is given back the same way gives the broken text again.
pub(crate) fn repair(text: &str) -> Option<String> {
    let mut repaired = repair_once(text)?;
    while let Some(better) = repair_once(&repaired) {
        repaired = better;
    }
    Some(repaired)
}

/// Whether any character is there that broken text begins with; one scan.
pub(crate) fn may_be_broken(bytes: &[u8]) -> bool {
    // The search for one byte is many times as fast as any other.
    bytes.contains(&FIRST) && next_first(bytes, 0).is_some()
}

/// The text in each spelling in which it may be found: its own, and those that double encoding makes of it.
pub(crate) fn spellings(text: &str) -> Vec<String> {
    let mut all = vec![text.to_owned()];
    for broken in [encode(text, high), encode(text, char::from)] {
        if !all.contains(&broken) {
            all.push(broken);
        }
    }
    all
}

/// The text's bytes, each as the character that it is in the encoding.
fn encode(text: &str, high: impl Fn(u8) -> char) -> String {
    text.bytes().map(|byte| if byte.is_ascii() { char::from(byte) } else { high(byte) }).collect()
}

fn high(byte: u8) -> char {
    let at = usize::from(byte).checked_sub(0x80);
    at.and_then(|i| HIGH.get(i).copied()).unwrap_or(char::from(byte))
}

fn repair_once(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if !bytes.contains(&FIRST) {
        return None;
    }
    let mut repaired = String::new();
    let (mut copied, mut from, mut n_expected) = (0, 0, 0);
    loop {
        // What follows a first character that was itself broken may be any that stands for a byte.
        let is_expected = n_expected > 0 && bytes.get(copied) == Some(&FIRST);
        let Some(at) = (if is_expected { Some(copied) } else { next_first(bytes, from) }) else { break };
        match sequence(&text[at..], is_expected) {
            Some((whole, n_bytes)) if !is_quoted(&text[copied..at], &text[at..]) => {
                repaired.reserve(if copied == 0 { text.len() } else { 0 });
                repaired.push_str(&text[copied..at]);
                repaired.push(whole);
                copied = at + n_bytes;
                from = copied;
                n_expected = n_following(whole).unwrap_or(if is_expected { n_expected - 1 } else { 0 });
            }
            _ => {
                from = at + 2;
                n_expected = 0;
            }
        }
    }
    if copied == 0 {
        return None;
    }
    repaired.push_str(&text[copied..]);
    Some(repaired)
}

/// How many characters follow the first of a broken sequence.
fn n_following(first: char) -> Option<usize> {
    match first {
        'Ã' | 'Â' | 'Å' => Some(1),
        'â' => Some(2),
        'ð' => Some(3),
        _ => None,
    }
}

/// Where the next of the characters `Ã Â Å â ð` is.
fn next_first(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + bytes[from..].iter().position(|byte| *byte == FIRST)?;
        if matches!(bytes.get(at + 1), Some(0x83 | 0x82 | 0x85 | 0xA2 | 0xB0)) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// A letter in quotation marks by itself: what is before ends with one, and the other follows the letter.
fn is_quoted(before: &str, here: &str) -> bool {
    before.ends_with('«') && here.chars().nth(1) == Some('»')
}

/// The character that a broken sequence at the text's beginning stands for, and how many bytes the sequence has.
fn sequence(text: &str, is_expected: bool) -> Option<(char, usize)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    let n = match first {
        // ƒ ˆ ˜
        'Æ' | 'Ë' if is_expected => 1,
        _ => n_following(first)?,
    };
    let mut found = ['\0'; 3];
    let mut bytes = [first as u8, 0, 0, 0];
    let mut encodings = Encodings::default();
    for i in 0..n {
        found[i] = chars.next()?;
        bytes[i + 1] = encodings.byte(found[i])?;
    }
    let whole = std::str::from_utf8(&bytes[..=n]).ok()?.chars().next()?;
    let n_bytes = text.len() - chars.as_str().len();
    let stands_for_a_byte = || is_expected && Encodings::default().byte(whole).is_some();
    (encodings.is_one() && (is_broken(first, found, whole) || stands_for_a_byte()))
        .then_some((whole, n_bytes))
}

/// Which encodings a sequence may have been read as.
struct Encodings {
    windows: bool,
    iso: bool,
}

impl Default for Encodings {
    fn default() -> Encodings {
        Encodings { windows: true, iso: true }
    }
}

impl Encodings {
    /// The byte 80–BF that a character stood for.
    fn byte(&mut self, c: char) -> Option<u8> {
        match c {
            '\u{a0}'..='\u{bf}' => Some(c as u8),
            '\u{80}'..='\u{9f}' => {
                self.windows &= high(c as u8) == c;
                Some(c as u8)
            }
            _ => {
                self.iso = false;
                HIGH.iter().position(|known| *known == c).map(|i| 0x80 + i as u8)
            }
        }
    }

    fn is_one(&self) -> bool {
        self.windows || self.iso
    }
}

/// Whether clean text does not have this sequence.
fn is_broken(first: char, found: [char; 3], whole: char) -> bool {
    let is_letter = |c: char| matches!(c, 'Œ' | 'œ' | 'Ÿ');
    match first {
        'Â' => whole >= '\u{a0}',
        'Å' => matches!(whole, 'Œ' | 'œ' | 'Š' | 'š' | 'Ÿ' | 'Ž' | 'ž'),
        'â' => match found[0] {
            '–' | '—' => !is_letter(found[1]),
            second => matches!(second, '\u{80}'..='\u{9f}') || SECOND.contains(second),
        },
        'Ã' | 'ð' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
