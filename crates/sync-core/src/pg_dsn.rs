//! Reading connection strings: `host=… dbname=… password='…'`.

use anyhow::Result;

use crate::pg_settings::PgSettings;
use crate::pg_url::not_a_url;

/// The settings in a connection string, as libpq reads it.
pub(crate) fn from_dsn(text: &str) -> Result<PgSettings> {
    let mut settings = PgSettings::default();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(not_a_url)?;
        let name = name.trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(not_a_url());
        }
        let (value, after) = dsn_value(after.trim_start()).ok_or_else(not_a_url)?;
        settings.set(name, &value)?;
        rest = after.trim_start();
    }
    Ok(settings)
}

/// The value at the start of `text`, and what follows; quoted with `'`, escaped with `\`.
fn dsn_value(text: &str) -> Option<(String, &str)> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            '\'' if quoted => return Some((value, &text[at + 1..])),
            c if c.is_whitespace() && !quoted => return Some((value, &text[at..])),
            c => value.push(c),
        }
    }
    (!quoted).then_some((value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn values() {
        assert_eq!(dsn_value("a b"), Some(("a".into(), " b")));
        assert_eq!(dsn_value("'a b\\'' c"), Some(("a b'".into(), " c")));
        assert_eq!(dsn_value("'open"), None);
        assert_eq!(dsn_value("end\\"), None);
    }

    #[test]
    fn connection_strings() {
        let read = |dsn: &str| {
            let settings = from_dsn(dsn).unwrap();
            let password = settings.password.as_ref().map(|p| p.expose_secret().to_owned());
            (password.unwrap_or_default(), PgSettings { user: None, ..settings }.display())
        };
        let cases = [
            ("host=h dbname=d user=u password='p w\\'s'", "p w's", "h:5432/d"),
            ("host = h  port=1 dbname='' password=a\\ b=c", "a b=c", "h:1/"),
            ("host=h password=x://y", "x://y", "h:5432/"),
        ];
        for (dsn, password, place) in cases {
            assert_eq!(read(dsn), (password.into(), place.into()), "{dsn}");
        }
    }
}
