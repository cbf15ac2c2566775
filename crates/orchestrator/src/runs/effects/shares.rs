//! The work of coders who write at the same time: how it is dealt out, kept in the middle, and put together.

use agents::{
    PlanItem,
    builtin::{Next, Outcome as Came, StopReason, Turn, Unexpected},
};
use forge::{HiddenRef, Merge, Oid};
use serde::{Deserialize, Serialize};
use types::{AgentId, AgentRole, RunId, StepId, TeamId};

use super::{
    hand_over::summary,
    prepare::{oid, unprepared},
};
use crate::{
    Error,
    runs::{
        job::Job,
        journal::{Line, RunEvent},
        machine::{Clash, Failure, Purpose},
        parts,
        shop::Shop,
        workflow::{Stumble, Stumbled},
    },
    squads::PlannedAgent,
};

/// One coder's share of the work, as far as it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Share {
    pub(super) agent: AgentId,
    /// Of the plan, counted from 0.
    pub(super) steps: Vec<usize>,
    pub(super) turn: Turn,
    /// The commit of its files as the last tool left them.
    pub(super) files: String,
    /// Whether it is handed over.
    pub(super) ended: bool,
    /// The row of its step in this segment; none where it ended in an earlier one.
    pub(super) row: Option<StepId>,
}

impl Share {
    /// What its coder asks a person.
    pub(super) fn question(&self) -> Option<(String, Vec<String>)> {
        match self.turn.next() {
            Next::Done(Came::Asked { question, options }) => Some((question, options)),
            _ => None,
        }
    }
}

/// Gives a person's answer to the share whose question was shown: the first that has one.
pub(super) fn answered(shares: &mut [Share], answer: &str) -> Result<(), Unexpected> {
    match shares.iter_mut().find(|share| share.question().is_some()) {
        Some(share) => share.turn.told(answer),
        None => Ok(()),
    }
}

impl Shop {
    /// The shares of the plan, if this turn is one that several coders can do at the same time; else none. Who goes on from an
    /// earlier attempt, and who does a share once more, works alone.
    pub(super) async fn deal(&self, job: &Job, purpose: Purpose) -> Stumbled<Vec<Share>> {
        let coders: Vec<&PlannedAgent> =
            job.plan.squad.agents.iter().filter(|agent| agent.role == AgentRole::Coder).collect();
        if purpose != Purpose::Implement || job.position.resumed || job.clash(purpose).is_some() || coders.len() < 2 {
            return Ok(Vec::new());
        }
        let dealt = parts::deal(&self.outline(job).await?, coders.len());
        if dealt.len() < 2 {
            return Ok(Vec::new());
        }
        let start = self.span(job).await?.1.to_string();
        let mut shares = Vec::with_capacity(dealt.len());
        for (agent, steps) in coders.into_iter().zip(dealt) {
            let ways = self.ways(job, agent).await?;
            let brief = self.brief(job, purpose, (agent, ways.model()), steps.clone()).await?;
            let turn = Turn::begin(&brief);
            shares.push(Share { agent: agent.id, steps, turn, files: start.clone(), ended: false, row: None });
        }
        Ok(shares)
    }

    async fn outline(&self, job: &Job) -> Stumbled<Vec<PlanItem>> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let outline = sqlx::query_scalar!(
            "SELECT outline FROM runs WHERE team_id = $1 AND id = $2",
            job.team() as TeamId,
            job.run() as RunId
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(serde_json::from_value(outline).map_err(Error::internal)?)
    }

    /// Begins the rows of the shares, and tells who does what. A share that was handed over before the run stood still needs none.
    pub(super) async fn begin_shares(&self, job: &Job, mut shares: Vec<Share>, fresh: bool) -> Stumbled<Vec<Share>> {
        for (lane, share) in (0..).zip(&mut shares) {
            let agent = job.coder(share.agent)?;
            share.row = None;
            if !share.ended {
                share.row = Some(self.begin_row(&job.in_lane(lane), Purpose::Implement, agent, fresh).await?);
            }
        }
        if fresh {
            let names = job.names(&shares)?;
            let text = format!("{} write at the same time, each in a workspace of their own.", listed(&names));
            self.tell(job, vec![Line::of_run(job.key("shares"), RunEvent::Note { text })]).await?;
        }
        Ok(shares)
    }

    /// Keeps the shares in their middle; with the question that a person is to answer, if the run waits for that.
    pub(super) async fn keep_shares(&self, job: &Job, shares: &[Share], asks: bool) -> Stumbled<()> {
        let mut asking = serde_json::json!({ "shares": shares });
        let mut asked = shares.iter().filter(|_| asks).filter_map(|share| Some((share, share.question()?)));
        if let Some((first, (question, options))) = asked.next() {
            asking["agent"] = job.coder(first.agent)?.name.clone().into();
            asking["options"] = options.into();
            asking["question"] = question.clone().into();
            // Who asked too is shown next; both stand still until then.
            let rest: Vec<_> = asked.collect();
            for (share, (question, _)) in std::iter::once((first, (question, Vec::new()))).chain(rest) {
                if let Some(row) = share.row {
                    let summary = format!("Asked: {question}");
                    self.end_step(job, row, true, &summary, Some(&share.files), Vec::new()).await?;
                }
            }
        }
        self.set_asking(job, Some(asking)).await
    }

