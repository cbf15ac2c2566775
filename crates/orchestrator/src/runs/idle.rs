use std::time::Duration;

use dbos::{DBOS, WorkflowRef};

use super::{
    engine,
    workflow::{self, Stumble},
};
use crate::{Error, Result};

/// Workflows that do nothing, in steps like those of a run: what is left is the price of the steps, for the bench.
pub struct Idle {
    dbos: DBOS,
    workflow: WorkflowRef<u32, (), Stumble>,
}

impl Idle {
    /// # Errors
    /// When the database refuses the engine's login or lacks its tables.
    pub async fn launch(database_url: &str) -> Result<Self> {
        let dbos = engine::connection(database_url, "idle", Duration::from_secs(30));
        let workflow = dbos.register_workflow("idle", idle).map_err(Error::internal)?;
        dbos.launch().await.map_err(Error::internal)?;
        Ok(Self { dbos, workflow })
    }

    /// Begins a workflow of so many steps and waits for its end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn run(&self, steps: u32) -> Result<()> {
        let begun = self.workflow.start(steps).await.map_err(Error::internal)?;
        begun.result().await.map_err(Error::internal)
    }

    /// Ends the engine's own work.
    pub async fn shut_down(&self) {
        self.dbos.shutdown().await;
    }
}

async fn idle(steps: u32) -> dbos::Result<(), Stumble> {
    for number in 1..=steps {
        workflow::step(&format!("nothing {number}"), || async { Ok(()) }).await?;
    }
    Ok(())
}
