use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    response::{Html, IntoResponse},
    routing::{get, post},
};
use futures::{StreamExt, stream};
use http::{HeaderMap, Request, StatusCode, header::SET_COOKIE};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::{Check, Health, Limit, OriginRule, Parts, Shutdown, wrap};
use crate::config::{Inputs, Secret, load};

fn parts() -> Parts {
    let health = Health {
        checks: Vec::new(),
        metrics: super::recorder().expect("recorder"),
        gauges: Arc::new(|| ()),
        token: None,
    };
    Parts {
        trusted_proxies: Arc::new([]),
        origin: OriginRule { public: "http://127.0.0.1:7000".into(), loopback: true },
        limit: Some(Limit::per_minute(3).expect("limit")),
        max_body: 1_000,
        max_auth_body: 10,
        timeout: Duration::from_secs(5),
        https: true,
        health: Arc::new(health),
        shutdown: Shutdown::default(),
    }
}

async fn panics() -> &'static str {
    panic!("on purpose")
}

/// Lets one token in.
async fn git(headers: HeaderMap) -> StatusCode {
    match headers.get("authorization").is_some_and(|token| token == "Basic right") {
        true => StatusCode::OK,
        false => StatusCode::UNAUTHORIZED,
    }
}

/// One piece of an answer, and no end.
fn unfinished(content_type: &'static str) -> impl IntoResponse {
    let piece = stream::once(async { Ok::<_, Infallible>(PIECE) });
    let body = Body::from_stream(piece.chain(stream::pending()));
    ([("content-type", content_type), ("x-accel-buffering", "no")], body)
}

const PIECE: &str = "data: the first of many pieces, and long enough to be worth compressing if it were a page\n\n";

fn site(parts: &Parts) -> Router {
    let routes = Router::new()
        .route("/", get(|| async { Html("<p>hello</p>".repeat(100)) }))
        .route("/cookie", get(|| async { ([(SET_COOKIE, "a=b")], Html("<p>hello</p>".repeat(100))) }))
        .route("/events", get(|| async { unfinished("text/event-stream") }))
        .route("/list", get(|| async { unfinished("application/json") }))
        .route("/panic", get(panics))
        .route("/never", get(std::future::pending::<()>))
        .route("/git/{team}/{repository}/info/refs", get(git))
        .route("/account/password", post(|| async { "changed" }))
        .route("/echo", post(|body: String| async { body }))
        .route("/sign-in", get(|| async { "form" }).post(|body: String| async { body }));
    wrap(routes, parts, |router| router)
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }
}