    /// Ends a share: keeps its files, and what its coder says of them. Returns their commit.
    pub(super) async fn end_share(
        &self,
        job: &Job,
        agent: &PlannedAgent,
        row: StepId,
        share: &Share,
    ) -> Stumbled<String> {
        let came = share.turn.next();
        if let Next::Done(Came::Stopped { reason: StopReason::ModelCalls { limit } }) = came {
            return Err(self.out_of_calls(job, agent, limit).await?);
        }
        let head = self.settle_share(job, agent, &share.files).await?;
        match came {
            Next::Done(Came::Finished { finish }) => {
                let lines = self.hand_over(job, agent, row, &finish).await?;
                self.end_step(job, row, true, &summary(&finish), Some(&head), lines).await?;
                Ok(head)
            }
            Next::Done(Came::Stopped { reason }) => {
                let sentence = format!("{}: {}", agent.name, reason.sentence());
                self.end_step(job, row, false, &sentence, Some(&head), Vec::new()).await?;
                Err(Stumble::last(Failure::Agent, sentence))
            }
            _ => Err(Stumble::last(Failure::Internal, "A share ended before its turn did.")),
        }
    }

    /// Puts the shares together, in the order of the squad, and lets the run stand there. Where one does not go together with
    /// those before it, these stand, and it is named.
    pub(super) async fn combine(&self, job: &Job, shares: &[Share]) -> Stumbled<Vec<Clash>> {
        let Some((first, beside)) = shares.split_first() else { return Ok(Vec::new()) };
        let row = self.begin_step(job, "combine", None, Vec::new()).await?;
        let repository = self.repository(job)?;
        let mut head = oid(&first.files)?;
        let mut joined = vec![job.coder(first.agent)?.name.clone()];
        let mut clashes = Vec::new();
        for share in beside {
            let name = &job.coder(share.agent)?.name;
            let message = format!("Put together the work of {} and {name}", listed(&joined));
            let author = self.muster_signature();
            match repository.combine(head, oid(&share.files)?, &author, &message).await.map_err(unprepared)? {
                Merge::Merged(commit) | Merge::UpToDate(commit) => {
                    head = commit;
                    joined.push(name.clone());
                }
                Merge::Conflicts(conflicts) => clashes.push(Clash {
                    agent: share.agent,
                    steps: share.steps.clone(),
                    paths: conflicts.into_iter().map(|conflict| conflict.path).collect(),
                    with: joined.clone(),
                }),
            }
        }
        self.stand_together(job, head).await?;
        let mut said = Vec::new();
        if joined.len() > 1 {
            said.push(format!("Put together the work of {}.", listed(&joined)));
        }
        for clash in &clashes {
            said.push(clash.sentence(&job.coder(clash.agent)?.name));
        }
        let text = said.join(" ");
        let line = Line { step: Some(row), ..Line::of_run(job.key("combined"), RunEvent::Note { text: text.clone() }) };
        self.end_step(job, row, clashes.is_empty(), &text, Some(&head.to_string()), vec![line]).await?;
        Ok(clashes)
    }

    /// The run's own workspace takes the combined files; those of the coders beside the first have served.
    async fn stand_together(&self, job: &Job, head: Oid) -> Stumbled<()> {
        let repository = self.repository(job)?;
        let name = HiddenRef::new(&format!("runs/{}/{}.together", job.run(), job.point())).map_err(unprepared)?;
        repository.set_hidden(&name, head).await.map_err(unprepared)?;
        self.bring_back(job, Some(&head.to_string())).await?;
        self.put_right(job, &repository, head).await?;
        self.stand_at(job, head).await?;
        self.set_asking(job, None).await?;
        self.release_beside(job.run()).await
    }
}

impl Job {
    pub(super) fn coder(&self, id: AgentId) -> Stumbled<&PlannedAgent> {
        let gone = || Stumble::last(Failure::Internal, "A coder of this run is not in its squad.");
        self.plan.squad.agent(id).ok_or_else(gone)
    }

    fn names(&self, shares: &[Share]) -> Stumbled<Vec<String>> {
        shares.iter().map(|share| Ok(self.coder(share.agent)?.name.clone())).collect()
    }
}

impl Clash {
    fn sentence(&self, name: &str) -> String {
        format!(
            "What {name} wrote conflicts with the work of {} in {}; {name} does it once more on top of that.",
            listed(&self.with),
            self.paths.join(", ")
        )
    }

    /// What whoever does the share once more is told.
    pub(super) fn finding(&self) -> String {
        format!(
            "Your changes conflicted with those of {} in {}. Theirs stand and are in the workspace; yours are not. Do your steps \
             again on top of them.",
            listed(&self.with),
            self.paths.join(", ")
        )
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
