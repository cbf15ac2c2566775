//! What stays of an agent's turn: its plan, its remarks, its word.

use agents::{
    Event, PlanItem, PlanItemState,
    builtin::{Finish, PlanStep},
};
use types::{AgentRole, ReviewCommentId, RunId, StepId, TeamId};

use super::shares::listed;
use crate::{
    Error,
    runs::{
        job::Job,
        journal::{Body, Line, RunEvent},
        machine::Purpose,
        parts,
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
                let mut items: Vec<PlanItem> = steps.iter().map(planned).collect();
                let adopted = parts::adopt(&mut items, |role| job.plan.policy.has_steps(role));
                self.keep_outline(job, &items).await?;
                if !adopted.is_empty() {
                    let text = told_of(&adopted, &job.agent(Purpose::Implement)?.name);
                    lines.push(line(job.key("adopted"), Body::Run(RunEvent::Note { text })));
                }
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

fn planned(step: &PlanStep) -> PlanItem {
    PlanItem {
        title: step.title.clone(),
        detail: step.detail.clone(),
        role: Some(step.role),
        part: step.part.clone(),
        state: PlanItemState::Pending,
    }
}

/// Why a coder does steps that the plan names another role for.
fn told_of(adopted: &[(AgentRole, usize)], coder: &str) -> String {
    let mut roles: Vec<AgentRole> = adopted.iter().map(|(role, _)| *role).collect();
    roles.sort_unstable();
    roles.dedup();
    let sentence = |role: AgentRole| {
        let of_role = adopted.iter().filter(|(of, _)| *of == role);
        let numbers: Vec<String> = of_role.map(|(_, at)| (at + 1).to_string()).collect();
        let noun = if numbers.len() == 1 { "step" } else { "steps" };
        let why = match role {
            AgentRole::Lead => "The lead only plans".to_owned(),
            _ => format!("No {role} takes part in this squad"),
        };
        format!("{why}, so {coder} does {noun} {}.", listed(&numbers))
    };
    roles.into_iter().map(sentence).collect::<Vec<_>>().join(" ")
}

pub(super) fn summary(finish: &Finish) -> String {
    match finish {
        Finish::Design { summary, notes } if !notes.is_empty() => format!("{summary}\n\n{notes}"),
        other => other.summary().to_owned(),
    }
}
