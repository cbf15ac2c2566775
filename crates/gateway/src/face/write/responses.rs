use serde_json::{Value, json};
use types::chat::{Answer, Part, Stop, TokenUsage};

use super::Head;

/// An item of the output that is being written.
#[derive(Debug)]
enum Open {
    Text(String),
    Thinking { text: String, signature: Option<String> },
}

#[derive(Debug, Default)]
pub(super) struct Stream {
    number: usize,
    open: Option<Open>,
    done: Vec<Value>,
}

impl Stream {
    fn event(&mut self, mut json: Value) -> String {
        json["sequence_number"] = self.number.into();
        self.number += 1;
        format!("event: {}\ndata: {json}\n\n", json["type"].as_str().unwrap_or_default())
    }

    pub(super) fn begin(&mut self, head: &Head) -> String {
        let begun = response(head, "in_progress", &[], &Value::Null, &Value::Null);
        let created = self.event(json!({"type": "response.created", "response": begun}));
        created + &self.event(json!({"type": "response.in_progress", "response": begun}))
    }

    pub(super) fn part(&mut self, part: &Part) -> String {
        match part {
            Part::Text { text } => self.text(text),
            Part::Thinking { text, signature } => self.thinking(text, signature.as_ref()),
            Part::ToolCall(_) => {
                let mut events = self.close();
                events.push_str(&self.call(part));
                events
            }
            Part::ToolResult(_) => String::new(),
        }
    }

    fn text(&mut self, piece: &str) -> String {
        let mut events = String::new();
        if !matches!(self.open, Some(Open::Text(_))) {
            events.push_str(&self.close());
            let (index, id) = (self.done.len(), item_id("msg", self.done.len()));
            let item =
                json!({"type": "message", "id": id, "role": "assistant", "status": "in_progress", "content": []});
            events.push_str(
                &self.event(json!({"type": "response.output_item.added", "output_index": index, "item": item})),
            );
            events.push_str(&self.event(json!({"type": "response.content_part.added", "item_id": id,
                "output_index": index, "content_index": 0, "part": output_text("")})));
            self.open = Some(Open::Text(String::new()));
        }
        if let Some(Open::Text(whole)) = &mut self.open {
            whole.push_str(piece);
        }
        let index = self.done.len();
        events.push_str(&self.event(json!({"type": "response.output_text.delta", "item_id": item_id("msg", index),
            "output_index": index, "content_index": 0, "delta": piece, "logprobs": []})));
        events
    }

    fn thinking(&mut self, piece: &str, signature: Option<&String>) -> String {
        let mut events = String::new();
        if !matches!(self.open, Some(Open::Thinking { .. })) {
            events.push_str(&self.close());
            let index = self.done.len();
            let item = json!({"type": "reasoning", "id": item_id("rs", index), "summary": []});
            events.push_str(
                &self.event(json!({"type": "response.output_item.added", "output_index": index, "item": item})),
            );
            events.push_str(&self.event(json!({"type": "response.reasoning_summary_part.added",
                "item_id": item_id("rs", index), "output_index": index, "summary_index": 0, "part": summary("")})));
            self.open = Some(Open::Thinking { text: String::new(), signature: None });
        }
        if let Some(Open::Thinking { text, signature: known }) = &mut self.open {
            text.push_str(piece);
            *known = signature.cloned().or(known.take());
        }
        if !piece.is_empty() {
            let index = self.done.len();
            events.push_str(&self.event(json!({"type": "response.reasoning_summary_text.delta",
                "item_id": item_id("rs", index), "output_index": index, "summary_index": 0, "delta": piece})));
        }
        events
    }

    fn close(&mut self) -> String {
        let index = self.done.len();
        let mut events = String::new();
        let item = match self.open.take() {
            None => return events,
            Some(Open::Text(text)) => {
                let id = item_id("msg", index);
                let at = |kind: &str| json!({"type": kind, "item_id": id, "output_index": index, "content_index": 0});
                let mut done = at("response.output_text.done");
                (done["text"], done["logprobs"]) = (text.as_str().into(), json!([]));
                events.push_str(&self.event(done));
                let mut done = at("response.content_part.done");
                done["part"] = output_text(&text);
                events.push_str(&self.event(done));
                item(&Part::Text { text }, index)
            }
            Some(Open::Thinking { text, signature }) => {
                let id = item_id("rs", index);
                let at = |kind: &str| json!({"type": kind, "item_id": id, "output_index": index, "summary_index": 0});
                let mut done = at("response.reasoning_summary_text.done");
                done["text"] = text.as_str().into();
                events.push_str(&self.event(done));
                let mut done = at("response.reasoning_summary_part.done");
                done["part"] = summary(&text);
                events.push_str(&self.event(done));
                item(&Part::Thinking { text, signature }, index)
            }
        };
        events.push_str(&self.finish_item(item));
        events
    }