async fn ask(router: &Router, peer: &str, request: http::request::Builder, body: &'static str) -> Answer {
    let peer: SocketAddr = format!("{peer}:4000").parse().expect("address");
    let mut request = request.body(Body::from(body)).expect("request");
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.clone().oneshot(request).await.expect("infallible").into_response();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("body").to_bytes().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn get_from(router: &Router, peer: &str, path: &str) -> Answer {
    ask(router, peer, Request::get(path), "").await
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let router = site(&parts());
    for path in ["/", "/nowhere", "/panic", "/sign-in", "/livez", "/readyz", "/metrics"] {
        let answer = get_from(&router, "127.0.0.1", path).await;
        let csp = answer.header("content-security-policy").expect("policy");
        assert!(csp.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"), "{csp}");
        assert!(!csp.contains("unsafe-inline") && csp.contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(answer.header("referrer-policy"), Some("strict-origin-when-cross-origin"));
        // One year, and the subdomains with it.
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000; includeSubDomains"), "{path}");
        assert!(answer.header("permissions-policy").is_some());
        assert_eq!(answer.header("reporting-endpoints"), Some("csp=\"/csp-report\""));
    }
    let plain = site(&Parts { https: false, ..parts() });
    assert_eq!(get_from(&plain, "203.0.113.1", "/").await.header("strict-transport-security"), None);
}

#[tokio::test]
async fn pages_for_one_person_are_not_stored_and_tokens_do_not_travel() {
    let router = site(&parts());
    assert_eq!(get_from(&router, "203.0.113.1", "/").await.header("cache-control"), None);
    let with_cookie = ask(&router, "203.0.113.1", Request::get("/").header("cookie", "s=1"), "").await;
    assert_eq!(with_cookie.header("cache-control"), Some("no-store"));
    let with_token = get_from(&router, "203.0.113.1", "/?token=abc").await;
    assert_eq!(with_token.header("referrer-policy"), Some("no-referrer"));
}

#[tokio::test]
async fn the_request_id_is_ours() {
    let router = site(&parts());
    let answer = ask(&router, "203.0.113.1", Request::get("/").header("x-request-id", "mine"), "").await;
    let id: uuid::Uuid = answer.header("x-request-id").expect("id").parse().expect("uuid");
    assert_eq!(id.get_version_num(), 7);
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let router = site(&parts());
    for left in ["2", "1", "0"] {
        let answer = get_from(&router, "203.0.113.2", "/sign-in").await;
        assert_eq!((answer.status, answer.header("ratelimit-remaining")), (StatusCode::OK, Some(left)));
        assert_eq!(answer.header("ratelimit-limit"), Some("3"));
        assert!(answer.header("x-ratelimit-limit").is_none());
    }
    let refused = get_from(&router, "203.0.113.2", "/sign-in").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refused.header("retry-after").expect("wait").parse().expect("seconds");
    assert!((1..=21).contains(&wait), "one more each 20 s, not {wait}");
    assert_eq!(refused.header("ratelimit-reset"), Some("60"));
    assert_eq!(get_from(&router, "203.0.113.2", "/").await.status, StatusCode::OK, "other pages are not counted");
    assert_eq!(get_from(&router, "203.0.113.3", "/sign-in").await.status, StatusCode::OK, "other clients are not hit");
}

#[tokio::test]
async fn changes_of_passwords_are_counted() {
    let router = site(&parts());
    let change = || Request::post("/account/password").header("sec-fetch-site", "same-origin");
    for left in ["2", "1", "0"] {
        let answer = ask(&router, "203.0.113.12", change(), "").await;
        assert_eq!((answer.status, answer.header("ratelimit-remaining")), (StatusCode::OK, Some(left)));
    }
    let refused = ask(&router, "203.0.113.12", change(), "").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.header("retry-after").is_some());
}

#[tokio::test]
async fn wrong_tokens_of_git_are_counted_and_right_ones_are_not() {
    let router = site(&parts());
    let refs = || Request::get("/git/quayside/ledger.git/info/refs");
    let with = |token: &'static str| refs().header("authorization", token);
    for _ in 0..5 {
        let challenged = ask(&router, "203.0.113.13", refs(), "").await;
        assert_eq!((challenged.status, challenged.header("ratelimit-limit")), (StatusCode::UNAUTHORIZED, None));
        assert_eq!(ask(&router, "203.0.113.13", with("Basic right"), "").await.status, StatusCode::OK);
    }
    for left in ["2", "1", "0"] {
        let wrong = ask(&router, "203.0.113.13", with("Basic wrong"), "").await;
        assert_eq!((wrong.status, wrong.header("ratelimit-remaining")), (StatusCode::UNAUTHORIZED, Some(left)));
        assert_eq!(wrong.header("ratelimit-limit"), Some("3"));
    }
    for token in ["Basic wrong", "Basic right"] {
        let refused = ask(&router, "203.0.113.13", with(token), "").await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{token}");
        let wait: u64 = refused.header("retry-after").expect("wait").parse().expect("seconds");
        assert!((1..=21).contains(&wait), "one more each 20 s, not {wait}");
        assert_eq!((refused.header("ratelimit-limit"), refused.header("ratelimit-remaining")), (Some("3"), Some("0")));
    }
    assert_eq!(ask(&router, "203.0.113.14", with("Basic right"), "").await.status, StatusCode::OK, "other clients");
    assert_eq!(get_from(&router, "203.0.113.13", "/sign-in").await.status, StatusCode::OK, "counted for themselves");
}

#[tokio::test]
async fn by_default_a_client_has_a_hundred_requests_a_minute() {
    let defaults = load(&Inputs { file: None, environment: Vec::new() }).expect("valid defaults").config;
    let limit = Some(Limit::per_minute(defaults.rate_limits.per_minute).expect("limit"));
    let router = site(&Parts { limit, ..parts() });
    for _ in 0..100 {
        let answer = get_from(&router, "203.0.113.4", "/sign-in").await;
        assert_eq!((answer.status, answer.header("ratelimit-limit")), (StatusCode::OK, Some("100")));
    }
    // While these were answered, one more may have become free each 0.6 s.
    let mut status = StatusCode::OK;
    for _ in 0..1_000 {
        status = get_from(&router, "203.0.113.4", "/sign-in").await.status;
        if status != StatusCode::OK {
            break;
        }
    }
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn one_ipv6_network_is_one_client() {
    let router = site(&parts());
    for host in 1..=3 {
        assert_eq!(get_from(&router, &format!("[2001:db8::{host}]"), "/sign-in").await.status, StatusCode::OK);
    }
    let refused = get_from(&router, "[2001:db8::ffff:9]", "/sign-in").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn bodies_are_bounded_and_smaller_where_people_sign_in() {
    let router = site(&parts());
    let post = |path| Request::post(path).header("sec-fetch-site", "same-origin");
    let long = "12345678901234567890";
    assert_eq!(ask(&router, "203.0.113.4", post("/echo"), long).await.status, StatusCode::OK);
    assert_eq!(ask(&router, "203.0.113.4", post("/sign-in"), long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let streamed = futures::stream::iter(vec![Ok::<_, std::io::Error>("x".repeat(900)), Ok("x".repeat(900))]);
    let mut request = post("/echo").body(Body::from_stream(streamed)).expect("request");
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, 4], 1))));
    let status = router.clone().oneshot(request).await.expect("infallible").status();
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "a body without a length is cut as well");
}

