//! What an agent is told when its turn begins, gathered from what the run has so far.

use agents::builtin::{Brief, CheckFailure, Limits, Note, PlanStep, ReviewNote, note_paths};
use forge::Repository;
use sqlx::PgConnection;
use types::{AgentRole, RunId, TeamId};

use super::prepare::oid;
use crate::{
    Error, Result,
    runs::{
        job::Job,
        machine::{Clash, Gate, Purpose},
        shop::Shop,
        workflow::Stumbled,
    },
    squads::PlannedAgent,
};

/// A note of the repository longer than this is not read.
const NOTE_BYTES: u64 = 64 * 1024;
/// The change that a reviewer is given at once; what is longer it reads file by file.
const CHANGE_BYTES: u64 = 256 * 1024;
/// What an agent may write in one answer.
const ANSWER_TOKENS: u32 = 8_192;

/// What the rows know.
struct Known {
    base: String,
    head: String,
    plan: Vec<PlanStep>,
    findings: Vec<String>,
    failing: Option<CheckFailure>,
    review: Vec<ReviewNote>,
}

impl Shop {
    pub(super) async fn brief(
        &self,
        job: &Job,
        purpose: Purpose,
        (agent, model): (&PlannedAgent, &str),
        steps: Vec<usize>,
    ) -> Stumbled<Brief> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let known = known(&mut tx, job, purpose).await?;
        tx.commit().await?;
        let repository = self.repository(job)?;
        let change = match purpose {
            Purpose::Review => change(&repository, &known).await?,
            // Who goes on from an earlier attempt sees what that one wrote.
            Purpose::Implement if job.position.resumed => change(&repository, &known).await?,
            _ => String::new(),
        };
        let instructions = [&job.plan.squad.instructions, &agent.instructions];
        Ok(Brief {
            description: job.task.description.clone(),
            acceptance: job.task.acceptance.clone(),
            instructions: instructions
                .into_iter()
                .filter(|text| !text.is_empty())
                .cloned()
                .collect::<Vec<_>>()
                .join("\n\n"),
            notes: notes(&repository, agent.role, &known.head).await?,
            plan: known.plan,
            steps,
            findings: known.findings.into_iter().chain(job.clash(purpose).map(Clash::finding)).collect(),
            checks: [&job.project.commands.build, &job.project.commands.test].into_iter().flatten().cloned().collect(),
            failing: known.failing,
            review: job.unsolved(purpose).into_iter().chain(known.review).collect(),
            change,
            limits: Limits {
                max_model_calls: agent.limits.max_model_calls.try_into().unwrap_or(1),
                // Its tokens are limited for the whole run, together with those it reads: see `limits`.
                max_output_tokens: u64::MAX,
                max_answer_tokens: ANSWER_TOKENS,
                ..Limits::default()
            },
            ..Brief::new(agent.role, model, job.task.title.clone())
        })
    }
}

async fn change(repository: &Repository, known: &Known) -> Stumbled<String> {
    let patch = repository.patch(oid(&known.base)?, oid(&known.head)?, CHANGE_BYTES).await;
    Ok(match patch {
        Ok(patch) => String::from_utf8_lossy(&patch).into_owned(),
        Err(_) => "The change is too long to be shown at once. Read the files.".into(),
    })
}

async fn notes(repository: &Repository, role: AgentRole, head: &str) -> Stumbled<Vec<Note>> {
    let files = repository.all_files(head).await.map_err(super::prepare::unprepared)?;
    let mut notes = Vec::new();
    for path in note_paths(role, files.iter().map(|file| file.name.as_str())) {
        // A note that is too large or not text says nothing to anybody.
        if let Ok(bytes) = repository.read(head, path, NOTE_BYTES).await
            && let Ok(text) = String::from_utf8(bytes)
        {
            notes.push(Note { path: path.to_owned(), text });
        }
    }
    Ok(notes)
}

async fn known(tx: &mut PgConnection, job: &Job, purpose: Purpose) -> Result<Known> {
    let run = sqlx::query!(
        r#"SELECT coalesce(base_oid, '') AS "base!", coalesce(head_oid, '') AS "head!", outline FROM runs WHERE team_id = $1 AND id = $2"#,
        job.team() as TeamId,
        job.run() as RunId
    )
    .fetch_one(&mut *tx)
    .await?;
    let outline: Vec<agents::PlanItem> = serde_json::from_value(run.outline).map_err(Error::internal)?;
    let step = |item: agents::PlanItem| PlanStep {
        title: item.title,
        detail: item.detail,
        role: item.role.unwrap_or(AgentRole::Coder),
        part: item.part,
    };
    Ok(Known {
        base: run.base,
        head: run.head,
        plan: outline.into_iter().map(step).collect(),
        findings: findings(tx, job).await?,
        failing: if purpose == Purpose::Fix { failing(tx, job).await? } else { None },
        review: wanted(tx, job, purpose).await?,
    })
}

