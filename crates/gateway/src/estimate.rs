//! How many tokens a request may take, before it is sent.

use types::chat::{ChatRequest, Part, TokenUsage};

/// What formats add around a message, a tool and a request: role marks, names, and the hidden instructions that come
/// with tools (a few hundred tokens, by the vendors' own documentation).
const PER_MESSAGE: u64 = 16;
const PER_TOOL: u64 = 32;
const PER_REQUEST: u64 = 64;
const WITH_TOOLS: u64 = 800;

/// A bound that the real count of input tokens stays under.
///
/// Every token of a byte-level tokenizer covers at least one byte, so there are never more tokens than bytes. For English
/// and code the real count is about a quarter of it; as Anthropic and Google publish no tokenizer of their current models,
/// no tighter bound holds for all.
#[must_use]
pub fn input_tokens(request: &ChatRequest) -> u64 {
    bytes(request).saturating_add(overhead(request))
}

/// What the input probably takes, at 3.5 bytes a token: for deciding when a conversation grows long, never for money.
#[must_use]
pub fn likely_input_tokens(request: &ChatRequest) -> u64 {
    bytes(request) * 2 / 7 + overhead(request)
}

/// What a call of which nothing was reported is counted at: never less than it took.
#[must_use]
pub fn at_most(request: &ChatRequest) -> TokenUsage {
    TokenUsage {
        uncached: input_tokens(request),
        output: u64::from(request.max_output_tokens),
        ..TokenUsage::default()
    }
}

/// A report from the middle of an answer, with at least a token of output for each byte that was written.
pub(crate) fn raised(reported: TokenUsage, written: u64) -> TokenUsage {
    let missing = written.saturating_sub(reported.written());
    TokenUsage { output: reported.output.saturating_add(missing), ..reported }
}

fn overhead(request: &ChatRequest) -> u64 {
    let tools = request.tools.len() as u64;
    let with_tools = if tools > 0 { WITH_TOOLS } else { 0 };
    PER_REQUEST + PER_MESSAGE * request.messages.len() as u64 + PER_TOOL * tools + with_tools
}

fn bytes(request: &ChatRequest) -> u64 {
    let messages = request.messages.iter().flat_map(|message| &message.parts).map(part).sum::<usize>();
    let tools = request
        .tools
        .iter()
        .map(|tool| tool.name.len() + tool.description.len() + tool.parameters.to_string().len())
        .sum::<usize>();
    (request.system.len() + messages + tools) as u64
}

fn part(part: &Part) -> usize {
    match part {
        Part::Text { text } => text.len(),
        Part::Thinking { text, signature } => text.len() + signature.as_ref().map_or(0, String::len),
        Part::ToolCall(call) => call.id.len() + call.name.len() + call.arguments.to_string().len(),
        Part::ToolResult(result) => result.call.len() + result.text.len(),
    }
}

#[cfg(test)]
mod tests {
    use types::chat::Message;

    use super::*;

    #[test]
    fn the_bound_counts_bytes_and_the_guess_is_lower() {
        let request = ChatRequest {
            model: "m".into(),
            system: "s".repeat(100),
            messages: vec![Message::user("ü".repeat(100))],
            tools: Vec::new(),
            max_output_tokens: 1,
            temperature: None,
        };
        assert_eq!(input_tokens(&request), 100 + 200 + 64 + 16);
        assert!(likely_input_tokens(&request) < input_tokens(&request));
    }
}
