use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use app::request::ClientAddr;
use axum::{body::Body, extract::State, middleware::Next, response::Response};
use futures::future::BoxFuture;
use governor::{clock::Clock, middleware::StateInformationMiddleware};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, RETRY_AFTER},
};
use tower::{Layer, Service};
use tower_governor::{
    GovernorError, GovernorLayer,
    governor::{Governor, GovernorConfig, GovernorConfigBuilder},
    key_extractor::KeyExtractor,
};

use super::{address::network_of, bare, is_auth_path, metrics};

type Information = StateInformationMiddleware;

/// Requests of one client are counted together: by the network that one client holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByClient;

impl KeyExtractor for ByClient {
    type Key = IpAddr;

    fn extract<T>(&self, request: &Request<T>) -> Result<IpAddr, GovernorError> {
        let client = request.extensions().get::<ClientAddr>().ok_or(GovernorError::UnableToExtractKey)?;
        Ok(network_of(client.0))
    }
}

/// How many requests one client may send to the pages of signing in and to the API.
#[derive(Clone)]
pub struct Limit {
    config: Arc<GovernorConfig<ByClient, Information>>,
    /// Wrong access tokens, which are counted for themselves: a broken script locks nobody in its network out of signing in.
    wrong_tokens: Arc<GovernorConfig<ByClient, Information>>,
    /// Who showed too many of them, and until when no further one is looked at.
    waiting: Arc<Mutex<HashMap<IpAddr, Instant>>>,
    per_minute: u32,
    /// Until one more request is allowed.
    period: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a limit of requests must be between 1 and 1,000,000,000 a minute")]
pub struct LimitError;

impl Limit {
    /// `per_minute` requests at once, and one more each `60 s / per_minute`.
    ///
    /// # Errors
    /// When the number is 0 or above 1,000,000,000.
    pub fn per_minute(per_minute: u32) -> Result<Self, LimitError> {
        // The builder's `per_second(n)` means one request each n seconds; the period says what is meant.
        let period = Duration::from_secs(60).checked_div(per_minute).ok_or(LimitError)?;
        let mut builder = GovernorConfigBuilder::default().key_extractor(ByClient).use_headers();
        builder.period(period).burst_size(per_minute);
        let mut config = || builder.finish().filter(|_| per_minute <= 1_000_000_000).map(Arc::new).ok_or(LimitError);
        Ok(Self { config: config()?, wrong_tokens: config()?, waiting: Arc::default(), per_minute, period })
    }

