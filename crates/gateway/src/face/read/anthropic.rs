use serde_json::{Value, json};
use types::chat::{ChatRequest, Message, Part, Speaker, ToolCall, ToolResult, ToolSpec};

use super::{empty, list, malformed, object, only, temperature, text, texts, untranslatable};
use crate::{anthropic::REDACTED, face::Refusal};

const KNOWN: [&str; 15] = [
    "model",
    "messages",
    "system",
    "tools",
    "temperature",
    "max_tokens",
    "stream",
    "metadata",
    "service_tier",
    "thinking",
    "output_config",
    "cache_control",
    "tool_choice",
    "top_p",
    "context_management",
];
const TEXT: [&str; 4] = ["type", "text", "cache_control", "citations"];

pub(super) fn read(json: &Value) -> Result<ChatRequest, Refusal> {
    object(json, "", &KNOWN)?;
    only(json, "tool_choice", &[json!({"type": "auto"})])?;
    only(json, "top_p", &[json!(1), json!(1.0)])?;
    if json["output_config"].is_object() {
        object(&json["output_config"], "output_config", &["effort"])?;
    }
    let mut chat = empty();
    chat.temperature = temperature(&json["temperature"])?;
    chat.system = texts(&json["system"], "system", &["text"], &TEXT)?;
    for (at, item) in list(&json["messages"], "messages")?.iter().enumerate() {
        chat.messages.push(message(item, &format!("messages[{at}]"))?);
    }
    for (at, tool) in list(&json["tools"], "tools")?.iter().enumerate() {
        chat.tools.push(spec(tool, &format!("tools[{at}]"))?);
    }
    Ok(chat)
}

fn message(json: &Value, at: &str) -> Result<Message, Refusal> {
    object(json, at, &["role", "content"])?;
    let speaker = match json["role"].as_str() {
        Some("user") => Speaker::User,
        Some("assistant") => Speaker::Assistant,
        _ => return Err(malformed(format!("{at}.role"), "user or assistant")),
    };
    let parts = match &json["content"] {
        Value::String(text) => vec![Part::Text { text: text.clone() }],
        blocks => {
            let blocks = list(blocks, &format!("{at}.content"))?.iter().enumerate();
            blocks.map(|(number, block)| part(block, &format!("{at}.content[{number}]"))).collect::<Result<_, _>>()?
        }
    };
    Ok(Message { speaker, parts })
}

fn part(block: &Value, at: &str) -> Result<Part, Refusal> {
    let word = |name: &str| text(&block[name], &format!("{at}.{name}")).map(str::to_owned);
    match block["type"].as_str().unwrap_or_default() {
        "text" => {
            object(block, at, &TEXT)?;
            Ok(Part::Text { text: word("text")? })
        }
        "thinking" => {
            object(block, at, &["type", "thinking", "signature"])?;
            let signature = block["signature"].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
            Ok(Part::Thinking { text: word("thinking")?, signature })
        }
        "redacted_thinking" => {
            Ok(Part::Thinking { text: String::new(), signature: Some(format!("{REDACTED}{}", word("data")?)) })
        }
        "tool_use" => {
            object(block, at, &["type", "id", "name", "input", "cache_control", "caller"])?;
            Ok(Part::ToolCall(ToolCall { id: word("id")?, name: word("name")?, arguments: block["input"].clone() }))
        }
        "tool_result" => {
            object(block, at, &["type", "tool_use_id", "content", "is_error", "cache_control"])?;
            let text = texts(&block["content"], &format!("{at}.content"), &["text"], &TEXT)?;
            Ok(Part::ToolResult(ToolResult { call: word("tool_use_id")?, text, failed: block["is_error"] == true }))
        }
        kind => Err(untranslatable(format!("{at} of type {kind}"))),
    }
}

fn spec(json: &Value, at: &str) -> Result<ToolSpec, Refusal> {
    if json["type"].as_str().is_some_and(|kind| kind != "custom") {
        return Err(untranslatable(format!("{at}.type")));
    }
    object(json, at, &["type", "name", "description", "input_schema", "cache_control", "eager_input_streaming"])?;
    Ok(ToolSpec {
        name: text(&json["name"], &format!("{at}.name"))?.to_owned(),
        description: json["description"].as_str().unwrap_or_default().to_owned(),
        parameters: super::schema::parameters(&json["input_schema"]),
    })
}
