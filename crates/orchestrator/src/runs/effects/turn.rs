use agents::{
    Event, PlanItem, PlanItemState,
    builtin::{Finish, Next, Outcome as Came, Turn, Verdict},
};
use forge::Signature;
use serde::{Deserialize, Serialize};
use types::{ReviewCommentId, RunId, StepId, TeamId};

use super::{agent::Used, steps::Doer};
use crate::{
    Error,
    runs::{
        job::Job,
        journal::{Body, Line, RunEvent},
        machine::{Failure, Outcome, Purpose},
        shop::Shop,
        workflow::{Stumble, Stumbled, step},
    },
    squads::PlannedAgent,
};

/// What a turn begins with; kept as its first step.
#[derive(Debug, Serialize, Deserialize)]
struct Begun {
    step: StepId,
    turn: Turn,
}

/// Lets an agent work until it finishes, asks, or is stopped: each model call and each tool is a step of its own.
pub(in crate::runs) async fn turn(shop: &Shop, job: &Job, purpose: Purpose) -> dbos::Result<Outcome, Stumble> {
    let agent = job.agent(purpose)?;
    let name = format!("turn {} {}", job.position.turns + 1, purpose.as_str());
    let begun: Begun = step(&format!("{name}: begin"), || shop.begin_turn(job, purpose, agent)).await?;
    let (row, mut turn) = (begun.step, begun.turn);
    let (mut calls, mut tools) = (0_u32, 0_u32);
    // The files after the last tool, where they differ from those the turn began with.
    let mut files: Option<String> = None;
    let came = loop {
        match turn.next() {
            Next::CallModel(request) => {
                calls += 1;
                let key = format!("{name}: model {calls}");
                let booked = format!("{}.{key}", job.segment.number);
                let answer = step(&key, || shop.call_model(job, agent, row, &booked, &request)).await;
                match kept(shop, job, purpose, (&name, files.as_deref()), &turn, answer).await? {
                    Ok(answer) => turn.answered(&answer),
                    Err(super::model::TooLong) => turn.too_long(),
                }
                .map_err(unexpected)?;
            }
            Next::CallTools(wanted) => {
                for call in wanted {
                    tools += 1;
                    let key = format!("{name}: tool {tools}");
                    let at = files.as_deref();
                    let used: dbos::Result<Used, Stumble> =
                        step(&key, || shop.use_tool(job, agent, row, (&key, at), &call)).await;
                    let used = kept(shop, job, purpose, (&name, at), &turn, used).await?;
                    files = used.files.or(files);
                    turn.tool_done(used.result).map_err(unexpected)?;
                }
            }
            Next::Done(came) => break came,
        }
    };
    step(&format!("{name}: end"), || shop.end_turn(job, purpose, agent, row, files.as_deref(), (&turn, &came))).await
}

/// Passes a step's result on; before the run stands still, what the turn has come to is kept for when it goes on.
async fn kept<T>(
    shop: &Shop,
    job: &Job,
    purpose: Purpose,
    (name, files): (&str, Option<&str>),
    turn: &Turn,
    result: dbos::Result<T, Stumble>,
) -> dbos::Result<T, Stumble> {
    if let Err(dbos::Error::Application(Stumble::HeldUp(_))) = &result {
        let agent = job.agent(purpose)?;
        step(&format!("{name}: keep"), || shop.keep_turn(job, purpose, agent, files, turn)).await?;
    }
    result
}

fn unexpected(error: agents::builtin::Unexpected) -> Stumble {
    Stumble::last(Failure::Internal, error.to_string())
}

impl Shop {
    async fn begin_turn(&self, job: &Job, purpose: Purpose, agent: &PlannedAgent) -> Stumbled<Begun> {
        let doer = Doer { role: agent.role, agent: agent.id, name: &agent.name };
        let told = RunEvent::Turn { role: agent.role, purpose: purpose.as_str().to_owned() };
        let line = Line { agent: Some(agent.name.clone()), ..Line::of_run(job.key("turn"), told) };
        let kept = self.kept_turn(job).await?;
        let lines = if kept.is_none() { vec![line] } else { Vec::new() };
        let step = self.begin_step(job, purpose.as_str(), Some(doer), lines).await?;
        let turn = match kept {
            Some(turn) => turn,
            None => {
                let route = self.route(job, agent).await?;
                Turn::begin(&self.brief(job, purpose, agent, &route.model).await?)
            }
        };
        Ok(Begun { step, turn })
    }

