//! What runs, waits and finished, for the dashboard.

use orchestrator::runs::{Gate, RunLine, RunState};
use time::OffsetDateTime;

use crate::{
    components::{status::State, who::Who},
    handlers::words::prefix,
    pages::dashboard::{Finished, Need, NeedKind, Running},
};

/// The runs of a team, sorted by what they ask of a person.
#[derive(Default)]
pub(super) struct AtWork {
    pub(super) needs: Vec<Need>,
    pub(super) running: Vec<Running>,
    pub(super) finished: Vec<Finished>,
}

impl AtWork {
    /// `runs` come newest first; only the newest of a task counts.
    pub(super) fn of(slug: &str, runs: Vec<RunLine>, may_run: bool, now: OffsetDateTime) -> Self {
        let mut sorted = Self::default();
        let mut seen = Vec::new();
        for run in runs {
            let newest = !seen.contains(&run.task);
            seen.push(run.task);
            sorted.add(slug, &run, newest, may_run, now);
        }
        // What waits longest stands first.
        sorted.needs.sort_by_key(|need| need.since);
        sorted
    }

    fn add(&mut self, slug: &str, run: &RunLine, newest: bool, may_run: bool, now: OffsetDateTime) {
        match run.state {
            RunState::Queued | RunState::Running => self.running.push(running(slug, run, may_run)),
            RunState::Waiting => self.needs.push(waiting(slug, run)),
            RunState::Failed if newest => self.needs.push(failed(slug, run, may_run)),
            RunState::Completed | RunState::Cancelled | RunState::Failed => {
                self.finished.push(finished(slug, run, now))
            }
        }
    }
}

fn id(slug: &str, run: &RunLine) -> String {
    format!("{}-{}", prefix(slug), run.task_number)
}

fn path(run: &RunLine) -> String {
    format!("/tasks/{}", run.task_number)
}

fn running(slug: &str, run: &RunLine, may_run: bool) -> Running {
    let queued = run.state == RunState::Queued;
    Running {
        task: id(slug, run),
        path: path(run),
        title: run.title.clone(),
        squad: run.squad.clone(),
        state: if queued { State::Queued } else { State::Running },
        who: run.agent.as_deref().map(|name| Who::agent(name, name.chars().take(1).collect::<String>().to_uppercase())),
        step: if queued {
            "waits for its turn".to_owned()
        } else {
            run.doing.clone().unwrap_or_else(|| run.stage.as_str().to_owned())
        },
        started_at: run.started_at.unwrap_or(run.created_at),
        cost: run.cost,
        cap: None,
        can_stop: may_run,
    }
}

fn waiting(slug: &str, run: &RunLine) -> Need {
    if let Some(why) = &run.held_up {
        return Need {
            task: id(slug, run),
            path: path(run),
            title: run.title.clone(),
            why: why.clone(),
            since: run.started_at.unwrap_or(run.created_at),
            kind: NeedKind::HeldUp,
        };
    }
    let id_of_ask = run.approval.map(|id| id.to_string()).unwrap_or_default();
    let (why, kind) = match run.gate {
        Some(Gate::Merge) | None => {
            (format!("{} delivered · the change waits for a review", run.squad), NeedKind::Review)
        }
        Some(Gate::Plan) => {
            let kind = NeedKind::Approval { id: id_of_ask, command: None, expires_at: None };
            (format!("{} planned · the coders wait", run.squad), kind)
        }
        Some(Gate::Question) => {
            let who = run.agent.as_deref().unwrap_or("An agent");
            (format!("{who} asks · the run waits"), NeedKind::Question { id: id_of_ask, options: Vec::new() })
        }
    };
    Need {
        task: id(slug, run),
        path: path(run),
        title: run.title.clone(),
        why,
        since: run.started_at.unwrap_or(run.created_at),
        kind,
    }
}

fn failed(slug: &str, run: &RunLine, may_run: bool) -> Need {
    Need {
        task: id(slug, run),
        path: path(run),
        title: run.title.clone(),
        why: run.sentence.clone().unwrap_or_else(|| "The run failed".to_owned()),
        since: run.ended_at.unwrap_or(run.created_at),
        kind: NeedKind::Failed { may_retry: may_run },
    }
}

fn finished(slug: &str, run: &RunLine, now: OffsetDateTime) -> Finished {
    let (state, result) = match run.state {
        RunState::Completed if run.reverted => (State::Cancelled, "Reverted"),
        RunState::Completed => (State::Done, "Merged"),
        RunState::Cancelled => (State::Cancelled, "Stopped"),
        _ => (State::Failed, "Failed"),
    };
    let (began, at) = (run.started_at.unwrap_or(run.created_at), run.ended_at.unwrap_or(now));
    Finished {
        task: id(slug, run),
        path: path(run),
        title: run.title.clone(),
        state,
        result: result.to_owned(),
        additions: usize::try_from(run.additions).unwrap_or(0),
        deletions: usize::try_from(run.deletions).unwrap_or(0),
        took: at - began,
        cost: run.cost,
        at,
    }
}
