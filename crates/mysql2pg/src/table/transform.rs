//! What a job does to a value before it is encoded.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Formatter};

use pg_load::encode::{self, Notes};
use pg_load::types::ColumnType;
use pg_load::value::Value;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::mojibake;

/// A change to a value. All but `default` leave NULL alone, and all but `null_if` and `default` what is no text.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Transform {
    /// Without white space at both ends.
    Trim,
    /// In capitals.
    Upper,
    /// In small letters.
    Lower,
    /// NULL where it is this text.
    NullIf(String),
    /// Another text for some; those that are not listed stay.
    Map(BTreeMap<String, String>),
    /// Double-encoded text repaired, also under `--no-fix-encoding`.
    FixEncoding,
    /// This text instead of NULL.
    Default(String),
}

/// One transform, or a list of them.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Transform>, D::Error> {
    // Not an untagged enum: that would say neither what is wrong, nor take `default: 0` for a text.
    struct OneOrMany;
    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<Transform>;

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("a transform, or a list of them")
        }

        fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
            Transform::deserialize(name.into_deserializer()).map(|transform| vec![transform])
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            Transform::deserialize(MapAccessDeserializer::new(map)).map(|transform| vec![transform])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }
    from.deserialize_any(OneOrMany)
}

/// A value after all transforms: `None` for NULL, or its text; values that none of them concerns are not changed.
pub(crate) enum Changed<'v> {
    /// As it was.
    Same(Value<'v>),
    /// NULL.
    Null,
    /// This text.
    Text(String),
}

impl Changed<'_> {
    /// What is encoded.
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Changed::Same(value) => *value,
            Changed::Null => Value::Null,
            Changed::Text(text) => Value::Text(text.as_bytes()),
        }
    }
}

/// Applies the transforms in their order.
pub(crate) fn apply<'v>(value: Value<'v>, transforms: &[Transform]) -> Changed<'v> {
    let Some(before) = text_of(value) else {
        return Changed::Same(value);
    };
    let mut after = before.clone();
    for transform in transforms {
        after = step(after, transform);
    }
    match after {
        after if after == before => Changed::Same(value),
        None => Changed::Null,
        Some(text) => Changed::Text(text.into_owned()),
    }
}

/// A value that transforms apply to: NULL and text, and numbers and times as they are written.
fn text_of(value: Value<'_>) -> Option<Option<Cow<'_, str>>> {
    match value {
        Value::Null => Some(None),
        Value::Text(bytes) => Some(Some(String::from_utf8_lossy(bytes))),
        Value::Int(n) => Some(Some(Cow::Owned(n.to_string()))),
        Value::UInt(n) => Some(Some(Cow::Owned(n.to_string()))),
        Value::Float(_) | Value::Real(_) | Value::Date(_) | Value::Moment(_) | Value::Interval(_) => {
            let mut field = Vec::new();
            encode::field(&mut field, value, &ColumnType::Text, &mut Notes::default()).ok()?;
            // Behind its length.
            String::from_utf8(field.split_off(4)).ok().map(|text| Some(Cow::Owned(text)))
        }
        _ => None,
    }
}

fn step<'v>(value: Option<Cow<'v, str>>, transform: &Transform) -> Option<Cow<'v, str>> {
    let Some(text) = value else {
        return match transform {
            Transform::Default(default) => Some(Cow::Owned(default.clone())),
            _ => None,
        };
    };
    match transform {
        Transform::Trim => Some(Cow::Owned(text.trim().to_owned())),
        Transform::Upper => Some(Cow::Owned(text.to_uppercase())),
        Transform::Lower => Some(Cow::Owned(text.to_lowercase())),
        Transform::NullIf(null) => (text != null.as_str()).then_some(text),
        Transform::Map(map) => Some(match map.get(text.as_ref()) {
            Some(other) => Cow::Owned(other.clone()),
            None => text,
        }),
        Transform::FixEncoding => Some(match mojibake::repair(&text) {
            Some(repaired) => Cow::Owned(repaired),
            None => text,
        }),
        Transform::Default(_) => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(value: Value<'_>, transforms: &[Transform]) -> Option<String> {
        let changed = apply(value, transforms);
        match changed.value() {
            Value::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Value::Null => None,
            other => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn transforms_follow_each_other() {
        let text = |text: &'static str| Value::Text(text.as_bytes());
        let map = BTreeMap::from([("1".to_owned(), "offen".to_owned())]);
        assert_eq!(changed(text(" été "), &[Transform::Trim, Transform::Upper]).as_deref(), Some("ÉTÉ"));
        assert_eq!(changed(text("-"), &[Transform::NullIf("-".into()), Transform::Upper]), None);
        assert_eq!(changed(Value::Int(1), &[Transform::Map(map.clone())]).as_deref(), Some("offen"));
        assert_eq!(changed(Value::Int(2), &[Transform::Map(map)]).as_deref(), Some("Int(2)"));
        assert_eq!(changed(Value::Null, &[Transform::Default("x".into())]).as_deref(), Some("x"));
        assert_eq!(changed(text("Ã©tÃ©"), &[Transform::FixEncoding]).as_deref(), Some("été"));
        assert_eq!(changed(Value::Real(0.5), &[Transform::Trim]).as_deref(), Some("Real(0.5)"));
    }
}
