//! Lines of a run's journal, for who watches it, without a run that is worked on.

use sqlx::Connection as _;
use types::RunId;

use super::World;
use crate::{
    Scope,
    runs::{RunEvent, journal},
};

impl World {
    /// Writes notes at the end of a run's journal, as its engine does. Each text must be new to the run.
    ///
    /// # Panics
    /// When the test cluster does not answer.
    pub async fn note(&self, scope: &Scope, run: RunId, texts: &[&str]) {
        let mut admin = self.superuser().await;
        let mut transaction = admin.begin().await.expect("a transaction");
        let line = |text: &&str| {
            let event = RunEvent::Note { text: (*text).to_owned() };
            journal::Line::of_run(format!("test/{text}"), event)
        };
        let lines = texts.iter().map(line).collect();
        journal::tell(&mut transaction, scope, run, self.clock.now(), lines).await.expect("lines");
        transaction.commit().await.expect("a commit");
    }
}
