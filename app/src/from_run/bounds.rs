//! What the programs of one run may take of this process, which works for them outside of their sandbox.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use axum::body::Body;
use futures::StreamExt;
use http_body_util::BodyExt;
use sandbox::egress;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};
use types::RunId;

/// How much at a time, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Exchanges with git: each is a process or two that pack.
    pub(super) git: usize,
    /// Model calls: the request of each is in memory.
    pub(super) calls: usize,
    /// For a place, before the request is refused.
    pub(super) wait: Duration,
    /// For a request's body, from where it is first looked at.
    pub(super) sending: Duration,
}

pub(super) const BOUNDS: Bounds =
    Bounds { git: 4, calls: 8, wait: Duration::from_secs(30), sending: Duration::from_secs(120) };

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Git,
    Call,
}

impl Use {
    pub(super) fn of(path: &str) -> Self {
        if path.starts_with("/git/") { Self::Git } else { Self::Call }
    }
}

/// The places of one run. All its sandboxes share them.
#[derive(Debug)]
pub(super) struct Places {
    git: Arc<Semaphore>,
    calls: Arc<Semaphore>,
    wait: Duration,
}

impl Places {
    fn new(bounds: Bounds) -> Self {
        let [git, calls] = [bounds.git, bounds.calls].map(|count| Arc::new(Semaphore::new(count)));
        Self { git, calls, wait: bounds.wait }
    }

    /// A place that is taken until the result is dropped; none where there was none for too long.
    pub(super) async fn take(&self, purpose: Use) -> Option<OwnedSemaphorePermit> {
        let places = match purpose {
            Use::Git => &self.git,
            Use::Call => &self.calls,
        };
        timeout(self.wait, Arc::clone(places).acquire_owned()).await.ok()?.ok()
    }
}

/// The places of all runs that have a sandbox here.
#[derive(Clone, Debug)]
pub(super) struct Runs {
    pub(super) bounds: Bounds,
    places: Arc<Mutex<HashMap<RunId, Weak<Places>>>>,
}

impl Runs {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, places: Arc::default() }
    }

    pub(super) fn places(&self, run: RunId) -> Arc<Places> {
        let mut all = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = all.get(&run).and_then(Weak::upgrade) {
            return places;
        }
        all.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Places::new(self.bounds));
        all.insert(run, Arc::downgrade(&places));
        places
    }
}

/// A body that has to come within some time, from where it is first looked at.
pub(super) fn timed(body: egress::Body, limit: Duration) -> Body {
    let pieces = futures::stream::unfold((Some(body.into_data_stream()), None), move |(pieces, end)| async move {
        let mut pieces = pieces?;
        let end = end.unwrap_or_else(|| Instant::now() + limit);
        match timeout_at(end, pieces.next()).await {
            Ok(piece) => Some((piece?, (Some(pieces), Some(end)))),
            Err(_) => Some((Err(Box::from(TOO_SLOW)), (None, Some(end)))),
        }
    });
    Body::from_stream(pieces)
}

const TOO_SLOW: &str = "The body of the request took too long.";

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const SHORT: Bounds =
        Bounds { git: 1, calls: 2, wait: Duration::from_millis(20), sending: Duration::from_millis(20) };

    #[tokio::test]
    async fn the_sandboxes_of_a_run_share_its_places_and_no_others() {
        let (runs, run) = (Runs::new(SHORT), RunId::new());
        let (one, other) = (runs.places(run), runs.places(run));
        let held = one.take(Use::Git).await.expect("a place");
        assert!(other.take(Use::Git).await.is_none(), "there was but one");
        let calls = (other.take(Use::Call).await, one.take(Use::Call).await);
        assert!(calls.0.is_some() && calls.1.is_some() && one.take(Use::Call).await.is_none());
        assert!(runs.places(RunId::new()).take(Use::Git).await.is_some());
        drop(held);
        assert!(other.take(Use::Git).await.is_some());
        drop((one, other, calls));
        assert!(runs.places(RunId::new()).take(Use::Git).await.is_some());
        assert_eq!(runs.places.lock().unwrap().len(), 1, "what is over is forgotten");
    }

    fn body(pieces: impl futures::Stream<Item = &'static str> + Send + 'static) -> egress::Body {
        let pieces = pieces.map(Ok::<_, Infallible>);
        Body::from_stream(pieces).map_err(Into::into).boxed_unsync()
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let begun = body(futures::stream::iter(["begun"]).chain(futures::stream::pending()));
        let error = timed(begun, SHORT.sending).collect().await.expect_err("given up");
        assert!(error.to_string().contains("took too long"), "{error}");
        let whole = timed(body(futures::stream::iter(["the ", "whole"])), BOUNDS.sending);
        assert_eq!(&whole.collect().await.expect("read").to_bytes()[..], b"the whole");
    }

    #[test]
    fn what_a_request_is_for_stands_in_its_path() {
        assert_eq!(Use::of("/git/x.git/info/refs"), Use::Git);
        assert_eq!(Use::of("/llm/openai/v1/models"), Use::Call);
    }
}
