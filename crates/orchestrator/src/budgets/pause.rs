//! The emergency stop.

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{AgentId, PauseId, ProjectId, RunId, SquadId, TeamId, UserId};

use super::{
    edit::whole,
    load,
    tree::{Spender, Subject},
};
use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    error::OnConstraint,
    grants::{ManageBudgets, ReadBudgets},
    models::Caller,
    runs,
};

/// A stop, what it stopped, and when.
#[derive(Clone, Debug)]
pub struct PauseView {
    pub id: PauseId,
    pub subject: Subject,
    /// The name of the team, project, squad or agent.
    pub name: String,
    pub reason: String,
    pub by: String,
    pub at: OffsetDateTime,
    pub resumed: Option<(String, OffsetDateTime)>,
    pub stopped: Vec<Stopped>,
    /// Runs that it is about and that have not stood still yet.
    pub under_way: i64,
}

/// A run that stood still.
#[derive(Clone, Debug)]
pub struct Stopped {
    pub run: RunId,
    pub task: i32,
    pub title: String,
    pub at: OffsetDateTime,
}

impl Orchestrator {
    /// Stops all spending of a team or a part of it: no model call begins after this, and agents' processes end.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign part, [`Error::Refused`] when it is paused already.
    pub async fn pause(&self, scope: &Can<ManageBudgets>, subject: Subject, reason: &str) -> Result<PauseId> {
        let reason = reason.trim();
        if !(1..=500).contains(&reason.chars().count()) {
            return Err(Error::field(
                "reason",
                "Say why, in at most 500 characters: everybody whose run stops reads it.",
            ));
        }
        let (id, now) = (PauseId::new(), self.clock().now());
        let mut tx = self.db().team(scope).await?;
        let subject = whole(&mut tx, scope.team(), subject).await?;
        load::lock(&mut tx, self.desk(), scope.team(), now).await?;
        sqlx::query!(
            "INSERT INTO pauses (team_id, id, project_id, squad_id, agent_id, reason, paused_by, paused_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            scope.team() as TeamId,
            id as PauseId,
            subject.project as Option<ProjectId>,
            subject.squad as Option<SquadId>,
            subject.agent as Option<AgentId>,
            reason,
            scope.user()? as UserId,
            now,
        )
        .execute(&mut *tx)
        .await
        .on_constraint("pauses_one_alive", || Error::Refused("This is paused already.".into()))?;
        load::changed(&mut tx, scope.team()).await?;
        runs::wake(&mut tx).await?;
        let details = serde_json::json!({ "subject": subject, "reason": reason });
        let what = Happening { action: "budget.paused", target_kind: "pause", target_id: id.to_string(), details };
        audit::append(&mut tx, scope, now, what).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Ends a stop; each run goes on at the step it stood at.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign stop, [`Error::Refused`] for one that has ended.
    pub async fn resume(&self, scope: &Can<ManageBudgets>, id: PauseId) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        load::lock(&mut tx, self.desk(), scope.team(), now).await?;
        let alive = sqlx::query_scalar!(
            r#"SELECT resumed_at IS NULL AS "alive!" FROM pauses WHERE team_id = $1 AND id = $2"#,
            scope.team() as TeamId,
            id as PauseId
        )
        .fetch_one(&mut *tx)
        .await?;
        if !alive {
            return Err(Error::Refused("This was resumed already.".into()));
        }
        sqlx::query!(
            "UPDATE pauses SET resumed_at = $3, resumed_by = $4 WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            id as PauseId,
            now,
            scope.user()? as UserId,
        )
        .execute(&mut *tx)
        .await?;
        load::changed(&mut tx, scope.team()).await?;
        runs::let_go_on(&mut tx, scope.team(), now).await?;
        let details = serde_json::json!({});
        let what = Happening { action: "budget.resumed", target_kind: "pause", target_id: id.to_string(), details };
        audit::append(&mut tx, scope, now, what).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The stops of the team, the living first, with what each stopped.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pauses(&self, scope: &Can<ReadBudgets>) -> Result<Vec<PauseView>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query!(
            r#"SELECT p.id AS "id: PauseId", p.project_id AS "project: ProjectId", p.squad_id AS "squad: SquadId",
                      p.agent_id AS "agent: AgentId", p.reason, p.paused_at, p.resumed_at, u.name AS by, r.name AS "resumer?",
                      coalesce(a.name, s.name, j.name, t.name) AS "name!",
                      (SELECT count(*) FROM runs x WHERE x.team_id = p.team_id AND x.state = 'RUNNING' AND p.resumed_at IS NULL
                          AND (p.project_id IS NULL OR x.project_id = p.project_id) AND (p.squad_id IS NULL OR x.squad_id = p.squad_id)
                          AND (p.agent_id IS NULL OR EXISTS (SELECT FROM run_steps w WHERE w.team_id = x.team_id AND w.run_id = x.id
                                                             AND w.state = 'RUNNING' AND w.agent_id = p.agent_id))) AS "under_way!"
               FROM pauses p JOIN users u ON u.id = p.paused_by JOIN teams t ON t.id = p.team_id
                    LEFT JOIN users r ON r.id = p.resumed_by
                    LEFT JOIN projects j ON j.team_id = p.team_id AND j.id = p.project_id
                    LEFT JOIN squads s ON s.team_id = p.team_id AND s.id = p.squad_id
                    LEFT JOIN agents a ON a.team_id = p.team_id AND a.id = p.agent_id
               WHERE p.team_id = $1 ORDER BY p.resumed_at IS NOT NULL, p.paused_at DESC LIMIT 100"#,
            scope.team() as TeamId
        )
        .fetch_all(&mut *tx)
        .await?;
        let proofs = sqlx::query!(
            r#"SELECT f.pause_id AS "pause: PauseId", f.run_id AS "run: RunId", f.stopped_at, t.number, t.title
               FROM pause_proofs f JOIN runs r ON r.team_id = f.team_id AND r.id = f.run_id
                    JOIN tasks t ON t.team_id = r.team_id AND t.id = r.task_id
               WHERE f.team_id = $1 ORDER BY f.stopped_at LIMIT 2000"#,
            scope.team() as TeamId
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows
            .into_iter()
            .map(|row| PauseView {
                id: row.id,
                subject: Subject { project: row.project, squad: row.squad, agent: row.agent },
                name: row.name,
                reason: row.reason,
                by: row.by,
                at: row.paused_at,
                resumed: row.resumer.zip(row.resumed_at),
                stopped: proofs
                    .iter()
                    .filter(|proof| proof.pause == row.id)
                    .map(|proof| Stopped {
                        run: proof.run,
                        task: proof.number,
                        title: proof.title.clone(),
                        at: proof.stopped_at,
                    })
                    .collect(),
                under_way: row.under_way,
            })
            .collect())
    }
}

