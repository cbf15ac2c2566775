use std::collections::VecDeque;

use serde_json::{Value, json};
use types::chat::{ChatRequest, Part, Speaker, ToolCall, ToolResult, ToolSpec};

use super::{empty, join, list, malformed, object, only, say, temperature, text, untranslatable};
use crate::face::Refusal;

pub(super) fn read(json: &Value) -> Result<ChatRequest, Refusal> {
    const KNOWN: [&str; 11] = [
        "contents",
        "systemInstruction",
        "system_instruction",
        "tools",
        "generationConfig",
        "generation_config",
        "toolConfig",
        "tool_config",
        "labels",
        "model",
        "store",
    ];
    object(json, "", &KNOWN)?;
    let either = |one: &str, other: &str| json.get(one).or_else(|| json.get(other)).unwrap_or(&Value::Null);
    let automatic =
        [json!({"functionCallingConfig": {"mode": "AUTO"}}), json!({"function_calling_config": {"mode": "AUTO"}})];
    only(json, "toolConfig", &automatic)?;
    only(json, "tool_config", &automatic)?;
    let mut chat = empty();
    chat.temperature = settings(either("generationConfig", "generation_config"))?;
    chat.system = system(either("systemInstruction", "system_instruction"))?;
    // Calls have no ids here: a result answers the oldest open call of the same name.
    let mut open: VecDeque<(String, String)> = VecDeque::new();
    let mut count = 0;
    for (at, content) in list(&json["contents"], "contents")?.iter().enumerate() {
        let at = format!("contents[{at}]");
        object(content, &at, &["role", "parts"])?;
        let speaker = match content["role"].as_str() {
            Some("model") => Speaker::Assistant,
            None | Some("user" | "function") => Speaker::User,
            _ => return Err(malformed(format!("{at}.role"), "user or model")),
        };
        for (number, part) in list(&content["parts"], &format!("{at}.parts"))?.iter().enumerate() {
            let parts = read_part(part, &format!("{at}.parts[{number}]"), &mut open, &mut count)?;
            say(&mut chat.messages, speaker, parts);
        }
    }
    for (at, group) in list(&json["tools"], "tools")?.iter().enumerate() {
        let at = format!("tools[{at}]");
        object(group, &at, &["functionDeclarations", "function_declarations"])?;
        let specs = group.get("functionDeclarations").or_else(|| group.get("function_declarations"));
        for (number, tool) in list(specs.unwrap_or(&Value::Null), &at)?.iter().enumerate() {
            chat.tools.push(spec(tool, &format!("{at}.functionDeclarations[{number}]"))?);
        }
    }
    Ok(chat)
}

fn settings(json: &Value) -> Result<Option<f32>, Refusal> {
    const NAME: &str = "generationConfig";
    const KNOWN: [&str; 10] = [
        "temperature",
        "maxOutputTokens",
        "max_output_tokens",
        "thinkingConfig",
        "thinking_config",
        "candidateCount",
        "candidate_count",
        "topP",
        "top_p",
        "responseMimeType",
    ];
    if json.is_null() {
        return Ok(None);
    }
    object(json, NAME, &KNOWN)?;
    for (name, usual) in [
        ("candidateCount", json!(1)),
        ("candidate_count", json!(1)),
        ("topP", json!(1)),
        ("top_p", json!(1)),
        ("responseMimeType", json!("text/plain")),
    ] {
        only(json, name, &[usual]).map_err(|_| untranslatable(format!("{NAME}.{name}")))?;
    }
    temperature(&json["temperature"])
}

fn system(json: &Value) -> Result<String, Refusal> {
    let mut system = String::new();
    if let Some(text) = json.as_str() {
        return Ok(text.to_owned());
    }
    for (at, part) in list(&json["parts"], "systemInstruction.parts")?.iter().enumerate() {
        let at = format!("systemInstruction.parts[{at}]");
        object(part, &at, &["text"])?;
        join(&mut system, text(&part["text"], &format!("{at}.text"))?);
    }
    Ok(system)
}

fn read_part(
    part: &Value,
    at: &str,
    open: &mut VecDeque<(String, String)>,
    count: &mut usize,
) -> Result<Vec<Part>, Refusal> {
    const KNOWN: [&str; 9] = [
        "text",
        "thought",
        "thoughtSignature",
        "thought_signature",
        "functionCall",
        "function_call",
        "functionResponse",
        "function_response",
        "cache_control",
    ];
    object(part, at, &KNOWN)?;
    let either = |one: &str, other: &str| part.get(one).or_else(|| part.get(other));
    let mut parts = Vec::new();
    if let Some(signature) = either("thoughtSignature", "thought_signature").and_then(Value::as_str) {
        parts.push(Part::Thinking { text: String::new(), signature: Some(signature.to_owned()) });
    }
    if let Some(call) = either("functionCall", "function_call") {
        let name = text(&call["name"], &format!("{at}.functionCall.name"))?.to_owned();
        let given = call["id"].as_str().filter(|id| !id.is_empty());
        let id = given.map_or_else(|| format!("call_{count}"), str::to_owned);
        *count += 1;
        open.push_back((name.clone(), id.clone()));
        let arguments = call.get("args").filter(|args| args.is_object()).cloned().unwrap_or_else(|| json!({}));
        parts.push(Part::ToolCall(ToolCall { id, name, arguments }));
    } else if let Some(response) = either("functionResponse", "function_response") {
        let name = text(&response["name"], &format!("{at}.functionResponse.name"))?;
        let asked =
            open.iter().position(|(known, id)| response["id"].as_str().map_or(known == name, |given| given == id));
        let asked = asked.and_then(|position| open.remove(position));
        let (_, call) = asked.ok_or_else(|| malformed(at, "the answer to a call in the same conversation"))?;
        parts.push(Part::ToolResult(result(call, &response["response"])));
    } else if part["thought"] == true {
        parts.push(Part::Thinking { text: part["text"].as_str().unwrap_or_default().to_owned(), signature: None });
    } else if let Some(text) = part["text"].as_str().filter(|text| !text.is_empty()) {
        parts.push(Part::Text { text: text.to_owned() });
    }
    Ok(parts)
}

/// The two keys that Google's reference suggests are read; any other object goes as JSON.
fn result(call: String, response: &Value) -> ToolResult {
    let only = response.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
    match only.map(|(name, value)| (name.as_str(), value)) {
        Some(("output" | "result", Value::String(text))) => ToolResult { call, text: text.clone(), failed: false },
        Some(("error", Value::String(text))) => ToolResult { call, text: text.clone(), failed: true },
        _ => ToolResult { call, text: response.to_string(), failed: false },
    }
}

fn spec(json: &Value, at: &str) -> Result<ToolSpec, Refusal> {
    const KNOWN: [&str; 5] = ["name", "description", "parameters", "parametersJsonSchema", "parameters_json_schema"];
    object(json, at, &KNOWN)?;
    let schema = json.get("parametersJsonSchema").or_else(|| json.get("parameters_json_schema"));
    let parameters = schema.map_or_else(|| super::schema::from_google(&json["parameters"]), Clone::clone);
    Ok(ToolSpec {
        name: text(&json["name"], &format!("{at}.name"))?.to_owned(),
        description: json["description"].as_str().unwrap_or_default().to_owned(),
        parameters: super::schema::parameters(&parameters),
    })
}
