use std::time::Instant;

use app::request::{ClientAddr, RequestId};
use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use http::{Method, StatusCode};
use opentelemetry::trace::TraceContextExt;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::metrics;

/// The pattern of the route that answered. Addresses themselves are never logged: they hold names and tokens.
#[derive(Clone, Debug)]
struct Route(String);

/// Carries the route's pattern from the router, which knows it, to the log around it.
pub(super) async fn note_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(Route(route));
    }
    response
}

/// One line and one measurement per request. Never bodies, cookies, tokens or queries.
pub(super) async fn write_down(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let id = request.extensions().get::<RequestId>().map(|id| id.0.to_string()).unwrap_or_default();
    let client = request.extensions().get::<ClientAddr>().map(|client| client.0.to_string()).unwrap_or_default();
    let span = tracing::info_span!("request", otel.kind = "server", request_id = id, method = %method);
    let in_flight = metrics::InFlight::begin();
    let response = next.run(request).instrument(span.clone()).await;
    drop(in_flight);

    let route = response.extensions().get::<Route>().map(|route| route.0.clone()).or(matched);
    let route = route.as_deref().unwrap_or("(none)");
    let status = response.status();
    let took = began.elapsed();
    metrics::request(&method, route, status, took);
    let _entered = span.enter();
    name_trace(&span, &method, route, status);
    let ms = u64::try_from(took.as_micros()).map_or(f64::MAX, |micros| micros as f64 / 1_000.0);
    if is_probe(route) {
        tracing::debug!(route, status = status.as_u16(), ms, client, "request");
    } else {
        tracing::info!(route, status = status.as_u16(), ms, client, "request");
    }
    response
}

/// Says in a collector what the request was. The route is known only now, and a span that has begun takes a new name from
/// OpenTelemetry alone. The names are those of its semantic conventions for HTTP.
fn name_trace(span: &tracing::Span, method: &Method, route: &str, status: StatusCode) {
    span.context().span().update_name(format!("{method} {route}"));
    span.set_attribute("http.request.method", method.to_string());
    span.set_attribute("http.route", route.to_owned());
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
}

/// Probes come every few seconds and would bury the rest.
fn is_probe(route: &str) -> bool {
    matches!(route, "/livez" | "/readyz" | "/metrics")
}
