//! Who watches a run or a team hears at once that there is something new, on whichever node it happens.

use std::time::Duration;

use tokio::sync::broadcast;
use types::{RunId, TeamId};

use super::{
    journal::CHANNEL,
    typing::{self, Typing},
};
use crate::{Orchestrator, Result, Scope};

/// A watcher that falls this far behind is told so, and reads everything it missed from the rows.
const BACKLOG: usize = 1024;
const AGAIN: Duration = Duration::from_secs(1);

/// What has something new, as this node hears of it: a run of a team, or something else of the team's work.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    told: broadcast::Sender<(TeamId, Option<RunId>)>,
    pub(super) typing: Typing,
}

impl Default for Live {
    fn default() -> Self {
        Self { told: broadcast::channel(BACKLOG).0, typing: Typing::default() }
    }
}

/// Hears of one run.
#[derive(Debug)]
pub struct Watch {
    heard: broadcast::Receiver<(TeamId, Option<RunId>)>,
    run: RunId,
}

impl Watch {
    /// Returns when the run may have something new. A false alarm is possible; a missed one is not, short of a lost
    /// connection to the database, so callers also look from time to time.
    pub async fn heard(&mut self) {
        loop {
            match self.heard.recv().await {
                Ok((_, run)) if run != Some(self.run) => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                // The sender lives as long as the process.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

/// Hears of a team's tasks and runs.
#[derive(Debug)]
pub struct TeamWatch {
    heard: broadcast::Receiver<(TeamId, Option<RunId>)>,
    team: TeamId,
}

impl TeamWatch {
    /// As [`Watch::heard`], for anything that a team works on.
    pub async fn heard(&mut self) {
        loop {
            match self.heard.recv().await {
                Ok((team, _)) if team != self.team => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Forgets what was heard so far: whoever looks now sees it all.
    pub fn catch_up(&mut self) {
        self.heard = self.heard.resubscribe();
    }
}

/// Reads `team/run`, or a team alone.
fn named(payload: &str) -> Option<(TeamId, Option<RunId>)> {
    match payload.split_once('/') {
        Some((team, run)) => Some((team.parse().ok()?, Some(run.parse().ok()?))),
        None => Some((payload.parse().ok()?, None)),
    }
}

impl Orchestrator {
    /// Begins to hear of the tasks and runs of the scope's team. What happens after this call is not missed.
    #[must_use]
    pub fn watch_team(&self, scope: &Scope) -> TeamWatch {
        TeamWatch { heard: self.live.told.subscribe(), team: scope.team() }
    }

    /// Begins to hear of a run. What happens after this call is not missed.
    #[must_use]
    pub fn watch(&self, run: RunId) -> Watch {
        Watch { heard: self.live.told.subscribe(), run }
    }

    /// Passes on what the database tells of runs, until the future is dropped. Each node runs it once.
    ///
    /// # Errors
    /// When the database cannot be reached to begin with.
    pub async fn hear_runs(&self) -> Result<()> {
        let mut listener = self.db().listener().await?;
        listener.listen_all([CHANNEL, typing::CHANNEL]).await?;
        loop {
            match listener.recv().await {
                Ok(told) if told.channel() == typing::CHANNEL => self.live.typing.hear(told.payload()),
                Ok(told) => {
                    // Nobody watching is no failure.
                    if let Some(named) = named(told.payload())
                        && self.live.told.send(named).is_err()
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
