//! What the pages of a task show, gathered from the task, its newest run and its journal.

use orchestrator::{
    Error, Grant, Scope,
    grants::{ExecuteRuns, ReadFiles, ReadSquads, ReadTasks},
    runs::{Gate, RunState, RunView, Stage, StepView},
    work::{Assignee, TaskDetail},
};
use time::OffsetDateTime;
use types::{MicroUsd, Permission, TaskState};

use super::fold::{Fold, agent, plan_steps, prose};
use crate::{
    components::{checks::Check, select::Choice, status::State, task_state::look, who::Who},
    failure::Failure,
    forms::Errors,
    pages::task::{
        self as view, Action, Live, Named,
        overview::{Criterion, Filter, Overview},
        plan::PlanState,
        steps::Step,
    },
    request::Inside,
    state::App,
};

/// Entries of the stream that a page shows; older ones are left to the download of the journal.
pub(super) const SHOWN: i64 = 2_000;

/// A task with its newest run.
pub(super) struct Seen {
    pub(super) task: TaskDetail,
    pub(super) run: Option<RunView>,
}

impl Seen {
    pub(super) async fn load<G: Grant>(app: &App, member: &Inside<G>, number: i32) -> Result<Self, Failure> {
        let can = member.scope().can::<ReadTasks>()?;
        let task = app.muster.task(&can, number).await?;
        let run = app.muster.run_of_task(&can, task.id).await?;
        Ok(Self { task, run })
    }

    pub(super) fn path(&self) -> String {
        format!("/tasks/{}", self.task.number)
    }

    pub(super) async fn head<G: Grant>(
        &self,
        app: &App,
        member: &Inside<G>,
        form: HeadForm,
    ) -> Result<view::Task, Failure> {
        let scope = member.scope();
        let task = &self.task;
        let run = self.run.as_ref();
        let action = self.action(app, scope).await?;
        Ok(view::Task {
            estimate: self.estimate(app, scope, action.as_ref()).await?,
            id: format!("{}-{}", super::super::words::prefix(&member.team.slug), task.number),
            path: self.path(),
            title: task.title.clone(),
            state: state(task.state, run),
            squad: self.squad(),
            project: Named { name: task.project.clone(), path: format!("/projects/{}", task.project_id) },
            branch: run.and_then(|run| run.branch.clone()),
            priority: u8::try_from(task.priority).unwrap_or(0),
            labels: task.labels.clone(),
            run: run.map(|run| view::Run {
                number: u32::try_from(run.attempt).unwrap_or(1),
                started_at: run.started_at.unwrap_or(run.created_at),
                ended_at: run.ended_at,
                started_by: run.started_by.clone(),
            }),
            cost: run.map_or(MicroUsd::ZERO, |run| run.cost),
            action,
            revert: run.and_then(|run| revertable(run, scope)),
            can_stop: run.is_some_and(|run| run.state.alive()) && may(scope, Permission::ExecuteRuns),
            can_edit: task.changeable,
            files_changed: None,
            artifacts: run.map_or(0, |run| run.artifacts.len()),
            errors: form.errors,
            stop_reason: form.stop_reason,
            held_up: self.held_up(scope),
        })
    }

    fn squad(&self) -> Option<Named> {
        match (&self.run, &self.task.assignee) {
            (Some(run), _) => Some(Named { name: run.squad.clone(), path: "/squads".to_owned() }),
            (None, Some((Assignee::Squad(id), name))) => {
                Some(Named { name: name.clone(), path: format!("/squads/{id}") })
            }
            _ => None,
        }
    }

