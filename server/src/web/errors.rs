use std::{any::Any, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;

use super::bare;

type OnPanic = fn(Box<dyn Any + Send>) -> Response;

/// A panic in a handler costs its own request alone.
pub(super) fn catch_panics() -> CatchPanicLayer<OnPanic> {
    CatchPanicLayer::custom(answer_panic as OnPanic)
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn answer_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    metrics::counter!("muster_http_panics_total").increment(1);
    tracing::error!(panic = text.as_deref().unwrap_or("without a message"), "a handler panicked");
    bare(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Ends a request whose answer does not begin in time. Streams that have begun run on.
pub(super) async fn limit_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    // The gateway has limits of its own for the silence of a provider.
    if super::is_model_call(request.uri().path()) {
        return next.run(request).await;
    }
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => bare(StatusCode::SERVICE_UNAVAILABLE),
    }
}
