//! What an answer means for the row that was sent.

use std::fmt;
use std::io::{BufReader, Read as _};

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, de};
use sync_core::http::{self, Answer};

use super::Delivery;

/// Longer answers, in bytes, are read as they come: a server may send a video back.
const USUAL: u64 = 16 * 1024;
/// Most characters of an answer that are kept as a reason.
const MAX_REASON: usize = 500;

/// Reads an answer to its end; `may_be_there` tells a row that an earlier call may have brought.
pub(crate) fn read(answer: &mut Answer, may_be_there: bool) -> Delivery {
    let status = answer.status().as_u16();
    match status {
        200..=202 => match object(answer) {
            Some(Object { id }) => Delivery::Done { remote_id: id },
            None => not_ours(status, "an answer that is no JSON object"),
        },
        409 if may_be_there => match object(answer) {
            Some(Object { id: Some(id) }) => Delivery::Done { remote_id: Some(id) },
            _ => Delivery::Refused {
                status,
                reason: "already there, says the server, without its id".to_owned(),
            },
        },
        203..=399 => not_ours(status, "an answer that the API does not give"),
        401 => Delivery::Unauthorized { reason: reason(answer) },
        408 | 425 | 429 | 500..=599 => {
            let retry_after = http::retry_after(answer.headers());
            Delivery::Later { status: Some(status), reason: reason(answer), retry_after }
        }
        _ => Delivery::Refused { status, reason: reason(answer) },
    }
}

/// A captive portal, a proxy or another server stands where ours should.
fn not_ours(status: u16, what: &str) -> Delivery {
    Delivery::Unreachable {
        reason: format!("HTTP {status}, {what}: is this the backend, or a login page on the way?"),
    }
}

fn reason(answer: &mut Answer) -> String {
    let status = answer.status();
    let text = http::beginning(answer, MAX_REASON);
    let name = status.canonical_reason().unwrap_or_default();
    format!("HTTP {} {}", status.as_u16(), if text.is_empty() { name } else { &text })
}

/// An object with an id of ours, read without keeping the rest.
struct Object {
    id: Option<i64>,
}

fn object(answer: &mut Answer) -> Option<Object> {
    let mut rest = answer.body_mut().as_reader();
    let mut beginning = Vec::new();
    rest.by_ref().take(USUAL).read_to_end(&mut beginning).ok()?;
    if (beginning.len() as u64) < USUAL {
        return serde_json::from_slice(&beginning).ok();
    }
    serde_json::from_reader(beginning.chain(BufReader::new(rest))).ok()
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Object, A::Error> {
                let mut id = None;
                while let Some(name) = fields.next_key::<String>()? {
                    if name == "id" {
                        id = fields.next_value::<Id>()?.0;
                    } else {
                        fields.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Object { id })
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A whole number or its digits; anything else is no id.
struct Id(Option<i64>);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        let value = serde_json::Value::deserialize(deserializer).map_err(de::Error::custom)?;
        let digits = value.as_str().and_then(|text| text.parse().ok());
        Ok(Id(value.as_i64().or(digits)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let id = |text: &str| serde_json::from_str::<Object>(text).ok().map(|object| object.id);
        assert_eq!(id(r#"{"id":123,"date":"x"}"#), Some(Some(123)));
        assert_eq!(id(r#"{"x":[{"id":1}],"id":"58"}"#), Some(Some(58)));
        for none in [
            r"{}",
            r#"{"id":null}"#,
            r#"{"id":"a-b"}"#,
            r#"{"id":1.5}"#,
            r#"{"id":{"id":4}}"#,
            r#"{"data":{"id":4}}"#,
        ] {
            assert_eq!(id(none), Some(None), "{none}");
        }
        for no_object in ["[]", "1", "\"ok\"", "<html>", "", r#"{"id":12"#, "{} {}", "null"] {
            assert_eq!(id(no_object), None, "{no_object}");
        }
    }
}
