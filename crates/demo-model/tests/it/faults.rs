use std::time::Duration;

use gateway::{CallError, Client, Kind, Provider, SsrfPolicy, Timeouts};
use tokio::{io::AsyncWriteExt, net::TcpListener, sync::Notify};
use types::chat::{Answer, ChatRequest, Delta};

use super::{client, provider, request, serve};

async fn with(kind: Kind, turn: &str) -> Result<Answer, CallError> {
    let script = format!(r#"{{"models":["demo"],"conversations":[{{"name":"x","turns":[{turn}]}}]}}"#);
    let url = serve(&script).await;
    client().stream(&provider(kind, &url), &request("Go."), |_| {}).await
}

#[tokio::test]
async fn every_fault_is_told_apart_in_every_format() {
    for kind in Kind::ALL {
        let error = async |fault: &str| {
            let turn = format!(r#"{{"text":"one two three four five six seven","chunk":4,"fault":{fault}}}"#);
            with(kind, &turn).await.unwrap_err()
        };
        let limited = error(r#"{"kind":"status","status":429,"retry_after":7}"#).await;
        assert!(matches!(limited, CallError::RateLimited { .. }) && limited.may_retry(), "{kind:?} {limited:?}");
        assert_eq!(limited.retry_after(), Some(Duration::from_secs(7)));
        let overloaded = error(r#"{"kind":"status","status":529}"#).await;
        assert!(matches!(overloaded, CallError::Overloaded { .. }), "{kind:?} {overloaded:?}");
        let unauthorized = error(r#"{"kind":"status","status":401,"message":"No."}"#).await;
        assert_eq!(unauthorized, CallError::Unauthorized { message: "No.".into() }, "{kind:?}");
        assert!(!unauthorized.may_retry() && !unauthorized.may_have_cost());
        let in_stream = error(r#"{"kind":"error"}"#).await;
        let CallError::CutShort { by: Some(by), .. } = &in_stream else { panic!("{kind:?} {in_stream:?}") };
        assert!(matches!(**by, CallError::Overloaded { .. }), "{kind:?} {by:?}");
        assert!(in_stream.may_have_cost() && in_stream.may_retry(), "something was written before it");
        let malformed = error(r#"{"kind":"malformed"}"#).await;
        assert!(
            matches!(malformed, CallError::Malformed { .. }) && malformed.may_have_cost(),
            "{kind:?} {malformed:?}"
        );
        let cut = error(r#"{"kind":"cut"}"#).await;
        assert!(matches!(cut, CallError::CutShort { .. }) && cut.may_retry(), "{kind:?} {cut:?}");
        let stalled = error(r#"{"kind":"stall","seconds":60}"#).await;
        assert!(matches!(stalled, CallError::Timeout { .. }), "{kind:?} {stalled:?}");
        // Only this format tells the input's tokens before the end.
        assert_eq!(stalled.partial_usage().is_some(), kind == Kind::Anthropic);
    }
}

#[tokio::test]
async fn a_report_from_the_middle_is_raised_to_what_was_written() {
    for fault in ["cut", "malformed", "error", "stall"] {
        let turn = format!(r#"{{"text":"one two three four","chunk":2,"fault":{{"kind":"{fault}","seconds":60}}}}"#);
        let url = serve(&format!(r#"{{"models":["demo"],"conversations":[{{"name":"x","turns":[{turn}]}}]}}"#)).await;
        let provider = provider(Kind::Anthropic, &url);
        let mut heard = 0;
        let count = |delta| match delta {
            Delta::Text { text } => heard += text.len() as u64,
            other => panic!("{other:?}"),
        };
        let error = client().stream(&provider, &request("Go."), count).await.unwrap_err();
        let taken = error.partial_usage().unwrap_or_default();
        assert!(taken.uncached > 0 && taken.output > 1 && taken.output >= heard, "{fault} {taken:?} {heard}");
        let bounded = ChatRequest { max_output_tokens: 3, ..request("Go.") };
        let error = client().stream(&provider, &bounded, |_| {}).await.unwrap_err();
        assert_eq!(error.partial_usage().map(|usage| usage.output), Some(3), "{fault}");
    }
}

#[tokio::test]
async fn a_call_ends_when_nobody_wants_it_any_more() {
    let turn = r#"{"text":"one two three four","chunk":2,"fault":{"kind":"stall","seconds":600}}"#;
    let url = serve(&format!(r#"{{"models":["demo"],"conversations":[{{"name":"x","turns":[{turn}]}}]}}"#)).await;
    let client = Client::new(SsrfPolicy::SelfHosted, Timeouts::default()).unwrap();
    let begun = Notify::new();
    let provider = provider(Kind::Anthropic, &url);
    let request = request("Go.");
    let call = client.stream_until(&provider, &request, |_| begun.notify_one(), begun.notified());
    let error = call.await.unwrap_err();
    assert!(matches!(error, CallError::CutShort { by: None, .. }), "{error:?}");
    assert!(error.partial_usage().is_some_and(|usage| usage.output >= 2), "{error:?}");
}

#[tokio::test]
async fn a_fault_with_a_number_of_times_ends() {
    let script = r#"{"models":["demo"],"conversations":[{"name":"x","turns":[{"text":"at last","fault":{"kind":"status","status":503,"times":2}}]}]}"#;
    let url = serve(script).await;
    let provider = provider(Kind::OpenAiChat, &url);
    for _ in 0..2 {
        assert!(client().stream(&provider, &request("Go."), |_| {}).await.unwrap_err().may_retry());
    }
    let answer = client().stream(&provider, &request("Go."), |_| {}).await.unwrap();
    assert_eq!(answer.message.text(), "at last");
}

#[tokio::test]
async fn an_answer_without_usage_and_one_without_end_are_seen() {
    let answer = with(Kind::OpenAiChat, r#"{"text":"a","fault":{"kind":"no_usage"}}"#).await.unwrap();
    assert_eq!(answer.usage, None);
    let url = serve(
        r#"{"models":["demo"],"conversations":[{"name":"x","turns":[{"fault":{"kind":"huge","bytes":200000}}]}]}"#,
    )
    .await;
    let small = client().with_longest_answer(100_000);
    let error = small.stream(&provider(Kind::OpenAiChat, &url), &request("Go."), |_| {}).await.unwrap_err();
    assert_eq!(error, CallError::TooLarge { limit: 100_000, partial: None });
    assert!(!error.may_retry());
}

#[tokio::test]
async fn unknown_models_and_empty_conversations_are_refused() {
    let url = serve(r#"{"models":["demo"]}"#).await;
    for kind in Kind::ALL {
        let mut unknown = request("Go.");
        unknown.model = "nothing".into();
        let error = client().stream(&provider(kind, &url), &unknown, |_| {}).await.unwrap_err();
        assert!(matches!(error, CallError::ModelNotFound { .. }), "{kind:?} {error:?}");
        let mut empty = request("Go.");
        empty.messages.clear();
        let error = client().stream(&provider(kind, &url), &empty, |_| {}).await.unwrap_err();
        assert!(matches!(error, CallError::BadRequest { .. }), "{kind:?} {error:?}");
    }
}

#[tokio::test]
async fn nobody_at_the_address_means_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client().stream(&provider(Kind::OpenAiChat, &url), &request("Go."), |_| {}).await.unwrap_err();
    assert!(matches!(error, CallError::Network { sent: false, .. }), "{error:?}");
    assert!(!error.may_have_cost() && error.may_retry());
}

#[tokio::test]
async fn the_guard_stops_literal_addresses_and_names_that_lead_inside() {
    let url = serve(r#"{"models":["demo"]}"#).await;
    let client = Client::new(SsrfPolicy::PublicOnly, Timeouts::default()).unwrap();
    let call = async |provider: &Provider| client.stream(provider, &gateway::trial("demo"), |_| {}).await;
    let literal = call(&provider(Kind::OpenAiChat, &url)).await.unwrap_err();
    assert!(matches!(literal, CallError::Blocked { .. }), "{literal:?}");
    let name = Provider::new(Kind::OpenAiChat, "https://localhost", None).unwrap();
    let named = call(&name).await.unwrap_err();
    assert!(matches!(&named, CallError::Blocked { host, .. } if host == "localhost"), "{named:?}");
    assert!(!named.may_retry());
    call(&provider(Kind::OpenAiChat, &url).internal()).await.unwrap();
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = serve(r#"{"models":["demo"]}"#).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: {target}/v1/chat/completions\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let error = client().stream(&provider(Kind::OpenAiChat, &url), &gateway::trial("demo"), |_| {}).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { status: 307, .. } | CallError::Network { .. }), "{error:?}");
}
