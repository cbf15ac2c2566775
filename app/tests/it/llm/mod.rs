//! Model calls of programs: the vendors' official clients unchanged, and what they do not show.

mod broken;
mod catalogue;
mod clients;
mod faces;
mod hostile;
mod retries;
mod snippets;

use axum::body::Body;
use demo_model::Script;
use http::{Method, Request, StatusCode, header::RETRY_AFTER};
use http_body_util::BodyExt;
use orchestrator::{
    Scope,
    budgets::{BudgetSettings, Limit, Subject},
    models::{Alias, NewGatewayKey, ProviderSettings, Target, WireFormat},
    testing::World,
};
use serde_json::{Value, json};
use time::Duration;
use tokio::sync::watch;
use tower::ServiceExt;
use types::{MicroUsd, ModelProviderId, ProjectId};

use crate::client::Site;

const SCRIPT: &str = r#"{"models": ["m", "demo"], "conversations": [
    {"name": "broken", "when": {"said": ["break off"]}, "turns": [{"text": "Half an answer.", "chunk": 2, "fault": {"kind": "cut"}}]},
    {"name": "stalled", "when": {"said": ["stall"]}, "turns": [{"text": "Half an answer.", "chunk": 2, "fault": {"kind": "stall", "seconds": 600}}]},
    {"name": "garbled", "when": {"said": ["garble"]}, "turns": [{"text": "Half an answer.", "chunk": 2, "fault": {"kind": "malformed"}}]},
    {"name": "endless", "when": {"said": ["endless"]}, "turns": [{"chunk": 1000000, "fault": {"kind": "huge", "bytes": 34000000}}]},
    {"name": "silent", "when": {"said": ["no usage"]}, "turns": [{"text": "Quiet.", "fault": {"kind": "no_usage"}}]},
    {"name": "limited", "when": {"said": ["too fast"]}, "turns": [{"text": "At last.", "fault": {"kind": "status", "status": 429, "retry_after": 1, "times": 1}}]},
    {"name": "down", "when": {"said": ["down"]}, "turns": [{"text": "x", "fault": {"kind": "status", "status": 503, "retry_after": 30}}]},
    {"name": "Official clients", "turns": [
        {"thinking": "A thought.", "text": "Reading.", "chunk": 4, "calls": [
            {"tool": "read", "arguments": {"path": "a ü.txt"}},
            {"tool": "run", "arguments": {"command": "ls -l"}}],
         "usage": {"uncached": 40, "cache_read": 60, "cache_write": 0, "output": 20, "reasoning": 5}},
        {"text": "Done."}
    ]}]}"#;

/// What is written a moment after an answer has ended: its row in the ledger, and then its words.
const AFTERWARDS: [&str; 2] = ["usage", "call_contents"];
/// A moment on a busy machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// A team whose provider is a demo server, and keys for it.
struct Bench {
    site: Site,
    scope: Scope,
    /// Calls that reached the provider.
    calls: watch::Receiver<usize>,
    server: String,
    provider: ModelProviderId,
    key: String,
}

async fn provider_server() -> (String, watch::Receiver<usize>) {
    let (calls, called) = watch::channel(0);
    let count = axum::middleware::from_fn(move |request: axum::extract::Request, next: axum::middleware::Next| {
        if request.method() == Method::POST {
            calls.send_modify(|calls| *calls += 1);
        }
        next.run(request)
    });
    (serve(demo_model::router(Script::parse(SCRIPT).expect("a script")).layer(count)).await, called)
}

async fn serve(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
    format!("http://{address}")
}

impl Bench {
    async fn open(kind: WireFormat) -> Self {
        Self::with(kind, app::Llm::default()).await
    }

    /// Where nobody listens to a provider for long after a client has gone.
    async fn hasty(kind: WireFormat) -> Self {
        Self::with(kind, app::Llm { rest: std::time::Duration::from_millis(50), ..app::Llm::default() }).await
    }

    async fn with(kind: WireFormat, llm: app::Llm) -> Self {
        let site = Site::with(World::new().await, llm);
        site.world.tell_of_writes(&AFTERWARDS).await;
        let (_, scope) = site.world.team("quayside", &site.world.person("Mira").await).await;
        let (server, calls) = provider_server().await;
        let provider = add(&site.world, &scope, kind, "Server", &server).await;
        let key = key(&site.world, &scope, None).await;
        Self { site, scope, calls, server, provider, key }
    }

    /// A key whose project has nothing to spend.
    async fn broke_key(&self) -> String {
        let muster = &self.site.world.muster;
        let source = orchestrator::work::Source::Empty;
        let project =
            muster.create_project(&self.scope.can().expect("owner"), "poor", &source).await.expect("a project");
        let nothing = BudgetSettings { limit: Limit::Amount(MicroUsd::ZERO), ..BudgetSettings::default() };
        let subject = Subject { project: Some(project), ..Subject::TEAM };
        muster.set_budget(&self.scope.can().expect("owner"), subject, &nothing).await.expect("a budget");
        key(&self.site.world, &self.scope, Some(project)).await
    }

