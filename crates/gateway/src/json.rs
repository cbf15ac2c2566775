//! What providers write, as it can be kept.

use serde_json::Value;

/// The most characters of a model's name.
const LONGEST_NAME: usize = 200;
/// How JSON writes U+0000; it cannot stand there as it is.
const ESCAPED: &[u8] = br"\u0000";

/// Reads JSON. U+0000, which databases refuse in texts and which no answer needs, becomes U+FFFD.
pub(crate) fn parse(text: &[u8]) -> serde_json::Result<Value> {
    let json = serde_json::from_slice(text)?;
    let has_nul = text.windows(ESCAPED.len()).any(|part| part == ESCAPED);
    Ok(if has_nul { without_nul(json) } else { json })
}

pub(crate) fn readable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The name of a model by its provider's word.
pub(crate) fn name(text: &str) -> String {
    readable(text).chars().take(LONGEST_NAME).collect()
}

fn without_nul(json: Value) -> Value {
    match json {
        Value::String(text) => Value::String(readable(&text)),
        Value::Array(list) => list.into_iter().map(without_nul).collect(),
        Value::Object(object) => {
            object.into_iter().map(|(name, value)| (readable(&name), without_nul(value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nul_is_replaced_wherever_it_stands_and_nothing_else_is() {
        let read = parse(br#"{"a\u0000": ["\u0000b", {"c": "\u0000"}, 1], "d": "\\u0000"}"#).unwrap();
        assert_eq!(read, json!({"a\u{fffd}": ["\u{fffd}b", {"c": "\u{fffd}"}, 1], "d": "\\u0000"}));
        assert!(parse(b"{").is_err());
        assert_eq!(name(&"\0".repeat(900)), "\u{fffd}".repeat(200));
    }
}
