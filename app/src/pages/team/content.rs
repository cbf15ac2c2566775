//! Whether the words of model calls are kept.

use leptos::prelude::*;
use orchestrator::models::{Capture, MOST_DAYS};

use crate::{
    components::{button::Button, field::Field, time::relative},
    forms::Errors,
    layout::shell::Shell,
};

/// What a form proposes that nobody has filled in yet.
const DAYS: &str = "14";

/// The setting as it stands, and as it was typed.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub capture: Option<Capture>,
    pub days: Option<String>,
    pub errors: Errors,
}

pub(super) fn content(shell: &Shell, data: &Content) -> AnyView {
    let said = "When this is on, the request and the answer of every model call of the team are kept, of runs and of programs: \
                at most 192 KB of a request and 64 KB of an answer, without what looks like a key or a token, sealed under the \
                team's key. They are deleted after the days you choose. Whoever may read budgets and files can open them from \
                the ledger, and each opening is in the audit log.";
    let stands = data.capture.as_ref().map(|capture| {
        let days = if capture.days == 1 { "one day".to_owned() } else { format!("{} days", capture.days) };
        view! {
            <p class="lede"><b>"On: "</b>{format!("kept for {days}, set by {} ", capture.set_by)}{relative(capture.set_at, shell.now)}"."</p>
        }
    });
    let on = data.capture.is_some();
    view! {
        <div class="pile">
        <p class="section__note">{said}</p>
        {stands}
        {(!on).then(|| view! { <p class="lede"><b>"Off: "</b>"nothing is kept."</p> })}
        {keep_form(shell, data, on)}
        {on.then(|| stop_form(shell))}
        </div>
    }
    .into_any()
}

fn keep_form(shell: &Shell, data: &Content, on: bool) -> AnyView {
    let stands = data.capture.as_ref().map(|capture| capture.days.to_string());
    let value = data.days.clone().or(stands).unwrap_or_else(|| DAYS.to_owned());
    let days = Field::new("days", "Days until they are deleted")
        .number(1, MOST_DAYS.into())
        .value(&value)
        .error(data.errors.of("days"))
        .required();
    let word = if on { "Save the days" } else { "Keep requests and answers" };
    view! {
        <form class="form" method="post" action=shell.link("/settings/content")>
            {days.view()}
            <div class="cluster">{Button::new(word).busy("Saving…").submit()}</div>
        </form>
    }
    .into_any()
}

fn stop_form(shell: &Shell) -> AnyView {
    view! {
        <form class="form" method="post" action=shell.link("/settings/content/stop")>
            <label class="check">
                <input type="checkbox" name="delete" value="yes" checked=true/>
                <span>"Delete at once what was kept so far"</span>
            </label>
            <div class="cluster">{Button::new("Stop keeping").danger().busy("Stopping…").submit()}</div>
        </form>
    }
    .into_any()
}
