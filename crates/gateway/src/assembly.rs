//! An answer that grows piece by piece, in words that belong to no provider.

use serde_json::{Map, Value};
use types::chat::{Answer, Delta, Message, Part, Speaker, Stop, TokenUsage, ToolCall};

use crate::json;

#[derive(Debug)]
pub(crate) enum Draft {
    Text(String),
    Thinking { text: String, signature: Option<String> },
    Call { id: String, name: String, arguments: String },
}

/// Parts are addressed by the position that `open` gave them.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    drafts: Vec<Draft>,
    pub(crate) model: String,
    pub(crate) stop: Option<Stop>,
    pub(crate) usage: Option<TokenUsage>,
}

impl Assembly {
    pub(crate) fn open(&mut self, draft: Draft, deltas: &mut Vec<Delta>) -> usize {
        match &draft {
            Draft::Text(text) if !text.is_empty() => deltas.push(Delta::Text { text: text.clone() }),
            Draft::Thinking { text, .. } if !text.is_empty() => deltas.push(Delta::Thinking { text: text.clone() }),
            Draft::Call { name, arguments, .. } => {
                deltas.push(Delta::ToolCall { name: name.clone() });
                if !arguments.is_empty() {
                    deltas.push(Delta::ToolArguments { text: arguments.clone() });
                }
            }
            _ => {}
        }
        self.drafts.push(draft);
        self.drafts.len() - 1
    }

    pub(crate) fn draft(&mut self, at: usize) -> Option<&mut Draft> {
        self.drafts.get_mut(at)
    }

    /// Continues the last part when it is text, else begins one.
    pub(crate) fn text(&mut self, piece: &str, deltas: &mut Vec<Delta>) {
        if piece.is_empty() {
            return;
        }
        if let Some(Draft::Text(text)) = self.drafts.last_mut() {
            text.push_str(piece);
            deltas.push(Delta::Text { text: piece.to_owned() });
        } else {
            self.open(Draft::Text(piece.to_owned()), deltas);
        }
    }

    /// Continues the last part when it is a thought, else begins one.
    pub(crate) fn thinking(&mut self, piece: &str, deltas: &mut Vec<Delta>) {
        if piece.is_empty() {
            return;
        }
        if let Some(Draft::Thinking { text, .. }) = self.drafts.last_mut() {
            text.push_str(piece);
            deltas.push(Delta::Thinking { text: piece.to_owned() });
        } else {
            self.open(Draft::Thinking { text: piece.to_owned(), signature: None }, deltas);
        }
    }

    /// Adds to the part at `at`; false when there is none or it is of another sort.
    pub(crate) fn arguments(&mut self, at: usize, piece: &str, deltas: &mut Vec<Delta>) -> bool {
        let Some(Draft::Call { arguments, .. }) = self.drafts.get_mut(at) else { return false };
        if !piece.is_empty() {
            arguments.push_str(piece);
            deltas.push(Delta::ToolArguments { text: piece.to_owned() });
        }
        true
    }

    /// Whether the provider has said anything of its answer.
    pub(crate) fn has_begun(&self) -> bool {
        !self.model.is_empty() || self.usage.is_some() || !self.drafts.is_empty()
    }

    /// Bytes that the model wrote.
    pub(crate) fn written(&self) -> u64 {
        self.drafts.iter().map(Draft::written).sum()
    }

    pub(crate) fn finish(self, stop: Stop) -> Answer {
        let parts: Vec<Part> = self.drafts.into_iter().filter_map(part).collect();
        let message = Message { speaker: Speaker::Assistant, parts };
        // Some imitators say "stop" although they ask for tools.
        let stop = if stop == Stop::EndTurn && message.tool_calls().next().is_some() { Stop::ToolUse } else { stop };
        Answer { message, stop, usage: self.usage, model: json::name(&self.model) }
    }
}

impl Draft {
    fn written(&self) -> u64 {
        let bytes = match self {
            Self::Text(text) | Self::Thinking { text, signature: None } => text.len(),
            // Thoughts that are kept secret are in the signature; beside open ones it is no text of the model.
            Self::Thinking { text, signature: Some(signature) } if text.is_empty() => signature.len(),
            Self::Thinking { text, .. } => text.len(),
            Self::Call { name, arguments, .. } => name.len() + arguments.len(),
        };
        bytes as u64
    }
}

fn part(draft: Draft) -> Option<Part> {
    match draft {
        Draft::Text(text) => (!text.is_empty()).then_some(Part::Text { text }),
        Draft::Thinking { text, signature } => {
            (!text.is_empty() || signature.is_some()).then_some(Part::Thinking { text, signature })
        }
        Draft::Call { id, name, arguments } => {
            Some(Part::ToolCall(ToolCall { id, name, arguments: read_arguments(arguments) }))
        }
    }
}

/// Text that is no JSON stays text: the agent tells the model, which then tries again.
fn read_arguments(text: String) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    json::parse(text.as_bytes()).unwrap_or(Value::String(text))
}
