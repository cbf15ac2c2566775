use proptest::prelude::*;
use serde_json::{Value, json};
use types::chat::{Answer, Delta, Message, Part, Speaker, Stop, TokenUsage, ToolCall, ToolResult, ToolSpec};

use super::*;
use crate::{CallError, StreamParser};

const USAGE: TokenUsage = TokenUsage { uncached: 36, cache_read: 64, cache_write: 0, output: 20, reasoning: 10 };
const STREAMING: [Format; 4] = [Format::OpenAiChat, Format::OpenAiResponses, Format::Anthropic, Format::Gemini];

fn call(id: &str, name: &str, arguments: Value) -> Part {
    Part::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments })
}

fn answer() -> Answer {
    let parts = vec![
        Part::Thinking { text: "Let me see.".into(), signature: None },
        Part::Text { text: "Grüße ✓ \"}{\"\n".into() },
        call("call_0", "read", json!({"path": "a \"ü\".rs"})),
        call("call_1", "run", json!({"command": "ls"})),
    ];
    let message = Message { speaker: Speaker::Assistant, parts };
    Answer { message, stop: Stop::ToolUse, usage: Some(USAGE), model: "m".into() }
}

fn stream(format: Format) -> String {
    written(Writer::new(format, "id_1", "m", 1_793_491_200, true))
}

fn written(mut writer: Writer) -> String {
    let mut text = writer.begin();
    for delta in [
        Delta::Thinking { text: "Let me ".into() },
        Delta::Thinking { text: "see.".into() },
        Delta::Text { text: "Grüße ".into() },
        Delta::Text { text: "✓ \"}{\"\n".into() },
        Delta::ToolCall { name: "read".into() },
        Delta::ToolArguments { text: "{\"path\"".into() },
    ] {
        text.push_str(&writer.push(&delta));
    }
    text + &writer.finish(&answer(), &USAGE)
}

/// What each format can tell of the usage: Anthropic's counts reasoning as output.
fn reported(format: Format) -> TokenUsage {
    if format == Format::Anthropic { TokenUsage { output: 30, reasoning: 0, ..USAGE } } else { USAGE }
}

fn meter(format: Format, content_type: &str, pieces: &[&[u8]]) -> Metered {
    let mut meter = Meter::new(format, content_type);
    pieces.iter().for_each(|piece| meter.push(piece));
    meter.finish()
}

const EVENTS: &str = "text/event-stream; charset=utf-8";
const JSON: &str = "application/json";

