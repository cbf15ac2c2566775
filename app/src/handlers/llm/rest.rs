use std::time::{Duration, Instant};

use gateway::CallError;
use tokio::time::timeout;

/// How long a provider is still listened to after its client has gone: an answer may end with the usage, and that is wanted;
/// what it cost must stand in the ledger within a minute all the same.
#[derive(Debug)]
pub(super) struct Rest {
    length: Duration,
    gone: Option<Instant>,
}

impl Rest {
    pub(super) const fn new(length: Duration) -> Self {
        Self { length, gone: None }
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.gone.is_some()
    }

    pub(super) fn begin(&mut self) {
        self.gone.get_or_insert_with(Instant::now);
    }

    /// Does `work`, which ends as cut short when the rest is over. `gone` says that the client has gone.
    pub(super) async fn bound<T, E: From<CallError>>(
        &mut self,
        gone: impl Future<Output = ()>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::pin!(work);
        if self.gone.is_none() {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = gone => self.begin(),
            }
        }
        let since = self.gone.map_or(Duration::ZERO, |gone| gone.elapsed());
        let cut_short = || Err(CallError::CutShort { partial: None, by: None }.into());
        timeout(self.length.saturating_sub(since), work).await.unwrap_or_else(|_| cut_short())
    }
}
