//! Everything around the pages: who asks, may they, how much, how long, and what is written down about it.

mod address;
mod body;
mod compress;
mod csp_report;
mod errors;
mod headers;
mod health;
mod log;
mod metrics;
mod origin;
mod rate;
mod shutdown;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    response::Response,
};
use ipnet::IpNet;

pub use csp_report::PATH as CSP_REPORT_PATH;
pub use health::{Check, Health};
pub use metrics::recorder;
pub use origin::OriginRule;
pub use rate::{Limit, LimitError};
pub use shutdown::Shutdown;

/// What the layers need to know.
#[derive(Clone)]
pub struct Parts {
    pub trusted_proxies: Arc<[IpNet]>,
    pub origin: OriginRule,
    /// `None`: no limit.
    pub limit: Option<Limit>,
    /// Bytes of a request's body, and of one on the pages of signing in.
    pub max_body: usize,
    pub max_auth_body: usize,
    /// How long a request may take until its answer begins.
    pub timeout: Duration,
    /// Whether people reach us over https alone.
    pub https: bool,
    pub health: Arc<Health>,
    pub shutdown: Shutdown,
}

/// Puts all layers around the product's routes.
///
/// `failures` is put around the layers that refuse requests: it turns their bare status codes into pages. From the outside in:
/// address, request id and log line → headers → compression → `failures` → panics → time → body → rate → origin → routes.
pub fn wrap(routes: Router, parts: &Parts, failures: impl FnOnce(Router) -> Router) -> Router {
    let mut router = routes
        .merge(csp_report::routes())
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(log::note_route))
        .layer(from_fn_with_state(parts.origin.clone(), origin::check));
    if let Some(limit) = &parts.limit {
        router = router.layer(from_fn_with_state(limit.clone(), rate::count_wrong_tokens)).layer(rate::layer(limit));
    }
    let router = router
        .layer(from_fn_with_state(body::Limits { all: parts.max_body, auth: parts.max_auth_body }, body::limit))
        .layer(from_fn_with_state(parts.timeout, errors::limit_time))
        .layer(errors::catch_panics());
    let router = failures(router).layer(compress::layer());
    let operation = health::routes(parts.health.clone(), parts.shutdown.clone());
    // In this order, so that unknown addresses are answered inside the layers of `router`.
    operation
        .merge(router)
        .layer(from_fn_with_state(headers::Headers::new(parts.https), headers::add))
        .layer(from_fn(log::write_down))
        .layer(from_fn_with_state(Arc::clone(&parts.trusted_proxies), address::identify))
}

/// Paths where people prove who they are: bodies stay small and requests are counted.
fn is_auth_path(path: &str) -> bool {
    const AUTH: [&str; 6] = ["/sign-in", "/sign-up", "/sign-out", "/reset", "/invitation", "/invitations"];
    AUTH.iter().any(|auth| path.strip_prefix(auth).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Model calls of programs: their bodies are large, their answers take as long as a model does, and they bring a key and
/// no cookie.
fn is_model_call(path: &str) -> bool {
    path.starts_with("/llm/")
}

/// A bare answer; the failure pages around it say the rest.
fn bare(status: http::StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests;
