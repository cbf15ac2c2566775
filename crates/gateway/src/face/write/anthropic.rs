use serde_json::{Value, json};
use types::chat::{Answer, Part, Stop, TokenUsage};

use super::Head;
use crate::anthropic::REDACTED;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
}

#[derive(Debug, Default)]
pub(super) struct Stream {
    index: usize,
    open: Option<Open>,
}

fn event(json: &Value) -> String {
    format!("event: {}\ndata: {json}\n\n", json["type"].as_str().unwrap_or_default())
}

pub(super) fn begin(head: &Head) -> String {
    // What the input took is told by the provider at the end; the last event of this format tells it again.
    let message = message(head, &json!([]), &Value::Null, &json!({"input_tokens": 0, "output_tokens": 0}));
    event(&json!({"type": "message_start", "message": message}))
}

impl Stream {
    pub(super) fn part(&mut self, part: &Part) -> String {
        match part {
            Part::Text { text } => {
                let begun = self.open(Open::Text, &json!({"type": "text", "text": ""}));
                begun + &self.delta(&json!({"type": "text_delta", "text": text}))
            }
            Part::Thinking { text, signature } => self.thinking(text, signature.as_deref()),
            Part::ToolCall(call) => {
                let mut events = self.close();
                let input = arguments(&call.arguments).to_string();
                let block = json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
                events.push_str(&self.start(&block));
                events.push_str(&self.delta(&json!({"type": "input_json_delta", "partial_json": input})));
                events.push_str(&self.stop());
                events
            }
            Part::ToolResult(_) => String::new(),
        }
    }

    fn thinking(&mut self, text: &str, signature: Option<&str>) -> String {
        if let Some(data) = signature.and_then(|signature| signature.strip_prefix(REDACTED)) {
            let mut events = self.close();
            events.push_str(&self.start(&json!({"type": "redacted_thinking", "data": data})));
            events.push_str(&self.stop());
            return events;
        }
        let mut events = self.open(Open::Thinking, &json!({"type": "thinking", "thinking": "", "signature": ""}));
        if !text.is_empty() {
            events.push_str(&self.delta(&json!({"type": "thinking_delta", "thinking": text})));
        }
        if let Some(signature) = signature {
            events.push_str(&self.delta(&json!({"type": "signature_delta", "signature": signature})));
        }
        events
    }

    fn open(&mut self, kind: Open, block: &Value) -> String {
        if self.open == Some(kind) {
            return String::new();
        }
        let mut events = self.close();
        events.push_str(&self.start(block));
        self.open = Some(kind);
        events
    }

    fn close(&mut self) -> String {
        if self.open.take().is_some() { self.stop() } else { String::new() }
    }

    fn start(&self, block: &Value) -> String {
        event(&json!({"type": "content_block_start", "index": self.index, "content_block": block}))
    }

    fn delta(&self, delta: &Value) -> String {
        event(&json!({"type": "content_block_delta", "index": self.index, "delta": delta}))
    }

    fn stop(&mut self) -> String {
        let stopped = event(&json!({"type": "content_block_stop", "index": self.index}));
        self.index += 1;
        stopped
    }

    pub(super) fn end(mut self, answer: &Answer, counts: &TokenUsage) -> String {
        let mut events = self.close();
        events.push_str(&event(&json!({
            "type": "message_delta",
            "delta": {"stop_reason": reason(&answer.stop), "stop_sequence": null},
            "usage": usage(counts),
        })));
        events.push_str(&event(&json!({"type": "message_stop"})));
        events
    }
}

pub(super) fn whole(head: &Head, answer: &Answer, counts: &TokenUsage) -> Value {
    let blocks: Vec<Value> = answer.message.parts.iter().filter_map(block).collect();
    message(head, &blocks.into(), &reason(&answer.stop).into(), &usage(counts))
}

fn message(head: &Head, content: &Value, reason: &Value, usage: &Value) -> Value {
    json!({"id": head.id, "type": "message", "role": "assistant", "model": head.model, "content": content,
        "stop_reason": reason, "stop_sequence": null, "usage": usage})
}

fn block(part: &Part) -> Option<Value> {
    match part {
        Part::Text { text } => Some(json!({"type": "text", "text": text})),
        Part::Thinking { text, signature } => {
            let signature = signature.as_deref().unwrap_or_default();
            Some(match signature.strip_prefix(REDACTED) {
                Some(data) => json!({"type": "redacted_thinking", "data": data}),
                None => json!({"type": "thinking", "thinking": text, "signature": signature}),
            })
        }
        Part::ToolCall(call) => {
            Some(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments(&call.arguments)}))
        }
        Part::ToolResult(_) => None,
    }
}

fn arguments(value: &Value) -> Value {
    if value.is_object() { value.clone() } else { json!({"unreadable": value}) }
}

fn reason(stop: &Stop) -> &str {
    match stop {
        Stop::EndTurn => "end_turn",
        Stop::ToolUse => "tool_use",
        Stop::MaxTokens => "max_tokens",
        Stop::Refusal => "refusal",
        Stop::Other(word) => word,
    }
}

fn usage(counts: &TokenUsage) -> Value {
    json!({
        "input_tokens": counts.uncached,
        "cache_creation_input_tokens": counts.cache_write,
        "cache_read_input_tokens": counts.cache_read,
        "output_tokens": counts.written(),
    })
}