/// Streams, whole bodies, and Gemini's list.
fn recordings() -> Vec<(Format, &'static str, String)> {
    let mut all = Vec::new();
    for format in STREAMING {
        all.push((format, EVENTS, stream(format)));
        let whole = Writer::new(format, "id_1", "m", 0, true).whole(&answer(), &USAGE);
        all.push((format, JSON, whole.to_string()));
    }
    let chunks: Vec<String> = stream(Format::Gemini)
        .split("\r\n\r\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .map(str::to_owned)
        .collect();
    all.push((Format::Gemini, JSON, format!("[{}\n]", chunks.join(",\r\n"))));
    all
}

#[test]
fn a_list_holds_what_the_events_hold() {
    let list = written(Writer::new(Format::Gemini, "id_1", "m", 1_793_491_200, true).as_list());
    let list: Vec<Value> = serde_json::from_str(&list).unwrap();
    let events = stream(Format::Gemini);
    let events = events.split("\r\n\r\n").filter_map(|event| event.strip_prefix("data: "));
    assert_eq!(list, events.map(|event| serde_json::from_str(event).unwrap()).collect::<Vec<Value>>());
    assert!(list.len() > 3);
}

#[test]
fn a_cut_at_any_byte_is_metered_the_same() {
    for (format, content_type, text) in recordings() {
        let bytes = text.as_bytes();
        let expected = meter(format, content_type, &[bytes]);
        assert_eq!(expected.usage, Some(reported(format)), "{format:?} {content_type}");
        assert!(expected.ended && expected.error.is_none(), "{expected:?}");
        assert_eq!(expected.model, "m");
        let stop = if format == Format::Gemini { Stop::EndTurn } else { Stop::ToolUse };
        assert_eq!(expected.stop, Some(stop));
        assert_eq!(expected.settled(1_000, 1_000), (reported(format), false));
        for at in 0..bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(meter(format, content_type, &[head, tail]), expected, "{format:?} cut at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(meter(format, content_type, &single), expected);
    }
}

#[test]
fn a_stream_that_breaks_off_is_estimated_and_never_free() {
    for (format, content_type, text) in recordings() {
        for at in 0..text.len() {
            let found = meter(format, content_type, &[&text.as_bytes()[..at]]);
            let (usage, estimated) = found.settled(500, 400);
            assert_eq!(estimated, !(found.ended && found.usage.is_some()), "{format:?} {at}");
            if estimated {
                assert!(usage.output <= 400);
                assert!(format == Format::Anthropic && found.usage.is_some() || usage.input() == 500, "{usage:?}");
            }
        }
    }
    let long = format!("data: {}\n\n", json!({"choices": [{"delta": {"content": "x".repeat(300)}}]}));
    let found = meter(Format::OpenAiChat, EVENTS, &[long.as_bytes()]);
    assert_eq!(found.settled(500, 10_000).0.output, 300);
    assert_eq!(found.settled(500, 100).0.output, 100);
}

#[test]
fn usage_that_came_before_the_end_is_completed_by_what_was_written() {
    let start =
        json!({"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 70, "output_tokens": 1}}});
    let delta =
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x".repeat(50)}});
    let text = format!("data: {start}\n\ndata: {delta}\n\n");
    let found = meter(Format::Anthropic, EVENTS, &[text.as_bytes()]);
    assert_eq!(found.settled(999, 999), (TokenUsage { uncached: 70, output: 50, ..TokenUsage::default() }, true));
}

#[test]
fn errors_in_streams_and_bodies_are_told() {
    let overloaded = [
        (Format::OpenAiChat, json!({"error": {"message": "busy", "type": "overloaded_error"}})),
        (Format::OpenAiResponses, json!({"type": "error", "code": "overloaded", "message": "busy"})),
        (Format::Anthropic, json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})),
        (Format::Gemini, json!({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}})),
    ];
    for (format, body) in overloaded {
        let text = format!("data: {body}\n\n");
        let error = meter(format, EVENTS, &[text.as_bytes()]).error;
        assert!(matches!(error, Some(CallError::Overloaded { .. })), "{format:?} {error:?}");
        let broken = meter(format, EVENTS, &[b"data: {\"a\":\n\ndata: 1\n\n"]).error;
        assert!(matches!(broken, Some(CallError::Malformed { .. })), "{format:?} {broken:?}");
        let open = meter(format, JSON, &[b"{\"a\":"]).error;
        assert!(matches!(open, Some(CallError::CutShort { .. })));
    }
    let failed = json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error", "message": "x"}}});
    let found = meter(Format::OpenAiResponses, EVENTS, &[format!("data: {failed}\n\n").as_bytes()]);
    assert!(found.error.is_some() && found.ended);
}

#[test]
fn embeddings_cost_what_they_read() {
    let body = json!({"object": "list", "data": [{"embedding": [0.1]}], "model": "e", "usage": {"prompt_tokens": 8, "total_tokens": 8}});
    let found = meter(Format::OpenAiEmbeddings, JSON, &[body.to_string().as_bytes()]);
    assert_eq!(found.settled(100, 0), (TokenUsage { uncached: 8, ..TokenUsage::default() }, false));
}

#[test]
fn what_is_written_can_be_read_again() {
    for format in [Format::OpenAiChat, Format::Anthropic, Format::Gemini] {
        let mut parser = StreamParser::new(format.kind());
        parser.push(stream(format).as_bytes()).unwrap();
        let read = parser.finish().unwrap();
        assert_eq!(read.message, answer().message, "{format:?}");
        assert_eq!((read.stop, read.usage), (Stop::ToolUse, Some(reported(format))));
    }
    // The last event of the responses holds the same as the body that is not streamed.
    let text = stream(Format::OpenAiResponses);
    let last = text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    let whole = Writer::new(Format::OpenAiResponses, "id_1", "m", 1_793_491_200, true).whole(&answer(), &USAGE);
    assert_eq!((&last["type"], &last["response"]), (&json!("response.completed"), &whole));
}

fn conversation() -> types::chat::ChatRequest {
    types::chat::ChatRequest {
        model: "b".into(),
        system: "Be brief.".into(),
        messages: vec![
            Message::user("Go."),
            Message {
                speaker: Speaker::Assistant,
                parts: vec![Part::Text { text: "Reading.".into() }, call("call_0", "read", json!({"path": "ü"}))],
            },
            Message {
                speaker: Speaker::User,
                parts: vec![
                    Part::ToolResult(ToolResult { call: "call_0".into(), text: "content".into(), failed: false }),
                    Part::Text { text: "Mind the time.".into() },
                ],
            },
        ],
        tools: vec![ToolSpec {
            name: "read".into(),
            description: "d".into(),
            parameters: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
        }],
        max_output_tokens: 100,
        temperature: Some(0.5),
    }
}

#[test]
fn a_conversation_is_read_as_each_format_writes_it() {
    let expected = conversation();
    let chat = Request::parse(Format::OpenAiChat, crate::openai::body(&expected, true).to_string().as_bytes()).unwrap();
    assert_eq!(chat.to_chat("b", 7).unwrap(), expected);
    let messages = Request::parse(Format::Anthropic, crate::anthropic::body(&expected).to_string().as_bytes()).unwrap();
    assert_eq!(messages.to_chat("b", 7).unwrap(), expected);
    let gemini =
        Request::parse_gemini("x", true, false, crate::gemini::body(&expected).to_string().as_bytes()).unwrap();
    assert_eq!(gemini.to_chat("b", 7).unwrap(), expected);
    let responses = json!({"model": "x", "instructions": "Be brief.", "temperature": 0.5, "max_output_tokens": 100,
        "store": false, "reasoning": {"effort": "low"}, "input": [
            {"role": "user", "content": "Go."},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Reading.", "annotations": []}]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_0", "name": "read", "arguments": "{\"path\":\"ü\"}"},
            {"type": "function_call_output", "call_id": "call_0", "output": "content"},
            {"role": "user", "content": [{"type": "input_text", "text": "Mind the time."}]}],
        "tools": [{"type": "function", "name": "read", "description": "d", "strict": false, "parameters": expected.tools[0].parameters}]});
    let responses = Request::parse(Format::OpenAiResponses, responses.to_string().as_bytes()).unwrap();
    assert_eq!(responses.to_chat("b", 7).unwrap(), expected);
}

