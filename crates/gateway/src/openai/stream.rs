use std::collections::HashMap;

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

/// Reads the stream of one chat completion.
#[derive(Debug, Default)]
pub struct StreamParser {
    events: sse::Parser,
    assembly: Assembly,
    /// Where the call with this index of the wire stands.
    calls: HashMap<u64, usize>,
    done: bool,
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
        for event in events {
            if event.data.trim() == "[DONE]" {
                self.done = true;
            } else if !self.done && !event.data.is_empty() {
                let chunk = json::parse(event.data.as_bytes())
                    .map_err(|error| CallError::malformed(format!("a piece is no JSON: {error}")))?;
                self.read(&chunk, &mut deltas)?;
            }
        }
        Ok(deltas)
    }

    /// Reads one chunk, or a whole completion, which some servers send although a stream was asked for.
    pub(crate) fn read(&mut self, chunk: &Value, deltas: &mut Vec<Delta>) -> Result<(), CallError> {
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            return Err(Complaint::from_json(chunk).in_stream());
        }
        if let Some(model) = chunk["model"].as_str().filter(|model| !model.is_empty()) {
            model.clone_into(&mut self.assembly.model);
        }
        if let Some(usage) = usage(&chunk["usage"]) {
            self.assembly.usage = Some(usage);
        }
        let choice = &chunk["choices"][0];
        let delta = choice.get("delta").or_else(|| choice.get("message")).unwrap_or(&Value::Null);
        // Two names are in use for thoughts: of DeepSeek and vLLM, and of OpenRouter.
        let thought = delta["reasoning_content"].as_str().or_else(|| delta["reasoning"].as_str());
        self.assembly.thinking(thought.unwrap_or_default(), deltas);
        self.assembly.text(delta["content"].as_str().unwrap_or_default(), deltas);
        self.assembly.text(delta["refusal"].as_str().unwrap_or_default(), deltas);
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            self.read_call(call, deltas);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.assembly.stop = Some(stop(reason));
        }
        Ok(())
    }

    fn read_call(&mut self, call: &Value, deltas: &mut Vec<Delta>) {
        let id = call["id"].as_str().unwrap_or_default();
        let name = call["function"]["name"].as_str().unwrap_or_default();
        let arguments = match &call["function"]["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            // Some servers send the object itself.
            object => object.to_string(),
        };
        let index = call["index"].as_u64();
        // Without an index a name begins a call and anything else continues the last.
        let index = index.unwrap_or(self.calls.len() as u64 - u64::from(name.is_empty() && !self.calls.is_empty()));
        let known = self.calls.get(&index).copied().filter(|at| self.is_same(*at, id));
        match known {
            Some(at) => {
                self.complete(at, id, name);
                self.assembly.arguments(at, &arguments, deltas);
            }
            None => {
                // A call must have a name that its result can carry.
                let id = if id.is_empty() { format!("call_{}", self.calls.len()) } else { id.to_owned() };
                let at = self.assembly.open(Draft::Call { id, name: name.to_owned(), arguments }, deltas);
                self.calls.insert(index, at);
            }
        }
    }

    /// Some servers give every call the index 0; a new id tells them apart.
    fn is_same(&mut self, at: usize, id: &str) -> bool {
        matches!(self.assembly.draft(at), Some(Draft::Call { id: known, .. }) if id.is_empty() || known == id)
    }

    fn complete(&mut self, at: usize, id: &str, name: &str) {
        if let Some(Draft::Call { id: known_id, name: known_name, .. }) = self.assembly.draft(at) {
            if known_id.is_empty() {
                id.clone_into(known_id);
            }
            if known_name.is_empty() {
                name.clone_into(known_name);
            }
        }
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
    /// [`CallError::CutShort`] when no reason to stop was given; the closing `[DONE]` may be missing, as some servers omit it.
    pub fn finish(mut self) -> Result<Answer, CallError> {
        match self.assembly.stop.take() {
            Some(stop) => Ok(self.assembly.finish(stop)),
            None => Err(CallError::CutShort { partial: self.assembly.usage, by: None }),
        }
    }
}

pub(crate) fn stop(reason: &str) -> Stop {
    match reason {
        "stop" => Stop::EndTurn,
        "tool_calls" | "function_call" => Stop::ToolUse,
        "length" => Stop::MaxTokens,
        "content_filter" => Stop::Refusal,
        other => Stop::Other(other.to_owned()),
    }
}

