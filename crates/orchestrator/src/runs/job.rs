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
    /// Which of the run's workspaces is meant: 0 is the run's own, coders who write beside its coder have the others.
    #[serde(skip)]
    pub(super) lane: u16,
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
    /// Whether commands get a key for model calls.
    #[serde(default)]
    pub(super) models_inside: bool,
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

    /// A point of the run, and of one workspace: segment and what was passed in it, and the lane beside the first.
    pub(super) fn point(&self) -> String {
        match self.lane {
            0 => format!("{}.{}", self.segment.number, self.passed),
            beside => format!("{}.{}.{}", self.segment.number, self.passed, beside + 1),
        }
    }

    /// A name in the run's journal that only this point of it has.
    pub(super) fn key(&self, what: &str) -> String {
        format!("{} {what}", self.point())
    }

    /// The same in another workspace of the run.
    pub(super) fn in_lane(&self, lane: u16) -> Self {
        Self { lane, ..self.clone() }
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

/// The lane that a key was made in, see [`Job::key`].
pub(super) fn lane_of(key: &str) -> u16 {
    let point = key.split(' ').next().unwrap_or(key);
    let number: Option<u16> = point.split('.').nth(2).and_then(|number| number.parse().ok());
    number.map_or(0, |number| number.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::lane_of;

    #[test]
    fn a_key_says_which_lane_it_is_of() {
        for (key, lane) in [("1.3 implement", 0), ("1.3.2 implement", 1), ("12.0.11 turn", 10), ("", 0), ("1.3.x", 0)] {
            assert_eq!(lane_of(key), lane, "{key}");
        }
    }
}