#[test]
fn what_another_format_has_no_place_for_is_refused_by_name() {
    let named = |format, body: Value| {
        let request = match format {
            Format::Gemini => Request::parse_gemini("m", false, false, body.to_string().as_bytes()),
            _ => Request::parse(format, body.to_string().as_bytes()),
        };
        request.unwrap().to_chat("m", 7).unwrap_err().field.unwrap()
    };
    let chat = |more: Value| {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        named(Format::OpenAiChat, body)
    };
    assert_eq!(chat(json!({"n": 2})), "n");
    assert_eq!(chat(json!({"logprobs": true})), "logprobs");
    assert_eq!(chat(json!({"response_format": {"type": "json_object"}})), "response_format");
    assert_eq!(chat(json!({"stop": ["x"]})), "stop");
    assert_eq!(chat(json!({"tool_choice": "required"})), "tool_choice");
    assert_eq!(
        chat(json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}]})),
        "messages[0].content[0] of type image_url"
    );
    assert_eq!(
        chat(json!({"tools": [{"type": "function", "function": {"name": "a", "strict": true}}]})),
        "tools[0].function.strict"
    );
    let image = json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]});
    assert_eq!(named(Format::Anthropic, image), "messages[0].content[0] of type image");
    let schema = json!({"contents": [], "generationConfig": {"responseSchema": {"type": "OBJECT"}}});
    assert_eq!(named(Format::Gemini, schema), "generationConfig.responseSchema");
    let stored = json!({"model": "m", "input": "x", "previous_response_id": "r"});
    assert_eq!(named(Format::OpenAiResponses, stored), "previous_response_id");
}

#[test]
fn googles_dialect_of_schemas_becomes_json_schema() {
    let body = json!({"contents": [], "tools": [{"functionDeclarations": [{"name": "a", "parameters": {"type": "OBJECT",
        "properties": {"type": {"type": "STRING", "nullable": true}, "list": {"type": "ARRAY", "items": {"type": "INTEGER"}}}}}]}]});
    let chat = Request::parse_gemini("m", false, false, body.to_string().as_bytes()).unwrap().to_chat("m", 1).unwrap();
    assert_eq!(
        chat.tools[0].parameters,
        json!({"type": "object", "properties": {"type": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "list": {"type": "array", "items": {"type": "integer"}}}})
    );
}

#[test]
fn signatures_come_back_to_the_vendor_that_made_them() {
    let parts =
        vec![Part::Thinking { text: String::new(), signature: Some("sig".into()) }, call("call_0", "read", json!({}))];
    let answer = Answer { message: Message { speaker: Speaker::Assistant, parts: parts.clone() }, ..answer() };
    let whole = Writer::new(Format::OpenAiChat, "i", "m", 0, true).whole(&answer, &USAGE);
    let mut back = whole["choices"][0]["message"].clone();
    back.as_object_mut().unwrap().remove("refusal");
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}, back]});
    let chat = Request::parse(Format::OpenAiChat, body.to_string().as_bytes()).unwrap().to_chat("m", 7).unwrap();
    assert_eq!(chat.messages[1].parts, parts);
}

proptest! {
    #[test]
    fn any_bytes_and_any_cuts_are_survived(
        which in 0_usize..9,
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..12),
        cuts in proptest::collection::vec(1_usize..40, 1..30),
    ) {
        let (format, content_type, text) = recordings().swap_remove(which);
        let mut bytes = text.into_bytes();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let whole = meter(format, content_type, &[&bytes]);
        let mut meter = Meter::new(format, content_type);
        let mut rest = bytes.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (head, tail) = rest.split_at((*cut).min(rest.len()));
            meter.push(head);
            rest = tail;
        }
        prop_assert_eq!(meter.finish(), whole);
    }

    #[test]
    fn any_json_is_read_or_refused(text in "[\\[\\]{}:,\"a-z0-9 ]{0,60}") {
        for format in Format::ALL {
            if let Ok(request) = Request::parse(format, text.as_bytes()) {
                let _ignored = request.to_chat("m", 1);
                let _ignored = request.outgoing("m", 1, true);
            }
        }
    }
}