    fn calls(&self) -> usize {
        *self.calls.borrow()
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, http::HeaderMap, String) {
        let (parts, body) = self.send(path, body).await.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).expect("text"))
    }

    /// An answer whose body is not read yet.
    async fn send(&self, path: &str, body: &Value) -> http::Response<Body> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.key))
            .body(Body::from(body.to_string()))
            .expect("a request");
        self.site.router.clone().oneshot(request).await.expect("an answer")
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).header("x-api-key", &self.key).body(Body::empty()).expect("a request");
        let response = self.site.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    /// What `look` finds, once there is so much of it.
    async fn once<T>(&self, count: usize, what: &str, mut look: impl AsyncFnMut() -> Vec<T>) -> Vec<T> {
        let mut writes = self.site.world.writes(&AFTERWARDS).await;
        let looking = async {
            loop {
                let found = look().await;
                if found.len() >= count {
                    return found;
                }
                writes.more().await;
            }
        };
        let Ok(found) = tokio::time::timeout(PATIENCE, looking).await else {
            panic!("{count} {what} are not there after {PATIENCE:?}")
        };
        assert_eq!(found.len(), count, "{what}");
        found
    }

    /// The calls whose words are kept, once there are so many: that is a moment after they are settled.
    async fn kept(&self, rows: usize) -> Vec<types::ReservationId> {
        let can = self.scope.can().expect("owner");
        let muster = &self.site.world.muster;
        let look = async || {
            let ledger = muster.ledger(&can, &Default::default(), 100).await.expect("a ledger");
            let kept = ledger.iter().filter(|entry| entry.has_content).map(|entry| entry.reservation);
            kept.collect::<Vec<_>>()
        };
        self.once(rows, "calls with their words", look).await
    }

    async fn chat(&self, said: &str, more: Value) -> (StatusCode, http::HeaderMap, String) {
        self.post(CHAT, &chat(said, more)).await
    }

    /// The rows of the ledger, once there are so many: an answer ends a moment before it is settled.
    async fn ledger(&self, rows: usize) -> Vec<Row> {
        let mut admin = self.site.world.superuser().await;
        self.once(rows, "rows of the ledger", async || orchestrator::testing::usage(&mut admin).await).await
    }

    async fn end(self) {
        let differences = self.site.world.muster.reconcile(self.scope.team()).await.expect("books");
        assert!(differences.is_empty(), "{differences:?}");
        self.site.end().await;
    }
}

const CHAT: &str = "/llm/openai/v1/chat/completions";

fn chat(said: &str, more: Value) -> Value {
    let mut body = json!({"model": "server/m", "messages": [{"role": "user", "content": said}]});
    let Value::Object(more) = more else { panic!("no object: {more}") };
    body.as_object_mut().expect("an object").extend(more);
    body
}

type Row = orchestrator::testing::UsageRow;

async fn add(world: &World, scope: &Scope, kind: WireFormat, name: &str, server: &str) -> ModelProviderId {
    let base_url = if kind == WireFormat::OpenAiChat { format!("{server}/v1") } else { server.to_owned() };
    let settings = ProviderSettings { name: name.into(), kind, base_url, model: "m".into() };
    world.muster.add_model_provider(&scope.can().expect("owner"), &settings, "sk-of-the-team").await.expect("added")
}

async fn key(world: &World, scope: &Scope, project: Option<ProjectId>) -> String {
    let new = NewGatewayKey { name: "a script", project, life: Duration::days(1) };
    world.muster.create_gateway_key(&scope.can().expect("owner"), &new).await.expect("a key").1
}

#[tokio::test]
async fn each_call_is_one_row_with_what_the_provider_reported() {
    let bench = Bench::open(WireFormat::OpenAiChat).await;
    let rates = gateway::prices::Rates { input: 1_000_000, cache_read: 100_000, cache_write: 0, output: 10_000_000 };
    let can = bench.scope.can().expect("owner");
    bench.site.world.muster.agree_price(&can, bench.provider, "m", rates).await.expect("a price");
    let (status, _, body) = bench.chat("Go.", json!({"stream": true})).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(body.ends_with("data: [DONE]\n\n") && !body.contains("\"usage\":{"), "{body}");
    let row = bench.ledger(1).await.remove(0);
    assert_eq!((row.uncached, row.cache_read, row.output, row.reasoning), (40, 60, 20, 5));
    // 40 fresh, 6 from the cache, 250 out.
    let agreed = "agreed 2026-11-19 14:32 UTC";
    assert_eq!((row.cost, row.source.as_str(), row.estimated), (Some(296), agreed, false));
    bench.end().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_reports_nothing_is_estimated() {
    let bench = Bench::open(WireFormat::OpenAiChat).await;
    let (status, _, body) = bench.chat("break off", json!({"stream": true})).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("\"error\"") && !body.contains("[DONE]"), "{body}");
    let (_, _, body) = bench.chat("no usage", json!({})).await;
    assert!(body.contains("Quiet."), "{body}");
    for row in bench.ledger(2).await {
        assert!(row.estimated && row.uncached > 0 && row.cost.is_none(), "{row:?}");
    }
    bench.end().await;
}