/// Input includes what came from the cache, and output mostly includes reasoning; here the counts are taken apart.
pub(crate) fn usage(json: &Value) -> Option<TokenUsage> {
    let input = json["prompt_tokens"].as_u64()?;
    let written = json["completion_tokens"].as_u64().unwrap_or(0);
    let details = &json["prompt_tokens_details"];
    // DeepSeek has a name of its own; OpenRouter adds what was written.
    let cached = details["cached_tokens"].as_u64().or_else(|| json["prompt_cache_hit_tokens"].as_u64());
    let cache_read = cached.unwrap_or(0).min(input);
    let cache_write = details["cache_write_tokens"].as_u64().unwrap_or(0).min(input - cache_read);
    let reasoning = json["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0);
    // xAI counts reasoning beside the output, and Gemini behind this format names it nowhere; the total gives both away.
    let beyond = json["total_tokens"].as_u64().map_or(0, |total| total.saturating_sub(input.saturating_add(written)));
    let (output, reasoning) = output_apart(written, reasoning, beyond);
    let uncached = input - cache_read - cache_write;
    Some(TokenUsage { uncached, cache_read, cache_write, output, reasoning }.bounded())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use types::chat::Part;

    use super::*;

    const STREAM: &str = concat!(
        ": OPENROUTER PROCESSING\n\n",
        "data: {\"id\":\"c\",\"model\":\"gpt-5\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":\"Let me\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\" see.\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grüße \"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"✓\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"read\",\"arguments\":\"\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"run\",\"arguments\":\"{\\\"com\"}},{\"index\":0,\"function\":{\"arguments\":\"{\\\"path\\\":\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\\\"a.rs\\\"}\"}},{\"index\":1,\"function\":{\"arguments\":\"mand\\\":\\\"ls\\\"}\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":30,\"total_tokens\":130,\"prompt_tokens_details\":{\"cached_tokens\":64},\"completion_tokens_details\":{\"reasoning_tokens\":10}}}\n\n",
        "data: [DONE]\n\n",
    );

    fn parse(pieces: &[&[u8]]) -> Result<(Answer, Vec<Delta>), CallError> {
        let mut parser = StreamParser::default();
        let mut deltas = Vec::new();
        for piece in pieces {
            deltas.extend(parser.push(piece)?);
        }
        parser.finish().map(|answer| (answer, deltas))
    }

    #[test]
    fn parallel_calls_thoughts_and_usage_are_read() {
        let (answer, deltas) = parse(&[STREAM.as_bytes()]).unwrap();
        assert_eq!(answer.model, "gpt-5");
        assert_eq!(answer.stop, Stop::ToolUse);
        assert_eq!(answer.message.text(), "Grüße ✓");
        assert_eq!(answer.message.parts[0], Part::Thinking { text: "Let me see.".into(), signature: None });
        let calls: Vec<_> = answer
            .message
            .tool_calls()
            .map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.clone()))
            .collect();
        assert_eq!(calls, [("a", "read", json!({"path": "a.rs"})), ("b", "run", json!({"command": "ls"}))]);
        let usage = TokenUsage { uncached: 36, cache_read: 64, cache_write: 0, output: 20, reasoning: 10 };
        assert_eq!(answer.usage, Some(usage));
        assert_eq!(deltas.iter().filter(|delta| matches!(delta, Delta::ToolCall { .. })).count(), 2);
    }

    #[test]
    fn a_cut_at_any_byte_changes_nothing() {
        let expected = parse(&[STREAM.as_bytes()]).unwrap();
        for stream in [STREAM.to_owned(), STREAM.replace('\n', "\r\n")] {
            for at in 0..stream.len() {
                let (head, tail) = stream.as_bytes().split_at(at);
                assert_eq!(parse(&[head, tail]).unwrap(), expected, "cut at {at}");
            }
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(parse(&bytes).unwrap(), expected);
        }
    }

    #[test]
    fn a_stream_that_ends_early_is_cut_short_wherever_it_ends() {
        let end = STREAM.find("\"finish_reason\"").unwrap();
        for at in 0..end {
            assert_eq!(parse(&[&STREAM.as_bytes()[..at]]), Err(CallError::cut_short()), "ends at {at}");
        }
    }

    #[test]
    fn peculiar_servers_are_understood() {
        // Every call has index 0, arguments are an object, and the reason is "stop".
        let calls = json!({"choices": [{"delta": {"tool_calls": [
            {"index": 0, "id": "x", "function": {"name": "a", "arguments": {"k": 1}}},
            {"index": 0, "id": "y", "function": {"name": "b", "arguments": "{}"}},
        ]}, "finish_reason": "stop"}]});
        let (answer, _) = parse(&[format!("data: {calls}\n\n").as_bytes()]).unwrap();
        assert_eq!(answer.message.tool_calls().count(), 2);
        assert_eq!(answer.stop, Stop::ToolUse);
        // Neither index nor id.
        let calls =
            json!({"choices": [{"delta": {"tool_calls": [{"function": {"name": "a", "arguments": "{\"k\":"}}]}}]});
        let more = json!({"choices": [{"delta": {"tool_calls": [{"function": {"arguments": "2}"}}]}, "finish_reason": "tool_calls"}]});
        let (answer, _) = parse(&[format!("data: {calls}\n\ndata: {more}\n\n").as_bytes()]).unwrap();
        let call = answer.message.tool_calls().next().unwrap();
        assert_eq!((call.id.as_str(), &call.arguments), ("call_0", &json!({"k": 2})));
    }

    #[test]
    fn errors_in_the_stream_and_broken_json_are_told_apart() {
        let overloaded = "data: {\"error\":{\"message\":\"busy\",\"type\":\"overloaded_error\"}}\n\n";
        assert!(matches!(parse(&[overloaded.as_bytes()]), Err(CallError::Overloaded { .. })));
        assert!(matches!(parse(&[b"data: {\"choices\":[\n\n"]), Err(CallError::Malformed { .. })));
    }

    #[test]
    fn reasoning_that_is_counted_beside_the_output_stays_beside() {
        let json = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 35, "completion_tokens_details": {"reasoning_tokens": 20}});
        assert_eq!(usage(&json), Some(TokenUsage { uncached: 10, output: 5, reasoning: 20, ..TokenUsage::default() }));
    }
}
