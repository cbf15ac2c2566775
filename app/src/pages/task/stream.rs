use leptos::prelude::*;

use super::{
    Task,
    entry::{self, Place},
    overview::{Filter, Overview},
};
use crate::{
    components::{
        button::Button,
        clock,
        icon::{Icon, icon},
    },
    document::fragment,
    layout::shell::Shell,
};

/// The stream with its tools. `live.js` appends to “stream”, sets the words of “live” and the number of “follow”.
pub(super) fn stream(shell: &Shell, task: &Task, data: &Overview) -> AnyView {
    let base = shell.link(&task.path);
    let place = Place { base: &base, now: shell.now };
    let entries = data.entries.iter().map(|one| entry::view(one, place)).collect_view();
    let earlier = data.earlier.clone().map(|query| {
        view! { <p class="task__earlier"><a class="link" href=format!("{base}{query}")>"Earlier entries"</a></p> }
    });
    let nothing = data.entries.is_empty().then(|| nothing(task));
    view! {
        {tools(shell, &base, data)}
        <section class="task__stream" aria-labelledby="stream-title">
            <h2 class="visually-hidden" id="stream-title">"Live stream"</h2>
            {earlier}
            {nothing}
            <div role="log" aria-live="off" aria-labelledby="stream-title">
                <ol class="stream" id="stream" data-show=data.filter.word()>{entries}</ol>
            </div>
            {typing(&[])}
        </section>
        <div class="follow" id="follow" hidden=true>
            <button class="button" type="button" data-follow=true>{icon(Icon::ArrowDown)}<span>"New entries"</span></button>
        </div>
        <p class="visually-hidden" id="live-said" role="status"></p>
    }
    .into_any()
}

/// What agents are writing just now, each by its name and the text so far. As sent there is nothing: a page without a script is a
/// snapshot of what is recorded.
#[must_use]
pub fn typing_fragment(halves: &[(&str, &str)]) -> String {
    fragment(false, typing(halves))
}

fn typing(halves: &[(&str, &str)]) -> AnyView {
    let written = halves.iter().map(|(agent, text)| {
        view! {
            <div class="entry__head">
                <b class="entry__who">{(*agent).to_owned()}</b>
                <span class="entry__meta">"writing"</span>
            </div>
            <p class="entry__text typing__text">{(*text).to_owned()}</p>
        }
    });
    view! { <div class="typing" id="typing" hidden=halves.is_empty()>{written.collect_view()}</div> }.into_any()
}

fn nothing(task: &Task) -> AnyView {
    let text = if task.run.is_some() {
        "The run is being prepared. What happens is listed here as it happens."
    } else {
        "No run yet. When a squad starts on this task, everything it says and does is listed here."
    };
    view! { <p class="lede task__nothing" id="stream-empty">{text}</p> }.into_any()
}

fn tools(shell: &Shell, base: &str, data: &Overview) -> AnyView {
    let links = Filter::ALL.iter().map(|filter| {
        let href = filter.word().map_or_else(|| base.to_owned(), |word| format!("{base}?show={word}"));
        let current = (*filter == data.filter).then_some("true");
        view! { <a href=href aria-current=current data-filter=filter.word().unwrap_or("")>{filter.label()}</a> }
    });
    let first = data.entries.iter().find(|entry| entry.failed()).map(|entry| {
        view! { <a href=format!("#e-{}", entry.seq) data-error=true>{icon(Icon::CircleX)}"First error"</a> }
    });
    view! {
        <div class="task__tools">
            <nav class="toggles" aria-label="Show">{links.collect_view()}{first}</nav>
            {indicator(shell, base, data.live.is_some())}
        </div>
    }
    .into_any()
}

/// Says whether the page follows what happens. As sent it is a snapshot; the script says otherwise.
fn indicator(shell: &Shell, base: &str, live: bool) -> AnyView {
    let refresh = live.then(|| {
        view! { <noscript>{Button::new("Refresh").small().link(base.to_owned())}</noscript> }
    });
    view! {
        <span class="live" id="live" data-state="still">
            {icon(Icon::Dot)}<span data-live-word=true>"As of "{clock::of_day(shell.now)}</span>
        </span>
        {refresh}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_agent_who_writes_is_named_beside_its_words() {
        let html = typing_fragment(&[("coder-1", "I read <b>"), ("coder-2", "I write")]);
        let places = ["coder-1", "I read &lt;b&gt;", "coder-2", "I write"].map(|text| html.find(text));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{html}");
        assert!(typing_fragment(&[]).contains("hidden"));
    }
}
