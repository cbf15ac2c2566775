//! OpenAI's chat completions.

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
    for message in body["messages"].as_array().into_iter().flatten() {
        let text = texts(&message["content"]);
        match message["role"].as_str() {
            Some("system" | "developer") => seen.add_system(&text),
            Some("assistant") => seen.add(Who::Model, text, message),
            _ => seen.add(Who::Other, text, message),
        }
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        seen.add_tool(&tool["function"]["name"], &tool["function"]["parameters"], tool);
    }
    seen
}

pub(crate) fn error(status: u16, message: &str) -> Value {
    let (kind, code) = match status {
        401 | 403 => ("invalid_request_error", "invalid_api_key"),
        404 => ("invalid_request_error", "model_not_found"),
        429 => ("rate_limit_error", "rate_limit_exceeded"),
        400..=499 => ("invalid_request_error", "invalid_value"),
        503 | 529 => ("server_error", "overloaded"),
        _ => ("server_error", "server_error"),
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

fn finish(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() { "stop" } else { "tool_calls" }
}

fn usage(usage: &TokenUsage) -> Value {
    let output = usage.output + usage.reasoning;
    json!({
        "prompt_tokens": usage.input(),
        "completion_tokens": output,
        "total_tokens": usage.input() + output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    })
}

pub(crate) fn whole(reply: &Reply) -> Value {
    let calls: Vec<Value> = reply
        .calls
        .iter()
        .map(|call| {
            json!({"id": call.id, "type": "function",
                "function": {"name": call.name, "arguments": call.arguments.to_string()}})
        })
        .collect();
    let text = if reply.text.is_empty() { Value::Null } else { reply.text.as_str().into() };
    let mut message = json!({"role": "assistant", "content": text, "refusal": null});
    if !reply.thinking.is_empty() {
        message["reasoning_content"] = reply.thinking.as_str().into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let mut body = json!({
        "id": reply.id, "object": "chat.completion", "created": 0, "model": reply.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish(reply)}],
    });
    if let Some(counts) = &reply.usage {
        body["usage"] = usage(counts);
    }
    body
}

/// `with_usage`: the request asked for it by `stream_options`.
pub(crate) fn stream(reply: &Reply, with_usage: bool) -> Vec<String> {
    let chunk = |choices: Value| json!({"id": reply.id, "object": "chat.completion.chunk", "created": 0, "model": reply.model, "choices": choices});
    let delta = |delta: Value| chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}]));
    let mut chunks = vec![delta(json!({"role": "assistant", "content": ""}))];
    chunks.extend(reply.pieces(&reply.thinking).into_iter().map(|piece| delta(json!({"reasoning_content": piece}))));
    chunks.extend(reply.pieces(&reply.text).into_iter().map(|piece| delta(json!({"content": piece}))));
    for (index, call) in reply.calls.iter().enumerate() {
        chunks.push(delta(json!({"tool_calls": [{"index": index, "id": call.id, "type": "function",
            "function": {"name": call.name, "arguments": ""}}]})));
        let arguments = call.arguments.to_string();
        chunks.extend(
            reply
                .pieces(&arguments)
                .into_iter()
                .map(|piece| delta(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))),
        );
    }
    chunks.push(chunk(json!([{"index": 0, "delta": {}, "finish_reason": finish(reply)}])));
    if let Some(counts) = reply.usage.as_ref().filter(|_| with_usage) {
        let mut last = chunk(json!([]));
        last["usage"] = usage(counts);
        chunks.push(last);
    }
    let mut frames: Vec<String> = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    frames.push("data: [DONE]\n\n".to_owned());
    frames
}
