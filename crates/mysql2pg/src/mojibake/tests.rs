use super::*;
use proptest::prelude::*;

const FRENCH_AND_GERMAN: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\
     àâäæçéèêëîïôöœùûüÿßÀÂÄÆÇÉÈÊËÎÏÔÖŒÙÛÜŸẞ";

fn broken(text: &str) -> String {
    encode(text, high)
}

#[test]
fn broken_text_is_as_it_was() {
    for (text, expected) in [
        ("PlanifiÃ©e", "Planifiée"),
        ("Ã©tÃ©", "été"),
        ("â‚¬", "€"),
        ("lâ€™atelier", "l’atelier"),
        ("cÅ“ur", "cœur"),
        ("ðŸ˜€", "😀"),
        ("20Â°C", "20°C"),
        ("Â«\u{a0}textÂ\u{a0}Â»", "«\u{a0}text\u{a0}»"),
        ("Ã\u{a0}", "à"),
        ("NÂ°Â½", "N°½"),
        ("HÃ”TEL GRÃ–SSE StraÃŸe", "HÔTEL GRÖSSE Straße"),
        ("fenÃªtreÂ\u{a0}: 3", "fenêtre\u{a0}: 3"),
        ("â€œaâ€\u{9d} â€“ bâ€¦ â†’ â„¢ â—\u{8f} â™¥", "“a” – b… → ™ ● ♥"),
        ("Å\u{a0}Å¡Å½Å¾Å¸Å’", "ŠšŽžŸŒ"),
        ("PLANIFIÃ©E", "PLANIFIéE"),
    ] {
        assert_eq!(repair(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn bytes_read_as_iso_8859_1_are_their_own_controls() {
    assert_eq!(repair("l\u{e2}\u{80}\u{99}\u{c3}\u{89}t\u{c3}\u{a9}").as_deref(), Some("l’Été"));
    assert_eq!(repair("\u{f0}\u{9f}\u{98}\u{80}").as_deref(), Some("😀"));
    assert_eq!(repair("\u{e2}\u{9c}\u{94}").as_deref(), Some("✔"), "no letter there");
    assert_eq!(repair("â€\u{99}"), None, "half of each");
    assert_eq!(repair("Â\u{85}"), None, "a control");
}

#[test]
fn broken_text_beside_clean_text_is_repaired() {
    assert_eq!(repair("été, Ã©tÃ©, São").as_deref(), Some("été, été, São"));
    assert_eq!(repair("Ã, Â et â: PlanifiÃ©e").as_deref(), Some("Ã, Â et â: Planifiée"));
    assert_eq!(repair("âÃ¢â").as_deref(), Some("âââ"));
    assert_eq!(repair("ÃÃ©").as_deref(), Some("Ãé"));
}

#[test]
fn text_that_was_broken_again_and_again() {
    for text in ["Planifiée", "l’atelier à 20 €", "cœur 😀", "ŒUVRE", "«\u{a0}N°\u{a0}»", "→ “←”"]
    {
        let mut worse = text.to_owned();
        for _ in 0..4 {
            worse = broken(&worse);
            assert_eq!(repair(&worse).as_deref(), Some(text));
        }
    }
}

/// Also with every mark that may follow a word; only `Â` at a word's end before ° ® » and a no-break space is taken for
/// broken, as no word ends so.
#[test]
fn letters_side_by_side_are_clean() {
    let marks = ['…', '’', '”', '“', '»', '–', '—', '™', '®', '°', '\u{a0}', '€', '!', '.'];
    let mut text = String::new();
    for a in FRENCH_AND_GERMAN.chars() {
        for b in FRENCH_AND_GERMAN.chars() {
            text.clear();
            text.extend([a, b]);
            assert_eq!(repair(&text), None, "{text}");
            for mark in marks {
                text.truncate(a.len_utf8() + b.len_utf8());
                text.push(mark);
                let is_taken = b == 'Â' && matches!(mark, '»' | '®' | '°' | '\u{a0}');
                assert_eq!(repair(&text).is_some(), is_taken, "{text}");
            }
        }
    }
}

/// A closing mark, and what may come behind it: a word that ends so stays, whatever its last letter.
#[test]
fn words_that_end_with_two_marks_are_clean() {
    let (firsts, seconds) =
        (['…', '’', '”', '»', '\u{a0}', '®', '°'], ['…', '’', '”', '»', '–', '\u{a0}', '“', '!']);
    for letter in FRENCH_AND_GERMAN.chars().filter(|letter| *letter != 'Â') {
        for first in firsts {
            for second in seconds {
                let text = format!("{letter}{first}{second}");
                assert_eq!(repair(&text), None, "{text}");
            }
        }
    }
}

const CLEAN_WORDS: &[&str] = &[
    "São",
    "NÃO",
    "Ã",
    "Ã.",
    "«Ã»",
    "«Â»",
    "Âge",
    "âge",
    "château",
    "CHÂTEAU",
    "naïve",
    "CAFÉ»",
    "«RÉSUMÉ»",
    "ÉTÉ…",
    "L'ÉTÉ’",
    "20 °C",
    "20°C",
    "JÄ…",
    "Übergröße",
    "MÜLLER® Türen–Fenster",
    "Straße™",
    "Œuvre",
    "œuvre",
    "Été’",
    "À",
    "à\u{a0}",
    "Île",
    "ÎLE…",
    "É»",
    "ÄŸ",
    "Éœ",
    "âœ”",
    "«â»…",
    "â«…",
    "Ångström",
    "på",
    "Ægir",
    "ægir",
    "Þór",
    "ðegn",
    "Türen „Öffner“",
    "",
    "plain ASCII",
    "Zażółć gęślą jaźń",
    "Привет",
    "日本語",
    "5 €",
    "½ pouce",
    "« Hôtel »",
    "MAÇÃ",
    "â€",
    "Ã\n©",
    "ðŸ˜",
    "Å",
    "Å©",
    "Â",
    "Ç’",
    "Ë”",
    "Ï…",
];

#[test]
fn clean_words_stay() {
    for text in CLEAN_WORDS {
        assert_eq!(repair(text), None, "{text}");
        assert!(!text.is_ascii() || !may_be_broken(text.as_bytes()));
    }
}

#[test]
fn a_text_is_looked_for_in_each_spelling() {
    assert_eq!(spellings("cde Planifiée"), ["cde Planifiée", "cde PlanifiÃ©e"]);
    assert_eq!(spellings("l’été"), ["l’été", "lâ€™Ã©tÃ©", "l\u{e2}\u{80}\u{99}Ã©tÃ©"]);
    assert_eq!(spellings("plain"), ["plain"]);
    assert_eq!(spellings("É"), ["É", "Ã‰", "Ã\u{89}"]);
}

const REPAIRABLE: &str = "[ -~\u{a0}-\u{ff}ŒœŠšŸŽž–—‘’‚“”„†‡•…‰‹›€™→←≤●♥⚠😀🚪𝄞]{0,30}";
const CLEAN: &str =
    "[a-zA-Z0-9 .,;:!?()'\"/\nàâäæçéèêëîïôöœùûüÿßÀÄÆÇÉÈÊËÎÏÔÖŒÙÛÜŸẞ€°²µ«»–…’“”„™®\u{a0}]{0,60}";

proptest! {
    #[test]
    fn what_was_broken_once_or_twice_is_repaired(text in REPAIRABLE) {
        // Unless it looked broken before.
        prop_assume!(repair(&text).is_none());
        let once = broken(&text);
        let expected = (!text.is_ascii()).then_some(text.clone());
        prop_assert_eq!(repair(&once), expected.clone());
        prop_assert_eq!(repair(&broken(&once)), expected.clone());
        prop_assert_eq!(repair(&encode(&text, char::from)), expected.clone());
    }

    #[test]
    fn clean_text_is_never_touched(text in CLEAN) {
        // Nobody writes these, and `â€™` is an apostrophe.
        prop_assume!(!["â€", "â–", "â™", "â„"].iter().any(|pair| text.contains(pair)));
        prop_assert_eq!(repair(&text), None);
    }

    #[test]
    fn a_repair_shortens_and_is_final(text in "[Ã-ÅâðÀ-ÿ\u{80}-\u{bf}€’“”œŸ˜\u{9d}a]{0,12}") {
        if let Some(repaired) = repair(&text) {
            prop_assert!(repaired.chars().count() < text.chars().count());
            prop_assert_eq!(repair(&repaired), None);
        }
    }

    #[test]
    fn no_text_is_too_strange(text: String) {
        let _ = repair(&text);
    }
}
