//! The wire: one pooled client whose names are resolved by the guard, without proxies and without redirects.

use std::{error::Error, io, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{Instant, timeout};

use crate::{
    CallError, Provider, SsrfPolicy,
    guard::{NotAllowed, Resolver},
};

/// How long a call may wait.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the request to the answer's first line; local servers load a model in that time.
    pub headers: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// For the whole call.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            headers: Duration::from_mins(5),
            idle: Duration::from_mins(2),
            total: Duration::from_mins(30),
        }
    }
}

type Connections = Pool<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// Both pools share the settings; only the resolver differs, so that an internal address never shares a connection
/// with one that a customer named.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    guarded: Connections,
    internal: Connections,
    policy: SsrfPolicy,
    timeouts: Timeouts,
}

impl Wire {
    pub(crate) fn new(policy: SsrfPolicy, timeouts: Timeouts) -> Result<Self, rustls::Error> {
        let tls = tls()?;
        let pool = |resolver| {
            let mut connector = HttpConnector::new_with_resolver(resolver);
            connector.enforce_http(false);
            connector.set_nodelay(true);
            connector.set_connect_timeout(Some(timeouts.connect));
            let connector = hyper_rustls::HttpsConnectorBuilder::new()
                .with_tls_config(tls.clone())
                .https_or_http()
                .enable_http1()
                .wrap_connector(connector);
            Pool::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(Duration::from_secs(30))
                .build(connector)
        };
        Ok(Self { guarded: pool(Resolver(Some(policy))), internal: pool(Resolver(None)), policy, timeouts })
    }

    pub(crate) fn permits(&self, to: &Provider) -> Result<(), CallError> {
        if to.is_internal() { Ok(()) } else { self.policy.check(to.url()) }
    }

    pub(crate) async fn send(&self, to: &Provider, request: Request<Full<Bytes>>) -> Result<Reply, CallError> {
        self.permits(to)?;
        let pool = if to.is_internal() { &self.internal } else { &self.guarded };
        let deadline = Instant::now() + self.timeouts.total;
        let wait = self.timeouts.headers.min(self.timeouts.total);
        let response = timeout(wait, pool.request(request))
            .await
            .map_err(|_| CallError::Timeout { waited: wait, partial: None })?
            .map_err(|error| not_reached(to, &error))?;
        Ok(Reply { response, deadline, idle: self.timeouts.idle })
    }
}

/// The public roots, and those that this machine's owner trusts as well, such as a company's own.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "a certificate of this machine cannot be read");
    }
    let (_, ignored) = roots.add_parsable_certificates(native.certs);
    if ignored > 0 {
        tracing::debug!(ignored, "certificates of this machine that cannot be used");
    }
    let provider = rustls::crypto::ring::default_provider();
    let config = ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn not_reached(to: &Provider, error: &hyper_util::client::legacy::Error) -> CallError {
    let causes = || std::iter::successors(error.source(), |&cause| cause.source());
    let barred = causes().any(|cause| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.is_some_and(<dyn Error + Send + Sync>::is::<NotAllowed>)
    });
    if barred {
        let host = to.url().host_str().unwrap_or_default().to_owned();
        return CallError::Blocked { host, reason: NotAllowed.to_string() };
    }
    let message = causes().last().map_or_else(|| error.to_string(), ToString::to_string);
    CallError::Network { sent: !error.is_connect(), message }
}

/// An answer whose body is still being read.
pub(crate) struct Reply {
    response: Response<Incoming>,
    deadline: Instant,
    idle: Duration,
}

impl Reply {
    pub(crate) fn status(&self) -> http::StatusCode {
        self.response.status()
    }

    pub(crate) fn headers(&self) -> &http::HeaderMap {
        self.response.headers()
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        loop {
            let wait = self.idle.min(self.deadline.saturating_duration_since(Instant::now()));
            let frame = timeout(wait, self.response.body_mut().frame()).await;
            match frame.map_err(|_| CallError::Timeout { waited: wait, partial: None })? {
                None => return Ok(None),
                // What breaks a body is a connection that ended before it.
                Some(Err(_)) => return Err(CallError::cut_short()),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// The whole body.
    pub(crate) async fn whole(mut self, limit: usize) -> Result<Vec<u8>, CallError> {
        let mut body = Vec::new();
        while let Some(piece) = self.next().await? {
            if body.len() + piece.len() > limit {
                return Err(CallError::TooLarge { limit, partial: None });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// As much of the body as tells why a request was refused; what cannot be read is left out.
    pub(crate) async fn beginning(mut self, limit: usize) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < limit {
            let Ok(Some(piece)) = self.next().await else { break };
            let room = limit - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        body
    }
}
