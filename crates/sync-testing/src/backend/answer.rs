//! An answer and its bytes.

use std::io::Write;

use http::StatusCode;
use serde_json::json;

use super::fault::Fault;

const JSON: &str = "application/json";

/// What is answered to one request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    /// `None` where the header fields have it.
    content_type: Option<&'static str>,
    body: String,
}

impl Answer {
    /// An answer with this JSON text.
    pub(super) fn json(status: u16, body: String) -> Answer {
        Answer { status, headers: Vec::new(), content_type: Some(JSON), body }
    }

    /// A refusal with a reason.
    pub(super) fn detail(status: u16, why: &str) -> Answer {
        Answer::json(status, json!({ "detail": why }).to_string())
    }

    /// What a fault has answered in place of the backend, without asking it.
    pub(super) fn instead(fault: &Fault) -> Option<Answer> {
        match fault {
            Fault::Status { code, headers, body } => {
                let has_type = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
                let content_type = (!has_type).then_some(JSON);
                Some(Answer { status: *code, headers: headers.clone(), content_type, body: body.clone() })
            }
            Fault::Html => Some(Answer::html(200, Vec::new())),
            Fault::Redirect(to) => Some(Answer::html(302, vec![("Location".to_owned(), to.clone())])),
            Fault::JsonArray => Some(Answer::json(200, "[]".to_owned())),
            _ => None,
        }
    }

    pub(super) fn with_header(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes the whole answer behind what `out` holds; with `close` it announces the connection's end.
    pub(super) fn write_to(&self, out: &mut Vec<u8>, close: bool) {
        let reason = StatusCode::from_u16(self.status).ok().and_then(|s| s.canonical_reason());
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            write!(out, "{name}{value}\r\n").expect("a vector takes everything");
        };
        line("HTTP/1.1 ", &format_args!("{} {}", self.status, reason.unwrap_or_default()));
        if let Some(content_type) = self.content_type {
            line("Content-Type: ", &content_type);
        }
        for (name, value) in &self.headers {
            line(name, &format_args!(": {value}"));
        }
        if close {
            line("Connection: ", &"close");
        }
        // These have no body, and a length would make clients wait for one.
        let has_body = !matches!(self.status, 100..=199 | 204 | 304);
        if has_body {
            line("Content-Length: ", &self.body.len());
        }
        out.extend_from_slice(b"\r\n");
        if has_body {
            out.extend_from_slice(self.body.as_bytes());
        }
    }

    fn html(status: u16, headers: Vec<(String, String)>) -> Answer {
        let body = "<!DOCTYPE html>\n<html><head><title>Connexion</title></head>\n\
                    <body><form method=\"post\" action=\"/login\"><input name=\"password\"></form></body></html>\n";
        Answer { status, headers, content_type: Some("text/html; charset=utf-8"), body: body.to_owned() }
    }
}
