//! The language of what people see: French, as it has always been, unless the environment names another.

use anyhow::Result;
use sync_core::env::Env;
use sync_core::fault::Fault;

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lang {
    /// French.
    #[default]
    Fr,
    /// English.
    En,
}

impl Lang {
    /// The language that is asked for, or that of the environment.
    ///
    /// # Errors
    /// A configuration fault for a language that there is not.
    pub(crate) fn choose(asked: Option<&str>, env: &Env) -> Result<Lang> {
        if let Some(asked) = asked {
            return match asked.to_lowercase().as_str() {
                "fr" => Ok(Lang::Fr),
                "en" => Ok(Lang::En),
                _ => Err(Fault::config(format!("--lang (SYNC_LANG): {asked} is unknown"), "write fr or en")),
            };
        }
        for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
            if let Some(locale) = env.get(name)? {
                return Ok(of_locale(&locale));
            }
        }
        Ok(Lang::Fr)
    }

    /// The one of two texts that is in this language.
    pub(crate) fn of<T>(self, french: T, english: T) -> T {
        match self {
            Lang::Fr => french,
            Lang::En => english,
        }
    }
}

fn of_locale(locale: &str) -> Lang {
    let language = locale.split(['_', '.', '@']).next().unwrap_or_default();
    match language.to_lowercase().as_str() {
        "" | "c" | "posix" | "fr" => Lang::Fr,
        _ => Lang::En,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_unless_another_language_is_named() {
        let of =
            |pairs: &[(&str, &str)]| Lang::choose(None, &Env::from_pairs(pairs.iter().copied())).unwrap();
        assert_eq!(of(&[]), Lang::Fr);
        for locale in ["C", "POSIX", "C.UTF-8", "fr_FR.UTF-8", "fr", "fr_CA@euro", ""] {
            assert_eq!(of(&[("LANG", locale)]), Lang::Fr, "{locale}");
        }
        for locale in ["en_GB.UTF-8", "de_DE", "en"] {
            assert_eq!(of(&[("LANG", locale)]), Lang::En, "{locale}");
        }
        assert_eq!(of(&[("LC_ALL", "fr_FR"), ("LANG", "en_US")]), Lang::Fr);
        assert_eq!(of(&[("LC_ALL", ""), ("LANG", "en_US")]), Lang::En);
        let env = Env::from_pairs([("LANG", "fr_FR")]);
        assert_eq!(Lang::choose(Some("EN"), &env).unwrap(), Lang::En);
        assert!(Lang::choose(Some("de"), &env).is_err());
    }
}
