use axum::{
    body::{Body, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::StatusCode;
use http_body_util::Limited;
use orchestrator::work::MAX_ARCHIVE;

use super::{bare, is_auth_path};

/// Largest bodies, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) all: usize,
    pub(super) auth: usize,
}

/// The form that uploads an archive, with its boundaries and other fields.
const UPLOAD: usize = MAX_ARCHIVE + (64 << 10);

fn is_upload(path: &str) -> bool {
    path.split('/').skip(2).eq(["projects", "upload"])
}

/// Bytes of a request of a git client.
const MAX_PUSH: usize = 2 << 30;

/// A little more than the gateway takes, so that it can refuse in the client's own format.
const MODEL_CALL: usize = 33 << 20;

/// Refuses a body that says it is too large, and cuts one that turns out to be.
pub(super) async fn limit(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let allowed = if path.starts_with("/git/") {
        // Pushes are read as a stream; git itself refuses those that are too large.
        MAX_PUSH
    } else if super::is_model_call(path) {
        MODEL_CALL
    } else if is_auth_path(path) || path == super::CSP_REPORT_PATH {
        limits.auth
    } else if is_upload(path) {
        UPLOAD.max(limits.all)
    } else {
        limits.all
    };
    if usize::try_from(request.body().size_hint().lower()).unwrap_or(usize::MAX) > allowed {
        return bare(StatusCode::PAYLOAD_TOO_LARGE);
    }
    next.run(request.map(|body| Body::new(Limited::new(body, allowed)))).await
}
