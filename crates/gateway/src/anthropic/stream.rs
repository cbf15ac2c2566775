use std::collections::HashMap;

use serde_json::Value;
use types::chat::{Answer, Delta, Stop, TokenUsage};

use super::REDACTED;
use crate::{
    CallError,
    assembly::{Assembly, Draft},
    json,
    refusal::Complaint,
    sse,
};

/// Reads the stream of one message.
#[derive(Debug, Default)]
pub struct StreamParser {
    events: sse::Parser,
    assembly: Assembly,
    /// Where the block with this index of the wire stands; `None` for blocks of a kind that is not kept.
    blocks: HashMap<u64, Option<usize>>,
    ended: bool,
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
        match json["type"].as_str().unwrap_or_default() {
            "message_start" => {
                json["message"]["model"].as_str().unwrap_or_default().clone_into(&mut self.assembly.model);
                self.assembly.usage = usage(self.assembly.usage, &json["message"]["usage"]);
            }
            "content_block_start" => {
                let opened = opened(&json["content_block"]).map(|draft| self.assembly.open(draft, deltas));
                self.blocks.insert(index(json)?, opened);
            }
            "content_block_delta" => self.grow(json, deltas)?,
            "message_delta" => {
                if let Some(reason) = json["delta"]["stop_reason"].as_str() {
                    self.assembly.stop = Some(stop(reason));
                }
                self.assembly.usage = usage(self.assembly.usage, &json["usage"]);
            }
            "message_stop" => self.ended = true,
            "error" => return Err(Complaint::from_json(json).in_stream()),
            // Pings, ends of blocks, and events that are added later, which clients are told to pass over.
            _ => {}
        }
        Ok(())
    }

    fn grow(&mut self, json: &Value, deltas: &mut Vec<Delta>) -> Result<(), CallError> {
        let index = index(json)?;
        let Some(block) = self.blocks.get(&index) else {
            return Err(CallError::malformed(format!("block {index} grows before it begins")));
        };
        let Some(at) = *block else { return Ok(()) };
        let delta = &json["delta"];
        let text = |name: &str| delta[name].as_str().unwrap_or_default();
        match (delta["type"].as_str().unwrap_or_default(), self.assembly.draft(at)) {
            ("text_delta", Some(Draft::Text(whole))) => {
                whole.push_str(text("text"));
                deltas.push(Delta::Text { text: text("text").to_owned() });
            }
            ("thinking_delta", Some(Draft::Thinking { text: whole, .. })) => {
                whole.push_str(text("thinking"));
                deltas.push(Delta::Thinking { text: text("thinking").to_owned() });
            }
            ("signature_delta", Some(Draft::Thinking { signature, .. })) => {
                signature.get_or_insert_default().push_str(text("signature"));
            }
            ("input_json_delta", Some(Draft::Call { .. })) => {
                self.assembly.arguments(at, text("partial_json"), deltas);
            }
            // Citations and whatever comes later.
            _ => {}
        }
        Ok(())
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
    /// [`CallError::CutShort`] when the message had not ended.
    pub fn finish(mut self) -> Result<Answer, CallError> {
        match self.assembly.stop.take() {
            Some(stop) if self.ended => Ok(self.assembly.finish(stop)),
            _ => Err(CallError::CutShort { partial: self.assembly.usage, by: None }),
        }
    }
}

/// Later reports replace earlier ones, count by count: the last event repeats only some.
pub(crate) fn usage(known: Option<TokenUsage>, json: &Value) -> Option<TokenUsage> {
    if !json.is_object() {
        return known;
    }
    let mut usage = known.unwrap_or_default();
    let take = |name: &str, place: &mut u64| {
        if let Some(count) = json[name].as_u64() {
            *place = count;
        }
    };
    take("input_tokens", &mut usage.uncached);
    take("cache_read_input_tokens", &mut usage.cache_read);
    take("cache_creation_input_tokens", &mut usage.cache_write);
    // Thinking is part of the output and not told apart.
    take("output_tokens", &mut usage.output);
    Some(usage.bounded())
}

fn index(json: &Value) -> Result<u64, CallError> {
    json["index"].as_u64().ok_or_else(|| CallError::malformed("a block has no index"))
}

fn opened(block: &Value) -> Option<Draft> {
    let text = |name: &str| block[name].as_str().unwrap_or_default().to_owned();
    match block["type"].as_str()? {
        "text" => Some(Draft::Text(text("text"))),
        "thinking" => {
            let signature = Some(text("signature")).filter(|signature| !signature.is_empty());
            Some(Draft::Thinking { text: text("thinking"), signature })
        }
        "redacted_thinking" => {
            Some(Draft::Thinking { text: String::new(), signature: Some(format!("{REDACTED}{}", text("data"))) })
        }
        "tool_use" => {
            // Usually {} with the real input to follow; a server that sends it at once is understood too.
            let whole = block["input"].as_object().filter(|input| !input.is_empty());
            let arguments = whole.map_or_else(String::new, |_| block["input"].to_string());
            Some(Draft::Call { id: text("id"), name: text("name"), arguments })
        }
        _ => None,
    }
}

