//! Google's generateContent.

use serde_json::{Value, json};
use types::chat::TokenUsage;

use crate::{
    reply::Reply,
    seen::{Seen, Who, texts},
};

/// The model and whether to stream are in the address.
pub(crate) fn seen(body: &Value, model: &str, stream: bool) -> Seen {
    let mut seen = Seen { model: model.to_owned(), stream, ..Seen::default() };
    // countTokens may wrap the request; older clients write names with underscores.
    let body = body.get("generateContentRequest").unwrap_or(body);
    let system = body.get("systemInstruction").or_else(|| body.get("system_instruction")).unwrap_or(&Value::Null);
    seen.add_system(&texts(system.get("parts").unwrap_or(system)));
    for content in body["contents"].as_array().into_iter().flatten() {
        let who = if content["role"] == "model" { Who::Model } else { Who::Other };
        seen.add(who, spoken(&content["parts"]), content);
    }
    for list in body["tools"].as_array().into_iter().flatten() {
        let tools = list.get("functionDeclarations").or_else(|| list.get("function_declarations"));
        for tool in tools.and_then(Value::as_array).into_iter().flatten() {
            let schema = tool.get("parametersJsonSchema").or_else(|| tool.get("parameters")).unwrap_or(&Value::Null);
            seen.add_tool(&tool["name"], schema, tool);
        }
    }
    seen
}

fn spoken(parts: &Value) -> String {
    let all = parts.as_array().into_iter().flatten().map(|part| match part.get("functionResponse") {
        Some(response) => response["response"].to_string(),
        None => part["text"].as_str().unwrap_or_default().to_owned(),
    });
    all.collect::<Vec<_>>().join("\n")
}

pub(crate) fn error(status: u16, message: &str) -> Value {
    let name = match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        400..=499 => "INVALID_ARGUMENT",
        503 | 529 => "UNAVAILABLE",
        _ => "INTERNAL",
    };
    json!({"error": {"code": status, "message": message, "status": name}})
}

fn usage(counts: &TokenUsage) -> Value {
    json!({
        "promptTokenCount": counts.input(),
        "cachedContentTokenCount": counts.cache_read,
        "candidatesTokenCount": counts.output,
        "thoughtsTokenCount": counts.reasoning,
        "totalTokenCount": counts.total(),
    })
}

fn chunk(reply: &Reply, parts: &[Value], last: bool) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
    let mut json = json!({"modelVersion": reply.model, "responseId": reply.id});
    if last {
        candidate["finishReason"] = "STOP".into();
        if let Some(counts) = &reply.usage {
            json["usageMetadata"] = usage(counts);
        }
    }
    json["candidates"] = json!([candidate]);
    json
}

fn calls(reply: &Reply) -> impl Iterator<Item = Value> {
    reply.calls.iter().map(|call| json!({"functionCall": {"name": call.name, "args": call.arguments}}))
}

pub(crate) fn whole(reply: &Reply) -> Value {
    let mut parts = Vec::new();
    if !reply.thinking.is_empty() {
        parts.push(json!({"text": reply.thinking, "thought": true}));
    }
    if !reply.text.is_empty() {
        parts.push(json!({"text": reply.text}));
    }
    parts.extend(calls(reply));
    chunk(reply, &parts, true)
}

pub(crate) fn stream(reply: &Reply) -> Vec<Value> {
    let thoughts = reply.pieces(&reply.thinking).into_iter().map(|piece| json!({"text": piece, "thought": true}));
    let texts = reply.pieces(&reply.text).into_iter().map(|piece| json!({"text": piece}));
    let parts = thoughts.chain(texts).chain(calls(reply));
    let mut chunks: Vec<Value> = parts.map(|part| chunk(reply, &[part], false)).collect();
    chunks.push(chunk(reply, &[json!({"text": ""})], true));
    chunks
}
