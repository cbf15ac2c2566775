//! A conversation with a model, in words that belong to no provider.
//!
//! The gateway translates it to and from wire formats; agents build it and keep it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    User,
    Assistant,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub speaker: Speaker,
    pub parts: Vec<Part>,
}

impl Message {
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self { speaker: Speaker::User, parts: vec![Part::Text { text: text.into() }] }
    }

    /// Its plain text, thoughts and tools left out.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    Text {
        text: String,
    },
    Thinking {
        text: String,
        /// What some providers want back, unchanged, with the next request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    ToolCall(ToolCall),
    ToolResult(ToolResult),
}

/// A model asks for a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's own name for the call; the result carries it.
    pub id: String,
    pub name: String,
    /// By the tool's schema; a text that was not JSON stands here as a string.
    pub arguments: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The [`ToolCall::id`] it answers.
    pub call: String,
    pub text: String,
    pub failed: bool,
}

/// A tool that a model may ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// A JSON schema of an object.
    pub parameters: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// The provider's own name of the model.
    pub model: String,
    pub system: String,
    pub messages: Vec<Message>,
    #[serde(default)]
    pub tools: Vec<ToolSpec>,
    pub max_output_tokens: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    EndTurn,
    ToolUse,
    MaxTokens,
    Refusal,
    Other(String),
}

/// Tokens of one call. The five counts do not overlap, whatever the provider's own habit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Input that was read afresh.
    pub uncached: u64,
    /// Input that came from the provider's cache.
    pub cache_read: u64,
    /// Input that was written to the provider's cache.
    pub cache_write: u64,
    /// Output without reasoning.
    pub output: u64,
    pub reasoning: u64,
}

impl TokenUsage {
    /// The most that any count of one call can be. No model reads or writes as much, and a team's sums of hundreds of
    /// millions of calls at this size stay within 63 bits.
    pub const MOST: u64 = u32::MAX as u64;

    /// The counts as far as they are believed: a provider may report any number, and sums are made of them.
    #[must_use]
    pub fn bounded(self) -> Self {
        let most = |count: u64| count.min(Self::MOST);
        Self {
            uncached: most(self.uncached),
            cache_read: most(self.cache_read),
            cache_write: most(self.cache_write),
            output: most(self.output),
            reasoning: most(self.reasoning),
        }
    }

    #[must_use]
    pub const fn input(&self) -> u64 {
        self.uncached.saturating_add(self.cache_read).saturating_add(self.cache_write)
    }

    /// What is billed as output.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.output.saturating_add(self.reasoning)
    }

    #[must_use]
    pub const fn total(&self) -> u64 {
        self.input().saturating_add(self.written())
    }
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub message: Message,
    pub stop: Stop,
    /// None when the provider reported none.
    pub usage: Option<TokenUsage>,
    /// The model that really answered, by the provider's word.
    pub model: String,
}

/// A piece of an answer that is still being written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Delta {
    Text { text: String },
    Thinking { text: String },
    ToolCall { name: String },
    ToolArguments { text: String },
}
