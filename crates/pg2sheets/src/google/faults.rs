//! What Google's errors mean, and what a person can do about them.

use serde::Deserialize;
use sync_core::fault::Fault;
use yup_oauth2::error::AuthErrorCode;

/// What a 403 says that means 429.
const LIMITS: [&str; 4] =
    ["RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", "rateLimitExceeded", "userRateLimitExceeded"];

/// Who asks for what, for advice.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    /// The service account's address.
    pub(crate) email: String,
    /// The workbook.
    pub(crate) spreadsheet: String,
}

/// The body of an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    error: Error,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Error {
    message: String,
    status: String,
    details: Vec<serde_json::Value>,
    /// As older parts of Google write them.
    errors: Vec<serde_json::Value>,
}

/// What an answer other than 200 means for a call.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The token is not taken; a new one may be.
    Token(String),
    /// Too many calls: nothing was done.
    TooMany(String),
    /// The server has no time; a change may have been made.
    Busy(String),
    /// The request is wrong: nothing was done.
    Rejected(String),
    /// Somebody has to do something first.
    Fatal(anyhow::Error),
}

impl Who {
    /// Address of the workbook for a browser.
    pub(crate) fn url(&self) -> String {
        format!("https://docs.google.com/spreadsheets/d/{}", self.spreadsheet)
    }

    /// What the answer means.
    pub(crate) fn refusal(&self, status: u16, body: &[u8], is_write: bool) -> Refusal {
        let error = serde_json::from_slice::<Body>(body).unwrap_or_default().error;
        let message = match error.message.split_whitespace().collect::<Vec<_>>().join(" ") {
            text if text.is_empty() => format!("HTTP {status}"),
            text => text,
        };
        match status {
            401 => Refusal::Token(message),
            429 => Refusal::TooMany(message),
            408 | 409 | 500.. => Refusal::Busy(message),
            403 if error.is_about("SERVICE_DISABLED") || error.is_about("accessNotConfigured") => {
                Refusal::Fatal(disabled(&error))
            }
            // Old projects are told so when calls are too many.
            403 if LIMITS.iter().any(|reason| error.is_about(reason)) => Refusal::TooMany(message),
            403 => Refusal::Fatal(self.forbidden(&message, is_write)),
            404 => Refusal::Fatal(Fault::config(
                format!("there is no workbook with the id {}", self.spreadsheet),
                "GOOGLE_SPREADSHEET_ID is the part of the workbook's URL between /d/ and /edit",
            )),
            400 if message.contains("not supported for this document") => Refusal::Fatal(Fault::config(
                "this document is no Google workbook: an Excel file, perhaps",
                "open it in Google Sheets, choose File > Save as Google Sheets, and take the id of what it makes",
            )),
            300..=399 => Refusal::Busy(format!("HTTP {status}: something on the way sends us elsewhere")),
            _ => Refusal::Rejected(message),
        }
    }

    fn forbidden(&self, message: &str, is_write: bool) -> anyhow::Error {
        let (may_not, role) = match is_write {
            true => ("may read this workbook but not change it", "as an Editor, not as a Viewer"),
            false => ("may not open this workbook", "as an Editor"),
        };
        Fault::config(
            format!("{} {may_not}: {message}", self.email),
            format!("open {}, choose Share, and add {} {role}", self.url(), self.email),
        )
    }
}

impl Error {
    /// Whether a detail gives this reason, or the status does.
    fn is_about(&self, reason: &str) -> bool {
        let is_it = |detail: &serde_json::Value| {
            detail["reason"] == reason || detail["errors"][0]["reason"] == reason
        };
        self.status == reason || self.details.iter().chain(&self.errors).any(is_it)
    }
}

fn disabled(error: &Error) -> anyhow::Error {
    let url = error.details.iter().find_map(|detail| {
        let link = detail["links"][0]["url"].as_str();
        link.or_else(|| detail["metadata"]["activationUrl"].as_str())
    });
    let url = url.unwrap_or("https://console.cloud.google.com/apis/library/sheets.googleapis.com");
    Fault::config(
        "the Google Sheets API is not enabled in the key's project",
        format!("open {url}, press Enable, and wait a minute"),
    )
}

/// What an answer of the token endpoint means.
pub(crate) fn token(error: yup_oauth2::Error, who: &Who) -> anyhow::Error {
    use yup_oauth2::Error as E;
    match error {
        E::AuthError(refused) => refused_token(&refused, who),
        E::UserError(text) => Fault::config(format!("the service account's key cannot be used: {text}"), ""),
        E::HttpError(error) => Fault::temporary(format!("ask Google for a token: {}", chain(&error)), ""),
        E::HttpClientError(error) => {
            Fault::temporary(format!("ask Google for a token: {}", chain(&error)), "")
        }
        E::JSONError(_) | E::MissingAccessToken => Fault::temporary(
            "what answers for a token is not Google",
            "a login page on the way, perhaps: try the key's token_uri in a browser",
        ),
        other => Fault::failed(format!("ask Google for a token: {other}"), ""),
    }
}

fn refused_token(refused: &yup_oauth2::error::AuthError, who: &Who) -> anyhow::Error {
    let text = refused.error_description.as_deref().unwrap_or_else(|| refused.error.as_str());
    let text = format!("Google gives {} no token: {text}", who.email);
    let is_clock = text.contains("reasonable timeframe") || text.contains("iat and exp");
    match &refused.error {
        _ if is_clock => {
            let now = jiff::Timestamp::now();
            let hint = format!("the clock of this machine says {now:.0}: set it (timedatectl set-ntp true)");
            Fault::config(text, hint)
        }
        AuthErrorCode::InvalidGrant | AuthErrorCode::InvalidClient => Fault::config(
            text,
            "the key was deleted, or belongs to another account: make a new one under IAM & Admin > Service Accounts > Keys",
        ),
        // Of the server's own troubles.
        AuthErrorCode::Other(code)
            if matches!(
                code.as_str(),
                "internal_failure" | "temporarily_unavailable" | "rate_limit_exceeded"
            ) =>
        {
            Fault::temporary(text, "")
        }
        _ => Fault::config(text, "check the key's file"),
    }
}

/// An error with everything below it, on one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.contains(&line) {
            text = format!("{text}: {line}");
        }
        cause = error.source();
    }
    text
}

/// A new token is refused as well.
pub(crate) fn no_token(who: &Who, reason: &str) -> anyhow::Error {
    Fault::config(
        format!("Google does not know {} any more: {reason}", who.email),
        "the service account was deleted or disabled: look under IAM & Admin > Service Accounts",
    )
}
