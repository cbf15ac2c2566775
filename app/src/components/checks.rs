use leptos::prelude::*;
use time::Duration;

use crate::components::{clock, status::State};

/// One command that was asked whether the work is right: tests, build, lint.
#[derive(Clone, Debug)]
pub struct Check {
    /// What it checks: “Tests”.
    pub name: String,
    /// `Done`, `Failed`, `Running` or `Queued`.
    pub state: State,
    /// Its result in a few words: “48 of 48”.
    pub note: String,
    pub took: Option<Duration>,
    /// Where its output can be read.
    pub log: Option<String>,
}

/// Checks in one line, each with its result.
#[must_use]
pub fn checks(list: &[Check]) -> AnyView {
    if list.is_empty() {
        return view! { <p class="small muted">"No checks have run yet."</p> }.into_any();
    }
    let lines = list.iter().map(|check| {
        let name = view! { <b>{check.name.clone()}</b> };
        let name = match &check.log {
            Some(href) => view! { <a class="checks__log" href=href.clone()>{name}</a> }.into_any(),
            None => name.into_any(),
        };
        let took = check.took.map(|took| view! { <span>{clock::took(took)}</span> });
        view! { <li>{check.state.sign()}{name}<span>{check.note.clone()}</span>{took}</li> }
    });
    view! { <ul class="checks">{lines.collect_view()}</ul> }.into_any()
}
