use std::collections::HashMap;

use serde_json::{Map, Value, json};
use types::chat::{ChatRequest, Message, Part, Speaker};

use crate::openai::rounded;

/// The JSON of a request; whether it streams is said in the address.
#[must_use]
pub fn body(request: &ChatRequest) -> Value {
    // Results name the function here, not the call.
    let names: HashMap<&str, &str> = request
        .messages
        .iter()
        .flat_map(Message::tool_calls)
        .map(|call| (call.id.as_str(), call.name.as_str()))
        .collect();
    let contents: Vec<Value> = request.messages.iter().filter_map(|message| content(message, &names)).collect();
    let mut settings = json!({"maxOutputTokens": request.max_output_tokens});
    if let Some(temperature) = request.temperature {
        settings["temperature"] = rounded(temperature);
    }
    let mut body = json!({"contents": contents, "generationConfig": settings});
    if !request.system.is_empty() {
        body["systemInstruction"] = json!({"parts": [{"text": request.system}]});
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(
            |tool| json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}),
        );
        body["tools"] = json!([{"functionDeclarations": tools.collect::<Vec<_>>()}]);
    }
    body
}

fn content(message: &Message, names: &HashMap<&str, &str>) -> Option<Value> {
    let role = match message.speaker {
        Speaker::User => "user",
        Speaker::Assistant => "model",
    };
    let mut parts: Vec<Value> = Vec::new();
    let mut signature = None;
    for part in &message.parts {
        let mut json = match part {
            // A signature belongs to the part that follows the thought; the thought itself does not go back.
            Part::Thinking { signature: signed, .. } => {
                signature = signed.clone().or(signature);
                continue;
            }
            Part::Text { text } => json!({"text": text}),
            Part::ToolCall(call) => {
                let arguments = match &call.arguments {
                    Value::Object(object) => object.clone(),
                    other => Map::from_iter([("unreadable".to_owned(), other.clone())]),
                };
                json!({"functionCall": {"name": call.name, "args": arguments}})
            }
            Part::ToolResult(result) => {
                let name = names.get(result.call.as_str()).copied().unwrap_or(&result.call);
                let key = if result.failed { "error" } else { "output" };
                json!({"functionResponse": {"name": name, "response": {key: result.text}}})
            }
        };
        if let Some(signature) = signature.take() {
            json["thoughtSignature"] = signature.into();
        }
        parts.push(json);
    }
    (!parts.is_empty()).then(|| json!({"role": role, "parts": parts}))
}

#[cfg(test)]
mod tests {
    use types::chat::{ToolCall, ToolResult, ToolSpec};

    use super::*;

    #[test]
    fn results_name_the_function_and_signatures_stand_with_the_next_part() {
        let request = ChatRequest {
            model: "m".into(),
            system: "Be brief.".into(),
            messages: vec![
                Message::user("Go."),
                Message {
                    speaker: Speaker::Assistant,
                    parts: vec![
                        Part::Thinking { text: "hm".into(), signature: Some("sig".into()) },
                        Part::ToolCall(ToolCall {
                            id: "call_0".into(),
                            name: "read".into(),
                            arguments: json!({"path": "a"}),
                        }),
                    ],
                },
                Message {
                    speaker: Speaker::User,
                    parts: vec![Part::ToolResult(ToolResult {
                        call: "call_0".into(),
                        text: "A".into(),
                        failed: false,
                    })],
                },
            ],
            tools: vec![ToolSpec {
                name: "read".into(),
                description: "d".into(),
                parameters: json!({"type": "object"}),
            }],
            max_output_tokens: 9,
            temperature: None,
        };
        let body = body(&request);
        assert_eq!(
            body["contents"],
            json!([
                {"role": "user", "parts": [{"text": "Go."}]},
                {"role": "model", "parts": [{"functionCall": {"name": "read", "args": {"path": "a"}}, "thoughtSignature": "sig"}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "read", "response": {"output": "A"}}}]},
            ])
        );
        assert_eq!(body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"], json!({"type": "object"}));
        assert_eq!(body["generationConfig"], json!({"maxOutputTokens": 9}));
    }
}
