//! Our secrets, as a server may send them back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use sync_core::percent;

use crate::settings::Settings;

/// What is hidden in a server's words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mask {
    /// The longest first: one may be a part of another.
    secrets: Vec<SecretString>,
}

impl Mask {
    /// Hides the token, and what stands before the `@` of the server's URL.
    pub(crate) fn new(settings: &Settings) -> Mask {
        let token = settings.token.as_ref().map(|token| token.expose_secret());
        let userinfo = settings.backend.split_once("://").and_then(|(_, rest)| {
            let authority = rest.split('/').next().unwrap_or_default();
            Some(authority.rsplit_once('@')?.0)
        });
        Mask::of(token, userinfo)
    }

    fn of(token: Option<&str>, userinfo: Option<&str>) -> Mask {
        let mut secrets: Vec<String> = token.map(ToOwned::to_owned).into_iter().collect();
        for userinfo in
            userinfo.into_iter().flat_map(|encoded| [encoded.to_owned(), percent::decode(encoded)])
        {
            secrets.push(STANDARD.encode(&userinfo));
            secrets.extend(userinfo.split_once(':').map(|(_, password)| password.to_owned()));
            secrets.push(userinfo);
        }
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Mask { secrets: secrets.into_iter().map(Into::into).collect() }
    }

    /// The text without them.
    pub(crate) fn hide(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), "***"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_in_every_form_in_which_they_were_sent() {
        let mask = Mask::of(Some("t0ken"), Some("me:hunt%C3%A9r2"));
        let basic = STANDARD.encode("me:huntér2");
        let text = format!("Bearer t0ken, Basic {basic}, me:hunt%C3%A9r2, huntér2 and nothing else");
        assert_eq!(mask.hide(&text), "Bearer ***, Basic ***, ***, *** and nothing else");
        assert_eq!(Mask::of(None, None).hide("as it is"), "as it is");
        assert_eq!(Mask::of(None, Some("me")).hide("me"), "***");
    }
}
