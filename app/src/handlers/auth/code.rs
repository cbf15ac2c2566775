//! What the pages of sign-up and reset share: a code, its tries and its time.

use identity::MIN_PASSWORD_CHARS;
use orchestrator::accounts::{Checked, Pending};

use crate::{forms::Errors, state::App};

pub(super) fn minutes(pending: &Pending) -> u32 {
    u32::try_from(pending.minutes_left).unwrap_or(0)
}

pub(super) fn outbox(app: &App) -> Option<String> {
    app.settings.outbox.as_ref().map(|_| "/outbox".to_owned())
}

pub(super) fn tries_left(checked: &Checked) -> Option<u32> {
    match checked {
        Checked::Wrong { tries_left } => u32::try_from(*tries_left).ok(),
        Checked::Over => Some(0),
        Checked::Right => None,
    }
}

pub(super) fn code_errors(checked: &Checked) -> Errors {
    let mut errors = Errors::new();
    match checked {
        Checked::Wrong { .. } => errors.add("code", "This is not the code we sent last."),
        Checked::Over => errors.add("code", "This code is too old or was tried too often. Ask for a new one."),
        Checked::Right => {}
    }
    errors
}

/// In characters, for the hint of the field.
pub(super) fn min_password() -> u32 {
    u32::try_from(MIN_PASSWORD_CHARS).unwrap_or(u32::MAX)
}
