use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio_util::sync::CancellationToken;

/// The way out, in order: readiness turns red, streams are told to come back elsewhere, requests finish.
///
/// Whoever sends a stream ends it when [`Shutdown::streams`] is cancelled.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    leaving: Arc<AtomicBool>,
    streams: CancellationToken,
}

impl Shutdown {
    /// From now on `/readyz` answers 503.
    pub fn announce(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Whether readiness was withdrawn.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Ends the streams and stops taking connections.
    pub fn begin(&self) {
        self.announce();
        self.streams.cancel();
    }

    /// Cancelled when streams must end.
    #[must_use]
    pub fn streams(&self) -> CancellationToken {
        self.streams.clone()
    }
}
