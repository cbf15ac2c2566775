use leptos::prelude::*;
use types::TaskState;

use crate::components::{
    icon::{Icon, icon},
    status::State,
};

/// The look of a task's state.
#[must_use]
pub const fn look(state: TaskState) -> State {
    match state {
        TaskState::Todo => State::Todo,
        TaskState::InProgress => State::InProgress,
        TaskState::InReview => State::InReview,
        TaskState::Blocked => State::Blocked,
        TaskState::Completed => State::Done,
        TaskState::Failed => State::Failed,
        TaskState::Cancelled => State::Cancelled,
    }
}

/// Where a task stands, in the words of the board.
#[must_use]
pub fn task_state(state: TaskState) -> AnyView {
    look(state).worded(state.label())
}

/// The sign of a column. Silent: its name stands beside it.
#[must_use]
pub fn column_icon(state: TaskState) -> AnyView {
    icon(match state {
        TaskState::Todo => Icon::Todo,
        TaskState::InProgress => Icon::Progress,
        TaskState::InReview => Icon::Eye,
        TaskState::Blocked => Icon::OctagonMinus,
        TaskState::Completed => Icon::CircleCheck,
        TaskState::Failed => Icon::CircleX,
        TaskState::Cancelled => Icon::Ban,
    })
}