/// What agents before this one said at their end, oldest first: in the attempt that this one goes on from, and why that
/// ended, then in this one.
async fn findings(tx: &mut PgConnection, job: &Job) -> Result<Vec<String>> {
    let ended = sqlx::query_scalar!(
        "SELECT coalesce(b.failure ->> 'sentence', b.stop_reason) FROM runs r
         JOIN runs b ON b.team_id = r.team_id AND b.id = r.resumes WHERE r.team_id = $1 AND r.id = $2",
        job.team() as TeamId,
        job.run() as RunId
    )
    .fetch_optional(&mut *tx)
    .await?
    .flatten();
    let rows = sqlx::query!(
        r#"SELECT agent_name AS "agent!", kind, summary FROM run_steps
           WHERE team_id = $1 AND (run_id = $2 OR run_id = (SELECT resumes FROM runs WHERE team_id = $1 AND id = $2))
             AND state = 'DONE' AND agent_name IS NOT NULL AND summary <> '' ORDER BY run_id = $2, ordinal"#,
        job.team() as TeamId,
        job.run() as RunId
    )
    .fetch_all(tx)
    .await?;
    let said = rows.into_iter().map(|row| format!("{} ({}): {}", row.agent, row.kind, row.summary));
    let ended = ended.map(|why| format!("The attempt before this one ended: {why} Its changes are in the workspace."));
    Ok(said.chain(ended).collect())
}

/// The check that failed last.
async fn failing(tx: &mut PgConnection, job: &Job) -> Result<Option<CheckFailure>> {
    let body = sqlx::query_scalar!(
        "SELECT body FROM run_events WHERE team_id = $1 AND run_id = $2 AND body ->> 'run' = 'check' AND body ->> 'passed' = 'false'
         ORDER BY seq DESC LIMIT 1",
        job.team() as TeamId,
        job.run() as RunId
    )
    .fetch_optional(tx)
    .await?;
    let text = |body: &serde_json::Value, name: &str| body[name].as_str().unwrap_or_default().to_owned();
    Ok(body.map(|body| CheckFailure {
        command: text(&body, "command"),
        output: format!("{}\n[{}]", text(&body, "output").trim_end(), text(&body, "outcome")),
    }))
}

/// What is to be different: for who plans, what people wrote when they sent the plan back; for who works on the change or
/// reviews it, the remarks of the last review, and what people wrote when they sent the change back.
async fn wanted(tx: &mut PgConnection, job: &Job, purpose: Purpose) -> Result<Vec<ReviewNote>> {
    match purpose {
        Purpose::Plan | Purpose::Design => sent_back(tx, job, Gate::Plan, None).await,
        Purpose::Rework | Purpose::Review => {
            let mut notes = remarks(tx, job).await?;
            notes.extend(sent_back(tx, job, Gate::Merge, Some(purpose)).await?);
            Ok(notes)
        }
        Purpose::Implement | Purpose::Fix | Purpose::Test => Ok(Vec::new()),
    }
}

async fn remarks(tx: &mut PgConnection, job: &Job) -> Result<Vec<ReviewNote>> {
    let remarks = sqlx::query!(
        "SELECT path, line, body FROM review_comments WHERE team_id = $1 AND run_id = $2
         AND split_part(key, ' ', 1) = (SELECT id::text FROM run_steps WHERE team_id = $1 AND run_id = $2 AND kind = 'review'
                                        AND state = 'DONE' ORDER BY ordinal DESC LIMIT 1)
         ORDER BY key",
        job.team() as TeamId,
        job.run() as RunId
    )
    .fetch_all(tx)
    .await?;
    let note =
        |path, line: Option<i32>, text| ReviewNote { path, line: line.and_then(|line| line.try_into().ok()), text };
    Ok(remarks.into_iter().map(|remark| note(remark.path, remark.line, remark.body)).collect())
}

/// What people wrote when they sent back what stood at a gate, oldest first: all of it, or since the last turn of a kind. The
/// journal's order says which came later, since the nodes' clocks may differ.
async fn sent_back(tx: &mut PgConnection, job: &Job, gate: Gate, since: Option<Purpose>) -> Result<Vec<ReviewNote>> {
    let comments = sqlx::query_scalar!(
        r#"SELECT body ->> 'comment' AS "comment!" FROM run_events
           WHERE team_id = $1 AND run_id = $2 AND body ->> 'run' = 'decided' AND body ->> 'gate' = $3 AND body ->> 'approved' = 'false'
             AND seq > coalesce((SELECT max(e.seq) FROM run_steps s
                                 JOIN run_events e ON e.team_id = s.team_id AND e.run_id = s.run_id AND e.step_id = s.id
                                 WHERE s.team_id = $1 AND s.run_id = $2 AND s.kind = $4 AND s.ended_at IS NOT NULL), 0)
           ORDER BY seq"#,
        job.team() as TeamId,
        job.run() as RunId,
        gate.as_str(),
        since.map(Purpose::as_str)
    )
    .fetch_all(tx)
    .await?;
    Ok(comments.into_iter().map(|text| ReviewNote { path: String::new(), line: None, text }).collect())
}