impl Orchestrator {
    /// Lets nothing be asked for a caller whom somebody has stopped, where nothing is held back.
    ///
    /// # Errors
    /// [`Error::Paused`] with the reason.
    pub async fn refuse_if_paused(&self, caller: &Caller) -> Result<()> {
        let mut tx = self.db().of_team(caller.team()).await?;
        let pause = pause_of(&mut tx, caller.team(), &caller.spender).await?;
        tx.commit().await?;
        pause.map_or(Ok(()), |(_, reason)| Err(Error::Paused(reason)))
    }
}

/// The stop that holds for a spender now, with its reason.
pub(crate) async fn pause_of(
    connection: &mut PgConnection,
    team: TeamId,
    spender: &Spender,
) -> Result<Option<(PauseId, String)>> {
    let row = sqlx::query!(
        r#"SELECT id AS "id: PauseId", reason FROM pauses WHERE team_id = $1 AND resumed_at IS NULL
             AND (project_id IS NULL OR project_id = $2) AND (squad_id IS NULL OR squad_id = $3) AND (agent_id IS NULL OR agent_id = $4)
           ORDER BY paused_at LIMIT 1"#,
        team as TeamId,
        spender.project as Option<ProjectId>,
        spender.squad as Option<SquadId>,
        spender.agent as Option<AgentId>,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.id, row.reason)))
}
