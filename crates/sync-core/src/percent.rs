//! Percent-encoding in URLs that people write.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Undoes percent-encoding; a `%` that begins no code stands for itself, as in a raw password.
pub fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn percent_codes() {
        let cases = [
            ("a%40b", "a@b"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%C3%A9", "é"),
            ("%+1é", "%+1é"),
            ("%ff", "%ff"),
        ];
        for (text, plain) in cases {
            assert_eq!(decode(text), plain);
        }
    }
}
