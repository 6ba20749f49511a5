//! Who is let in.

use std::time::Instant;

use serde_json::{Value, json};
use sync_testing::sheets::{CallKind, Google, Options};

use crate::client::{Client, FULL, ask, claims, now, sign};

#[test]
fn token_request_is_checked() {
    let google = Google::start();
    let good = claims(&google, FULL);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        ask(&google, &sign(&google, &claims))
    };
    let reply = ask(&google, &sign(&google, &good));
    assert_eq!((reply.status, &reply.json["expires_in"]), (200, &json!(3599)));
    assert!(reply.json["access_token"].as_str().unwrap().starts_with("ya29."));
    assert_eq!(with("iss", json!("other@demo-project.iam.gserviceaccount.com")).status, 400);
    assert_eq!(with("aud", json!("https://example.com/token")).status, 400);
    assert_eq!(with("scope", json!("email")).json["error"], "invalid_scope");
    for (name, value) in [("iat", now() + 1000), ("exp", now() - 1000), ("exp", now() + 4000)] {
        let reply = with(name, json!(value));
        assert_eq!((reply.status, &reply.json["error"]), (400, &json!("invalid_grant")), "{name} {value}");
        assert!(reply.json["error_description"].as_str().unwrap().contains("reasonable timeframe"));
    }
}

#[test]
fn signature_is_checked_and_padding_does_not_matter() {
    let google = Google::start();
    let good = sign(&google, &claims(&google, FULL));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let padded = format!("{signed}.{signature}==");
    assert_eq!(ask(&google, &padded).status, 200);
    let other = sign(&google, &claims(&google, "x"));
    let forged = format!("{signed}.{}", other.rsplit_once('.').unwrap().1);
    assert_eq!(ask(&google, &forged).json["error_description"], "Invalid JWT Signature.");
    assert_eq!(ask(&google, "x").status, 400);
}

#[test]
fn clock_that_is_off_refuses_tokens() {
    let google = Google::start();
    for (offset, status) in [(200, 200), (-200, 200), (-1000, 400), (4500, 400), (0, 200)] {
        google.set_clock(offset);
        assert_eq!(ask(&google, &sign(&google, &claims(&google, FULL))).status, status, "{offset}");
    }
}

#[test]
fn without_a_token_there_is_no_access() {
    let mut client = Client::new();
    client.google.revoke_tokens();
    let reply = client.get("");
    assert_eq!((reply.status, &reply.json["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
    client.token = "ya29.mine".to_owned();
    assert_eq!(client.get("").status, 401);
}

#[test]
fn token_for_reading_does_not_write() {
    let client = Client::of(Google::start(), "https://www.googleapis.com/auth/spreadsheets.readonly");
    assert_eq!(client.get("").status, 200);
    let reply = client.post(":batchUpdate", &json!({ "requests": [{ "addSheet": {} }] }));
    assert_eq!(reply.status, 403);
    assert_eq!(reply.json["error"]["details"][0]["reason"], "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
    assert_eq!(client.post(":getByDataFilter", &json!({ "dataFilters": [] })).status, 200);
}

#[test]
fn unknown_and_unshared_workbooks() {
    let client = Client::new();
    let reply = client.get("x");
    assert_eq!((reply.status, reply.message()), (404, "Requested entity was not found."));
    client.google.unshare(&client.google.workbook());
    let reply = client.get("");
    assert_eq!((reply.status, reply.message()), (403, "The caller does not have permission"));
    assert_eq!(reply.json["error"]["status"], "PERMISSION_DENIED");
}

#[test]
fn disabled_api() {
    let client = Client::new();
    client.google.disable_api();
    let reply = client.get("");
    assert_eq!(reply.status, 403);
    let details = reply.json["error"]["details"].as_array().unwrap();
    assert!(details.iter().any(|d| d["reason"] == "SERVICE_DISABLED"), "{details:?}");
    assert!(details.iter().any(|d| d["links"][0]["url"].as_str().is_some()), "{details:?}");
}

#[test]
fn unknown_paths_are_pages() {
    let client = Client::new();
    for path in ["/nothing", "/values", ":nothing"] {
        let reply = client.get(path);
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.json.as_str().unwrap().contains("<!DOCTYPE html>"), "{path}");
    }
}

#[test]
fn quota_has_a_bucket_for_reads_and_one_for_writes() {
    let client = Client::new();
    client.google.set_quota(2, 1);
    let write = || client.post(":batchUpdate", &json!({ "requests": [{ "addSheet": {} }] }));
    assert_eq!([client.get("").status, client.get("").status, client.get("").status], [200, 200, 429]);
    assert_eq!(write().status, 200);
    let reply = write();
    assert_eq!((reply.status, &reply.json["error"]["status"]), (429, &json!("RESOURCE_EXHAUSTED")));
    assert_eq!(
        reply.message(),
        "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per user' of service \
         'sheets.googleapis.com' for consumer 'project_number:1234'."
    );
    assert_eq!(client.book().tabs.len(), 2);
}

#[test]
fn usual_quota_is_60() {
    let client = Client::new();
    let began = Instant::now();
    let n = (0..70).filter(|_| client.get("?fields=spreadsheetId").status == 200).count();
    // One more comes in each second.
    let most = 61 + usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!((60..=most).contains(&n), "{n}, not 60 to {most}");
}

#[test]
fn calls_are_recorded() {
    let google = Google::start_with(Options { keep_bodies: true, ..Options::default() });
    ask(&google, &sign(&google, &claims(&google, FULL)));
    assert_eq!(google.calls()[0].kind, CallKind::Token);
    let client = Client::of(google, FULL);
    client.get("?fields=spreadsheetId");
    let body = json!({ "requests": [{ "addSheet": {} }, { "deleteSheet": { "sheetId": 0 } }] });
    client.post(":batchUpdate", &body);
    client.google.wait_for_calls(2);
    let calls = client.google.calls();
    let seen: Vec<_> = calls.iter().map(|c| (c.kind, c.method.as_str(), c.status)).collect();
    assert_eq!(seen, [(CallKind::Read, "GET", Some(200)), (CallKind::Write, "POST", Some(200))]);
    assert!(calls[0].path.ends_with("?fields=spreadsheetId"));
    assert_eq!(calls[1].requests, ["addSheet", "deleteSheet"]);
    assert_eq!(calls[1].body.as_deref(), Some(body.to_string().as_bytes()));
    assert_eq!(calls[1].n_bytes, body.to_string().len());
    assert!(calls[1].user_agent.as_deref().unwrap().contains("ureq"));
    client.google.forget_calls();
    assert!(client.google.calls().is_empty());
}
