use serde_json::{Value, json};
use types::chat::{ChatRequest, Message, Part, Speaker};

use super::REDACTED;
use crate::openai::rounded;

/// The JSON of a streaming request, with cache marks on the tools, the system prompt and the last two turns of the user.
///
/// The earlier of the two turns is what the previous request wrote. Four marks are the most that the provider takes.
#[must_use]
pub fn body(request: &ChatRequest) -> Value {
    let mut messages: Vec<Value> = request.messages.iter().filter_map(message).collect();
    let users: Vec<usize> = (0..messages.len()).rev().filter(|at| messages[*at]["role"] == "user").take(2).collect();
    for at in users {
        mark_last(&mut messages[at]["content"]);
    }
    let mut body = json!({
        "model": request.model,
        "max_tokens": request.max_output_tokens,
        "messages": messages,
        "stream": true,
    });
    if !request.system.trim().is_empty() {
        body["system"] = json!([{"type": "text", "text": request.system}]);
        mark_last(&mut body["system"]);
    }
    if !request.tools.is_empty() {
        body["tools"] = request
            .tools
            .iter()
            .map(|tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters}))
            .collect();
        mark_last(&mut body["tools"]);
    }
    if let Some(temperature) = request.temperature {
        body["temperature"] = rounded(temperature);
    }
    body
}

fn mark_last(list: &mut Value) {
    // Thoughts cannot carry a mark.
    let last = list.as_array_mut().and_then(|list| list.iter_mut().rfind(|block| block["type"] != "thinking"));
    if let Some(last) = last {
        last["cache_control"] = json!({"type": "ephemeral"});
    }
}

fn message(message: &Message) -> Option<Value> {
    let role = match message.speaker {
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    };
    // Results must stand before texts.
    let (results, others): (Vec<_>, Vec<_>) =
        message.parts.iter().partition(|part| matches!(part, Part::ToolResult(_)));
    let blocks: Vec<Value> = results.into_iter().chain(others).filter_map(block).collect();
    (!blocks.is_empty()).then(|| json!({"role": role, "content": blocks}))
}

fn block(part: &Part) -> Option<Value> {
    match part {
        // The provider refuses blocks of white space.
        Part::Text { text } => (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text})),
        // Only a thought that the provider signed may go back, and then unchanged.
        Part::Thinking { text, signature } => {
            let signature = signature.as_deref()?;
            Some(match signature.strip_prefix(REDACTED) {
                Some(data) => json!({"type": "redacted_thinking", "data": data}),
                None => json!({"type": "thinking", "thinking": text, "signature": signature}),
            })
        }
        Part::ToolCall(call) => {
            let input =
                if call.arguments.is_object() { call.arguments.clone() } else { json!({"unreadable": call.arguments}) };
            Some(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input}))
        }
        Part::ToolResult(result) => {
            let text = if result.text.trim().is_empty() { "(no output)" } else { &result.text };
            let mut block = json!({"type": "tool_result", "tool_use_id": result.call, "content": text});
            if result.failed {
                block["is_error"] = true.into();
            }
            Some(block)
        }
    }
}

#[cfg(test)]
mod tests {
    use types::chat::{ToolCall, ToolResult, ToolSpec};

    use super::*;

    #[test]
    fn a_conversation_is_written_with_thoughts_results_and_four_cache_marks() {
        let tool =
            |name: &str| ToolSpec { name: name.into(), description: "d".into(), parameters: json!({"type": "object"}) };
        let request = ChatRequest {
            model: "m".into(),
            system: "Be brief.".into(),
            messages: vec![
                Message::user("First."),
                Message::user("Go."),
                Message {
                    speaker: Speaker::Assistant,
                    parts: vec![
                        Part::Thinking { text: "hm".into(), signature: Some("sig".into()) },
                        Part::Thinking { text: String::new(), signature: Some("redacted:blob".into()) },
                        Part::Thinking { text: "of another provider".into(), signature: None },
                        Part::Text { text: " \n".into() },
                        Part::ToolCall(ToolCall {
                            id: "1".into(),
                            name: "read".into(),
                            arguments: json!({"path": "a"}),
                        }),
                    ],
                },
                Message {
                    speaker: Speaker::User,
                    parts: vec![
                        Part::Text { text: "Mind the time.".into() },
                        Part::ToolResult(ToolResult { call: "1".into(), text: String::new(), failed: true }),
                    ],
                },
            ],
            tools: vec![tool("read"), tool("run")],
            max_output_tokens: 100,
            temperature: None,
        };
        let body = body(&request);
        let mark = json!({"type": "ephemeral"});
        assert_eq!(
            body["messages"],
            json!([
                {"role": "user", "content": [{"type": "text", "text": "First."}]},
                {"role": "user", "content": [{"type": "text", "text": "Go.", "cache_control": mark}]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "sig"},
                    {"type": "redacted_thinking", "data": "blob"},
                    {"type": "tool_use", "id": "1", "name": "read", "input": {"path": "a"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "1", "content": "(no output)", "is_error": true},
                    {"type": "text", "text": "Mind the time.", "cache_control": mark},
                ]},
            ])
        );
        assert_eq!(body["system"][0]["cache_control"], mark);
        assert_eq!(body["tools"][0]["cache_control"], Value::Null);
        assert_eq!(body["tools"][1]["cache_control"], mark);
    }
}
