use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// The top level of a JSON object, each value as it was written and in the order it was written: schemas mean something by
/// their order, and providers' caches compare bytes.
///
/// A field that stands there twice is refused, since the two ends might count with different ones.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields: Vec<(String, Box<RawValue>)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if fields.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format!("the field {name} stands there twice")));
                    }
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Fields {
    pub(super) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    pub(super) const fn empty() -> Self {
        Self(Vec::new())
    }

    /// The value as it was written; `null` counts as nothing.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && value.get() != "null").map(|(_, value)| value.get())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Writes the object with these fields put in the place of those of the same name, or at the end.
    pub(super) fn with(&self, changes: &[(&str, String)]) -> String {
        let mut text = String::from("{");
        let mut add = |name: &str, value: &str| {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&Value::from(name).to_string());
            text.push(':');
            text.push_str(value);
        };
        for (name, value) in &self.0 {
            let changed = changes.iter().find(|(known, _)| known == name);
            add(name, changed.map_or_else(|| value.get(), |(_, value)| value));
        }
        for (name, value) in changes.iter().filter(|(name, _)| !self.has(name)) {
            add(name, value);
        }
        text.push('}');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_stays_as_it_was_written() {
        let text = r#"{"z": 1.50, "model":"a", "tools":[{"b":1,"a":2}], "n":null}"#;
        let fields = Fields::parse(text.as_bytes()).unwrap();
        let written = fields.with(&[("model", "\"b\"".into()), ("max_tokens", "7".into())]);
        assert_eq!(written, r#"{"z":1.50,"model":"b","tools":[{"b":1,"a":2}],"n":null,"max_tokens":7}"#);
        assert_eq!((fields.raw("n"), fields.raw("z")), (None, Some("1.50")));
    }

    #[test]
    fn a_field_that_stands_there_twice_is_refused() {
        let error = Fields::parse(br#"{"max_tokens":1,"max_tokens":9}"#).unwrap_err().to_string();
        assert!(error.contains("max_tokens stands there twice"), "{error}");
        // Also when one of the two is written in another way.
        assert!(Fields::parse(br#"{"n":1,"\u006e":9}"#).is_err());
        assert!(Fields::parse(b"[]").is_err());
    }
}
