//! What one face has and another has not.

use super::*;

const GENERATE: &str = "/llm/gemini/v1beta/models/server/m:streamGenerateContent";

fn said(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

#[tokio::test]
async fn a_stream_without_events_is_a_list_whatever_is_behind() {
    for kind in WireFormat::ALL {
        let bench = Bench::open(kind).await;
        let (status, headers, body) = bench.post(GENERATE, &said("Go.")).await;
        assert_eq!((status, headers["content-type"].to_str().ok()), (StatusCode::OK, Some("application/json")));
        let list: Vec<Value> = serde_json::from_str(&body).expect("a list");
        let parts = list.iter().flat_map(|chunk| chunk["candidates"][0]["content"]["parts"].as_array().expect("parts"));
        let words = parts.filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str());
        assert_eq!(words.collect::<String>(), "Reading.", "{kind:?}: {body}");
        let usage = &list.last().expect("a chunk")["usageMetadata"];
        assert_eq!(usage["promptTokenCount"], 100, "{kind:?}: {body}");
        let (_, headers, events) = bench.post(&format!("{GENERATE}?alt=sse"), &said("Go.")).await;
        assert!(headers["content-type"].to_str().expect("text").starts_with("text/event-stream"));
        assert!(events.starts_with("data: {"), "{events}");
        bench.ledger(2).await;
        bench.end().await;
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_has_no_end() {
    let bench = Bench::open(WireFormat::Anthropic).await;
    let response = bench.send(GENERATE, &said("break off")).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().collect().await.expect_err("it breaks off");
    assert!(bench.ledger(1).await[0].estimated);
    bench.end().await;
}

#[tokio::test]
async fn what_cannot_be_translated_is_refused_before_anything_is_asked() {
    let bench = Bench::open(WireFormat::Anthropic).await;
    for (more, param) in [
        (json!({"n": 2}), "n"),
        (json!({"response_format": {"type": "json_object"}}), "response_format"),
        (json!({"n": 2, "stream": true}), "n"),
    ] {
        let (status, headers, body) = bench.chat("Go.", more).await;
        assert_eq!((status, headers["x-should-retry"].to_str().ok()), (StatusCode::BAD_REQUEST, Some("false")));
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["error"]["param"], param, "{body}");
    }
    assert_eq!(bench.calls(), 0);
    assert!(orchestrator::testing::usage(&mut bench.site.world.superuser().await).await.is_empty());
    bench.end().await;
}

#[tokio::test]
async fn embeddings_cost_what_they_read_where_the_provider_has_them() {
    const EMBEDDINGS: &str = "/llm/openai/v1/embeddings";
    let body = json!({"model": "server/m", "input": ["Four letters", "are one token here"]});
    for kind in WireFormat::ALL {
        let bench = Bench::open(kind).await;
        let (status, _, answer) = bench.post(EMBEDDINGS, &body).await;
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        if kind == WireFormat::OpenAiChat {
            assert_eq!((status, answer["data"].as_array().map(Vec::len)), (StatusCode::OK, Some(2)), "{answer}");
            let row = bench.ledger(1).await.remove(0);
            assert_eq!((Some(row.uncached), row.output), (answer["usage"]["prompt_tokens"].as_i64(), 0));
            assert!(!row.estimated && row.uncached == 8, "{row:?}");
        } else {
            assert_eq!((status, bench.calls()), (StatusCode::BAD_REQUEST, 0), "{answer}");
            let message = answer["error"]["message"].as_str().unwrap_or_default();
            assert!(message.contains("no embeddings in OpenAI's format"), "{message}");
        }
        bench.end().await;
    }
}