pub(crate) fn stop(reason: &str) -> Stop {
    match reason {
        "end_turn" | "stop_sequence" => Stop::EndTurn,
        "tool_use" => Stop::ToolUse,
        "max_tokens" | "model_context_window_exceeded" => Stop::MaxTokens,
        "refusal" => Stop::Refusal,
        other => Stop::Other(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use types::chat::Part;

    use super::*;

    fn stream() -> String {
        let events = [
            json!({"type": "message_start", "message": {"model": "claude-sonnet-5", "usage": {"input_tokens": 20, "cache_read_input_tokens": 300, "cache_creation_input_tokens": 40, "output_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
            json!({"type": "ping"}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "I must"}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "redacted_thinking", "data": "blob"}}),
            json!({"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "Grüße ✓"}}),
            json!({"type": "content_block_start", "index": 3, "content_block": {"type": "tool_use", "id": "a", "name": "read", "input": {}}}),
            json!({"type": "content_block_delta", "index": 3, "delta": {"type": "input_json_delta", "partial_json": "{\"pa"}}),
            json!({"type": "content_block_start", "index": 4, "content_block": {"type": "tool_use", "id": "b", "name": "finish", "input": {}}}),
            json!({"type": "content_block_delta", "index": 3, "delta": {"type": "input_json_delta", "partial_json": "th\":1}"}}),
            json!({"type": "content_block_start", "index": 5, "content_block": {"type": "server_tool_use", "id": "s"}}),
            json!({"type": "content_block_delta", "index": 5, "delta": {"type": "input_json_delta", "partial_json": "{}"}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 77}}),
            json!({"type": "message_stop"}),
        ];
        events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
    }

    fn parse(pieces: &[&[u8]]) -> Result<(Answer, Vec<Delta>), CallError> {
        let mut parser = StreamParser::default();
        let mut deltas = Vec::new();
        for piece in pieces {
            deltas.extend(parser.push(piece)?);
        }
        parser.finish().map(|answer| (answer, deltas))
    }

    #[test]
    fn thoughts_calls_and_usage_are_read() {
        let (answer, _) = parse(&[stream().as_bytes()]).unwrap();
        assert_eq!(answer.model, "claude-sonnet-5");
        assert_eq!(answer.stop, Stop::ToolUse);
        assert_eq!(answer.message.parts[0], Part::Thinking { text: "I must".into(), signature: Some("c2ln".into()) });
        assert_eq!(
            answer.message.parts[1],
            Part::Thinking { text: String::new(), signature: Some("redacted:blob".into()) }
        );
        assert_eq!(answer.message.text(), "Grüße ✓");
        let calls: Vec<_> =
            answer.message.tool_calls().map(|call| (call.id.as_str(), call.arguments.clone())).collect();
        assert_eq!(calls, [("a", json!({"path": 1})), ("b", json!({}))]);
        let usage = TokenUsage { uncached: 20, cache_read: 300, cache_write: 40, output: 77, reasoning: 0 };
        assert_eq!(answer.usage, Some(usage));
    }

    #[test]
    fn a_cut_at_any_byte_changes_nothing() {
        let unix = stream();
        let expected = parse(&[unix.as_bytes()]).unwrap();
        for stream in [unix.clone(), unix.replace('\n', "\r\n")] {
            for at in 0..stream.len() {
                let (head, tail) = stream.as_bytes().split_at(at);
                assert_eq!(parse(&[head, tail]).unwrap(), expected, "cut at {at}");
            }
        }
    }

    #[test]
    fn a_stream_that_ends_early_keeps_the_usage_so_far() {
        let stream = stream();
        let at = stream.find("event: message_delta").unwrap();
        let Err(CallError::CutShort { partial: Some(usage), .. }) = parse(&[&stream.as_bytes()[..at]]) else {
            panic!("not cut short")
        };
        assert_eq!((usage.input(), usage.output), (360, 1));
        let end = stream.find("event: message_stop").unwrap();
        assert!(matches!(parse(&[&stream.as_bytes()[..end]]), Err(CallError::CutShort { .. })));
    }

    #[test]
    fn errors_in_the_stream_and_broken_pieces_are_told_apart() {
        let error = |text: &str| parse(&[text.as_bytes()]).unwrap_err();
        let overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
        assert!(matches!(error(overloaded), CallError::Overloaded { .. }));
        assert!(matches!(error("data: {\"type\":\n\n"), CallError::Malformed { .. }));
        let orphan = "data: {\"type\":\"content_block_delta\",\"index\":9,\"delta\":{}}\n\n";
        assert!(matches!(error(orphan), CallError::Malformed { .. }));
    }
}