#[tokio::test]
async fn a_client_that_goes_away_pays_all_the_same() {
    let bench = Bench::open(WireFormat::OpenAiChat).await;
    let body = json!({"model": "server/m", "stream": true, "messages": [{"role": "user", "content": "Go."}]});
    let request = Request::post("/llm/openai/v1/chat/completions")
        .header("x-api-key", &bench.key)
        .body(Body::from(body.to_string()))
        .expect("a request");
    let response = bench.site.router.clone().oneshot(request).await.expect("an answer");
    drop(response);
    let row = bench.ledger(1).await.remove(0);
    assert_eq!((row.uncached, row.output, row.estimated), (40, 20, false));
    bench.end().await;
}

#[tokio::test]
async fn a_short_wait_is_waited_and_a_long_one_is_told() {
    let bench = Bench::open(WireFormat::OpenAiChat).await;
    let (status, _, body) = bench.chat("too fast", json!({})).await;
    assert_eq!((status, bench.calls()), (StatusCode::OK, 2), "{body}");
    let (status, headers, _) = bench.chat("down", json!({})).await;
    assert_eq!((status, headers[RETRY_AFTER].to_str().ok()), (StatusCode::SERVICE_UNAVAILABLE, Some("30")));
    // Now nobody asks it again until then.
    let before = bench.calls();
    let (status, headers, _) = bench.chat("Go.", json!({})).await;
    assert_eq!((status, bench.calls()), (StatusCode::SERVICE_UNAVAILABLE, before));
    assert!(headers.contains_key(RETRY_AFTER));
    bench.ledger(1).await;
    bench.end().await;
}

#[tokio::test]
async fn an_alias_leads_to_the_next_provider_when_one_is_down() {
    let bench = Bench::open(WireFormat::OpenAiChat).await;
    let spare = add(&bench.site.world, &bench.scope, WireFormat::Anthropic, "Spare", &bench.server).await;
    let closed = add(&bench.site.world, &bench.scope, WireFormat::OpenAiChat, "Closed", "http://127.0.0.1:9").await;
    let targets = [closed, spare].map(|provider| Target { provider, model: None }).to_vec();
    let alias = Alias { name: "fast".into(), targets };
    let can = bench.scope.can().expect("owner");
    bench.site.world.muster.set_model_alias(&can, &alias).await.expect("an alias");
    let (status, _, body) = bench.chat("Go.", json!({"model": "fast"})).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(body.contains("Reading."), "{body}");
    bench.ledger(1).await;
    bench.end().await;
}

#[tokio::test]
async fn what_no_budget_could_hold_back_is_refused_by_name() {
    let bench = Bench::open(WireFormat::OpenAiChat).await;
    let refused = async |more: Value| {
        let (status, headers, body) = bench.chat("Go.", more).await;
        assert_eq!((status, headers["x-should-retry"].to_str().ok()), (StatusCode::BAD_REQUEST, Some("false")));
        let body: Value = serde_json::from_str(&body).expect("JSON");
        body["error"]["param"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(refused(json!({"web_search_options": {"a": 1}})).await, "web_search_options");
    assert_eq!(refused(json!({"service_tier": "priority"})).await, "service_tier");
    assert_eq!(refused(json!({"max_tokens": -1})).await, "max_tokens");
    let stored = json!({"model": "server/m", "input": "x", "previous_response_id": "r"});
    let (status, _, body) = bench.post("/llm/openai/v1/responses", &stored).await;
    assert!(status == StatusCode::BAD_REQUEST && body.contains("previous_response_id"), "{body}");
    assert_eq!(bench.calls(), 0);
    bench.end().await;
}

#[tokio::test]
async fn a_key_of_another_team_or_one_that_was_revoked_opens_nothing() {
    let bench = Bench::open(WireFormat::OpenAiChat).await;
    let muster = &bench.site.world.muster;
    let listed = muster.gateway_keys(&bench.scope.can().expect("owner")).await.expect("keys").remove(0);
    assert!(bench.key.ends_with(listed.hint.split('…').next_back().expect("an end")));
    assert!(listed.last_used_at.is_none());
    assert_eq!(bench.chat("Go.", json!({})).await.0, StatusCode::OK);
    let (_, harbour) = bench.site.world.team("harbour", &bench.site.world.person("Hanna").await).await;
    let foreign = muster.revoke_gateway_key(&harbour.can().expect("owner"), listed.id).await;
    assert!(matches!(foreign, Err(orchestrator::Error::NotFound)));
    muster.revoke_gateway_key(&bench.scope.can().expect("owner"), listed.id).await.expect("revoked");
    let (status, _, body) = bench.chat("Go.", json!({})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
    bench.ledger(1).await;
    bench.end().await;
}
