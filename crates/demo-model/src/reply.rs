//! The answer to one request, before it is written in a format.

use serde_json::Value;
use types::chat::TokenUsage;

use crate::{choose::Chosen, faults::Fit, script::FaultKind, seen::Seen, tools};

/// Providers count cached input in steps; this is OpenAI's older one.
const CACHE_STEP: u64 = 64;
const CHUNK: usize = 24;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Called {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) thinking: String,
    pub(crate) text: String,
    pub(crate) calls: Vec<Called>,
    /// `None` when a fault keeps it back.
    pub(crate) usage: Option<TokenUsage>,
    chunk: usize,
}

impl Reply {
    /// `key` is a number of the request; equal requests get equal ids.
    pub(crate) fn new(chosen: &Chosen, seen: &Seen, key: u64, fault: &Fit) -> Self {
        let turn = &chosen.turn;
        let mut text = turn.text.clone();
        let mut calls = Vec::new();
        // Agents ask for titles and summaries without offering tools.
        if seen.tools.is_empty() && !turn.calls.is_empty() && text.is_empty() {
            text.clone_from(&chosen.conversation);
        }
        for call in turn.calls.iter().filter(|_| !seen.tools.is_empty()) {
            match tools::fit(call, &seen.tools) {
                Some((name, arguments)) => {
                    calls.push(Called { id: format!("call_{key:016x}_{}", calls.len()), name, arguments });
                }
                None => {
                    add_line(&mut text, &format!("(The recording uses the tool {}, which is not offered.)", call.tool))
                }
            }
        }
        if let Fit::Now(FaultKind::Huge { bytes }) = fault {
            text = "All work and no play. ".repeat(bytes.div_ceil(22));
            text.truncate(*bytes);
        }
        let mut reply = Self {
            id: format!("demo_{key:016x}"),
            model: seen.model.clone(),
            thinking: turn.thinking.clone(),
            text,
            calls,
            usage: None,
            chunk: if turn.chunk == 0 { CHUNK } else { turn.chunk },
        };
        if !matches!(fault, Fit::Now(FaultKind::NoUsage)) {
            reply.usage = Some(turn.usage.unwrap_or_else(|| reply.plausible_usage(seen)));
        }
        reply
    }

    fn plausible_usage(&self, seen: &Seen) -> TokenUsage {
        let input = input_tokens(seen);
        let cache_read = (tokens(seen.weight_before_last_turn()) / CACHE_STEP * CACHE_STEP).min(input);
        let calls: usize = self.calls.iter().map(|call| call.name.len() + call.arguments.to_string().len()).sum();
        TokenUsage {
            uncached: input - cache_read,
            cache_read,
            cache_write: 0,
            output: tokens(self.text.len() + calls).max(1),
            reasoning: tokens(self.thinking.len()),
        }
    }

    /// `text` in the pieces of a stream; joined they are `text` again.
    pub(crate) fn pieces<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.char_indices().nth(self.chunk).map_or(rest.len(), |(at, _)| at);
            let (piece, tail) = rest.split_at(end);
            pieces.push(piece);
            rest = tail;
        }
        pieces
    }
}

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

/// What a provider would count as input, at four characters a token.
pub(crate) fn input_tokens(seen: &Seen) -> u64 {
    tokens(seen.weight()).max(1)
}

pub(crate) const fn tokens(characters: usize) -> u64 {
    characters.div_ceil(4) as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        script::{Call, Turn},
        seen::{Tool, Who},
    };

    fn reply(seen: &Seen) -> Reply {
        let calls = vec![Call { tool: "run".into(), arguments: json!({"command": "ls"}), shell: None }];
        let chosen = Chosen { conversation: "Repairs".into(), turn: Turn { calls, chunk: 2, ..Turn::default() } };
        Reply::new(&chosen, seen, 7, &Fit::None)
    }

    #[test]
    fn without_tools_it_answers_in_words() {
        let reply = reply(&Seen::default());
        assert_eq!((reply.text.as_str(), reply.calls.len()), ("Repairs", 0));
        assert_eq!(reply.pieces("aüb✓c"), ["aü", "b✓", "c"]);
    }

    #[test]
    fn a_longer_conversation_finds_its_beginning_in_the_cache() {
        let mut seen = Seen { tools: vec![Tool { name: "run".into(), schema: json!({}) }], ..Seen::default() };
        seen.add(Who::Other, "", &json!("a".repeat(1_000)));
        assert_eq!(reply(&seen).usage.unwrap().cache_read, 0);
        seen.add(Who::Model, "", &json!("b"));
        seen.add(Who::Other, "", &json!("c".repeat(400)));
        let usage = reply(&seen).usage.unwrap();
        assert_eq!(usage.cache_read, 192, "1002 characters are 251 tokens, three steps of 64");
        assert_eq!(usage.input(), tokens(1_002 + 3 + 402));
    }
}
