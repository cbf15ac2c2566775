use serde_json::{Value, json};

/// The JSON schema of a tool's arguments; a tool without any takes an empty object.
pub(super) fn parameters(json: &Value) -> Value {
    if json.is_object() { json.clone() } else { json!({"type": "object", "properties": {}}) }
}

/// Google's own dialect writes types in capitals and has a word for "or null"; otherwise it is JSON schema.
pub(super) fn from_google(json: &Value) -> Value {
    let Value::Object(object) = json else { return json.clone() };
    let mut schema = serde_json::Map::new();
    for (name, value) in object {
        let value = match name.as_str() {
            "type" => value.as_str().map_or_else(|| value.clone(), |kind| kind.to_ascii_lowercase().into()),
            "nullable" => continue,
            "properties" => match value {
                Value::Object(list) => {
                    Value::Object(list.iter().map(|(name, value)| (name.clone(), from_google(value))).collect())
                }
                other => other.clone(),
            },
            "items" => from_google(value),
            "anyOf" | "any_of" => Value::Array(value.as_array().into_iter().flatten().map(from_google).collect()),
            _ => value.clone(),
        };
        let name = if name == "any_of" { "anyOf" } else { name };
        schema.insert(name.to_owned(), value);
    }
    if object.get("nullable") == Some(&Value::Bool(true)) {
        return json!({"anyOf": [Value::Object(schema), {"type": "null"}]});
    }
    Value::Object(schema)
}
