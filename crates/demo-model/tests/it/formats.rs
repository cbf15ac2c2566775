use gateway::Kind;
use serde_json::json;
use types::chat::{Delta, Message, Part, Speaker, Stop, TokenUsage, ToolResult};

use super::{client, provider, request, serve};

const SCRIPT: &str = r#"{"models": ["demo"], "conversations": [{
    "name": "A coder repairs the sample",
    "when": {"system": ["[[role:coder task:sample]]"]},
    "turns": [
        {"thinking": "Zuerst lesen: ✓ und dann prüfen.", "text": "I read two files.", "chunk": 3, "calls": [
            {"tool": "read", "arguments": {"path": "src/ä.rs"}},
            {"tool": "run", "arguments": {"command": "make \"test\""}}]},
        {"text": "Done.", "usage": {"uncached": 100, "cache_read": 640, "cache_write": 0, "output": 5, "reasoning": 0}}
    ]}]}"#;

#[tokio::test]
async fn a_conversation_with_parallel_calls_goes_through_every_format() {
    let url = serve(SCRIPT).await;
    for kind in Kind::ALL {
        let (client, provider) = (client(), provider(kind, &url));
        let mut request = request("Go.");
        let mut streamed = (String::new(), String::new(), 0);
        let answer = client
            .stream(&provider, &request, |delta| match delta {
                Delta::Text { text } => streamed.0.push_str(&text),
                Delta::Thinking { text } => streamed.1.push_str(&text),
                Delta::ToolCall { .. } => streamed.2 += 1,
                Delta::ToolArguments { .. } => {}
            })
            .await
            .unwrap();
        assert_eq!(streamed, ("I read two files.".into(), "Zuerst lesen: ✓ und dann prüfen.".into(), 2), "{kind:?}");
        assert_eq!(answer.stop, Stop::ToolUse, "{kind:?}");
        assert_eq!(answer.model, "demo");
        let calls: Vec<_> = answer.message.tool_calls().cloned().collect();
        assert_eq!((calls[0].name.as_str(), &calls[0].arguments), ("read", &json!({"path": "src/ä.rs"})), "{kind:?}");
        assert_eq!((calls[1].name.as_str(), &calls[1].arguments), ("run", &json!({"command": "make \"test\""})));
        assert_ne!(calls[0].id, calls[1].id);
        let first = answer.usage.unwrap();
        assert!(first.uncached > 0 && first.cache_read == 0 && first.output > 0, "{kind:?} {first:?}");

        request.messages.push(answer.message);
        let result = |call: usize| {
            Part::ToolResult(ToolResult { call: calls[call].id.clone(), text: "ok".into(), failed: false })
        };
        request.messages.push(Message { speaker: Speaker::User, parts: vec![result(0), result(1)] });
        let answer = client.stream(&provider, &request, |_| {}).await.unwrap();
        assert_eq!((answer.message.text().as_str(), answer.stop), ("Done.", Stop::EndTurn), "{kind:?}");
        let usage = TokenUsage { uncached: 100, cache_read: 640, cache_write: 0, output: 5, reasoning: 0 };
        assert_eq!(answer.usage, Some(usage), "{kind:?}");
    }
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_from_another_server() {
    let (one, two) = (serve(SCRIPT).await, serve(SCRIPT).await);
    for kind in Kind::ALL {
        let request = request("Go.");
        let first = client().stream(&provider(kind, &one), &request, |_| {}).await.unwrap();
        let second = client().stream(&provider(kind, &two), &request, |_| {}).await.unwrap();
        assert_eq!(first, second);
    }
}

#[tokio::test]
async fn usage_is_made_up_plausibly_and_finds_the_beginning_in_the_cache() {
    let script = r#"{"models":["demo"],"conversations":[{"name":"x","turns":[{"text":"one"},{"text":"two"}]}]}"#;
    let url = serve(script).await;
    for kind in Kind::ALL {
        let mut request = request(&"word ".repeat(500));
        let first = client().stream(&provider(kind, &url), &request, |_| {}).await.unwrap();
        request.messages.extend([first.message, Message::user("go on")]);
        let second = client().stream(&provider(kind, &url), &request, |_| {}).await.unwrap().usage.unwrap();
        assert!(second.cache_read > 500 && second.uncached < 200, "{kind:?} {second:?}");
        assert!(second.input() > first.usage.unwrap().input());
        assert!(second.input() < gateway::estimate::input_tokens(&request), "the bound holds");
    }
}

#[tokio::test]
async fn models_are_listed_and_checked() {
    let url = serve(r#"{"models":["demo","demo-large"]}"#).await;
    for kind in Kind::ALL {
        let provider = provider(kind, &url);
        let ids: Vec<_> = client().models(&provider).await.unwrap().into_iter().map(|model| model.id).collect();
        assert_eq!(ids, ["demo", "demo-large"]);
        let answer = client().stream(&provider, &gateway::trial("demo"), |_| {}).await.unwrap();
        assert!(answer.message.text().starts_with("This is the demo model."), "{kind:?}");
    }
}
