//! Anthropic's messages.

use serde_json::{Value, json};
use types::chat::TokenUsage;

use crate::{
    reply::Reply,
    seen::{Seen, Who, texts},
};

pub(crate) fn seen(body: &Value) -> Seen {
    let mut seen = Seen {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == true,
        ..Seen::default()
    };
    seen.add_system(&texts(&body["system"]));
    for message in body["messages"].as_array().into_iter().flatten() {
        let who = if message["role"] == "assistant" { Who::Model } else { Who::Other };
        seen.add(who, spoken(&message["content"]), message);
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        seen.add_tool(&tool["name"], &tool["input_schema"], tool);
    }
    seen
}

/// Texts, and those inside of tool results.
fn spoken(content: &Value) -> String {
    let Some(blocks) = content.as_array() else { return texts(content) };
    let all = blocks.iter().map(|block| match block["type"].as_str() {
        Some("tool_result") => texts(&block["content"]),
        _ => block["text"].as_str().unwrap_or_default().to_owned(),
    });
    all.collect::<Vec<_>>().join("\n")
}

pub(crate) fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}})
}

fn stop(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() { "end_turn" } else { "tool_use" }
}

fn usage(counts: Option<&TokenUsage>, output: u64) -> Value {
    // The format has no place for "unknown": usage is part of every message.
    let counts = counts.copied().unwrap_or_default();
    json!({
        "input_tokens": counts.uncached,
        "cache_creation_input_tokens": counts.cache_write,
        "cache_read_input_tokens": counts.cache_read,
        "output_tokens": output,
    })
}

fn written(reply: &Reply) -> u64 {
    reply.usage.map_or(0, |counts| counts.output + counts.reasoning)
}

pub(crate) fn whole(reply: &Reply) -> Value {
    let mut content = Vec::new();
    if !reply.thinking.is_empty() {
        content.push(json!({"type": "thinking", "thinking": reply.thinking, "signature": "ZGVtbw=="}));
    }
    if !reply.text.is_empty() {
        content.push(json!({"type": "text", "text": reply.text}));
    }
    content.extend(
        reply
            .calls
            .iter()
            .map(|call| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments})),
    );
    json!({
        "id": reply.id, "type": "message", "role": "assistant", "model": reply.model, "content": content,
        "stop_reason": stop(reply), "stop_sequence": null, "usage": usage(reply.usage.as_ref(), written(reply)),
    })
}

pub(crate) fn stream(reply: &Reply) -> Vec<String> {
    let mut message = whole(reply);
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    message["usage"] = usage(reply.usage.as_ref(), 1);
    let mut events = vec![json!({"type": "message_start", "message": message}), json!({"type": "ping"})];
    let mut index = 0;
    let mut block = |begin: Value, deltas: Vec<Value>| {
        events.push(json!({"type": "content_block_start", "index": index, "content_block": begin}));
        events.extend(
            deltas.into_iter().map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})),
        );
        events.push(json!({"type": "content_block_stop", "index": index}));
        index += 1;
    };
    let pieces =
        |text: &str, of: &dyn Fn(&str) -> Value| -> Vec<Value> { reply.pieces(text).into_iter().map(of).collect() };
    if !reply.thinking.is_empty() {
        let mut deltas = pieces(&reply.thinking, &|piece| json!({"type": "thinking_delta", "thinking": piece}));
        deltas.push(json!({"type": "signature_delta", "signature": "ZGVtbw=="}));
        block(json!({"type": "thinking", "thinking": "", "signature": ""}), deltas);
    }
    if !reply.text.is_empty() {
        let deltas = pieces(&reply.text, &|piece| json!({"type": "text_delta", "text": piece}));
        block(json!({"type": "text", "text": ""}), deltas);
    }
    for call in &reply.calls {
        let arguments = call.arguments.to_string();
        let deltas = pieces(&arguments, &|piece| json!({"type": "input_json_delta", "partial_json": piece}));
        block(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}}), deltas);
    }
    events.push(json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop(reply), "stop_sequence": null},
        "usage": {"output_tokens": written(reply)},
    }));
    events.push(json!({"type": "message_stop"}));
    events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default()))
        .collect()
}
