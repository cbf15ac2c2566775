use leptos::prelude::*;
use time::OffsetDateTime;

use super::{Tab, Task, framed};
use crate::{
    components::{
        time::{moment, relative},
        who::Who,
    },
    layout::shell::Shell,
};

/// One thing that was done to a task.
#[derive(Clone, Debug)]
pub struct Event {
    pub who: Who,
    /// After the name: “moved it from To do to In progress”.
    pub what: String,
    pub at: OffsetDateTime,
}

/// The newest first.
#[must_use]
pub fn page(shell: &Shell, task: &Task, events: &[Event]) -> String {
    let lines = events.iter().map(|event| {
        view! {
            <li>
                {event.who.avatar()}
                <span><b>{event.who.name().to_owned()}</b>" "{event.what.clone()}</span>
                <span>{moment(event.at)}" · "{relative(event.at, shell.now)}</span>
            </li>
        }
    });
    let body = view! {
        <div class="content">
            <section aria-labelledby="history">
                <div class="section__head"><h2 id="history">"History"</h2><span class="section__count">{events.len()}</span></div>
                <ol class="feed">{lines.collect_view()}</ol>
            </section>
        </div>
    };
    framed(shell, task, Tab::History, None, body.into_any())
}
