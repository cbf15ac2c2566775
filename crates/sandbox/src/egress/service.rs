use std::{error::Error, fmt, sync::Arc};

use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Incoming};

/// What a request or an answer carries. It passes as it comes; nothing collects it on the way.
pub type Body = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

type Answer = dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync;

/// Answers what a sandbox asks of this side itself: requests in origin-form (RFC 9112, 3.2.1), which name no other host.
#[derive(Clone)]
pub struct Service(Arc<Answer>);

impl Service {
    /// `answer` is dropped half-way when whoever asked goes away, or the sandbox does.
    pub fn new<F>(answer: impl Fn(Request<Body>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Self(Arc::new(move |request| Box::pin(answer(request))))
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        (self.0)(request.map(|body| body.map_err(Into::into).boxed_unsync())).await
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Service")
    }
}