    fn call(&mut self, part: &Part) -> String {
        let index = self.done.len();
        let whole = item(part, index);
        let mut begun = whole.clone();
        (begun["status"], begun["arguments"]) = ("in_progress".into(), "".into());
        let at = |kind: &str| json!({"type": kind, "item_id": whole["id"], "output_index": index});
        let mut events =
            self.event(json!({"type": "response.output_item.added", "output_index": index, "item": begun}));
        let mut delta = at("response.function_call_arguments.delta");
        delta["delta"] = whole["arguments"].clone();
        events.push_str(&self.event(delta));
        let mut done = at("response.function_call_arguments.done");
        (done["name"], done["arguments"]) = (whole["name"].clone(), whole["arguments"].clone());
        events.push_str(&self.event(done));
        events.push_str(&self.finish_item(whole));
        events
    }

    fn finish_item(&mut self, item: Value) -> String {
        let event =
            self.event(json!({"type": "response.output_item.done", "output_index": self.done.len(), "item": item}));
        self.done.push(item);
        event
    }

    pub(super) fn end(mut self, head: &Head, answer: &Answer, counts: &TokenUsage) -> String {
        let mut events = self.close();
        let (status, details) = status(&answer.stop);
        let whole = response(head, status, &self.done, &details, &usage(counts));
        events.push_str(&self.event(json!({"type": format!("response.{status}"), "response": whole})));
        events
    }
}

pub(super) fn whole(head: &Head, answer: &Answer, counts: &TokenUsage) -> Value {
    let parts = answer.message.parts.iter().filter(|part| !matches!(part, Part::ToolResult(_)));
    let items: Vec<Value> = parts.enumerate().map(|(index, part)| item(part, index)).collect();
    let (status, details) = status(&answer.stop);
    response(head, status, &items, &details, &usage(counts))
}

fn response(head: &Head, status: &str, output: &[Value], details: &Value, usage: &Value) -> Value {
    json!({
        "id": head.id, "object": "response", "created_at": head.created, "status": status, "model": head.model,
        "output": output, "error": null, "incomplete_details": details, "instructions": null, "metadata": {},
        "parallel_tool_calls": true, "temperature": null, "top_p": null, "tool_choice": "auto", "tools": [],
        "usage": usage,
    })
}

fn status(stop: &Stop) -> (&'static str, Value) {
    match stop {
        Stop::EndTurn | Stop::ToolUse => ("completed", Value::Null),
        Stop::MaxTokens => ("incomplete", json!({"reason": "max_output_tokens"})),
        Stop::Refusal => ("incomplete", json!({"reason": "content_filter"})),
        Stop::Other(word) => ("incomplete", json!({"reason": word})),
    }
}

fn item_id(kind: &str, index: usize) -> String {
    format!("{kind}_{index}")
}

fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn summary(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

fn item(part: &Part, index: usize) -> Value {
    match part {
        Part::Text { text } => json!({"type": "message", "id": item_id("msg", index), "role": "assistant",
            "status": "completed", "content": [output_text(text)]}),
        Part::Thinking { text, signature } => {
            let list = if text.is_empty() { json!([]) } else { json!([summary(text)]) };
            json!({"type": "reasoning", "id": item_id("rs", index), "summary": list, "encrypted_content": signature})
        }
        Part::ToolCall(call) => {
            let arguments = call.arguments.as_str().map_or_else(|| call.arguments.to_string(), str::to_owned);
            json!({"type": "function_call", "id": item_id("fc", index), "call_id": call.id, "name": call.name,
                "status": "completed", "arguments": arguments})
        }
        Part::ToolResult(_) => Value::Null,
    }
}

fn usage(counts: &TokenUsage) -> Value {
    let output = counts.written();
    json!({
        "input_tokens": counts.input(),
        "input_tokens_details": {"cached_tokens": counts.cache_read, "cache_write_tokens": counts.cache_write},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.input() + output,
    })
}
