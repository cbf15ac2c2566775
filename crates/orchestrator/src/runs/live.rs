//! Who watches a run hears at once that it has something new, on whichever node it happens.

use std::time::Duration;

use tokio::sync::broadcast;
use types::{RunId, TeamId};

use super::journal::CHANNEL;
use crate::{Orchestrator, Result};

/// A watcher that falls this far behind is told so, and reads everything it missed from the rows.
const BACKLOG: usize = 1024;
const AGAIN: Duration = Duration::from_secs(1);

/// The runs that have something new, as this node hears of them.
#[derive(Clone, Debug)]
pub(crate) struct Live(broadcast::Sender<(TeamId, RunId)>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

/// Hears of one run.
#[derive(Debug)]
pub struct Watch {
    heard: broadcast::Receiver<(TeamId, RunId)>,
    run: RunId,
}

impl Watch {
    /// Returns when the run may have something new. A false alarm is possible; a missed one is not, short of a lost
    /// connection to the database, so callers also look from time to time.
    pub async fn heard(&mut self) {
        loop {
            match self.heard.recv().await {
                Ok((_, run)) if run != self.run => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                // The sender lives as long as the process.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl Orchestrator {
    /// Begins to hear of a run. What happens after this call is not missed.
    #[must_use]
    pub fn watch(&self, run: RunId) -> Watch {
        Watch { heard: self.live.0.subscribe(), run }
    }

    /// Passes on what the database tells of runs, until the future is dropped. Each node runs it once.
    ///
    /// # Errors
    /// When the database cannot be reached to begin with.
    pub async fn hear_runs(&self) -> Result<()> {
        let mut listener = self.db().listener().await?;
        listener.listen(CHANNEL).await?;
        loop {
            match listener.recv().await {
                Ok(told) => {
                    let named = told
                        .payload()
                        .split_once('/')
                        .and_then(|(team, run)| Some((team.parse::<TeamId>().ok()?, run.parse::<RunId>().ok()?)));
                    // Nobody watching is no failure.
                    if let Some(named) = named
                        && self.live.0.send(named).is_err()
                    {
                        tracing::trace!("nobody watches any run");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "lost the notifications of runs, reconnecting");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}
