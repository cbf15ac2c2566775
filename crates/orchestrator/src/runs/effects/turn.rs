use agents::builtin::{Finish, Next, Outcome as Came, StopReason, Turn, Verdict};
use forge::Signature;
use serde::{Deserialize, Serialize};
use types::{RunId, StepId, TeamId};

use super::{
    agent::Used,
    crew,
    hand_over::summary,
    shares::{Share, answered},
    steps::Doer,
};
use crate::{
    Error,
    runs::{
        job::Job,
        journal::{Line, RunEvent},
        machine::{Failure, Outcome, Purpose},
        shop::Shop,
        workflow::{Stumble, Stumbled, step},
    },
    squads::PlannedAgent,
};

/// What a turn begins with; kept as its first step.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Begun {
    One { step: StepId, turn: Box<Turn> },
    Several { shares: Vec<Share> },
}

/// What a turn goes on with that was kept in its middle.
enum Kept {
    One(Box<Turn>),
    Several(Vec<Share>),
}

/// Lets an agent work until it finishes, asks, or is stopped: each model call and each tool is a step of its own. Where the plan
/// has parts, several coders implement it at the same time.
pub(in crate::runs) async fn turn(shop: &Shop, job: &mut Job, purpose: Purpose) -> dbos::Result<Outcome, Stumble> {
    let name = format!("turn {} {}", job.position.turns + 1, purpose.as_str());
    let begun: Begun = step(&format!("{name}: begin"), || shop.begin_turn(job, purpose)).await?;
    match begun {
        Begun::One { step, turn } => alone(shop, job, purpose, &name, (step, *turn)).await,
        Begun::Several { shares } => {
            let (outcome, clashes) = crew::work(shop, job, &name, shares).await?;
            job.position.clashes = clashes;
            Ok(outcome)
        }
    }
}

async fn alone(
    shop: &Shop,
    job: &Job,
    purpose: Purpose,
    name: &str,
    (row, mut turn): (StepId, Turn),
) -> dbos::Result<Outcome, Stumble> {
    let agent = job.agent(purpose)?;
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
                match kept(shop, job, purpose, (name, row, files.as_deref()), &turn, answer).await? {
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
                    let used = kept(shop, job, purpose, (name, row, at), &turn, used).await?;
                    files = used.files.or(files);
                    turn.tool_done(used.result).map_err(unexpected)?;
                }
            }
            Next::Done(came) => break came,
        }
    };
    let ended =
        step(&format!("{name}: end"), || shop.end_turn(job, purpose, agent, row, files.as_deref(), (&turn, &came)))
            .await;
    if let Err(dbos::Error::Application(Stumble::HeldUp(_))) = &ended {
        step(&format!("{name}: keep"), || shop.keep_turn(job, purpose, agent, files.as_deref(), &turn)).await?;
    }
    ended
}

