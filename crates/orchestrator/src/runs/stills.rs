//! Ends what runs that somebody has paused are in the middle of.

use futures::{StreamExt, stream};
use sandbox::{Command, Exec, Sandbox};
use types::{RunId, TeamId};

use super::{
    effects::unreached,
    engine::apart,
    job::{self, Job},
    shop::Shop,
    workflow::{Stumble, Stumbled},
};
use crate::{Error, Result, squads::PlannedAgent};

/// Runs whose processes are ended at the same time.
const AT_ONCE: usize = 16;

impl Shop {
    /// Begins a command, or follows the one that was begun under its key. A pause ends what runs when it is ordered; one that came
    /// after the last look at the pauses has not seen this command, so it is looked again.
    pub(super) async fn begin_command(
        &self,
        job: &Job,
        agent: Option<&PlannedAgent>,
        sandbox: &Sandbox,
        command: &Command,
    ) -> Stumbled<Exec> {
        let begun = sandbox.exec(command).await.map_err(unreached)?;
        let paused = self.check_pause(job, agent).await;
        if let Err(Stumble::HeldUp(_)) = &paused {
            self.sandboxes.destroy(&self.sandbox_name(job.run(), job.lane)).await.map_err(unreached)?;
        }
        paused.map(|()| begun)
    }

    /// Ends the processes of runs on this node that somebody has paused; their workflows then stand still by themselves.
    pub(super) async fn still_the_paused(&self) -> Result<()> {
        let mut tx = self.muster.db().system().await?;
        let rows = sqlx::query!(
            r#"SELECT team_id AS "team: TeamId", id AS "run: RunId" FROM runs WHERE state = 'RUNNING' AND node = $1 LIMIT 1000"#,
            self.node
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let stilled = stream::iter(rows).for_each_concurrent(AT_ONCE, |row| async move {
            apart(row.run, self.still(row.team, row.run).await);
        });
        stilled.await;
        Ok(())
    }

    /// Ends all processes of a run that is paused, or those of an agent in it that is.
    async fn still(&self, team: TeamId, run: RunId) -> Result<()> {
        let mut tx = self.muster.db().of_team(team).await?;
        let paused = sqlx::query!(
            r#"SELECT coalesce(bool_or(p.agent_id IS NULL), false) AS "whole!",
                      coalesce(array_agg(s.key) FILTER (WHERE s.key IS NOT NULL), '{}') AS "keys!"
               FROM pauses p JOIN runs r ON r.team_id = p.team_id AND r.id = $2
                    LEFT JOIN run_steps s ON s.team_id = r.team_id AND s.run_id = r.id AND s.state = 'RUNNING' AND s.agent_id = p.agent_id
               WHERE p.team_id = $1 AND p.resumed_at IS NULL
                 AND (p.project_id IS NULL OR p.project_id = r.project_id) AND (p.squad_id IS NULL OR p.squad_id = r.squad_id)"#,
            team as TeamId,
            run as RunId
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        if paused.whole {
            return self.end_sandboxes(run, 0).await;
        }
        for lane in paused.keys.iter().map(|key| job::lane_of(key)) {
            self.sandboxes.destroy(&self.sandbox_name(run, lane)).await.map_err(Error::internal)?;
        }
        Ok(())
    }
}