    async fn action(&self, app: &App, scope: &Scope) -> Result<Option<Action>, Failure> {
        let alive = self.run.as_ref().is_some_and(|run| run.state.alive());
        if !alive && self.task.state.ended() && (self.run.is_none() || self.task.state == TaskState::Completed) {
            return Ok(self.task.changeable.then_some(Action::Reopen));
        }
        let Ok(_) = scope.can::<ExecuteRuns>() else { return Ok(None) };
        let waits =
            self.run.as_ref().filter(|run| run.state == RunState::Waiting).and_then(|run| run.waits_for.as_ref());
        Ok(match (waits.map(|waits| waits.gate), self.run.as_ref().map(|run| run.state)) {
            (Some(Gate::Merge), _) => Some(Action::Review),
            (Some(_), _) => Some(Action::Answer { seq: self.run.as_ref().map_or(0, |run| run.last_event) }),
            (None, Some(state)) if state.alive() => None,
            (None, Some(_)) => {
                let run = self.run.as_ref().filter(|run| run.resumable);
                Some(Action::Retry { from: run.map(|run| run.into.clone()) })
            }
            (None, None) => {
                let squads = app.muster.squads(&scope.can::<ReadSquads>()?).await?;
                let choice =
                    |squad: &orchestrator::squads::Squad| Choice::new(squad.id.to_string(), squad.name.clone());
                Some(Action::Start { squads: squads.iter().map(choice).collect() })
            }
        })
    }

    /// What a run would cost, where one can be started: by the squad that the form names first.
    async fn estimate(
        &self,
        app: &App,
        scope: &Scope,
        action: Option<&Action>,
    ) -> Result<Option<view::Likely>, Failure> {
        let first = match action {
            Some(Action::Start { squads }) => squads.first(),
            Some(Action::Retry { .. }) => None,
            _ => return Ok(None),
        };
        let squad = first.map(|choice| choice.value.parse().map_err(|_| Error::NotFound)).transpose()?;
        let found = app.muster.task_estimate(&scope.can::<ReadTasks>()?, self.task.id, squad).await?;
        Ok(Some(view::Likely { squad: first.map(|choice| choice.label.clone()), found }))
    }

    /// What the run waits for, with what this person can do about it.
    fn held_up(&self, scope: &Scope) -> Option<view::HeldUp> {
        let run = self.run.as_ref().filter(|run| run.state == RunState::Waiting)?;
        let held = run.held_up.as_ref()?;
        let action = match held.budget {
            Some(budget) if may(scope, Permission::ManageBudgets) => {
                Some(("Raise the budget", format!("/budgets/edit?budget={budget}")))
            }
            Some(budget) if may(scope, Permission::ReadBudgets) => {
                Some(("Ask for more", format!("/budgets/ask?budget={budget}")))
            }
            None if held.pause.is_some() && may(scope, Permission::ReadBudgets) => {
                Some(("See the pause", "/budgets/pauses".to_owned()))
            }
            None if held.model.is_some() && may(scope, Permission::ManageIntegrations) => {
                Some(("See the models", "/settings/models".to_owned()))
            }
            None if may(scope, Permission::ManageSquads) => {
                held.agent.map(|agent| ("Open the agent", format!("/squads/{}/agents/{}", agent.squad, agent.id)))
            }
            _ => None,
        };
        Some(view::HeldUp { sentence: held.sentence.clone(), way_out: held.way_out.clone(), action })
    }

    pub(super) async fn overview<G: Grant>(
        &self,
        app: &App,
        member: &Inside<G>,
        filter: Filter,
    ) -> Result<Overview, Failure> {
        let mut fold = Fold::new(may(member.scope(), Permission::ExecuteRuns));
        let mut data = Overview {
            description_html: prose(&self.task.description),
            acceptance: self.criteria(),
            filter,
            ..Overview::default()
        };
        if let Some(run) = &self.run {
            let can = member.scope().can::<ReadTasks>()?;
            for line in app.muster.journal(&can, run.id, 0, SHOWN).await? {
                fold.take(&line);
                data.live = Some(Live { path: format!("{}/live", self.path()), after: line.seq });
            }
            data.plan = self.plan();
            data.steps = run.steps.iter().map(step).collect();
            data.details = details(run);
        }
        data.entries = fold.entries;
        Ok(data)
    }

    /// One line of the acceptance each; met once the reviewer has approved.
    pub(super) fn criteria(&self) -> Vec<Criterion> {
        let met = self.run.as_ref().is_some_and(|run| matches!(run.stage, Stage::Deliver | Stage::Merge));
        let lines = self.task.acceptance.lines().map(|line| line.trim().trim_start_matches(['-', '*']).trim());
        lines.filter(|line| !line.is_empty()).map(|line| Criterion { text: line.to_owned(), met }).collect()
    }

