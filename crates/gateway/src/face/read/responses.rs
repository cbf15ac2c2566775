use serde_json::{Value, json};
use types::chat::{ChatRequest, Part, Speaker, ToolCall, ToolResult, ToolSpec};

use super::{arguments, empty, join, list, malformed, object, only, say, temperature, text, texts, untranslatable};
use crate::face::Refusal;

const KNOWN: [&str; 20] = [
    "model",
    "input",
    "instructions",
    "tools",
    "temperature",
    "max_output_tokens",
    "stream",
    "stream_options",
    "user",
    "metadata",
    "store",
    "include",
    "reasoning",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "text",
    "tool_choice",
    "parallel_tool_calls",
    "top_p",
];
const PIECE: [&str; 4] = ["type", "text", "annotations", "logprobs"];

pub(super) fn read(json: &Value) -> Result<ChatRequest, Refusal> {
    object(json, "", &KNOWN)?;
    only(json, "tool_choice", &[json!("auto")])?;
    only(json, "parallel_tool_calls", &[json!(true)])?;
    only(json, "top_p", &[json!(1), json!(1.0)])?;
    only(json, "include", &[json!(["reasoning.encrypted_content"])])?;
    if json["text"].is_object() {
        object(&json["text"], "text", &["verbosity", "format"])?;
        only(&json["text"], "format", &[json!({"type": "text"})]).map_err(|_| untranslatable("text.format"))?;
    }
    let mut chat = empty();
    chat.temperature = temperature(&json["temperature"])?;
    join(&mut chat.system, json["instructions"].as_str().unwrap_or_default());
    match &json["input"] {
        Value::String(text) => say(&mut chat.messages, Speaker::User, vec![Part::Text { text: text.clone() }]),
        items => {
            for (at, item) in list(items, "input")?.iter().enumerate() {
                read_item(&mut chat, item, &format!("input[{at}]"))?;
            }
        }
    }
    for (at, tool) in list(&json["tools"], "tools")?.iter().enumerate() {
        chat.tools.push(spec(tool, &format!("tools[{at}]"))?);
    }
    Ok(chat)
}

fn read_item(chat: &mut ChatRequest, item: &Value, at: &str) -> Result<(), Refusal> {
    match item["type"].as_str().unwrap_or("message") {
        "message" => message(chat, item, at)?,
        "function_call" => {
            object(item, at, &["type", "id", "call_id", "name", "arguments", "status"])?;
            let call = ToolCall {
                id: text(&item["call_id"], &format!("{at}.call_id"))?.to_owned(),
                name: text(&item["name"], &format!("{at}.name"))?.to_owned(),
                arguments: arguments(item["arguments"].as_str().unwrap_or("{}")),
            };
            say(&mut chat.messages, Speaker::Assistant, vec![Part::ToolCall(call)]);
        }
        "function_call_output" => {
            object(item, at, &["type", "id", "call_id", "output", "status"])?;
            let result = ToolResult {
                call: text(&item["call_id"], &format!("{at}.call_id"))?.to_owned(),
                text: texts(&item["output"], &format!("{at}.output"), &["input_text"], &PIECE)?,
                failed: false,
            };
            say(&mut chat.messages, Speaker::User, vec![Part::ToolResult(result)]);
        }
        "reasoning" => {
            object(item, at, &["type", "id", "summary", "content", "encrypted_content", "status"])?;
            let thought = texts(&item["summary"], &format!("{at}.summary"), &["summary_text"], &PIECE)?;
            let signature = item["encrypted_content"].as_str().map(str::to_owned);
            say(&mut chat.messages, Speaker::Assistant, vec![Part::Thinking { text: thought, signature }]);
        }
        kind => return Err(untranslatable(format!("{at} of type {kind}"))),
    }
    Ok(())
}

fn message(chat: &mut ChatRequest, item: &Value, at: &str) -> Result<(), Refusal> {
    object(item, at, &["type", "id", "role", "content", "status", "phase"])?;
    let kinds = ["input_text", "output_text", "text"];
    let words = texts(&item["content"], &format!("{at}.content"), &kinds, &PIECE)?;
    match item["role"].as_str() {
        Some("system" | "developer") if chat.messages.is_empty() => join(&mut chat.system, &words),
        Some("system" | "developer") => {
            return Err(untranslatable(format!("{at}, which is of the system but not at the beginning")));
        }
        Some("user") => say(&mut chat.messages, Speaker::User, vec![Part::Text { text: words }]),
        Some("assistant") => say(&mut chat.messages, Speaker::Assistant, vec![Part::Text { text: words }]),
        _ => return Err(malformed(format!("{at}.role"), "system, developer, user or assistant")),
    }
    Ok(())
}

fn spec(json: &Value, at: &str) -> Result<ToolSpec, Refusal> {
    if json["type"] != "function" {
        return Err(untranslatable(format!("{at}.type")));
    }
    object(json, at, &["type", "name", "description", "parameters"])?;
    Ok(ToolSpec {
        name: text(&json["name"], &format!("{at}.name"))?.to_owned(),
        description: json["description"].as_str().unwrap_or_default().to_owned(),
        parameters: super::schema::parameters(&json["parameters"]),
    })
}
