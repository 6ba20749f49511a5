//! A client of the API that signs in and sends what a test says.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use sync_testing::sheets::{Google, Workbook};
use ureq::Agent;

pub(crate) const FULL: &str = "https://www.googleapis.com/auth/spreadsheets";

/// A server, and a client with a token of it.
pub(crate) struct Client {
    pub(crate) google: Google,
    pub(crate) token: String,
    agent: Agent,
}

/// Status and body of an answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) json: Value,
    pub(crate) retry_after: Option<String>,
}

impl Reply {
    pub(crate) fn message(&self) -> &str {
        self.json["error"]["message"].as_str().unwrap_or_else(|| panic!("no error: {self:?}"))
    }
}

pub(crate) fn agent() -> Agent {
    let config =
        Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(10)));
    config.build().into()
}

pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(now.as_secs()).expect("seconds fit")
}

/// The claims of a usual request for a token.
pub(crate) fn claims(google: &Google, scope: &str) -> Value {
    let key: Value = google.key_json().parse().expect("JSON");
    json!({
        "iss": key["client_email"], "aud": key["token_uri"], "scope": scope, "iat": now(), "exp": now() + 3600,
    })
}

/// A signed request for a token, and its base64 with padding.
pub(crate) fn sign(google: &Google, claims: &Value) -> String {
    let key: Value = google.key_json().parse().expect("JSON");
    let pem = key["private_key"].as_str().expect("a PEM");
    let der: String = pem.lines().filter(|l| !l.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(der).expect("base64")).expect("an RSA key");
    let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
    let signed = format!("{}.{}", encode(&json!({ "alg": "RS256", "typ": "JWT" })), encode(claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .expect("a key that signs");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Asks for a token with this assertion.
pub(crate) fn ask(google: &Google, assertion: &str) -> Reply {
    let url = format!("{}token", google.url());
    let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)];
    reply(agent().post(url).send_form(form)).expect("an answer")
}

fn reply(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Reply, ureq::Error> {
    let mut answer = answer?;
    let retry_after = answer.headers().get("retry-after").map(|v| v.to_str().expect("ASCII").to_owned());
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(100_000_000).read_to_string()?;
    let json = body.parse().unwrap_or(Value::String(body));
    Ok(Reply { status, json, retry_after })
}

impl Client {
    pub(crate) fn new() -> Client {
        Client::of(Google::start(), FULL)
    }

    pub(crate) fn of(google: Google, scope: &str) -> Client {
        let reply = ask(&google, &sign(&google, &claims(&google, scope)));
        let token = reply.json["access_token"].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned();
        google.forget_calls();
        Client { google, token, agent: agent() }
    }

    /// The address of this path behind the workbook's id.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}v4/spreadsheets/{}{path}", self.google.url(), self.google.workbook())
    }

    pub(crate) fn try_get(&self, path: &str) -> Result<Reply, ureq::Error> {
        let request = self.agent.get(self.address(path));
        reply(request.header("Authorization", format!("Bearer {}", self.token)).call())
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.try_get(path).expect("an answer")
    }

    pub(crate) fn try_post(&self, path: &str, body: &str) -> Result<Reply, ureq::Error> {
        let request = self.agent.post(self.address(path)).header("Content-Type", "application/json");
        reply(request.header("Authorization", format!("Bearer {}", self.token)).send(body))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.try_post(path, &body.to_string()).expect("an answer")
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Reply {
        let request = self.agent.put(self.address(path)).header("Content-Type", "application/json");
        reply(request.header("Authorization", format!("Bearer {}", self.token)).send(body.to_string()))
            .expect("an answer")
    }

    /// Sends a batch that has to work, and gives its replies.
    pub(crate) fn batch(&self, requests: Value) -> Value {
        let reply = self.post(":batchUpdate", &json!({ "requests": requests }));
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json["replies"].clone()
    }

    /// Sends a batch that has to be refused with 400, and gives the sentence.
    pub(crate) fn refused(&self, requests: Value) -> String {
        let reply = self.post(":batchUpdate", &json!({ "requests": requests }));
        assert_eq!(
            (reply.status, &reply.json["error"]["status"]),
            (400, &json!("INVALID_ARGUMENT")),
            "{reply:?}"
        );
        reply.message().to_owned()
    }

    /// Has the workbook's owner make changes.
    pub(crate) fn edit(&self, requests: Value) -> Value {
        self.google.edit(&self.google.workbook(), requests).expect("the owner may do this")
    }

    pub(crate) fn book(&self) -> Workbook {
        self.google.read(&self.google.workbook())
    }
}

/// A request that writes values from a cell on; texts that begin with `=` are formulas.
pub(crate) fn write(sheet: i64, row: usize, column: usize, rows: &Value) -> Value {
    json!({ "updateCells": {
        "start": { "sheetId": sheet, "rowIndex": row, "columnIndex": column },
        "rows": typed(rows),
        "fields": "userEnteredValue",
    } })
}

/// Rows of plain values as the API has them.
pub(crate) fn typed(rows: &Value) -> Value {
    let cell = |v: &Value| match v {
        Value::Null => json!({}),
        Value::Number(_) => json!({ "userEnteredValue": { "numberValue": v } }),
        Value::Bool(_) => json!({ "userEnteredValue": { "boolValue": v } }),
        Value::String(t) if t.starts_with('=') => json!({ "userEnteredValue": { "formulaValue": v } }),
        v => json!({ "userEnteredValue": { "stringValue": v } }),
    };
    let row =
        |r: &Value| json!({ "values": r.as_array().expect("a row").iter().map(cell).collect::<Vec<_>>() });
    rows.as_array().expect("rows").iter().map(row).collect()
}

/// A range of cells; ends are not part of it.
pub(crate) fn range(sheet: i64, rows: (i64, i64), columns: (i64, i64)) -> Value {
    json!({
        "sheetId": sheet, "startRowIndex": rows.0, "endRowIndex": rows.1,
        "startColumnIndex": columns.0, "endColumnIndex": columns.1,
    })
}
