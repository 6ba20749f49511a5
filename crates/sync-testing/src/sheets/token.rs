//! The token endpoint, and the tokens it has given.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::json;

use super::batch::ACCOUNT;

/// A private key in PEM; see its first line.
const KEY: &str = include_str!("key.pem");

/// Google's own endpoint, which is the audience of clients that do not look at the key file for it.
const GOOGLE: &str = "https://oauth2.googleapis.com/token";

/// How far iat and exp may be off.
const TOLERANCE_S: i64 = 300;
const LIFETIME_S: i64 = 3600;

/// Base64 of URLs, with padding or without.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a token is good for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) may_write: bool,
    until: Instant,
}

/// The account's key and its tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    url: String,
    public_key: Vec<u8>,
    given: HashMap<String, Token>,
    /// Seconds by which the endpoint's clock is ahead.
    pub(super) clock: i64,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    aud: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    iat: i64,
    #[serde(default)]
    exp: i64,
}

/// Error and description.
type Refused = (&'static str, &'static str);

impl Tokens {
    /// No tokens yet; `url` is the endpoint's own.
    pub(super) fn new(url: String) -> Tokens {
        let text: String = pem().lines().filter(|l| !l.starts_with('-')).collect();
        let der = STANDARD.decode(text).expect("the key is base64");
        let key = RsaKeyPair::from_pkcs8(&der).expect("the key is an RSA key");
        Tokens { url, public_key: key.public_key().as_ref().to_vec(), given: HashMap::new(), clock: 0 }
    }

    /// The account's key file.
    pub(super) fn key_json(&self) -> String {
        let json = json!({
            "type": "service_account",
            "project_id": "demo-project",
            "private_key_id": "0123456789abcdef0123456789abcdef01234567",
            "private_key": pem(),
            "client_email": ACCOUNT,
            "client_id": "123456789012345678901",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": self.url,
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": "https://www.googleapis.com/robot/v1/metadata/x509/sheets%40demo-project.iam.gserviceaccount.com",
            "universe_domain": "googleapis.com",
        });
        format!("{json:#}\n")
    }

    /// Answers a request for a token with a status and a body.
    pub(super) fn grant(&mut self, form: &str) -> (u16, String) {
        match self.check(form) {
            Ok(may_write) => {
                let token = format!(
                    "ya29.{}",
                    std::iter::repeat_with(fastrand::alphanumeric).take(48).collect::<String>()
                );
                let until = Instant::now() + Duration::from_secs(3600);
                self.given.insert(token.clone(), Token { may_write, until });
                let body = json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" });
                (200, body.to_string())
            }
            Err((error, why)) => (400, json!({ "error": error, "error_description": why }).to_string()),
        }
    }

    fn check(&self, form: &str) -> Result<bool, Refused> {
        let field =
            |name: &str| form.split('&').find_map(|f| f.strip_prefix(name)?.strip_prefix('=')).map(decoded);
        if field("grant_type").as_deref() != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
            return Err(("unsupported_grant_type", "Invalid grant_type"));
        }
        let assertion =
            field("assertion").ok_or(("invalid_request", "Missing required parameter: assertion"))?;
        let claims = self.claims(&assertion)?;
        if claims.iss != ACCOUNT {
            return Err(("invalid_grant", "Invalid grant: account not found"));
        }
        if claims.aud != self.url && claims.aud != GOOGLE {
            return Err(("invalid_grant", "Invalid JWT: Failed audience check."));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        let now = i64::try_from(now).expect("seconds fit") + self.clock;
        let is_timely = claims.iat <= now + TOLERANCE_S
            && claims.exp >= now - TOLERANCE_S
            && claims.exp <= now + LIFETIME_S + TOLERANCE_S
            && claims.exp - claims.iat <= LIFETIME_S;
        if !is_timely {
            return Err((
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check \
                 your iat and exp values in the JWT claim.",
            ));
        }
        let full = ["https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive"];
        let readonly = ["https://www.googleapis.com/auth/spreadsheets.readonly"];
        let asks = |scopes: &[&str]| claims.scope.split(' ').any(|s| scopes.contains(&s));
        match (asks(&full), asks(&readonly)) {
            (true, _) => Ok(true),
            (false, true) => Ok(false),
            _ => Err(("invalid_scope", "Invalid OAuth scope or ID token audience provided.")),
        }
    }

    fn claims(&self, assertion: &str) -> Result<Claims, Refused> {
        const WRONG: Refused = ("invalid_grant", "Invalid JWT Signature.");
        let (signed, signature) = assertion.rsplit_once('.').ok_or(WRONG)?;
        let (header, claims) = signed.split_once('.').ok_or(WRONG)?;
        let json = |part: &str| BASE64URL.decode(part).map_err(|_| WRONG);
        let header: serde_json::Value = serde_json::from_slice(&json(header)?).map_err(|_| WRONG)?;
        if header["alg"] != "RS256" {
            return Err(WRONG);
        }
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key);
        key.verify(signed.as_bytes(), &json(signature)?).map_err(|_| WRONG)?;
        serde_json::from_slice(&json(claims)?).map_err(|_| WRONG)
    }

    /// The token of an `Authorization`, if it is still good.
    pub(super) fn of(&self, authorization: Option<&str>) -> Option<Token> {
        let token = self.given.get(authorization?.strip_prefix("Bearer ")?)?;
        (token.until > Instant::now()).then_some(*token)
    }

    pub(super) fn revoke(&mut self) {
        self.given.clear();
    }
}

/// The key without the words before it.
fn pem() -> &'static str {
    KEY.find("-----BEGIN").map_or(KEY, |at| &KEY[at..])
}

/// A form's text: percent-encoded, with `+` for blanks.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}
