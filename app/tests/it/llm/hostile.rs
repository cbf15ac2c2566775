//! Providers and clients that say what cannot be.

use axum::Json;
use types::chat::TokenUsage;

use super::*;

/// A provider that answers every call with this completion.
async fn answering(completion: Value) -> String {
    serve(axum::Router::new().fallback(move || std::future::ready(Json(completion.clone())))).await
}

fn completion(model: &str, text: &str, tokens: u64) -> Value {
    json!({"object": "chat.completion", "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": tokens, "completion_tokens": tokens, "total_tokens": tokens}})
}

/// Paths of the faces that ask the same of a provider called Liar: as they are, and translated.
fn asked() -> [(&'static str, Value); 2] {
    let claude = json!({"model": "liar/m", "max_tokens": 50, "messages": [{"role": "user", "content": "Go."}]});
    [(CHAT, chat("Go.", json!({"model": "liar/m"}))), ("/llm/anthropic/v1/messages", claude)]
}

#[tokio::test]
async fn a_count_that_no_call_has_is_booked_as_the_most_and_the_next_call_goes_on() {
    let bench = Bench::open(WireFormat::OpenAiChat).await;
    let url = answering(completion("m", "Go.", u64::MAX)).await;
    add(&bench.site.world, &bench.scope, WireFormat::OpenAiChat, "Liar", &url).await;
    for (path, body) in asked() {
        let (status, _, body) = bench.post(path, &body).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    let most = i64::try_from(TokenUsage::MOST).expect("few");
    for row in bench.ledger(2).await {
        assert_eq!((row.uncached, row.output), (most, most), "{row:?}");
    }
    let next = tokio::time::timeout(PATIENCE, bench.chat("Go.", json!({}))).await.expect("the books are open");
    assert_eq!(next.0, StatusCode::OK, "{}", next.2);
    bench.ledger(3).await;
    bench.end().await;
}

#[tokio::test]
async fn an_answer_that_no_database_keeps_is_booked_all_the_same() {
    let bench = Bench::open(WireFormat::OpenAiChat).await;
    let url = answering(completion("m\0", "a\0b", 7)).await;
    add(&bench.site.world, &bench.scope, WireFormat::OpenAiChat, "Liar", &url).await;
    for (path, body) in asked() {
        let (status, _, body) = bench.post(path, &body).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    for row in bench.ledger(2).await {
        assert_eq!((row.model.as_str(), row.output), ("m\u{fffd}", 7), "{row:?}");
    }
    bench.end().await;
}

#[tokio::test]
async fn more_output_than_can_be_counted_is_refused_by_every_face() {
    const ENDLESS: u64 = i64::MAX.unsigned_abs();
    let bench = Bench::open(WireFormat::OpenAiChat).await;
    let gemini = |config: Value| json!({"contents": [{"parts": [{"text": "Go."}]}], "generationConfig": config});
    let generate = "/llm/gemini/v1beta/models/server/m:generateContent";
    let said = json!([{"role": "user", "content": "Go."}]);
    for (path, body, code, field) in [
        (CHAT, chat("Go.", json!({"max_tokens": ENDLESS})), "invalid_request_error", "max_tokens"),
        (CHAT, chat("Go.", json!({"n": 65_536, "max_completion_tokens": 65_536})), "invalid_request_error", "max_comp"),
        (CHAT, chat("Go.", json!({"n": ENDLESS})), "invalid_request_error", "n"),
        (
            "/llm/openai/v1/responses",
            json!({"model": "server/m", "input": "Go.", "max_output_tokens": ENDLESS}),
            "invalid_request_error",
            "max_output_tokens",
        ),
        (
            "/llm/anthropic/v1/messages",
            json!({"model": "server/m", "max_tokens": ENDLESS, "messages": said}),
            "invalid_request_error",
            "max_tokens",
        ),
        (generate, gemini(json!({"maxOutputTokens": ENDLESS})), "INVALID_ARGUMENT", "maxOutputTokens"),
        (generate, gemini(json!({"candidateCount": ENDLESS})), "INVALID_ARGUMENT", "candidateCount"),
    ] {
        let (status, _, answer) = bench.post(path, &body).await;
        let told = answer.contains(code) && answer.contains(field) && answer.contains("too large");
        assert!(status == StatusCode::BAD_REQUEST && told, "{path}: {status} {answer}");
    }
    assert_eq!(bench.calls(), 0);
    bench.end().await;
}
