use serde_json::{Value, json};
use types::chat::{ChatRequest, Message, Part, Speaker, ToolCall, ToolResult, ToolSpec};

use super::{arguments, empty, join, list, malformed, object, only, say, temperature, text, texts, untranslatable};
use crate::face::Refusal;

/// Carried, or advice, or checked below.
const KNOWN: [&str; 25] = [
    "model",
    "messages",
    "tools",
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "stream",
    "stream_options",
    "user",
    "metadata",
    "store",
    "seed",
    "service_tier",
    "reasoning_effort",
    "verbosity",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "n",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
];

pub(super) fn read(json: &Value) -> Result<ChatRequest, Refusal> {
    object(json, "", &KNOWN)?;
    only(json, "n", &[json!(1)])?;
    only(json, "tool_choice", &[json!("auto")])?;
    only(json, "parallel_tool_calls", &[json!(true)])?;
    only(json, "response_format", &[json!({"type": "text"})])?;
    only(json, "top_p", &[json!(1), json!(1.0)])?;
    only(json, "presence_penalty", &[json!(0), json!(0.0)])?;
    only(json, "frequency_penalty", &[json!(0), json!(0.0)])?;
    only(json, "seed", &[])?;
    let mut chat = empty();
    chat.temperature = temperature(&json["temperature"])?;
    for (at, item) in list(&json["messages"], "messages")?.iter().enumerate() {
        message(&mut chat, item, &format!("messages[{at}]"))?;
    }
    for (at, tool) in list(&json["tools"], "tools")?.iter().enumerate() {
        chat.tools.push(spec(tool, &format!("tools[{at}]"))?);
    }
    Ok(chat)
}

fn message(chat: &mut ChatRequest, json: &Value, at: &str) -> Result<(), Refusal> {
    let said = |known: &[&str]| {
        object(json, at, known)?;
        texts(&json["content"], &format!("{at}.content"), &["text"], &["type", "text", "cache_control"])
    };
    match json["role"].as_str() {
        Some("system" | "developer") => {
            let words = said(&["role", "content"])?;
            if !chat.messages.is_empty() {
                return Err(untranslatable(format!("{at}, which is of the system but not at the beginning")));
            }
            join(&mut chat.system, &words);
        }
        Some("user") => {
            let words = said(&["role", "content"])?;
            say(&mut chat.messages, Speaker::User, vec![Part::Text { text: words }]);
        }
        Some("tool") => {
            let call = text(&json["tool_call_id"], &format!("{at}.tool_call_id"))?.to_owned();
            let result = ToolResult { call, text: said(&["role", "content", "tool_call_id"])?, failed: false };
            say(&mut chat.messages, Speaker::User, vec![Part::ToolResult(result)]);
        }
        Some("assistant") => {
            let parts = assistant(json, at)?;
            chat.messages.push(Message { speaker: Speaker::Assistant, parts });
        }
        _ => return Err(malformed(format!("{at}.role"), "system, developer, user, assistant or tool")),
    }
    Ok(())
}

fn assistant(json: &Value, at: &str) -> Result<Vec<Part>, Refusal> {
    const FIELDS: [&str; 6] = ["role", "content", "tool_calls", "refusal", "reasoning_content", "reasoning"];
    object(json, at, &FIELDS)?;
    let mut parts = Vec::new();
    if let Some(text) = json["reasoning_content"].as_str().or_else(|| json["reasoning"].as_str()) {
        parts.push(Part::Thinking { text: text.to_owned(), signature: None });
    }
    let content = texts(&json["content"], &format!("{at}.content"), &["text"], &["type", "text", "cache_control"])?;
    for words in [content.as_str(), json["refusal"].as_str().unwrap_or_default()] {
        if !words.is_empty() {
            parts.push(Part::Text { text: words.to_owned() });
        }
    }
    for (number, call) in list(&json["tool_calls"], &format!("{at}.tool_calls"))?.iter().enumerate() {
        let at = format!("{at}.tool_calls[{number}]");
        if call["type"].as_str().is_some_and(|kind| kind != "function") {
            return Err(untranslatable(format!("{at}.type")));
        }
        object(call, &at, &["id", "type", "function", "index", "extra_content"])?;
        // Where Google's own server for this format keeps what must go back with a call.
        if let Some(signature) = call["extra_content"]["google"]["thought_signature"].as_str() {
            parts.push(Part::Thinking { text: String::new(), signature: Some(signature.to_owned()) });
        }
        parts.push(Part::ToolCall(ToolCall {
            id: text(&call["id"], &format!("{at}.id"))?.to_owned(),
            name: text(&call["function"]["name"], &format!("{at}.function.name"))?.to_owned(),
            arguments: arguments(call["function"]["arguments"].as_str().unwrap_or("{}")),
        }));
    }
    Ok(parts)
}

fn spec(json: &Value, at: &str) -> Result<ToolSpec, Refusal> {
    if json["type"] != "function" {
        return Err(untranslatable(format!("{at}.type")));
    }
    object(json, at, &["type", "function", "cache_control"])?;
    let function = &json["function"];
    let at = format!("{at}.function");
    object(function, &at, &["name", "description", "parameters"])?;
    Ok(ToolSpec {
        name: text(&function["name"], &format!("{at}.name"))?.to_owned(),
        description: function["description"].as_str().unwrap_or_default().to_owned(),
        parameters: super::schema::parameters(&function["parameters"]),
    })
}
