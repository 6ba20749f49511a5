//! What the backend does with a request that nothing goes wrong with.

use std::borrow::Cow;
use std::fmt::Display;

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::body::Body;
use super::fault::Fault;
use super::head::{Head, Length};
use super::record::{Kind, Row, Video};
use super::store::{Store, Stored};
use super::{Options, Repeat};

/// The two tables, and the rules of who may put what into them.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) store: Store,
    authorization: Option<String>,
    repeat: Repeat,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what counts is that the members are there, with these types")]
struct Message<'a> {
    #[serde(borrow)]
    date: Cow<'a, str>,
    #[serde(borrow)]
    capteur: Capteur<'a>,
    numero_camera: Option<i64>,
    #[serde(borrow)]
    video_data: Option<Cow<'a, str>>,
    #[serde(borrow)]
    device_id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what counts is that the members are there, with these types")]
struct Capteur<'a> {
    id: i64,
    #[serde(borrow)]
    nom: Option<Cow<'a, str>>,
    etat: Option<i64>,
}

impl Kind {
    fn of_path(path: &str) -> Option<Kind> {
        match path {
            "/api/evenements" => Some(Kind::Evenement),
            "/api/media" => Some(Kind::Media),
            _ => None,
        }
    }
}

impl Api {
    pub(super) fn new(options: &Options) -> Api {
        Api {
            store: Store::new(options.unique),
            authorization: options.token.as_ref().map(|token| format!("Bearer {token}")),
            repeat: options.repeat,
        }
    }

    /// Why a request is refused by its head alone, if it is.
    pub(super) fn refuse(&self, head: &Head) -> Option<Answer> {
        if self.authorization.is_some() && head.authorization != self.authorization {
            let answer = Answer::detail(401, "a valid token is needed");
            return Some(answer.with_header("WWW-Authenticate", "Bearer"));
        }
        if Kind::of_path(&head.path).is_none() {
            return Some(Answer::detail(404, "Not Found"));
        }
        let is_post = head.method == "POST";
        if !is_post && head.method != "GET" {
            return Some(Answer::detail(405, "Method Not Allowed").with_header("Allow", "GET, POST"));
        }
        match head.length {
            Length::Chunked => return Some(Answer::detail(411, "chunked bodies are not taken")),
            Length::Missing if is_post => return Some(Answer::detail(411, "Content-Length is needed")),
            Length::Wrong => return Some(Answer::detail(400, "Content-Length is no number")),
            Length::Missing | Length::Known(_) => {}
        }
        if is_post && !head.is_json {
            return Some(Answer::detail(415, "the body must be application/json"));
        }
        if head.key.is_some() && !head.key_is_quoted {
            return Some(Answer::detail(400, "Idempotency-Key must be a string in double quotes"));
        }
        None
    }

    /// Whether the body of such a request has a video in it.
    pub(super) fn has_video(head: &Head) -> bool {
        head.method == "POST" && Kind::of_path(&head.path) == Some(Kind::Media)
    }

    /// Commits the row of a request that was not refused, or lists the rows; the fault may spoil the reply.
    pub(super) fn serve(&self, head: &Head, body: &Body, fault: Option<&Fault>) -> Answer {
        let Some(kind) = Kind::of_path(&head.path) else { return Answer::detail(404, "Not Found") };
        if head.method == "GET" {
            return Answer::json(200, list(kind, &self.store.rows()));
        }
        if body.is_too_long {
            return Answer::detail(413, "the body's text is too long");
        }
        if !body.is_utf8 {
            return Answer::detail(422, "the body is no UTF-8");
        }
        if let Err(why) = check(kind, &body.text, body.video.as_ref()) {
            return Answer::detail(422, &why);
        }
        let stored = self.store.insert(kind, head.key.as_deref(), &body.text, body.video.clone());
        let status = match (stored.new, self.repeat) {
            (true, _) => 201,
            (false, Repeat::Known) => 200,
            (false, Repeat::Conflict) => {
                return Answer::json(409, json!({ "detail": "already there", "id": stored.id }).to_string());
            }
            (false, Repeat::ConflictWithoutId) => return Answer::detail(409, "already there"),
        };
        Answer::json(status, reply(stored, body, fault))
    }
}

/// Whether this is a message of that kind.
fn check(kind: Kind, text: &str, video: Option<&Video>) -> Result<(), String> {
    let message: Message = serde_json::from_str(text).map_err(|e| e.to_string())?;
    message.date.parse::<jiff::civil::DateTime>().map_err(|e| format!("date: {e}"))?;
    match kind {
        // Of a sensor that is gone nothing is known but its id.
        Kind::Evenement if message.capteur.etat.is_none() && message.capteur.nom.is_some() => {
            Err("capteur.etat is missing".into())
        }
        Kind::Media if message.numero_camera.is_none() => Err("numero_camera is missing".into()),
        Kind::Media if message.video_data.is_none() => Err("video_data is missing".into()),
        Kind::Media if video.is_none() => Err("video_data is no base64".into()),
        Kind::Evenement | Kind::Media => Ok(()),
    }
}

/// The reply to a row: its id before what the client sent.
fn reply(stored: Stored, body: &Body, fault: Option<&Fault>) -> String {
    let id: &dyn Display = &stored.id;
    let head = match fault {
        Some(Fault::Garbage) => return "{\"id\":".to_owned(),
        Some(Fault::NoId) => String::new(),
        Some(Fault::IdAsText) => format!("\"id\":\"{id}\","),
        _ => format!("\"id\":{id},"),
    };
    let size = body.video.as_ref().map(|v| format!("\"size_kb\":{:.1},", v.len as f64 / 1024.0));
    // The text is an object with members: it was checked.
    let echo = body.text.trim_start().strip_prefix('{').unwrap_or_default();
    format!("{{{head}{}{echo}", size.unwrap_or_default())
}

/// The rows of one kind, with id, key and video beside what the client sent.
fn list(kind: Kind, rows: &[Row]) -> String {
    let rows = rows.iter().filter(|r| r.kind == kind).map(|row| {
        let mut shown: Value = serde_json::from_str(&row.body).unwrap_or_default();
        shown["id"] = row.id.into();
        shown["key"] = row.key.clone().into();
        if let Some(video) = &row.video {
            shown["video_data"] = json!({ "blake3": video.hash.to_string(), "bytes": video.len });
        }
        shown
    });
    Value::Array(rows.collect()).to_string()
}
