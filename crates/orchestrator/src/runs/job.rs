use serde::{Deserialize, Serialize};
use types::{ProjectId, RunId, TaskId, TeamId, UserId};

use super::{engine::Segment, machine::Position, nodes::Node, start::Plan};
use crate::{Origin, Scope};

/// What a segment knows when it begins; the engine keeps it as the first step's result.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) segment: Segment,
    pub(super) task: JobTask,
    pub(super) project: JobProject,
    pub(super) plan: Plan,
    pub(super) position: Position,
    /// Who started the run: the person whom its commits are attributed to, beside the agents.
    pub(super) person: Person,
    /// How often the machine has moved in this segment.
    pub(super) passed: u32,
    /// Why the run is about to fail.
    pub(super) trouble: Option<String>,
    /// Who works on it now: not what the engine keeps, for that may be another.
    #[serde(skip)]
    pub(super) node: Node,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct JobTask {
    pub(super) id: TaskId,
    pub(super) number: i32,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) acceptance: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct JobProject {
    pub(super) id: ProjectId,
    pub(super) name: String,
    /// `sample`, `git`, `archive` or `empty`.
    pub(super) source: String,
    pub(super) url: Option<String>,
    pub(super) default_branch: String,
    pub(super) commands: JobCommands,
    pub(super) egress: Vec<String>,
    pub(super) limits: JobLimits,
}

/// What the project runs to set itself up and to judge a change.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct JobCommands {
    pub(super) setup: Option<String>,
    pub(super) build: Option<String>,
    pub(super) test: Option<String>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct JobLimits {
    pub(super) cpu_millis: i32,
    pub(super) memory_mb: i32,
    pub(super) pids: i32,
    pub(super) disk_mb: i32,
    pub(super) wall_minutes: i32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) id: UserId,
    pub(super) name: String,
    pub(super) email: String,
}

impl Job {
    pub(super) fn team(&self) -> TeamId {
        self.segment.team
    }

    pub(super) fn run(&self) -> RunId {
        self.segment.run
    }

    /// The scope in which Muster itself works for the run's team.
    pub(super) fn scope(&self) -> Scope {
        Scope::new(self.team(), crate::Actor::System, types::PermissionSet::all(), Origin::internal())
    }

    /// A name in the run's journal that only this point of it has.
    pub(super) fn key(&self, what: &str) -> String {
        format!("{}.{} {what}", self.segment.number, self.passed)
    }

    /// The branch that the change is delivered on: `muster/142-round-fees`.
    pub(super) fn branch(&self) -> String {
        let mut slug = String::new();
        for character in self.task.title.chars() {
            match character.to_ascii_lowercase() {
                letter @ ('a'..='z' | '0'..='9') => slug.push(letter),
                _ if slug.ends_with('-') || slug.is_empty() => {}
                _ => slug.push('-'),
            }
            if slug.len() >= 40 {
                break;
            }
        }
        let slug = slug.trim_end_matches('-');
        let name = format!("muster/{}", self.task.number);
        if slug.is_empty() { name } else { format!("{name}-{slug}") }
    }
}