    /// Forgets clients that have their full allowance again, each minute, until the future is dropped. Without it the
    /// memory grows with every address ever seen.
    pub async fn forget_the_quiet(&self) {
        let mut minutes = tokio::time::interval(Duration::from_secs(60));
        loop {
            minutes.tick().await;
            for config in [&self.config, &self.wrong_tokens] {
                config.limiter().retain_recent();
                config.limiter().shrink_to_fit();
            }
            self.waiting().retain(|_, until| *until > Instant::now());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<IpAddr, Instant>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a client still has to wait until a token of it is looked at again.
    fn left(&self, client: IpAddr) -> Option<Duration> {
        let until = self.waiting().get(&client).copied()?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// Counts a wrong token, and says so in the answer to it.
    fn count_wrong_token(&self, client: IpAddr, mut answer: Response) -> Response {
        let limiter = self.wrong_tokens.limiter();
        match limiter.check_key(&client) {
            Ok(state) => {
                insert(answer.headers_mut(), self.per_minute, state.remaining_burst_capacity(), self.period);
                answer
            }
            Err(refused) => {
                let wait = refused.wait_time_from(limiter.clock().now());
                self.waiting().insert(client, Instant::now() + wait);
                self.too_many(wait)
            }
        }
    }

    /// The answer to a client that showed too many wrong tokens.
    fn too_many(&self, wait: Duration) -> Response {
        metrics::refused("token");
        let mut response = bare(StatusCode::TOO_MANY_REQUESTS);
        insert(response.headers_mut(), self.per_minute, 0, self.period);
        response.headers_mut().insert(RETRY_AFTER, (wait.as_secs() + 1).into());
        response
    }
}

/// Counts the requests of some paths and lets the others pass.
#[derive(Clone)]
pub(super) struct CountSome {
    counted: GovernorLayer<ByClient, Information, Body>,
    limit: Limit,
}

pub(super) fn layer(limit: &Limit) -> CountSome {
    let counted = GovernorLayer::new(Arc::clone(&limit.config)).error_handler(refuse);
    CountSome { counted, limit: limit.clone() }
}

fn is_counted(path: &str) -> bool {
    let others = ["/api", "/account/password", super::CSP_REPORT_PATH];
    is_auth_path(path) || others.contains(&path) || path.starts_with("/api/")
}

/// Lets a client of git that showed many wrong access tokens wait. Right ones are never counted: a clone is several requests.
pub(super) async fn count_wrong_tokens(State(limit): State<Limit>, request: Request<Body>, next: Next) -> Response {
    let shows_token = request.uri().path().starts_with("/git/") && request.headers().contains_key(AUTHORIZATION);
    let client = request.extensions().get::<ClientAddr>().filter(|_| shows_token).map(|client| network_of(client.0));
    let Some(client) = client else { return next.run(request).await };
    if let Some(left) = limit.left(client) {
        return limit.too_many(left);
    }
    let answer = next.run(request).await;
    if answer.status() == StatusCode::UNAUTHORIZED { limit.count_wrong_token(client, answer) } else { answer }
}

impl<S: Clone> Layer<S> for CountSome {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Counting<S> {
        Counting { counted: self.counted.layer(inner.clone()), plain: inner, limit: self.limit.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Counting<S> {
    plain: S,
    counted: Governor<ByClient, Information, S, Body>,
    limit: Limit,
}

impl<S> Service<Request<Body>> for Counting<S>
where
    S: Service<Request<Body>, Response = Response> + Clone,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // Both hold the same kind of service; a router is always ready, and so are its clones.
        std::task::ready!(self.plain.poll_ready(context))?;
        self.counted.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if !is_counted(request.uri().path()) {
            return Box::pin(self.plain.call(request));
        }
        let period = self.limit.period;
        let answer = self.counted.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            name_headers(response.headers_mut(), period);
            Ok(response)
        })
    }
}

/// The answer to one request too many. The next is allowed after at least one second: `Retry-After` counts whole ones.
fn refuse(error: GovernorError) -> Response {
    let GovernorError::TooManyRequests { wait_time, headers } = error else {
        tracing::error!(%error, "a request without a client address reached the limit of requests");
        return bare(StatusCode::INTERNAL_SERVER_ERROR);
    };
    metrics::refused("rate");
    let mut response = bare(StatusCode::TOO_MANY_REQUESTS);
    response.headers_mut().extend(headers.unwrap_or_default());
    response.headers_mut().insert(RETRY_AFTER, (wait_time + 1).into());
    response
}

/// From the library's names to those of the `RateLimit` header draft (draft-ietf-httpapi-ratelimit-headers-07). `Reset` is in
/// seconds: until the whole allowance is back.
fn name_headers(headers: &mut HeaderMap, period: Duration) {
    let mut take = |name: &'static str| headers.remove(name)?.to_str().ok()?.parse::<u32>().ok();
    take("x-ratelimit-after");
    let (Some(limit), Some(remaining)) = (take("x-ratelimit-limit"), take("x-ratelimit-remaining")) else { return };
    insert(headers, limit, remaining, period);
}

fn insert(headers: &mut HeaderMap, limit: u32, remaining: u32, period: Duration) {
    let reset = (period * (limit.saturating_sub(remaining))).as_secs_f64().ceil();
    for (name, value) in [("ratelimit-limit", limit), ("ratelimit-remaining", remaining)] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
    if let Ok(value) = HeaderValue::from_str(&format!("{reset:.0}")) {
        headers.insert(HeaderName::from_static("ratelimit-reset"), value);
    }
}
