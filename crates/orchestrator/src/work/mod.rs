//! What a team works on: projects, tasks; and the first steps that set them up.

pub(crate) mod history;
mod onboarding;
mod overview;
mod projects;
mod search;
mod tasks;

pub use history::HistoryEntry;
pub use onboarding::{Progress, Step};
pub use overview::{Overview, Signals};
pub use projects::{
    Archive, Commands, CredentialHint, Limits, MAX_ARCHIVE, Project, ProjectCounts, ProjectSettings,
    RepositoryCredential, RepositoryState, Source, SourceKind, detect,
};
pub use search::Hit;
pub use tasks::{
    Assignee, AssigneeFilter, Board, Card, Column, NewTask, Place, Sort, Task, TaskDetail, TaskEdit, TaskFilter,
    TaskRef, UNDO_MINUTES, may_move,
};

use crate::{Error, Result};

/// A name of at most 80 characters, trimmed.
pub(crate) fn check_name(field: &str, name: &str) -> Result<String> {
    let name = name.trim();
    match name.chars().count() {
        0 => Err(Error::field(field, "Enter a name.")),
        81.. => Err(Error::field(field, "Use at most 80 characters.")),
        _ => Ok(name.to_owned()),
    }
}
