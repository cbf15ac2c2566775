use time::OffsetDateTime;
use types::{ApprovalId, RunId, TaskId, TaskState, TeamId, UserId};

use super::{
    journal::{self, Line, RunEvent},
    machine::{self, Gate, Outcome, Position},
    start::{Plan, name_of, wake},
};
use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    grants::ExecuteRuns,
};

/// What a person says to a run that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Approve,
    /// With what is to be changed.
    SendBack(String),
    /// The answer to an agent's question.
    Answer(String),
}

impl Decision {
    const fn state(&self) -> &'static str {
        match self {
            Self::Approve => "APPROVED",
            Self::SendBack(_) => "SENT_BACK",
            Self::Answer(_) => "ANSWERED",
        }
    }

    fn comment(&self) -> &str {
        match self {
            Self::Approve => "",
            Self::SendBack(text) | Self::Answer(text) => text.trim(),
        }
    }

    fn check(&self, gate: Gate) -> Result<()> {
        match (gate, self) {
            (Gate::Question, Self::Answer(_)) | (Gate::Plan | Gate::Merge, Self::SendBack(_)) => {
                match self.comment().chars().count() {
                    0 => Err(Error::field("comment", "Say what the squad should know.")),
                    20_001.. => Err(Error::field("comment", "Use at most 20,000 characters.")),
                    _ => Ok(()),
                }
            }
            (Gate::Plan | Gate::Merge, Self::Approve) => Ok(()),
            _ => Err(Error::Refused("That is no answer to what this run waits for. Look at it again.".into())),
        }
    }
}

impl Orchestrator {
    /// Decides what a run waits for; the run goes on at once.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign approval, [`Error::Refused`] when somebody decided before.
    pub async fn decide(&self, scope: &Can<ExecuteRuns>, approval: ApprovalId, decision: &Decision) -> Result<RunId> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        // The run first, as everybody locks it: two people who decide at once stand in line.
        let row = sqlx::query!(
            r#"SELECT r.id AS "run: RunId", r.task_id AS "task: TaskId", r.state, r.plan, r.position, r.segment, a.gate, a.state AS asked
               FROM approvals a JOIN runs r ON r.team_id = a.team_id AND r.id = a.run_id
               WHERE a.team_id = $1 AND a.id = $2 FOR UPDATE OF r"#,
            scope.team() as TeamId,
            approval as ApprovalId,
        )
        .fetch_one(&mut *tx)
        .await?;
        if row.asked != "OPEN" || row.state != "WAITING" {
            return Err(Error::Refused("This was decided already.".into()));
        }
        let gate = Gate::parse(&row.gate).ok_or_else(|| Error::internal("an approval of no known gate"))?;
        decision.check(gate)?;
        let plan: Plan = serde_json::from_value(row.plan).map_err(Error::internal)?;
        let position: Position = serde_json::from_value(row.position).map_err(Error::internal)?;
        let outcome = if matches!(decision, Decision::SendBack(_)) { Outcome::SentBack } else { Outcome::Approved };
        let position = machine::next(&plan.policy, position, outcome);

        self.keep_decision(&mut tx, scope, approval, decision, now).await?;
        sqlx::query!(
            "UPDATE runs SET state = 'QUEUED', handed_over = false, segment = segment + 1, position = $3 WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            row.run as RunId,
            serde_json::to_value(&position).map_err(Error::internal)?,
        )
        .execute(&mut *tx)
        .await?;
        journal::move_task(&mut tx, scope, row.task, TaskState::InProgress, now).await?;
        let by = name_of(&mut tx, scope).await?;
        let approved = matches!(decision, Decision::Approve);
        let told = RunEvent::Decided { gate, by, approved, comment: decision.comment().to_owned() };
        let line = Line::of_run(format!("decided {}", row.segment), told);
        journal::tell(&mut tx, scope, row.run, now, vec![line]).await?;
        let what = Happening {
            action: "run.decided",
            target_kind: "run",
            target_id: row.run.to_string(),
            details: serde_json::json!({ "gate": gate.as_str(), "decision": decision.state(), "comment": decision.comment() }),
        };
        audit::append(&mut tx, scope, now, what).await?;
        wake(&mut tx).await?;
        tx.commit().await?;
        Ok(row.run)
    }

    async fn keep_decision(
        &self,
        connection: &mut sqlx::PgConnection,
        scope: &Can<ExecuteRuns>,
        approval: ApprovalId,
        decision: &Decision,
        now: OffsetDateTime,
    ) -> Result<()> {
        sqlx::query!(
            "UPDATE approvals SET state = $3, comment = $4, decided_by = $5, decided_at = $6 WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            approval as ApprovalId,
            decision.state(),
            decision.comment(),
            scope.user()? as UserId,
            now,
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}
