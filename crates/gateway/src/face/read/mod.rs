//! Requests of each format in the words of no provider.
//!
//! A field is carried, or is advice that another vendor's model has no equal for (how hard to think, where to cache, whom to
//! account it to) and is left out, or is refused by name. Nothing that changes what the answer is gets lost silently.

mod anthropic;
mod chat;
mod gemini;
mod responses;
mod schema;

use serde_json::{Map, Value};
use types::chat::{ChatRequest, Message, Part, Speaker};

use super::{Format, Refusal};

pub(super) fn chat(format: Format, json: &Value) -> Result<ChatRequest, Refusal> {
    match format {
        Format::OpenAiChat => chat::read(json),
        Format::OpenAiResponses => responses::read(json),
        Format::Anthropic => anthropic::read(json),
        Format::Gemini => gemini::read(json),
        Format::OpenAiEmbeddings => {
            Err(Refusal::new("This provider has no embeddings in OpenAI's format. Name one that has."))
        }
    }
}

fn empty() -> ChatRequest {
    ChatRequest {
        model: String::new(),
        system: String::new(),
        messages: Vec::new(),
        tools: Vec::new(),
        max_output_tokens: 0,
        temperature: None,
    }
}

fn untranslatable(field: impl Into<String>) -> Refusal {
    let field = field.into();
    let message = format!(
        "The provider behind this model speaks another format, which has no place for {field}. Leave it out, or name a \
         model whose provider takes requests of this format."
    );
    Refusal::field(field, message)
}

fn malformed(field: impl Into<String>, wanted: &str) -> Refusal {
    let field = field.into();
    let message = format!("The field {field} must be {wanted}.");
    Refusal::field(field, message)
}

/// The object at `field`, all of whose fields are known or say nothing.
fn object<'a>(json: &'a Value, field: &str, known: &[&str]) -> Result<&'a Map<String, Value>, Refusal> {
    let object = json.as_object().ok_or_else(|| malformed(field, "an object"))?;
    let strange = object.iter().find(|(name, value)| !known.contains(&name.as_str()) && !says_nothing(value));
    match strange {
        Some((name, _)) if field.is_empty() => Err(untranslatable(name.clone())),
        Some((name, _)) => Err(untranslatable(format!("{field}.{name}"))),
        None => Ok(object),
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// A field that may stand there with the value that everybody has anyway.
fn only(json: &Value, name: &str, usual: &[Value]) -> Result<(), Refusal> {
    let value = &json[name];
    if says_nothing(value) || usual.contains(value) { Ok(()) } else { Err(untranslatable(name)) }
}

fn temperature(value: &Value) -> Result<Option<f32>, Refusal> {
    if value.is_null() {
        return Ok(None);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a temperature has one or two digits")]
    value.as_f64().map(|number| Some(number as f32)).ok_or_else(|| malformed("temperature", "a number"))
}

fn list<'a>(json: &'a Value, field: &str) -> Result<&'a [Value], Refusal> {
    match json {
        Value::Null => Ok(&[]),
        Value::Array(list) => Ok(list),
        _ => Err(malformed(field, "a list")),
    }
}

fn text<'a>(json: &'a Value, field: &str) -> Result<&'a str, Refusal> {
    json.as_str().ok_or_else(|| malformed(field, "a text"))
}

/// Texts that stand alone or in parts of one of these kinds.
fn texts(json: &Value, field: &str, kinds: &[&str], known: &[&str]) -> Result<String, Refusal> {
    if let Some(text) = json.as_str() {
        return Ok(text.to_owned());
    }
    let mut all = Vec::new();
    for (at, part) in list(json, field)?.iter().enumerate() {
        let place = format!("{field}[{at}]");
        let kind = part["type"].as_str().unwrap_or_default();
        if !kinds.contains(&kind) {
            return Err(untranslatable(format!("{place} of type {kind}")));
        }
        object(part, &place, known)?;
        all.push(text(&part["text"], &format!("{place}.text"))?);
    }
    Ok(all.join("\n"))
}

/// Adds parts to the last message if the same side said it, as most formats write one turn in several items.
fn say(messages: &mut Vec<Message>, speaker: Speaker, parts: Vec<Part>) {
    match messages.last_mut() {
        Some(last) if last.speaker == speaker => last.parts.extend(parts),
        _ if parts.is_empty() => {}
        _ => messages.push(Message { speaker, parts }),
    }
}

/// Arguments that a model wrote as text; what is no JSON goes on as it is.
fn arguments(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn join(system: &mut String, more: &str) {
    if !system.is_empty() && !more.is_empty() {
        system.push_str("\n\n");
    }
    system.push_str(more);
}
