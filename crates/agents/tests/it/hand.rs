//! Playing the model by hand.

use agents::builtin::{Brief, Next, Outcome, Turn};
use serde_json::{Value, json};
use types::AgentRole;
use types::chat::{Answer, ChatRequest, Message, Part, Speaker, Stop, TokenUsage, ToolCall, ToolResult};

pub(crate) fn answer(parts: Vec<Part>) -> Answer {
    let uses = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    Answer {
        message: Message { speaker: Speaker::Assistant, parts },
        stop: if uses { Stop::ToolUse } else { Stop::EndTurn },
        usage: Some(TokenUsage { output: 10, ..TokenUsage::default() }),
        model: "m".to_owned(),
    }
}

pub(crate) fn says(text: &str) -> Answer {
    answer(vec![Part::Text { text: text.to_owned() }])
}

pub(crate) fn part(id: &str, name: &str, arguments: Value) -> Part {
    Part::ToolCall(ToolCall { id: id.to_owned(), name: name.to_owned(), arguments })
}

pub(crate) fn calls(name: &str, arguments: Value) -> Answer {
    answer(vec![part("c1", name, arguments)])
}

pub(crate) fn reads(path: &str) -> Answer {
    calls("read", json!({ "path": path }))
}

pub(crate) fn finishes() -> Answer {
    calls("finish", json!({ "summary": "All done." }))
}

pub(crate) fn done(call: &ToolCall, text: &str) -> ToolResult {
    ToolResult { call: call.id.clone(), text: text.to_owned(), failed: false }
}

pub(crate) fn coder() -> Brief {
    let mut brief = Brief::new(AgentRole::Coder, "m", "Round fees");
    brief.description = "Fees are rounded to cents.".to_owned();
    brief
}

pub(crate) fn request(turn: &Turn) -> ChatRequest {
    match turn.next() {
        Next::CallModel(request) => request,
        other => panic!("no model is called for: {other:?}"),
    }
}

pub(crate) fn tools(turn: &Turn) -> Vec<ToolCall> {
    match turn.next() {
        Next::CallTools(calls) => calls,
        other => panic!("no tools are called for: {other:?}"),
    }
}

pub(crate) fn outcome(turn: &Turn) -> Outcome {
    match turn.next() {
        Next::Done(outcome) => outcome,
        other => panic!("not done: {other:?}"),
    }
}

/// Every tool call is followed by its result, speakers take turns, and the user speaks first and last.
pub(crate) fn assert_well_formed(request: &ChatRequest) {
    let messages = &request.messages;
    assert_eq!(messages.first().map(|message| message.speaker), Some(Speaker::User));
    assert_eq!(messages.last().map(|message| message.speaker), Some(Speaker::User));
    for pair in messages.windows(2) {
        let [one, other] = pair else { panic!("windows of two") };
        assert_ne!(one.speaker, other.speaker, "two messages in a row");
        let called: Vec<&str> = one.tool_calls().map(|call| call.id.as_str()).collect();
        let results = other.parts.iter().filter_map(|part| match part {
            Part::ToolResult(result) => Some(result.call.as_str()),
            _ => None,
        });
        assert_eq!(called, results.collect::<Vec<_>>(), "each call has its result, in order");
    }
    assert!(messages.iter().all(|message| !message.parts.is_empty()));
}
