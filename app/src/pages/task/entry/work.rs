use leptos::prelude::*;

use super::{Edit, Place, Tool, ToolState};
use crate::components::{
    ansi, clock, diff,
    icon::{Icon, icon},
    status::State,
};

/// A folded call. Terminal colours are read in the output of commands only; of other tools it is shown as it is.
pub(super) fn tool(seq: i64, tool: &Tool, terminal: bool) -> AnyView {
    let open = matches!(tool.state, ToolState::Failed(_));
    let body = output(seq, tool, terminal);
    let summary = view! {
        <span class="tool__name">{tool.name.clone()}</span>
        <span class="tool__arg">{tool.target.clone()}</span>
        <span class="tool__meta">{tool.took.map(|took| view! { <span>{clock::took(took)}</span> })}{state(&tool.state)}</span>
    };
    match body {
        Some(body) => {
            view! { <details class="tool" open=open><summary>{icon(Icon::ChevronRight)}{summary}</summary>{body}</details> }.into_any()
        }
        None => view! { <p class="tool tool__line">{summary}</p> }.into_any(),
    }
}

fn state(state: &ToolState) -> AnyView {
    match state {
        ToolState::Running => State::Running.view(),
        ToolState::Done(words) => State::Done.worded(words.clone()),
        ToolState::Failed(words) => State::Failed.worded(words.clone()),
    }
}

fn output(seq: i64, tool: &Tool, terminal: bool) -> Option<AnyView> {
    if tool.output.is_empty() {
        return None;
    }
    // The number tells two calls of the same command apart.
    let about = format!("Output of {} {}, entry {seq}", tool.name.to_lowercase(), tool.target);
    let text = if terminal {
        ansi::log(&about, &format!("\u{1b}[2m$ {}\u{1b}[22m\n{}", tool.target, tool.output))
    } else {
        let text = tool.output.clone();
        view! { <pre class="log" tabindex="0" role="region" aria-label=about><code>{text}</code></pre> }.into_any()
    };
    let full = tool.full.clone().map(|href| view! { <p class="log__foot"><a href=href>"Whole output"</a></p> });
    Some(view! { {text}{full} }.into_any())
}

pub(super) fn edit(who: &str, edit: &Edit, place: Place) -> AnyView {
    let more = edit.more.as_ref().map(|below| {
        view! { <a class="link" href=format!("{}{below}", place.base)>"Open diff"</a> }
    });
    let lines = (!edit.hunks.is_empty()).then(|| diff::mini(&edit.path, &edit.hunks));
    view! {
        <div class="entry__head">
            <h3 class="entry__who">{who.to_owned()}</h3>
            <span class="entry__what">"edited "<code>{edit.path.clone()}</code></span>
            <span class="entry__meta">{diff::delta(edit.additions, edit.deletions)}{more}</span>
        </div>
        {lines}
    }
    .into_any()
}