#[tokio::test]
async fn foreign_pages_cannot_post() {
    let router = site(&parts());
    let foreign = Request::post("/echo").header("sec-fetch-site", "cross-site");
    assert_eq!(ask(&router, "203.0.113.5", foreign, "x").await.status, StatusCode::FORBIDDEN);
    let report = Request::post("/csp-report").header("sec-fetch-site", "cross-site");
    assert_eq!(ask(&router, "203.0.113.5", report, "{}").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let router = site(&parts());
    assert_eq!(get_from(&router, "203.0.113.6", "/panic").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(get_from(&router, "203.0.113.6", "/").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_ended() {
    let router = site(&parts());
    assert_eq!(get_from(&router, "203.0.113.6", "/never").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn pages_are_compressed_unless_they_set_a_cookie() {
    let router = site(&parts());
    let zipped = |path| Request::get(path).header("accept-encoding", "br, gzip");
    assert_eq!(ask(&router, "203.0.113.7", zipped("/"), "").await.header("content-encoding"), Some("br"));
    assert_eq!(ask(&router, "203.0.113.7", zipped("/cookie"), "").await.header("content-encoding"), None);
}

#[tokio::test]
async fn a_piece_of_an_answer_passes_all_layers_before_the_next_is_there() {
    let router = site(&parts());
    for path in ["/events", "/list"] {
        let mut request =
            Request::get(path).header("accept-encoding", "gzip, br").body(Body::empty()).expect("request");
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 1, 1, 1], 4000))));
        let response = router.clone().oneshot(request).await.expect("infallible");
        assert!(!response.headers().contains_key("content-encoding"), "{path}");
        let mut body = response.into_body();
        let first = tokio::time::timeout(Duration::from_secs(60), body.frame()).await.expect("it does not wait");
        let first = first.expect("a piece").expect("no error").into_data().expect("data");
        assert_eq!(first, PIECE, "{path}");
    }
}

#[tokio::test]
async fn failure_pages_dress_what_the_layers_refuse() {
    let dress = |router: Router| {
        router.layer(axum::middleware::map_response(|response: axum::response::Response| async move {
            if response.status() == StatusCode::FORBIDDEN { "dressed".into_response() } else { response }
        }))
    };
    let routes = Router::new().route("/echo", post(|| async { "x" }));
    let router = wrap(routes, &parts(), dress);
    let foreign = Request::post("/echo").header("sec-fetch-site", "cross-site");
    assert_eq!(ask(&router, "203.0.113.5", foreign, "x").await.text(), "dressed");
}

#[tokio::test]
async fn measurements_are_for_this_machine_or_for_the_token() {
    let open = site(&parts());
    get_from(&open, "127.0.0.1", "/").await;
    let seen = get_from(&open, "127.0.0.1", "/metrics").await;
    assert_eq!(seen.status, StatusCode::OK);
    let text = seen.text();
    assert!(text.contains("muster_http_requests_total{method=\"GET\",route=\"/\",status=\"2xx\"}"), "{text}");
    assert!(text.contains("process_resident_memory_bytes") && text.contains("muster_http_request_seconds_bucket"));
    assert_eq!(get_from(&open, "203.0.113.8", "/metrics").await.status, StatusCode::NOT_FOUND);
    let proxied = Request::get("/metrics").header("x-forwarded-for", "203.0.113.8");
    assert_eq!(ask(&open, "127.0.0.1", proxied, "").await.status, StatusCode::NOT_FOUND);

    let mut guarded = parts();
    let health = Health {
        checks: Vec::new(),
        metrics: super::recorder().expect("recorder"),
        gauges: Arc::new(|| ()),
        token: Some(Secret::new("a-long-enough-token")),
    };
    guarded.health = Arc::new(health);
    let closed = site(&guarded);
    assert_eq!(get_from(&closed, "127.0.0.1", "/metrics").await.status, StatusCode::NOT_FOUND);
    let with = Request::get("/metrics").header("authorization", "Bearer a-long-enough-token");
    assert_eq!(ask(&closed, "203.0.113.8", with, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn readiness_follows_the_checks_and_the_shutdown() {
    let mut unready = parts();
    let broken = Check::new("database", || async { Err("connection refused".into()) });
    let health = Health {
        checks: vec![broken],
        metrics: super::recorder().expect("recorder"),
        gauges: Arc::new(|| ()),
        token: None,
    };
    unready.health = Arc::new(health);
    let failing = site(&unready);
    let here = get_from(&failing, "127.0.0.1", "/readyz").await;
    assert_eq!(here.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(here.text().contains("connection refused"));
    let elsewhere = get_from(&failing, "203.0.113.9", "/readyz").await;
    assert!(!elsewhere.text().contains("connection"), "details are not for everybody");
    assert_eq!(get_from(&failing, "203.0.113.9", "/livez").await.status, StatusCode::OK);

    let parts = parts();
    let router = site(&parts);
    assert_eq!(get_from(&router, "127.0.0.1", "/readyz").await.status, StatusCode::OK);
    parts.shutdown.announce();
    assert_eq!(get_from(&router, "127.0.0.1", "/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get_from(&router, "127.0.0.1", "/").await.status, StatusCode::OK, "requests still work");
}
