use serde_json::{Map, Value, json};
use types::chat::{ChatRequest, Message, Part, Speaker, ToolCall};

/// The JSON of a streaming request. `newest` leaves out what only imitators still take.
#[must_use]
pub fn body(request: &ChatRequest, newest: bool) -> Value {
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(json!({"role": "system", "content": request.system}));
    }
    for message in &request.messages {
        add(&mut messages, message);
    }
    let mut body = json!({
        "model": request.model,
        "messages": messages,
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    // Reasoning models of OpenAI refuse the old name; other servers do not know the new one.
    body[if newest { "max_completion_tokens" } else { "max_tokens" }] = request.max_output_tokens.into();
    if let Some(temperature) = request.temperature {
        body["temperature"] = rounded(temperature);
    }
    if !request.tools.is_empty() {
        body["tools"] = request
            .tools
            .iter()
            .map(|tool| {
                json!({"type": "function", "function": {
                    "name": tool.name, "description": tool.description, "parameters": tool.parameters}})
            })
            .collect();
    }
    body
}

/// 0.2 as an f32 would be sent as 0.20000000298023224.
pub(crate) fn rounded(value: f32) -> Value {
    ((f64::from(value) * 1_000.0).round() / 1_000.0).into()
}

/// One turn may become several messages: results stand alone, before what the person says with them.
fn add(messages: &mut Vec<Value>, message: &Message) {
    if message.speaker == Speaker::Assistant {
        messages.push(assistant(message));
        return;
    }
    for part in &message.parts {
        if let Part::ToolResult(result) = part {
            // The format has no place for a failure, so the text says it.
            let text = if result.failed { format!("The tool failed.\n{}", result.text) } else { result.text.clone() };
            messages.push(json!({"role": "tool", "tool_call_id": result.call, "content": text}));
        }
    }
    let text = message.text();
    if !text.is_empty() {
        messages.push(json!({"role": "user", "content": text}));
    }
}

fn assistant(message: &Message) -> Value {
    let mut object = Map::new();
    object.insert("role".into(), "assistant".into());
    let text = message.text();
    let calls: Vec<Value> = message.tool_calls().map(call).collect();
    object.insert("content".into(), if text.is_empty() && !calls.is_empty() { Value::Null } else { text.into() });
    if !calls.is_empty() {
        object.insert("tool_calls".into(), calls.into());
    }
    Value::Object(object)
}

fn call(call: &ToolCall) -> Value {
    let arguments = match &call.arguments {
        // What the model wrote goes back as it wrote it, though servers may insist on JSON: so it is quoted.
        Value::String(text) => json!({"unreadable": text}).to_string(),
        other => other.to_string(),
    };
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}

#[cfg(test)]
mod tests {
    use types::chat::{ToolResult, ToolSpec};

    use super::*;

    #[test]
    fn a_conversation_with_parallel_calls_is_written_in_order() {
        let request = ChatRequest {
            model: "m".into(),
            system: "Be brief.".into(),
            messages: vec![
                Message::user("Go."),
                Message {
                    speaker: Speaker::Assistant,
                    parts: vec![
                        Part::Thinking { text: "hm".into(), signature: Some("s".into()) },
                        Part::ToolCall(ToolCall {
                            id: "1".into(),
                            name: "read".into(),
                            arguments: json!({"path": "a"}),
                        }),
                        Part::ToolCall(ToolCall { id: "2".into(), name: "read".into(), arguments: "{broken".into() }),
                    ],
                },
                Message {
                    speaker: Speaker::User,
                    parts: vec![
                        Part::ToolResult(ToolResult { call: "1".into(), text: "A".into(), failed: false }),
                        Part::ToolResult(ToolResult { call: "2".into(), text: "no".into(), failed: true }),
                        Part::Text { text: "Go on.".into() },
                    ],
                },
            ],
            tools: vec![ToolSpec {
                name: "read".into(),
                description: "Reads.".into(),
                parameters: json!({"type": "object"}),
            }],
            max_output_tokens: 100,
            temperature: Some(0.2),
        };
        let body = body(&request, false);
        let messages = json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Go."},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "read", "arguments": "{\"path\":\"a\"}"}},
                {"id": "2", "type": "function", "function": {"name": "read", "arguments": "{\"unreadable\":\"{broken\"}"}},
            ]},
            {"role": "tool", "tool_call_id": "1", "content": "A"},
            {"role": "tool", "tool_call_id": "2", "content": "The tool failed.\nno"},
            {"role": "user", "content": "Go on."},
        ]);
        assert_eq!(body["messages"], messages);
        assert_eq!(body["max_tokens"], 100);
        assert_eq!(body["temperature"].to_string(), "0.2");
        assert_eq!(body["tools"][0]["function"]["name"], "read");
        assert_eq!(super::body(&request, true)["max_completion_tokens"], 100);
    }
}
