use serde_json::Value;
use types::chat::{Answer, Delta, Stop, TokenUsage};

use crate::{
    CallError,
    assembly::{Assembly, Draft},
    counts::output_apart,
    json,
    refusal::Complaint,
    sse,
};

/// Reads the stream of one generated content, asked for with `alt=sse`.
#[derive(Debug, Default)]
pub struct StreamParser {
    events: sse::Parser,
    assembly: Assembly,
    calls: usize,
}

impl StreamParser {
    /// Reads the next bytes, cut anywhere.
    ///
    /// # Errors
    ///
    /// When they do not follow the protocol, or carry the provider's own error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Delta>, CallError> {
        let mut deltas = Vec::new();
        let events = self.events.push(bytes).map_err(|error| CallError::malformed(error.to_string()))?;
        for event in events.into_iter().filter(|event| !event.data.is_empty()) {
            let json = json::parse(event.data.as_bytes())
                .map_err(|error| CallError::malformed(format!("a piece is no JSON: {error}")))?;
            self.read(&json, &mut deltas)?;
        }
        Ok(deltas)
    }

    fn read(&mut self, json: &Value, deltas: &mut Vec<Delta>) -> Result<(), CallError> {
        if json.get("error").is_some() {
            return Err(Complaint::from_json(json).in_stream());
        }
        if let Some(model) = json["modelVersion"].as_str() {
            model.clone_into(&mut self.assembly.model);
        }
        if let Some(usage) = usage(&json["usageMetadata"]) {
            self.assembly.usage = Some(usage);
        }
        let candidate = &json["candidates"][0];
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            self.read_part(part, deltas);
        }
        let reason = candidate["finishReason"].as_str().or_else(|| json["promptFeedback"]["blockReason"].as_str());
        if let Some(reason) = reason {
            self.assembly.stop = Some(stop(reason));
        }
        Ok(())
    }

    fn read_part(&mut self, part: &Value, deltas: &mut Vec<Delta>) {
        let text = part["text"].as_str().unwrap_or_default();
        if part["thought"] == true {
            self.assembly.thinking(text, deltas);
            return;
        }
        // What must go back with this part is kept as a thought before it.
        if let Some(signature) = part["thoughtSignature"].as_str() {
            let signature = Some(signature.to_owned());
            self.assembly.open(Draft::Thinking { text: String::new(), signature }, deltas);
        }
        if let Some(call) = part.get("functionCall") {
            let given = call["id"].as_str().filter(|id| !id.is_empty());
            let id = given.map_or_else(|| format!("call_{}", self.calls), str::to_owned);
            self.calls += 1;
            let arguments = if call["args"].is_object() { call["args"].to_string() } else { String::new() };
            let name = call["name"].as_str().unwrap_or_default().to_owned();
            self.assembly.open(Draft::Call { id, name, arguments }, deltas);
        }
        self.assembly.text(text, deltas);
    }

    pub(crate) const fn assembly(&self) -> &Assembly {
        &self.assembly
    }

    /// The tokens reported so far.
    #[must_use]
    pub const fn usage(&self) -> Option<TokenUsage> {
        self.assembly.usage
    }

    /// The whole answer, after the last byte.
    ///
    /// # Errors
    ///
    /// [`CallError::CutShort`] when no reason to stop was given.
    pub fn finish(mut self) -> Result<Answer, CallError> {
        match self.assembly.stop.take() {
            Some(stop) => Ok(self.assembly.finish(stop)),
            None => Err(CallError::CutShort { partial: self.assembly.usage, by: None }),
        }
    }
}

pub(crate) fn stop(reason: &str) -> Stop {
    match reason {
        "STOP" => Stop::EndTurn,
        "MAX_TOKENS" => Stop::MaxTokens,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => Stop::Refusal,
        other => Stop::Other(other.to_owned()),
    }
}

/// Input includes what came from the cache; thoughts are counted beside the output, or within it where the total says so.
pub(crate) fn usage(json: &Value) -> Option<TokenUsage> {
    let count = |name: &str| json[name].as_u64();
    let input = count("promptTokenCount")?.saturating_add(count("toolUsePromptTokenCount").unwrap_or(0));
    let written = count("candidatesTokenCount").unwrap_or(0);
    let thoughts = count("thoughtsTokenCount").unwrap_or(0);
    let beyond = count("totalTokenCount").map_or(thoughts, |total| total.saturating_sub(input.saturating_add(written)));
    let (output, reasoning) = output_apart(written, thoughts, beyond);
    let cache_read = count("cachedContentTokenCount").unwrap_or(0).min(input);
    Some(TokenUsage { uncached: input - cache_read, cache_read, cache_write: 0, output, reasoning }.bounded())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stream() -> String {
        let events = [
            json!({"modelVersion": "gemini-3", "candidates": [{"content": {"role": "model", "parts": [{"text": "Hm", "thought": true}]}}]}),
            json!({"candidates": [{"content": {"parts": [{"text": "Grüße "}]}}]}),
            json!({"candidates": [{"content": {"parts": [{"text": "✓"}, {"functionCall": {"name": "read", "args": {"path": "a"}}, "thoughtSignature": "sig"}, {"functionCall": {"name": "finish"}}]}}]}),
            json!({"candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 50, "cachedContentTokenCount": 20, "candidatesTokenCount": 7, "thoughtsTokenCount": 5, "totalTokenCount": 62}}),
        ];
        events.iter().map(|event| format!("data: {event}\r\n\r\n")).collect()
    }

    fn parse(pieces: &[&[u8]]) -> Result<Answer, CallError> {
        let mut parser = StreamParser::default();
        for piece in pieces {
            parser.push(piece)?;
        }
        parser.finish()
    }

    #[test]
    fn parts_and_usage_are_read() {
        let answer = parse(&[stream().as_bytes()]).unwrap();
        assert_eq!(answer.message.text(), "Grüße ✓");
        assert_eq!(answer.stop, Stop::ToolUse);
        let calls: Vec<_> =
            answer.message.tool_calls().map(|call| (call.id.as_str(), call.arguments.clone())).collect();
        assert_eq!(calls, [("call_0", json!({"path": "a"})), ("call_1", json!({}))]);
        let usage = TokenUsage { uncached: 30, cache_read: 20, cache_write: 0, output: 7, reasoning: 5 };
        assert_eq!(answer.usage, Some(usage));
    }

    #[test]
    fn a_cut_at_any_byte_changes_nothing() {
        let stream = stream();
        let expected = parse(&[stream.as_bytes()]).unwrap();
        for at in 0..stream.len() {
            let (head, tail) = stream.as_bytes().split_at(at);
            assert_eq!(parse(&[head, tail]).unwrap(), expected, "cut at {at}");
        }
    }

    #[test]
    fn a_blocked_prompt_is_a_refusal_and_silence_is_a_cut() {
        let blocked = parse(&[b"data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n"]).unwrap();
        assert_eq!(blocked.stop, Stop::Refusal);
        assert!(matches!(parse(&[b"data: {\"candidates\":[]}\n\n"]), Err(CallError::CutShort { .. })));
    }
}
