//! What stays of an agent's turn: its plan, its remarks, its word.

use agents::{Event, PlanItem, PlanItemState, builtin::Finish};
use types::{ReviewCommentId, RunId, StepId, TeamId};

use crate::{
    Error,
    runs::{
        job::Job,
        journal::{Body, Line, RunEvent},
        shop::Shop,
        workflow::Stumbled,
    },
    squads::PlannedAgent,
};

impl Shop {
    /// Keeps what the agent hands on: the plan, or its remarks. Returns what is told of it.
    pub(super) async fn hand_over(
        &self,
        job: &Job,
        agent: &PlannedAgent,
        row: StepId,
        finish: &Finish,
    ) -> Stumbled<Vec<Line>> {
        let line = |key: String, body: Body| Line { key, step: Some(row), agent: Some(agent.name.clone()), body };
        let mut lines = vec![line(job.key("result"), Body::Agent(Event::Result { text: summary(finish) }))];
        match finish {
            Finish::Plan { steps, .. } => {
                let items: Vec<PlanItem> = steps
                    .iter()
                    .map(|step| PlanItem {
                        title: step.title.clone(),
                        detail: step.detail.clone(),
                        role: Some(step.role),
                        part: step.part.clone(),
                        state: PlanItemState::Pending,
                    })
                    .collect();
                self.keep_outline(job, &items).await?;
                lines.push(line(job.key("plan"), Body::Agent(Event::Plan { items })));
            }
            Finish::Review { comments, .. } => {
                for (at, comment) in comments.iter().enumerate() {
                    let (path, text) = (comment.path.clone(), comment.text.clone());
                    self.keep_remark(job, agent, format!("{row} {at:03}"), comment).await?;
                    let told = RunEvent::Remark { author: agent.name.clone(), path, line: comment.line, text };
                    lines.push(line(job.key(&format!("remark {at}")), Body::Run(told)));
                }
            }
            Finish::Design { .. } | Finish::Work { .. } => {}
        }
        Ok(lines)
    }

    async fn keep_outline(&self, job: &Job, items: &[PlanItem]) -> Stumbled<()> {
        let mut tx = self.begin(job).await?;
        sqlx::query!(
            "UPDATE runs SET outline = $3 WHERE team_id = $1 AND id = $2",
            job.team() as TeamId,
            job.run() as RunId,
            serde_json::to_value(items).map_err(Error::internal)?
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn keep_remark(
        &self,
        job: &Job,
        agent: &PlannedAgent,
        key: String,
        comment: &agents::builtin::Comment,
    ) -> Stumbled<()> {
        let mut tx = self.begin(job).await?;
        sqlx::query!(
            "INSERT INTO review_comments (team_id, id, run_id, key, author, path, line, body, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (team_id, run_id, key) DO NOTHING",
            job.team() as TeamId,
            ReviewCommentId::new() as ReviewCommentId,
            job.run() as RunId,
            key,
            agent.name,
            comment.path,
            comment.line.and_then(|line| i32::try_from(line).ok()),
            comment.text,
            self.muster.clock().now(),
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

pub(super) fn summary(finish: &Finish) -> String {
    match finish {
        Finish::Design { summary, notes } if !notes.is_empty() => format!("{summary}\n\n{notes}"),
        other => other.summary().to_owned(),
    }
}
