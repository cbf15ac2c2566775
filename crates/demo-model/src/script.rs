use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use types::chat::TokenUsage;

/// A script is no JSON, or not of this shape, or has a conversation without turns.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    #[error("the script cannot be read: {0}")]
    Shape(#[from] serde_json::Error),
    #[error("the conversation \"{0}\" has no turns")]
    NoTurns(String),
}

/// What the model answers.
///
/// ```json
/// {
///   "models": ["demo"],
///   "conversations": [{
///     "name": "A coder repairs the sample",
///     "when": {"system": ["[[role:coder task:sample]]"]},
///     "turns": [
///       {"thinking": "First the failing test.", "calls": [{"tool": "run", "arguments": {"command": "make test"}}]},
///       {"text": "Done.", "delay_ms": 20, "usage": {"uncached": 900, "cache_read": 300, "cache_write": 0, "output": 12, "reasoning": 0}}
///     ]
///   }]
/// }
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The names it answers to; `*` stands for any.
    #[serde(default)]
    pub(crate) models: Vec<String>,
    /// The first whose conditions hold is played.
    #[serde(default)]
    pub(crate) conversations: Vec<Conversation>,
    /// The answer where none holds; without it the model says that nothing is recorded.
    pub(crate) otherwise: Option<Turn>,
}

impl Script {
    /// Reads a script from JSON.
    ///
    /// # Errors
    ///
    /// When it is not of the shape above.
    pub fn parse(json: &str) -> Result<Self, ScriptError> {
        let script: Self = serde_json::from_str(json)?;
        match script.conversations.iter().find(|conversation| conversation.turns.is_empty()) {
            Some(empty) => Err(ScriptError::NoTurns(empty.name.clone())),
            None => Ok(script),
        }
    }

    /// Adds another script; the conversations of this one are looked at first.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.models.extend(other.models);
        self.conversations.extend(other.conversations);
        self.otherwise = self.otherwise.or(other.otherwise);
        self
    }

    pub(crate) fn knows(&self, model: &str) -> bool {
        self.models.iter().any(|known| known == model || known == "*")
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conversation {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) when: When,
    /// One for each answer of the model so far.
    pub(crate) turns: Vec<Turn>,
    /// Begin again after the last turn, without end.
    #[serde(default)]
    pub(crate) repeat: bool,
}

/// Conditions that must all hold; each text must occur where it is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct When {
    pub(crate) model: Option<String>,
    /// In the system prompt.
    pub(crate) system: Vec<String>,
    /// In anything that was said to the model.
    pub(crate) said: Vec<String>,
    /// In what was said to it last.
    pub(crate) last: Vec<String>,
    /// Header names in lower case, with their values.
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Turn {
    pub(crate) thinking: String,
    pub(crate) text: String,
    pub(crate) calls: Vec<Call>,
    /// Reported as it stands; without it, counts are made up from the lengths of the texts.
    pub(crate) usage: Option<TokenUsage>,
    /// Before each piece of a stream.
    pub(crate) delay_ms: u64,
    /// Characters in a piece of a stream; 0 stands for 24.
    pub(crate) chunk: usize,
    pub(crate) fault: Option<Fault>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    pub(crate) tool: String,
    #[serde(default)]
    pub(crate) arguments: Value,
    /// A command that does the same, for agents that offer no such tool but a shell.
    pub(crate) shell: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Fault {
    #[serde(flatten)]
    pub(crate) kind: FaultKind,
    /// How often one and the same request meets it; without it, always.
    pub(crate) times: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// An answer that is no success.
    Status {
        status: u16,
        /// Seconds.
        retry_after: Option<u32>,
        message: Option<String>,
    },
    /// An error of the provider in the middle of the stream.
    Error,
    /// A piece that is no JSON in the middle.
    Malformed,
    /// Silence in the middle.
    Stall { seconds: u64 },
    /// The connection ends in the middle.
    Cut,
    /// Usage is not reported.
    NoUsage,
    /// The text goes on for this many bytes.
    Huge { bytes: usize },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_in_a_script_are_named() {
        let error = |json: &str| Script::parse(json).unwrap_err().to_string();
        assert!(error(r#"{"conversations":[{"name":"x","turns":[]}]}"#).contains("\"x\" has no turns"));
        assert!(error(r#"{"conversation":[]}"#).contains("unknown field"));
        assert!(error(r#"{"conversations":[{"name":"x","turns":[{"txt":"a"}]}]}"#).contains("txt"));
        assert!(error(r#"{"conversations":[{"name":"x","turns":[{"fault":{"kind":"fire"}}]}]}"#).contains("fire"));
    }

    #[test]
    fn the_first_of_two_scripts_comes_first() {
        let script = |name: &str| {
            let json = format!(r#"{{"models":["{name}"],"conversations":[{{"name":"{name}","turns":[{{}}]}}]}}"#);
            Script::parse(&json).unwrap()
        };
        let both = script("a").and(script("b"));
        assert!(both.knows("a") && both.knows("b") && !both.knows("c"));
        assert_eq!(both.conversations[0].name, "a");
    }
}