    /// The lead's plan, and how far each step is.
    pub(super) fn plan(&self) -> Vec<view::plan::PlanStep> {
        let Some(run) = &self.run else { return Vec::new() };
        let steps = plan_steps(&run.outline).into_iter();
        steps.map(|step| view::plan::PlanStep { state: stands(step.state, run.state), ..step }).collect()
    }

    pub(super) async fn files<G: Grant>(
        &self,
        app: &App,
        member: &Inside<G>,
    ) -> Result<Vec<crate::components::diff::File>, Failure> {
        let Some(run) = &self.run else { return Ok(Vec::new()) };
        let can = member.scope().can::<ReadFiles>()?;
        Ok(app.muster.run_changes(&can, run.id).await?.into_iter().map(super::changes::file).collect())
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        let checks = self.run.iter().flat_map(|run| &run.checks);
        checks
            .map(|check| Check {
                name: check.name.clone(),
                state: if check.passed { State::Done } else { State::Failed },
                note: check.outcome.clone(),
                took: Some(time::Duration::milliseconds(check.duration_ms)),
                log: None,
            })
            .collect()
    }
}

/// A step that was in work stands as its run does.
fn stands(step: PlanState, run: RunState) -> PlanState {
    match (step, run) {
        (PlanState::Now, RunState::Waiting) => PlanState::Waits,
        (PlanState::Now, RunState::Failed) => PlanState::Failed,
        (PlanState::Now, RunState::Cancelled | RunState::Completed) => PlanState::Open,
        (step, _) => step,
    }
}

/// What a form of the head is shown with again.
#[derive(Default)]
pub(super) struct HeadForm {
    pub(super) errors: Errors,
    pub(super) stop_reason: String,
}

/// What can be taken back of a run, by somebody who may.
fn revertable(run: &RunView, scope: &Scope) -> Option<view::Revert> {
    let merge = run.merge.as_ref().filter(|merge| merge.reverted.is_none() && !run.state.alive())?;
    let commit = short(&merge.commit);
    may(scope, Permission::ExecuteRuns).then(|| view::Revert { commit, into: run.into.clone() })
}

/// A commit as people name it.
pub(super) fn short(commit: &str) -> String {
    commit.get(..9).unwrap_or(commit).to_owned()
}

pub(super) fn may(scope: &Scope, permission: Permission) -> bool {
    scope.permissions().contains(permission)
}

pub(super) fn state(task: TaskState, run: Option<&RunView>) -> State {
    match run.map(|run| run.state) {
        Some(RunState::Queued) => State::Queued,
        Some(RunState::Running) => State::Running,
        Some(RunState::Waiting) if run.is_some_and(|run| run.held_up.is_some()) => State::Blocked,
        Some(RunState::Waiting) => State::NeedsYou,
        _ => look(task),
    }
}

pub(super) fn step(step: &StepView) -> Step {
    Step {
        name: step.kind.clone(),
        who: step.agent.as_deref().map_or(Who::Muster, |name| agent(name, step.role)),
        iteration: None,
        state: match step.state.as_str() {
            "DONE" => State::Done,
            "FAILED" => State::Failed,
            _ => State::Running,
        },
        started_at: Some(step.started_at),
        ended_at: step.ended_at,
        cost: step.cost,
        wait: false,
    }
}

fn details(run: &RunView) -> Vec<(String, String)> {
    let facts = [
        ("Squad", Some(run.squad.clone())),
        ("Started by", Some(run.started_by.clone())),
        ("Base commit", run.base.as_deref().map(short)),
        ("Model", (!run.providers.is_empty()).then(|| run.providers.join(", "))),
        ("Tokens", Some(run.tokens.to_string())),
        ("Stopped", run.stop_reason.clone()),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// When it is now, for fragments.
pub(super) fn now(app: &App) -> OffsetDateTime {
    app.muster.clock().now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_in_work_stands_as_its_run_does() {
        for (run, expected) in [
            (RunState::Running, PlanState::Now),
            (RunState::Waiting, PlanState::Waits),
            (RunState::Failed, PlanState::Failed),
            (RunState::Cancelled, PlanState::Open),
        ] {
            assert_eq!(stands(PlanState::Now, run), expected, "{run:?}");
            assert_eq!(stands(PlanState::Done, run), PlanState::Done);
            assert_eq!(stands(PlanState::Open, run), PlanState::Open);
        }
    }
}
