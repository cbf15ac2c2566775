use std::time::Duration;

use notify::Mailer;
use orchestrator::Orchestrator;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How often what has lapsed is removed.
const TIDY: Duration = Duration::from_secs(3_600);
/// After a job failed as a whole, which means the database is away.
const AGAIN: Duration = Duration::from_secs(5);

/// The work that no request waits for. Every machine may run it: each piece is taken by one.
#[derive(Clone, Debug)]
pub(crate) struct Jobs {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Jobs {
    pub(crate) fn start(muster: &Orchestrator, mailer: &Mailer) -> Self {
        let jobs = Self { tracker: TaskTracker::new(), stop: CancellationToken::new() };
        jobs.spawn(deliver(muster.clone(), mailer.clone()));
        jobs.spawn(tidy(muster.clone()));
        jobs.spawn(hear(muster.clone()));
        let books = muster.clone();
        jobs.spawn(async move { books.keep_books().await });
        jobs
    }

    pub(crate) fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move { stop.run_until_cancelled(job).await });
    }

    /// Ends all jobs where they wait; what they held in a transaction is undone and taken up by the next.
    pub(crate) async fn end(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

async fn deliver(muster: Orchestrator, mailer: Mailer) {
    loop {
        if let Err(error) = muster.deliver_mail(&mailer).await {
            tracing::error!(%error, "mail delivery stopped and is started again");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn hear(muster: Orchestrator) {
    loop {
        if let Err(error) = muster.hear_runs().await {
            tracing::error!(%error, "nobody who watches a run is told of it; trying again");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn tidy(muster: Orchestrator) {
    let mut hours = tokio::time::interval(TIDY);
    loop {
        hours.tick().await;
        match muster.tidy().await {
            Ok(removed) => tracing::debug!(removed, "removed what had lapsed"),
            Err(error) => tracing::error!(%error, "could not remove what has lapsed"),
        }
    }
}
