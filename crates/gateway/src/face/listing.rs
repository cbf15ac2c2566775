use serde_json::{Value, json};

use super::Format;
use crate::ListedModel;

/// The body of an answer that lists models.
#[must_use]
pub fn models(format: Format, list: &[ListedModel]) -> Value {
    let models: Vec<Value> = list.iter().map(|listed| model(format, listed)).collect();
    match format {
        Format::Gemini => json!({"models": models}),
        Format::Anthropic => {
            let id = |model: Option<&ListedModel>| model.map(|model| model.id.clone());
            json!({"data": models, "has_more": false, "first_id": id(list.first()), "last_id": id(list.last())})
        }
        _ => json!({"object": "list", "data": models}),
    }
}

/// The body of an answer about one model.
#[must_use]
pub fn model(format: Format, model: &ListedModel) -> Value {
    match format {
        Format::Gemini => json!({"name": format!("models/{}", model.id), "displayName": model.name,
            "supportedGenerationMethods": ["generateContent", "countTokens"]}),
        // When a model was made is not known; the format wants a time.
        Format::Anthropic => json!({"type": "model", "id": model.id, "display_name": model.name,
            "created_at": "1970-01-01T00:00:00Z"}),
        _ => json!({"id": model.id, "object": "model", "created": 0, "owned_by": "team"}),
    }
}
