use serde_json::{Value, json};
use types::chat::{Answer, Part, Stop, TokenUsage, ToolCall};

use super::Head;

#[derive(Debug)]
pub(super) struct Stream {
    with_usage: bool,
    calls: usize,
    /// Stands with the call that follows it.
    signature: Option<String>,
}

fn chunk(head: &Head, choices: &Value) -> Value {
    json!({"id": head.id, "object": "chat.completion.chunk", "created": head.created, "model": head.model,
        "choices": choices})
}

fn delta(head: &Head, delta: &Value) -> String {
    let chunk = chunk(head, &json!([{"index": 0, "delta": delta, "finish_reason": null}]));
    format!("data: {chunk}\n\n")
}

pub(super) fn begin(head: &Head) -> String {
    delta(head, &json!({"role": "assistant", "content": ""}))
}

impl Stream {
    pub(super) const fn new(with_usage: bool) -> Self {
        Self { with_usage, calls: 0, signature: None }
    }

    pub(super) fn part(&mut self, head: &Head, part: &Part) -> String {
        match part {
            Part::Text { text } => delta(head, &json!({"content": text})),
            Part::Thinking { text, signature } => {
                self.signature = signature.clone().or(self.signature.take());
                if text.is_empty() { String::new() } else { delta(head, &json!({"reasoning_content": text})) }
            }
            Part::ToolCall(call) => {
                let mut json = written(call, self.signature.take());
                json["index"] = self.calls.into();
                self.calls += 1;
                delta(head, &json!({"tool_calls": [json]}))
            }
            Part::ToolResult(_) => String::new(),
        }
    }

    pub(super) fn end(self, head: &Head, answer: &Answer, counts: &TokenUsage) -> String {
        let last = chunk(head, &json!([{"index": 0, "delta": {}, "finish_reason": reason(&answer.stop)}]));
        let mut text = format!("data: {last}\n\n");
        if self.with_usage {
            let mut report = chunk(head, &json!([]));
            report["usage"] = usage(counts);
            text.push_str(&format!("data: {report}\n\n"));
        }
        text.push_str("data: [DONE]\n\n");
        text
    }
}

fn written(call: &ToolCall, signature: Option<String>) -> Value {
    let arguments = call.arguments.as_str().map_or_else(|| call.arguments.to_string(), str::to_owned);
    let mut json = json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}});
    if let Some(signature) = signature {
        json["extra_content"] = json!({"google": {"thought_signature": signature}});
    }
    json
}

pub(super) fn whole(head: &Head, answer: &Answer, counts: &TokenUsage) -> Value {
    let (mut thoughts, mut calls, mut signature) = (String::new(), Vec::new(), None);
    for part in &answer.message.parts {
        match part {
            Part::Thinking { text, signature: signed } => {
                thoughts.push_str(text);
                signature = signed.clone().or(signature);
            }
            Part::ToolCall(call) => calls.push(written(call, signature.take())),
            Part::Text { .. } | Part::ToolResult(_) => {}
        }
    }
    let text = answer.message.text();
    let content = if text.is_empty() && !calls.is_empty() { Value::Null } else { text.into() };
    let mut message = json!({"role": "assistant", "content": content, "refusal": null});
    if !thoughts.is_empty() {
        message["reasoning_content"] = thoughts.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    json!({"id": head.id, "object": "chat.completion", "created": head.created, "model": head.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason(&answer.stop)}],
        "usage": usage(counts)})
}

fn reason(stop: &Stop) -> &str {
    match stop {
        Stop::EndTurn => "stop",
        Stop::ToolUse => "tool_calls",
        Stop::MaxTokens => "length",
        Stop::Refusal => "content_filter",
        Stop::Other(word) => word,
    }
}

fn usage(counts: &TokenUsage) -> Value {
    let output = counts.written();
    json!({
        "prompt_tokens": counts.input(),
        "completion_tokens": output,
        "total_tokens": counts.input() + output,
        "prompt_tokens_details": {"cached_tokens": counts.cache_read, "cache_write_tokens": counts.cache_write},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning},
    })
}
