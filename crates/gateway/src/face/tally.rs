use serde_json::Value;
use types::chat::{Stop, TokenUsage};

use super::Format;
use crate::{CallError, anthropic, counts::output_apart, gemini, json, openai, refusal::Complaint};

/// What the pieces of an answer have told so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) usage: Option<TokenUsage>,
    pub(super) stop: Option<Stop>,
    pub(super) model: String,
    /// The provider said that it was done.
    pub(super) ended: bool,
    /// Bytes of what the model wrote: text, thoughts, names and arguments of calls.
    pub(super) written: u64,
    pub(super) error: Option<CallError>,
}

impl Tally {
    /// Reads one event of a stream, or a whole body.
    pub(super) fn read(&mut self, format: Format, json: &Value) {
        match format {
            Format::OpenAiChat | Format::OpenAiEmbeddings => self.openai(json),
            Format::OpenAiResponses => self.responses(json),
            Format::Anthropic => self.anthropic(json),
            Format::Gemini => self.gemini(json),
        }
    }

    fn complain(&mut self, json: &Value) {
        self.error.get_or_insert_with(|| Complaint::from_json(json).in_stream());
    }

    fn model_is(&mut self, name: &Value) {
        if let Some(name) = name.as_str().filter(|name| !name.is_empty()) {
            self.model = json::name(name);
        }
    }

    fn stopped(&mut self, stop: Stop) {
        self.ended = true;
        self.stop = Some(stop);
    }

    fn openai(&mut self, json: &Value) {
        if json.get("error").is_some_and(|error| !error.is_null()) {
            return self.complain(json);
        }
        self.model_is(&json["model"]);
        self.usage = openai::usage(&json["usage"]).or(self.usage);
        if json["object"] == "list" {
            self.ended = true;
        }
        for choice in json["choices"].as_array().into_iter().flatten() {
            self.written += strings(choice.get("delta").or_else(|| choice.get("message")).unwrap_or(&Value::Null));
            if let Some(reason) = choice["finish_reason"].as_str() {
                self.stopped(openai::stop(reason));
            }
        }
    }

    fn responses(&mut self, json: &Value) {
        let kind = json["type"].as_str().unwrap_or_default();
        match kind {
            "error" => self.complain(json),
            _ if kind.ends_with(".delta") => {
                self.written += json["delta"].as_str().map_or(0, |text| text.len() as u64);
            }
            "response.created" | "response.completed" | "response.incomplete" | "response.failed" => {
                self.response(&json["response"]);
            }
            // A whole body.
            "" => {
                self.written += strings(&json["output"]);
                self.response(json);
            }
            _ => {}
        }
    }

    fn response(&mut self, json: &Value) {
        self.model_is(&json["model"]);
        self.usage = responses_usage(&json["usage"]).or(self.usage);
        let called = json["output"].as_array().into_iter().flatten().any(|item| item["type"] == "function_call");
        match json["status"].as_str().unwrap_or_default() {
            "completed" if called => self.stopped(Stop::ToolUse),
            "completed" => self.stopped(Stop::EndTurn),
            "incomplete" if json["incomplete_details"]["reason"] == "max_output_tokens" => {
                self.stopped(Stop::MaxTokens);
            }
            "incomplete" => self.stopped(Stop::Refusal),
            "failed" | "cancelled" => {
                self.stopped(Stop::Other("failed".to_owned()));
                self.complain(json);
            }
            _ if json.get("error").is_some_and(|error| !error.is_null()) => self.complain(json),
            _ => {}
        }
    }

    fn anthropic(&mut self, json: &Value) {
        match json["type"].as_str().unwrap_or_default() {
            "message_start" => {
                self.model_is(&json["message"]["model"]);
                self.usage = anthropic::usage(self.usage, &json["message"]["usage"]);
            }
            "content_block_start" => {
                let block = &json["content_block"];
                let texts = ["text", "thinking", "name", "data"].iter().filter_map(|name| block[*name].as_str());
                self.written += texts.map(|text| text.len() as u64).sum::<u64>();
            }
            "content_block_delta" => {
                let delta = &json["delta"];
                let texts = ["text", "thinking", "partial_json"].iter().filter_map(|name| delta[*name].as_str());
                self.written += texts.map(|text| text.len() as u64).sum::<u64>();
            }
            "message_delta" => {
                if let Some(reason) = json["delta"]["stop_reason"].as_str() {
                    self.stop = Some(anthropic::stop(reason));
                }
                self.usage = anthropic::usage(self.usage, &json["usage"]);
            }
            "message_stop" => self.ended = true,
            "message" => {
                self.model_is(&json["model"]);
                self.usage = anthropic::usage(self.usage, &json["usage"]);
                self.written += strings(&json["content"]);
                if let Some(reason) = json["stop_reason"].as_str() {
                    self.stopped(anthropic::stop(reason));
                }
            }
            "error" => self.complain(json),
            _ => {}
        }
    }

    fn gemini(&mut self, json: &Value) {
        if json.get("error").is_some() {
            return self.complain(json);
        }
        self.model_is(&json["modelVersion"]);
        self.usage = gemini::usage(&json["usageMetadata"]).or(self.usage);
        for candidate in json["candidates"].as_array().into_iter().flatten() {
            self.written += strings(&candidate["content"]["parts"]);
            if let Some(reason) = candidate["finishReason"].as_str() {
                self.stopped(gemini::stop(reason));
            }
        }
        if let Some(reason) = json["promptFeedback"]["blockReason"].as_str() {
            self.stopped(gemini::stop(reason));
        }
    }
}

/// Bytes of all texts in a value, which is a little more than the model wrote: ids and kinds are counted too.
fn strings(json: &Value) -> u64 {
    match json {
        Value::String(text) => text.len() as u64,
        Value::Array(list) => list.iter().map(strings).sum(),
        Value::Object(object) => object.iter().map(|(name, value)| inner(name, value)).sum(),
        _ => 0,
    }
}

/// Signatures are long and cost nothing.
fn inner(name: &str, value: &Value) -> u64 {
    match name {
        "type" | "role" | "id" | "signature" | "thoughtSignature" | "encrypted_content" | "annotations" => 0,
        // Arguments as an object, whose names the model wrote as well.
        "args" | "input" if value.is_object() => value.to_string().len() as u64,
        _ => strings(value),
    }
}

/// Input includes what came from the cache, output includes reasoning. OpenAI's API reference, "The response object".
pub(crate) fn responses_usage(json: &Value) -> Option<TokenUsage> {
    let input = json["input_tokens"].as_u64()?;
    let details = &json["input_tokens_details"];
    let cache_read = details["cached_tokens"].as_u64().unwrap_or(0).min(input);
    let cache_write = details["cache_write_tokens"].as_u64().unwrap_or(0).min(input - cache_read);
    let written = json["output_tokens"].as_u64().unwrap_or(0);
    let reasoning = json["output_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0);
    let beyond = json["total_tokens"].as_u64().map_or(0, |total| total.saturating_sub(input.saturating_add(written)));
    let (output, reasoning) = output_apart(written, reasoning, beyond);
    let uncached = input - cache_read - cache_write;
    Some(TokenUsage { uncached, cache_read, cache_write, output, reasoning }.bounded())
}
