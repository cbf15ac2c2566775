//! Keeping a conversation within what the model can read.
//!
//! First the results of old tool calls are cleared, because they can be had again; then the model sums up what lies
//! between the assignment and the latest messages, and the summary takes its place. Everything is a function of the
//! conversation, so that a replay comes to the same one.

use types::chat::{Message, Part, Speaker, ToolSpec};

/// Messages at the end that stay as they are.
const KEPT: usize = 6;
/// Results shorter than this are not worth clearing.
const SHORT: usize = 300;
pub(super) const SUMMARISE: &str = "The conversation is about to outgrow what you can read. Sum up your work so far for yourself: \
     what you found, with paths and names; what you changed; what you decided and why; what still fails; what comes next. \
     Answer with text only, no tools. Everything before your latest steps will be replaced by it.";

/// An upper estimate of tokens: a token of prose or code is rarely shorter than three bytes.
pub(super) fn estimate(system: &str, tools: &[ToolSpec], messages: &[Message]) -> u64 {
    let tools: usize =
        tools.iter().map(|tool| tool.name.len() + tool.description.len() + tool.parameters.to_string().len()).sum();
    let messages: usize = messages.iter().flat_map(|message| &message.parts).map(size).sum();
    ((system.len() + tools + messages) as u64).div_ceil(3)
}

fn size(part: &Part) -> usize {
    // Each part also costs a few tokens of frame.
    24 + match part {
        Part::Text { text } => text.len(),
        Part::Thinking { text, signature } => text.len() + signature.as_deref().map_or(0, str::len),
        Part::ToolCall(call) => call.name.len() + call.arguments.to_string().len(),
        Part::ToolResult(result) => result.text.len(),
    }
}

/// Clears the results of tools before the last `kept` messages, and says whether anything was cleared.
pub(super) fn clear(messages: &mut [Message], kept: usize) -> bool {
    let end = messages.len().saturating_sub(kept);
    let mut cleared = false;
    for part in messages.iter_mut().take(end).flat_map(|message| &mut message.parts) {
        if let Part::ToolResult(result) = part
            && result.text.len() > SHORT
        {
            result.text = format!("[{} bytes, cleared to save room; call the tool again if needed]", result.text.len());
            cleared = true;
        }
    }
    cleared
}

pub(super) fn clear_old(messages: &mut [Message]) -> bool {
    clear(messages, KEPT)
}

/// Whether there is anything between the assignment and the latest messages.
pub(super) fn foldable(messages: &[Message]) -> bool {
    tail_start(messages) > 1
}

/// Puts a summary in the place of everything between the assignment and the latest messages.
pub(super) fn fold(messages: &mut Vec<Message>, summary: &str) {
    let tail = messages.split_off(tail_start(messages));
    messages.truncate(1);
    if let Some(first) = messages.first_mut() {
        first.parts.truncate(1);
        first.parts.push(Part::Text { text: format!("## Your work so far, in your own words\n\n{}", summary.trim()) });
    }
    messages.extend(tail);
}

/// Where the latest messages begin: at an answer of the model, so that no result loses its call.
fn tail_start(messages: &[Message]) -> usize {
    let from = messages.len().saturating_sub(KEPT).max(1);
    let answer = messages.iter().skip(from).position(|message| message.speaker == Speaker::Assistant);
    answer.map_or(messages.len(), |position| from + position)
}