/// Passes a step's result on; before the run stands still, what the turn has come to is kept for when it goes on, and where
/// it ends at a limit, its files are kept for another attempt.
async fn kept<T>(
    shop: &Shop,
    job: &Job,
    purpose: Purpose,
    (name, row, files): (&str, StepId, Option<&str>),
    turn: &Turn,
    result: dbos::Result<T, Stumble>,
) -> dbos::Result<T, Stumble> {
    match &result {
        Err(dbos::Error::Application(Stumble::HeldUp(_))) => {
            let agent = job.agent(purpose)?;
            step(&format!("{name}: keep"), || shop.keep_turn(job, purpose, agent, files, turn)).await?;
        }
        Err(dbos::Error::Application(Stumble::Final { failure: Failure::Agent, sentence })) => {
            let agent = job.agent(purpose)?;
            let stop = || shop.stop_turn(job, (purpose, agent), row, files, sentence);
            match step(&format!("{name}: stop"), stop).await {
                // Where the files cannot be kept, the first reason is still the one to tell.
                Ok(()) | Err(dbos::Error::Application(Stumble::Final { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        _ => {}
    }
    result
}

pub(super) fn unexpected(error: agents::builtin::Unexpected) -> Stumble {
    Stumble::last(Failure::Internal, error.to_string())
}

impl Shop {
    async fn begin_turn(&self, job: &Job, purpose: Purpose) -> Stumbled<Begun> {
        let kept = self.kept_turn(job).await?;
        let fresh = kept.is_none();
        let turn = match kept {
            Some(Kept::Several(mut shares)) => {
                for share in &mut shares {
                    share.turn.allow_calls(self.calls_allowed(job, share.agent).await?.0);
                }
                return Ok(Begun::Several { shares: self.begin_shares(job, shares, false).await? });
            }
            Some(Kept::One(mut turn)) => {
                turn.allow_calls(self.calls_allowed(job, job.agent(purpose)?.id).await?.0);
                turn
            }
            None => {
                let shares = self.deal(job, purpose).await?;
                if !shares.is_empty() {
                    return Ok(Begun::Several { shares: self.begin_shares(job, shares, true).await? });
                }
                let agent = job.agent(purpose)?;
                let ways = self.ways(job, agent).await?;
                let steps = job.clash(purpose).map(|clash| clash.steps.clone()).unwrap_or_default();
                Box::new(Turn::begin(&self.brief(job, purpose, (agent, ways.model()), steps).await?))
            }
        };
        let step = self.begin_row(job, purpose, job.agent(purpose)?, fresh).await?;
        Ok(Begun::One { step, turn })
    }

    /// The row of a turn. What begins is told; what goes on was told when it began.
    pub(super) async fn begin_row(
        &self,
        job: &Job,
        purpose: Purpose,
        agent: &PlannedAgent,
        fresh: bool,
    ) -> Stumbled<StepId> {
        let doer = Doer { role: agent.role, agent: agent.id, name: &agent.name };
        let told = RunEvent::Turn { role: agent.role, purpose: purpose.as_str().to_owned() };
        let line = Line { agent: Some(agent.name.clone()), ..Line::of_run(job.key("turn"), told) };
        self.begin_step(job, purpose.as_str(), Some(doer), if fresh { vec![line] } else { Vec::new() }).await
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
    async fn kept_turn(&self, job: &Job) -> Stumbled<Option<Kept>> {
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
        let read = |name: &str| row.asking.get(name).cloned();
        let question = row.asking.get("question").is_some();
        if question && row.comment.is_none() {
            return Ok(None);
        }
        let answer = row.comment.filter(|_| question);
        if let Some(shares) = read("shares") {
            let mut shares: Vec<Share> = serde_json::from_value(shares).map_err(Error::internal)?;
            if let Some(answer) = &answer {
                answered(&mut shares, answer).map_err(unexpected)?;
            }
            return Ok(Some(Kept::Several(shares)));
        }
        let mut turn: Box<Turn> = serde_json::from_value(read("turn").unwrap_or_default()).map_err(Error::internal)?;
        if let Some(answer) = &answer {
            turn.told(answer).map_err(unexpected)?;
        }
        Ok(Some(Kept::One(turn)))
    }

    /// Ends the step of a turn that ends before its agent has finished, and keeps what it has written so far.
    async fn stop_turn(
        &self,
        job: &Job,
        (purpose, agent): (Purpose, &PlannedAgent),
        row: StepId,
        files: Option<&str>,
        sentence: &str,
    ) -> Stumbled<()> {
        let head = self.settle_workspace(job, agent, purpose.as_str(), files).await?;
        self.end_step(job, row, false, sentence, Some(&head), Vec::new()).await
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
        if let Came::Stopped { reason: StopReason::ModelCalls { limit } } = came {
            return Err(self.out_of_calls(job, agent, *limit).await?);
        }
        let head = self.settle_workspace(job, agent, purpose.as_str(), files).await?;
        match came {
            Came::Asked { question, options } => {
                let asking =
                    serde_json::json!({ "question": question, "options": options, "agent": agent.name, "turn": turn });
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

    pub(super) async fn set_asking(&self, job: &Job, asking: Option<serde_json::Value>) -> Stumbled<()> {
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
}

/// The agent as an author of commits.
pub(super) fn agent_signature(shop: &Shop, agent: &PlannedAgent) -> Signature {
    Signature::new(&agent.name, &format!("{}@agents.muster.invalid", agent.name), shop.muster.clock().now())
}
