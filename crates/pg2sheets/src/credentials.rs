//! The service account's key.

use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sync_core::env::Env;
use sync_core::fault::Fault;
use yup_oauth2::ServiceAccountKey;

const HOW: &str = "make a key of type JSON under IAM & Admin > Service Accounts > Keys in Google's console; \
    `base64 -w0 key.json` gives GOOGLE_CREDENTIALS_BASE64, or set GOOGLE_APPLICATION_CREDENTIALS to the file's path";

/// Padding or none.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key, from base64 or from a file; it is never written anywhere.
///
/// # Errors
/// A configuration fault that says what is missing; it never shows the key.
pub(crate) fn load(base64: Option<&str>, path: Option<&Path>) -> Result<ServiceAccountKey> {
    let (json, from) = match (base64, path) {
        (Some(_), Some(_)) => {
            return Err(Fault::config(
                "GOOGLE_CREDENTIALS_BASE64 and GOOGLE_APPLICATION_CREDENTIALS are both set",
                "unset one of them",
            ));
        }
        (Some(text), None) => (decode(text)?, "GOOGLE_CREDENTIALS_BASE64".to_owned()),
        (None, Some(path)) => {
            let from = format!("GOOGLE_APPLICATION_CREDENTIALS, {}", path.display());
            let read = std::fs::read(path);
            (
                read.map_err(|error| {
                    Fault::config(format!("{from}: {error}"), "check the path and its rights")
                })?,
                from,
            )
        }
        (None, None) => {
            return Err(Fault::config("there is no key: GOOGLE_CREDENTIALS_BASE64 is not set", HOW));
        }
    };
    parse(&json).map_err(|why| Fault::config(format!("{from}: {why}"), HOW))
}

/// What the settings say; a flag wins over the environment.
pub(crate) fn from_env(flag: Option<&Path>, env: &Env) -> Result<ServiceAccountKey> {
    if let Some(path) = flag {
        return load(None, Some(path));
    }
    let path = env.get("GOOGLE_APPLICATION_CREDENTIALS")?;
    load(env.get("GOOGLE_CREDENTIALS_BASE64")?.as_deref(), path.as_deref().map(Path::new))
}

/// Base64 of either alphabet with line breaks wherever a shell or a form put them.
fn decode(text: &str) -> Result<Vec<u8>> {
    if text.trim_start().starts_with('{') {
        return Ok(text.as_bytes().to_vec());
    }
    let clean: String = text
        .replace("\\n", "")
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\''))
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            other => other,
        })
        .collect();
    LENIENT
        .decode(clean)
        .map_err(|_| Fault::config("GOOGLE_CREDENTIALS_BASE64 is no base64, or a part of it is missing", HOW))
}

fn parse(json: &[u8]) -> Result<ServiceAccountKey, String> {
    let mut value: serde_json::Value =
        serde_json::from_slice(json).map_err(|_| "this is no JSON, or a part of it is missing".to_owned())?;
    let kind = value["type"].as_str();
    if value.get("installed").is_some() || value.get("web").is_some() {
        return Err("this is an OAuth client, not the key of a service account".to_owned());
    }
    if kind.is_some_and(|kind| kind != "service_account") {
        return Err(format!("this is of type {}, not of a service account", kind.unwrap_or_default()));
    }
    for field in ["client_email", "private_key", "token_uri"] {
        if value[field].as_str().unwrap_or_default().trim().is_empty() {
            return Err(format!("the key has no {field}"));
        }
    }
    // Of a file that went through a shell or a form.
    if let Some(key) = value["private_key"].as_str().filter(|key| key.contains("\\n")) {
        value["private_key"] = key.replace("\\n", "\n").into();
    }
    serde_json::from_value(value).map_err(|_| "a field of the key is of the wrong type".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
    use sync_core::exit::Exit;
    use sync_core::fault;

    const KEY: &str = r#"{"type":"service_account","client_email":"a@b","private_key":"geheim??>>","token_uri":"https://t"}"#;

    #[test]
    fn base64_as_people_paste_it() {
        let standard = BASE64_STANDARD.encode(KEY);
        let broken = format!("\"{}\\n{}\n\n\"", &standard[..20], &standard[20..]);
        for text in [standard.as_str(), &broken, &BASE64_URL_SAFE_NO_PAD.encode(KEY), KEY] {
            assert_eq!(load(Some(text), None).unwrap().client_email, "a@b");
        }
    }

    #[test]
    fn a_key_whose_line_breaks_were_escaped_once_more_is_mended() {
        let key =
            r#"{"client_email":"a@b","private_key":"-----BEGIN-----\\nabc\\n","token_uri":"https://t"}"#;
        assert_eq!(load(Some(key), None).unwrap().private_key, "-----BEGIN-----\nabc\n");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_key() {
        let cut = &BASE64_STANDARD.encode(KEY)[..40];
        for (text, why) in [
            (cut, "no JSON"),
            ("§", "no base64"),
            ("{}", "no client_email"),
            (r#"{"installed":{}}"#, "an OAuth client"),
            (r#"{"type":"authorized_user"}"#, "of type authorized_user"),
            (r#"{"client_email":"a@b","private_key":"","token_uri":"x"}"#, "no private_key"),
        ] {
            let error = load(Some(text), None).unwrap_err();
            assert_eq!(fault::verdict(&error).exit, Exit::Config);
            assert!(error.to_string().contains(why), "{error}");
            assert!(!fault::describe(&error).contains("geheim"));
        }
    }
}
