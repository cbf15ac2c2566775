use serde_json::{Value, json};
use types::chat::{Answer, Part, Stop, TokenUsage};

use super::Head;

/// A stream of events, or without `alt=sse` the elements of one list.
#[derive(Debug, Default)]
pub(super) enum Stream {
    #[default]
    Events,
    List {
        begun: bool,
    },
}

impl Stream {
    pub(super) fn as_list(&mut self) {
        *self = Self::List { begun: false };
    }

    fn piece(&mut self, json: &Value) -> String {
        match self {
            Self::Events => format!("data: {json}\r\n\r\n"),
            Self::List { begun } => {
                let before = if std::mem::replace(begun, true) { ",\r\n" } else { "[" };
                format!("{before}{json}")
            }
        }
    }

    pub(super) fn part(&mut self, head: &Head, part: &Part) -> String {
        written(part).map_or_else(String::new, |part| self.piece(&chunk(head, &[part])))
    }

    pub(super) fn end(mut self, head: &Head, answer: &Answer, counts: &TokenUsage) -> String {
        let last = self.piece(&closed(head, &[json!({"text": ""})], answer, counts));
        let after = if matches!(self, Self::List { .. }) { "\n]" } else { "" };
        last + after
    }
}

fn chunk(head: &Head, parts: &[Value]) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}],
        "modelVersion": head.model, "responseId": head.id})
}

pub(super) fn whole(head: &Head, answer: &Answer, counts: &TokenUsage) -> Value {
    let parts: Vec<Value> = answer.message.parts.iter().filter_map(written).collect();
    closed(head, &parts, answer, counts)
}

fn closed(head: &Head, parts: &[Value], answer: &Answer, counts: &TokenUsage) -> Value {
    let mut json = chunk(head, parts);
    json["candidates"][0]["finishReason"] = match &answer.stop {
        Stop::EndTurn | Stop::ToolUse => "STOP",
        Stop::MaxTokens => "MAX_TOKENS",
        Stop::Refusal => "SAFETY",
        Stop::Other(word) => word,
    }
    .into();
    json["usageMetadata"] = json!({
        "promptTokenCount": counts.input(),
        "cachedContentTokenCount": counts.cache_read,
        "candidatesTokenCount": counts.output,
        "thoughtsTokenCount": counts.reasoning,
        "totalTokenCount": counts.total(),
    });
    json
}

/// Signatures of other vendors are left out: this format's clients send them back as Google's.
fn written(part: &Part) -> Option<Value> {
    match part {
        Part::Text { text } => Some(json!({"text": text})),
        Part::Thinking { text, .. } => (!text.is_empty()).then(|| json!({"text": text, "thought": true})),
        Part::ToolCall(call) => {
            let arguments =
                if call.arguments.is_object() { call.arguments.clone() } else { json!({"unreadable": call.arguments}) };
            Some(json!({"functionCall": {"id": call.id, "name": call.name, "args": arguments}}))
        }
        Part::ToolResult(_) => None,
    }
}
