//! OpenAI's responses.

use serde_json::{Value, json};
use types::chat::TokenUsage;

use crate::{
    reply::Reply,
    seen::{Seen, Who, texts},
};

pub(crate) fn seen(body: &Value) -> Seen {
    let mut seen = Seen {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == true,
        ..Seen::default()
    };
    seen.add_system(body["instructions"].as_str().unwrap_or_default());
    if let Some(text) = body["input"].as_str() {
        seen.add(Who::Other, text, &body["input"]);
    }
    for item in body["input"].as_array().into_iter().flatten() {
        match (item["type"].as_str().unwrap_or("message"), item["role"].as_str()) {
            ("message", Some("system" | "developer")) => seen.add_system(&texts(&item["content"])),
            ("message", Some("assistant")) => seen.add(Who::Model, texts(&item["content"]), item),
            ("message", _) => seen.add(Who::Other, texts(&item["content"]), item),
            (kind, _) if kind.ends_with("_output") => seen.add(Who::Other, texts(&item["output"]), item),
            // Reasoning and calls of every sort.
            _ => seen.add(Who::Model, "", item),
        }
    }
    for tool in body["tools"].as_array().into_iter().flatten().filter(|tool| tool["type"] == "function") {
        seen.add_tool(&tool["name"], &tool["parameters"], tool);
    }
    seen
}

fn usage(counts: &TokenUsage) -> Value {
    let output = counts.output + counts.reasoning;
    json!({
        "input_tokens": counts.input(),
        "input_tokens_details": {"cached_tokens": counts.cache_read},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.input() + output,
    })
}

/// One thing that the answer consists of, with the events that write it piece by piece.
struct Output {
    begun: Value,
    done: Value,
    between: Vec<Value>,
}

fn outputs(reply: &Reply) -> Vec<Output> {
    let mut outputs = Vec::new();
    if !reply.thinking.is_empty() {
        outputs.push(reasoning(reply, outputs.len()));
    }
    if !reply.text.is_empty() {
        outputs.push(message(reply, outputs.len()));
    }
    for at in 0..reply.calls.len() {
        outputs.push(call(reply, at, outputs.len()));
    }
    outputs
}

fn reasoning(reply: &Reply, index: usize) -> Output {
    let id = format!("rs_{}", reply.id);
    let item = |summary: Value| json!({"type": "reasoning", "id": id, "summary": summary});
    let at = |kind: &str, more: Value| {
        event(kind, &json!({"item_id": id, "output_index": index, "summary_index": 0}), &more)
    };
    let part = |text: &str| json!({"part": {"type": "summary_text", "text": text}});
    let mut between = vec![at("response.reasoning_summary_part.added", part(""))];
    between.extend(
        reply
            .pieces(&reply.thinking)
            .into_iter()
            .map(|piece| at("response.reasoning_summary_text.delta", json!({"delta": piece}))),
    );
    between.push(at("response.reasoning_summary_text.done", json!({"text": reply.thinking})));
    between.push(at("response.reasoning_summary_part.done", part(&reply.thinking)));
    let done = item(json!([{"type": "summary_text", "text": reply.thinking}]));
    Output { begun: item(json!([])), done, between }
}

fn message(reply: &Reply, index: usize) -> Output {
    let id = format!("msg_{}", reply.id);
    let item = |status: &str, content: Value| json!({"type": "message", "id": id, "role": "assistant", "status": status, "content": content});
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
    let at = |kind: &str, more: Value| {
        event(kind, &json!({"item_id": id, "output_index": index, "content_index": 0}), &more)
    };
    let mut between = vec![at("response.content_part.added", json!({"part": part("")}))];
    between.extend(
        reply
            .pieces(&reply.text)
            .into_iter()
            .map(|piece| at("response.output_text.delta", json!({"delta": piece, "logprobs": []}))),
    );
    between.push(at("response.output_text.done", json!({"text": reply.text, "logprobs": []})));
    between.push(at("response.content_part.done", json!({"part": part(&reply.text)})));
    let done = item("completed", json!([part(&reply.text)]));
    Output { begun: item("in_progress", json!([])), done, between }
}

fn call(reply: &Reply, at: usize, index: usize) -> Output {
    let call = &reply.calls[at];
    let id = format!("fc_{}", call.id);
    let arguments = call.arguments.to_string();
    let item = |status: &str, arguments: &str| {
        json!({"type": "function_call", "id": id, "call_id": call.id, "name": call.name, "status": status,
            "arguments": arguments})
    };
    let at = |kind: &str, more: Value| event(kind, &json!({"item_id": id, "output_index": index}), &more);
    let mut between: Vec<Value> = reply
        .pieces(&arguments)
        .into_iter()
        .map(|piece| at("response.function_call_arguments.delta", json!({"delta": piece})))
        .collect();
    between.push(at("response.function_call_arguments.done", json!({"name": call.name, "arguments": arguments})));
    Output { begun: item("in_progress", ""), done: item("completed", &arguments), between }
}

fn event(kind: &str, place: &Value, more: &Value) -> Value {
    let mut event = json!({"type": kind});
    for object in [place, more] {
        for (name, value) in object.as_object().into_iter().flatten() {
            event[name] = value.clone();
        }
    }
    event
}

fn response(reply: &Reply, status: &str, output: &[Value]) -> Value {
    json!({
        "id": reply.id.replacen("demo_", "resp_", 1), "object": "response", "created_at": 0, "status": status,
        "model": reply.model, "output": output, "error": null, "incomplete_details": null, "instructions": null,
        "metadata": {}, "parallel_tool_calls": true, "temperature": 1.0, "top_p": 1.0, "tool_choice": "auto", "tools": [],
        "usage": if status == "completed" { reply.usage.as_ref().map(usage) } else { None },
    })
}

pub(crate) fn whole(reply: &Reply) -> Value {
    response(reply, "completed", &outputs(reply).into_iter().map(|output| output.done).collect::<Vec<_>>())
}

pub(crate) fn stream(reply: &Reply) -> Vec<String> {
    let begun = response(reply, "in_progress", &[]);
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
    ];
    for (index, output) in outputs(reply).into_iter().enumerate() {
        events.push(json!({"type": "response.output_item.added", "output_index": index, "item": output.begun}));
        events.extend(output.between);
        events.push(json!({"type": "response.output_item.done", "output_index": index, "item": output.done}));
    }
    events.push(json!({"type": "response.completed", "response": whole(reply)}));
    let numbered = events.into_iter().enumerate().map(|(number, mut event)| {
        event["sequence_number"] = number.into();
        format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
    });
    numbered.collect()
}
