//! What is ordered while a call waits to be tried again, or before it is made.

use axum::response::IntoResponse;
use bytes::Bytes;

use super::*;

const CLAUDE: &str = "/llm/anthropic/v1/messages";

/// A provider that takes one call after another, and once it is let go asks each to come again in a second.
struct Moody {
    asked: watch::Receiver<usize>,
    go: watch::Sender<bool>,
}

impl Moody {
    async fn of(bench: &Bench, name: &str) -> Self {
        let (tell, asked) = watch::channel(0);
        let (go, let_go) = watch::channel(false);
        let answer = move || {
            tell.send_modify(|asked| *asked += 1);
            let mut let_go = let_go.clone();
            async move {
                let_go.wait_for(|go| *go).await.expect("the test lives");
                (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1")], "Slower.").into_response()
            }
        };
        let url = super::serve(axum::Router::new().fallback(answer)).await;
        add(&bench.site.world, &bench.scope, WireFormat::OpenAiChat, name, &url).await;
        Self { asked, go }
    }

    /// Orders something while the first try is under way, and lets that one fail.
    async fn amid<T>(&mut self, order: impl Future<Output = T>) -> T {
        let asked = tokio::time::timeout(PATIENCE, self.asked.wait_for(|asked| *asked > 0)).await;
        drop(asked.expect("a call comes").expect("the provider lives"));
        let done = order.await;
        self.go.send_replace(true);
        done
    }
}

/// The same question in each face, for a model of this provider.
fn questions(provider: &str) -> [(String, Value); 4] {
    let model = format!("{provider}/m");
    let said = json!([{"role": "user", "content": "Go."}]);
    [
        (CHAT.into(), json!({"model": model, "messages": said})),
        ("/llm/openai/v1/responses".into(), json!({"model": model, "input": "Go."})),
        (CLAUDE.into(), json!({"model": model, "max_tokens": 50, "messages": said})),
        (
            format!("/llm/gemini/v1beta/models/{model}:generateContent"),
            json!({"contents": [{"role": "user", "parts": [{"text": "Go."}]}]}),
        ),
    ]
}

/// Whether an error has the shape that the clients of a face know.
fn is_of(path: &str, status: StatusCode, body: &str) -> bool {
    let body: Value = serde_json::from_str(body).expect("JSON");
    match path {
        CLAUDE => body["type"] == "error" && body["error"]["type"].is_string(),
        _ if path.starts_with("/llm/gemini") => body["error"]["code"] == status.as_u16(),
        _ => body["error"]["code"].is_string(),
    }
}

#[tokio::test]
async fn a_pause_in_the_wait_for_another_try_is_found_before_it() {
    let bench = Bench::open(WireFormat::OpenAiChat).await;
    let muster = &bench.site.world.muster;
    for at in 0..4 {
        let name = format!("moody{at}");
        let mut moody = Moody::of(&bench, &name).await;
        let (path, question) = questions(&name).into_iter().nth(at).expect("four");
        let can = bench.scope.can().expect("owner");
        let order = moody.amid(muster.pause(&can, Subject::TEAM, "Everybody look"));
        let ((status, headers, body), pause) = tokio::join!(bench.post(&path, &question), order);
        assert_eq!((status, headers["x-should-retry"].to_str().ok()), (StatusCode::PAYMENT_REQUIRED, Some("false")));
        assert!(body.contains("Everybody look") && is_of(&path, status, &body), "{path}: {body}");
        assert_eq!(*moody.asked.borrow(), 1, "{path}");
        muster.resume(&can, pause.expect("paused")).await.expect("resumed");
    }
    bench.end().await;
}

#[tokio::test]
async fn a_key_that_ends_in_the_wait_asks_no_second_time() {
    let mut bench = Bench::open(WireFormat::OpenAiChat).await;
    let muster = bench.site.world.muster.clone();
    let can = bench.scope.can().expect("owner");
    for expires in [false, true] {
        let name = if expires { "late" } else { "revoked" };
        let mut moody = Moody::of(&bench, name).await;
        bench.key = key(&bench.site.world, &bench.scope, None).await;
        let (path, question) = questions(name).into_iter().next().expect("four");
        let order = moody.amid(async {
            if expires {
                bench.site.world.clock.advance(Duration::days(2));
            } else {
                // All of them: which was made last is not seen at a clock that stands still.
                for listed in muster.gateway_keys(&bench.scope.can().expect("owner")).await.expect("keys") {
                    muster.revoke_gateway_key(&can, listed.id).await.expect("revoked");
                }
            }
        });
        let ((status, _, body), ()) = tokio::join!(bench.post(&path, &question), order);
        assert_eq!((status, *moody.asked.borrow()), (StatusCode::UNAUTHORIZED, 1), "{body}");
        assert!(is_of(&path, status, &body), "{body}");
    }
    bench.end().await;
}

#[tokio::test]
async fn nobody_counts_tokens_during_a_pause() {
    for kind in [WireFormat::Anthropic, WireFormat::Gemini] {
        let bench = Bench::open(kind).await;
        let muster = &bench.site.world.muster;
        muster.pause(&bench.scope.can().expect("owner"), Subject::TEAM, "Everybody look").await.expect("paused");
        for (path, body) in [
            (format!("{CLAUDE}/count_tokens"), json!({"model": "server/m", "messages": []})),
            ("/llm/gemini/v1beta/models/server/m:countTokens".into(), json!({"contents": []})),
        ] {
            let (status, _, body) = bench.post(&path, &body).await;
            assert!(status == StatusCode::PAYMENT_REQUIRED && body.contains("Everybody look"), "{path}: {body}");
        }
        assert_eq!(bench.calls(), 0);
        bench.end().await;
    }
}

#[tokio::test]
async fn a_request_that_never_arrives_whole_is_given_up() {
    let hasty = app::Llm { sending: std::time::Duration::from_millis(50), ..app::Llm::default() };
    let bench = Bench::with(WireFormat::OpenAiChat, hasty).await;
    let dribble = futures::stream::once(async { Ok::<_, std::io::Error>(Bytes::from("{\"model\": ")) });
    let body = Body::from_stream(futures::StreamExt::chain(dribble, futures::stream::pending()));
    let request = Request::post(CHAT).header("x-api-key", &bench.key).body(body).expect("a request");
    let answer = tokio::time::timeout(PATIENCE, bench.site.router.clone().oneshot(request)).await.expect("an end");
    let (parts, body) = answer.expect("an answer").into_parts();
    let body = String::from_utf8(body.collect().await.expect("a body").to_bytes().to_vec()).expect("text");
    assert!(parts.status == StatusCode::BAD_REQUEST && is_of(CHAT, parts.status, &body), "{body}");
    assert!(body.contains("did not arrive in time"), "{body}");
    bench.end().await;
}
