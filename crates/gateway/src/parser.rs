use types::chat::{Answer, Delta, TokenUsage};

use crate::{CallError, Kind, anthropic, assembly::Assembly, estimate, gemini, openai};

/// The stream parser of any format: bytes in, pieces of the answer out, the whole answer at the end.
#[derive(Debug)]
pub enum StreamParser {
    OpenAiChat(openai::StreamParser),
    Anthropic(anthropic::StreamParser),
    Gemini(gemini::StreamParser),
}

impl StreamParser {
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::OpenAiChat => Self::OpenAiChat(openai::StreamParser::default()),
            Kind::Anthropic => Self::Anthropic(anthropic::StreamParser::default()),
            Kind::Gemini => Self::Gemini(gemini::StreamParser::default()),
        }
    }

    /// Reads the next bytes, cut anywhere.
    ///
    /// # Errors
    ///
    /// When they do not follow the protocol, or carry the provider's own error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Delta>, CallError> {
        let pushed = match self {
            Self::OpenAiChat(parser) => parser.push(bytes),
            Self::Anthropic(parser) => parser.push(bytes),
            Self::Gemini(parser) => parser.push(bytes),
        };
        pushed.map_err(|error| if self.assembly().has_begun() { error.amid_the_answer() } else { error })
    }

    const fn assembly(&self) -> &Assembly {
        match self {
            Self::OpenAiChat(parser) => parser.assembly(),
            Self::Anthropic(parser) => parser.assembly(),
            Self::Gemini(parser) => parser.assembly(),
        }
    }

    /// What an answer that ends here took, where tokens were reported. `most`: the tokens of output that were asked for.
    pub(crate) fn partial(&self, most: u64) -> Option<TokenUsage> {
        self.usage().map(|usage| estimate::raised(usage, self.assembly().written().min(most)))
    }

    /// The tokens reported so far.
    #[must_use]
    pub fn usage(&self) -> Option<TokenUsage> {
        match self {
            Self::OpenAiChat(parser) => parser.usage(),
            Self::Anthropic(parser) => parser.usage(),
            Self::Gemini(parser) => parser.usage(),
        }
    }

    /// The whole answer, after the last byte. No text of it holds U+0000, which databases refuse.
    ///
    /// # Errors
    ///
    /// [`CallError::CutShort`] when the provider had not said that it was done.
    pub fn finish(self) -> Result<Answer, CallError> {
        match self {
            Self::OpenAiChat(parser) => parser.finish(),
            Self::Anthropic(parser) => parser.finish(),
            Self::Gemini(parser) => parser.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// An answer with U+0000 in its model, its text, its thoughts, and the names and arguments of its calls.
    fn with_nul(kind: Kind) -> Vec<Value> {
        let arguments = r#"{"pa\u0000th":["\u0000"]}"#;
        match kind {
            Kind::OpenAiChat => vec![json!({"model": "m\0", "choices": [{"finish_reason": "st\0p", "delta": {
                "reasoning_content": "\0h", "content": "a\0b",
                "tool_calls": [{"index": 0, "id": "\0", "function": {"name": "re\0ad", "arguments": arguments}}]}}]})],
            Kind::Anthropic => vec![
                json!({"type": "message_start", "message": {"model": "m\0"}}),
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "\0h", "signature": "\0"}}),
                json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "a"}}),
                json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "\0b"}}),
                json!({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "\0", "name": "re\0ad", "input": {}}}),
                json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": &arguments[..7]}}),
                json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": &arguments[7..]}}),
                json!({"type": "message_delta", "delta": {"stop_reason": "st\0p"}}),
                json!({"type": "message_stop"}),
            ],
            Kind::Gemini => {
                vec![json!({"modelVersion": "m\0", "candidates": [{"finishReason": "ST\0P", "content": {"parts": [
                {"text": "\0h", "thought": true}, {"text": "a\0b"},
                {"functionCall": {"id": "\0", "name": "re\0ad", "args": {"pa\0th": ["\0"]}}, "thoughtSignature": "\0"}]}}]})]
            }
        }
    }

    #[test]
    fn no_answer_holds_a_nul() {
        for kind in [Kind::OpenAiChat, Kind::Anthropic, Kind::Gemini] {
            let mut parser = StreamParser::new(kind);
            let mut deltas = Vec::new();
            for event in with_nul(kind) {
                deltas.extend(parser.push(format!("data: {event}\n\n").as_bytes()).expect("understood"));
            }
            let answer = parser.finish().expect("whole");
            let call = answer.message.tool_calls().next().expect("a call");
            assert_eq!(call.arguments, json!({"pa\u{fffd}th": ["\u{fffd}"]}), "{kind:?}");
            assert_eq!(
                (answer.model.as_str(), answer.message.text().as_str()),
                ("m\u{fffd}", "a\u{fffd}b"),
                "{kind:?}"
            );
            let texts = deltas.iter().filter(|delta| !matches!(delta, Delta::ToolArguments { .. }));
            let kept = serde_json::to_string(&(&answer, texts.collect::<Vec<_>>())).expect("JSON");
            assert!(!kept.contains(r"\u0000"), "{kind:?}: {kept}");
        }
    }
}
