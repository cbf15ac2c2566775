use serde_json::{Value, json};

use super::Format;
use crate::ListedModel;

/// The body of an answer that lists models.
#[must_use]
pub fn models(format: Format, list: &[ListedModel]) -> Value {
    match format {
        Format::Gemini => {
            let models = list.iter().map(|model| {
                json!({"name": format!("models/{}", model.id), "displayName": model.name,
                    "supportedGenerationMethods": ["generateContent", "countTokens"]})
            });
            json!({"models": models.collect::<Vec<_>>()})
        }
        Format::Anthropic => {
            let models = list.iter().map(|model| {
                // When a model was made is not known; the format wants a time.
                json!({"type": "model", "id": model.id, "display_name": model.name, "created_at": "1970-01-01T00:00:00Z"})
            });
            let id = |model: Option<&ListedModel>| model.map(|model| model.id.clone());
            json!({"data": models.collect::<Vec<_>>(), "has_more": false, "first_id": id(list.first()),
                "last_id": id(list.last())})
        }
        _ => {
            let models =
                list.iter().map(|model| json!({"id": model.id, "object": "model", "created": 0, "owned_by": "team"}));
            json!({"object": "list", "data": models.collect::<Vec<_>>()})
        }
    }
}
