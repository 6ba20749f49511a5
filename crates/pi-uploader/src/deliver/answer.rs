//! What an answer means for the row that was sent.

use std::fmt;
use std::io::Read as _;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, de};
use sync_core::http::{self, Answer};

use super::Delivery;
use super::mask::Mask;

/// The longest answer that is read, in bytes: none of the API comes near.
const LONGEST: usize = 1 << 20;
/// Most characters of an answer that are kept as a reason.
const MAX_REASON: usize = 500;
/// So many more are read, so that no secret is cut in two before it is masked.
const LONGEST_SECRET: usize = 4096;

/// What an answer means; `may_be_there` tells a row that an earlier call may have brought.
pub(crate) fn read(answer: &mut Answer, may_be_there: bool, mask: &Mask) -> Delivery {
    let status = answer.status().as_u16();
    match status {
        200..=202 => match object(answer) {
            Ok(Some(Object { id })) => Delivery::Done { remote_id: id },
            Ok(None) => not_ours(status, "an answer that is no JSON object"),
            Err(reason) => broken(status, &reason),
        },
        409 if may_be_there => match object(answer) {
            Ok(Some(Object { id: Some(id) })) => Delivery::Done { remote_id: Some(id) },
            Ok(_) => Delivery::Refused {
                status,
                reason: "already there, says the server, without its id".to_owned(),
            },
            Err(reason) => broken(status, &reason),
        },
        203..=399 => not_ours(status, "an answer that the API does not give"),
        401 => Delivery::Unauthorized { reason: reason(answer, mask) },
        408 | 425 | 429 | 500..=599 => {
            let retry_after = http::retry_after(answer.headers());
            Delivery::Later { status: Some(status), reason: reason(answer, mask), retry_after }
        }
        _ => Delivery::Refused { status, reason: reason(answer, mask) },
    }
}

/// Whether the server has the row shows only when it is sent again.
fn broken(status: u16, reason: &str) -> Delivery {
    Delivery::Later {
        status: Some(status),
        reason: format!("HTTP {status}, and the answer breaks off: {reason}"),
        retry_after: None,
    }
}

/// A captive portal, a proxy or another server stands where ours should.
fn not_ours(status: u16, what: &str) -> Delivery {
    Delivery::Unreachable {
        reason: format!("HTTP {status}, {what}: is this the backend, or a login page on the way?"),
    }
}

fn reason(answer: &mut Answer, mask: &Mask) -> String {
    let status = answer.status();
    let text = mask.hide(&http::beginning(answer, MAX_REASON + LONGEST_SECRET));
    let text: String = text.chars().take(MAX_REASON).collect();
    let name = status.canonical_reason().unwrap_or_default();
    format!("HTTP {} {}", status.as_u16(), if text.is_empty() { name } else { &text })
}

/// An object with an id of ours, read without keeping the rest.
struct Object {
    id: Option<i64>,
}

/// The answer's object, or none if it is something else; `Err` says why it did not come whole.
fn object(answer: &mut Answer) -> Result<Option<Object>, String> {
    let has_length = answer.body().content_length().is_some();
    let mut text = Vec::new();
    let read = answer.body_mut().as_reader().take(LONGEST as u64 + 1).read_to_end(&mut text);
    read.map_err(|error| error.to_string())?;
    if text.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    match serde_json::from_slice(&text) {
        Ok(object) => Ok(Some(object)),
        // Where nothing says how long it is, an end may be a cut.
        Err(error) if error.is_eof() && !text.trim_ascii().is_empty() && !has_length => {
            Err(error.to_string())
        }
        Err(_) => Ok(None),
    }
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
