use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Extension, State},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::future::{BoxFuture, join_all};
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE},
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{address::Peer, bare, metrics::measure_process, shutdown::Shutdown};
use crate::config::Secret;

/// A part that must answer for the server to be of use.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    /// Fails with a sentence for operators.
    run: Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
}

impl Check {
    pub fn new<F>(name: &'static str, run: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name, run: Arc::new(move || Box::pin(run())) }
    }
}

/// A part that answers later than this counts as not answering.
const PATIENCE: Duration = Duration::from_secs(2);

/// What probes and the collector of measurements ask.
pub struct Health {
    pub checks: Vec<Check>,
    pub metrics: PrometheusHandle,
    /// Runs before each reading of `/metrics`: sets gauges of parts that do not measure themselves.
    pub gauges: Arc<dyn Fn() + Send + Sync>,
    /// Opens `/metrics` and details to whoever shows it; without one, they are for this machine alone.
    pub token: Option<Secret>,
}

impl Health {
    /// A proxy on this machine forwards for anybody: a request that was forwarded is not from this machine.
    fn may_see_details(&self, peer: Peer, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else {
            return peer.0.is_loopback()
                && !headers.contains_key("x-forwarded-for")
                && !headers.contains_key("forwarded");
        };
        let shown =
            headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
        // Digests are compared, so that the time taken tells nothing about the token.
        shown.is_some_and(|shown| Sha256::digest(shown) == Sha256::digest(token.expose()))
    }
}

#[derive(Clone)]
struct Operation {
    health: Arc<Health>,
    shutdown: Shutdown,
}

pub(super) fn routes(health: Arc<Health>, shutdown: Shutdown) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(measurements))
        .with_state(Operation { health, shutdown })
}

/// The process answers; nothing else is asked, so that a lost database does not restart the server.
async fn live() -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], "ok\n")
}

async fn ready(State(operation): State<Operation>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    let checks = operation.health.checks.iter().map(|check| async move {
        let result = tokio::time::timeout(PATIENCE, (check.run)()).await;
        (check.name, result.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs()))))
    });
    let results = join_all(checks).await;
    let leaving = operation.shutdown.is_announced();
    let ready = !leaving && results.iter().all(|(_, result)| result.is_ok());
    let mut body = json!({ "ready": ready });
    if operation.health.may_see_details(peer, &headers) {
        let told =
            results.into_iter().map(|(name, result)| (name.to_owned(), json!(result.err().unwrap_or("ok".into()))));
        body["checks"] = told.collect::<serde_json::Map<_, _>>().into();
        body["shutting_down"] = leaving.into();
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

async fn measurements(
    State(operation): State<Operation>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    if !operation.health.may_see_details(peer, &headers) {
        // To others the page does not exist.
        return bare(StatusCode::NOT_FOUND);
    }
    measure_process();
    (operation.health.gauges)();
    operation.health.metrics.run_upkeep();
    // Prometheus text exposition format 0.0.4.
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], operation.health.metrics.render()).into_response()
}