    /// Keeps a turn in its middle, with what it has written so far.
    async fn keep_turn(
        &self,
        job: &Job,
        purpose: Purpose,
        agent: &PlannedAgent,
        files: Option<&str>,
        turn: &Turn,
    ) -> Stumbled<()> {
        self.settle_workspace(job, agent, purpose.as_str(), files).await?;
        self.set_asking(job, Some(serde_json::json!({ "turn": turn }))).await
    }

    /// The turn that this segment goes on with: one that was held up, or one that asked a person, with the answer.
    async fn kept_turn(&self, job: &Job) -> Stumbled<Option<Turn>> {
        // Only the first effect of a segment can go on with something.
        if job.passed > 0 {
            return Ok(None);
        }
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let row = sqlx::query!(
            r#"SELECT asking AS "asking!", (SELECT comment FROM approvals WHERE team_id = $1 AND run_id = $2 AND gate = 'question' AND state = 'ANSWERED'
                                            ORDER BY decided_at DESC LIMIT 1) AS comment
               FROM runs WHERE team_id = $1 AND id = $2 AND asking IS NOT NULL"#,
            job.team() as TeamId,
            job.run() as RunId
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let mut turn: Turn = serde_json::from_value(row.asking["turn"].clone()).map_err(Error::internal)?;
        if row.asking.get("question").is_none() {
            return Ok(Some(turn));
        }
        let Some(answer) = row.comment else { return Ok(None) };
        turn.told(&answer).map_err(unexpected)?;
        Ok(Some(turn))
    }

    #[expect(clippy::too_many_arguments, reason = "all of a turn meets at its end")]
    async fn end_turn(
        &self,
        job: &Job,
        purpose: Purpose,
        agent: &PlannedAgent,
        row: StepId,
        files: Option<&str>,
        (turn, came): (&Turn, &Came),
    ) -> Stumbled<Outcome> {
        let head = self.settle_workspace(job, agent, purpose.as_str(), files).await?;
        match came {
            Came::Asked { question, options } => {
                let asking = serde_json::json!({ "question": question, "options": options, "turn": turn });
                self.set_asking(job, Some(asking)).await?;
                self.end_step(job, row, true, &format!("Asked: {question}"), Some(&head), Vec::new()).await?;
                Ok(Outcome::Asked)
            }
            Came::Stopped { reason } => {
                let sentence = reason.sentence();
                self.end_step(job, row, false, &sentence, Some(&head), Vec::new()).await?;
                Err(Stumble::last(Failure::Agent, sentence))
            }
            Came::Finished { finish } => {
                self.set_asking(job, None).await?;
                let lines = self.hand_over(job, agent, row, finish).await?;
                self.end_step(job, row, true, &summary(finish), Some(&head), lines).await?;
                Ok(match finish {
                    Finish::Review { verdict, .. } => Outcome::Reviewed { approved: *verdict == Verdict::Approve },
                    _ => Outcome::Done,
                })
            }
        }
    }

    async fn set_asking(&self, job: &Job, asking: Option<serde_json::Value>) -> Stumbled<()> {
        let mut tx = self.begin(job).await?;
        sqlx::query!(
            "UPDATE runs SET asking = $3 WHERE team_id = $1 AND id = $2",
            job.team() as TeamId,
            job.run() as RunId,
            asking
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Keeps what the agent hands on: the plan, or its remarks. Returns what is told of it.
    async fn hand_over(&self, job: &Job, agent: &PlannedAgent, row: StepId, finish: &Finish) -> Stumbled<Vec<Line>> {
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

/// The agent as an author of commits.
pub(super) fn agent_signature(shop: &Shop, agent: &PlannedAgent) -> Signature {
    Signature::new(&agent.name, &format!("{}@agents.muster.invalid", agent.name), shop.muster.clock().now())
}

fn summary(finish: &Finish) -> String {
    match finish {
        Finish::Design { summary, notes } if !notes.is_empty() => format!("{summary}\n\n{notes}"),
        other => other.summary().to_owned(),
    }
}
