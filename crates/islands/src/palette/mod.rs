mod browser;
mod listing;
mod score;
mod state;

use leptos::{either::Either, prelude::*};

use self::state::{Search, State};
use crate::command::{Command, Kind};

/// The command palette: a dialog over the page, opened by Ctrl K, ⌘ K, `/`, or anything with `data-palette-open`.
///
/// `search_url` answers `?q=` with a JSON list of `{label, href, group}`; `search_page` is the same search as a page.
#[island]
pub fn Palette(commands: Vec<Command>, search_url: String, search_page: String) -> impl IntoView {
    dialog(State::new(commands, search_url, search_page))
}

/// Keyboard contract: ARIA Authoring Practices, “combobox with list autocomplete”. Focus stays in the field;
/// `aria-activedescendant` names the option.
fn dialog(state: State) -> impl IntoView {
    Effect::new(move |_| state.listen());
    let chosen = move || {
        let active = state.active.get();
        state.rows.with(|rows| state.open.get() && active < rows.len()).then(|| browser::option_id(active))
    };
    let on_backdrop = move |event: web_sys::MouseEvent| {
        if event.target() == event.current_target() {
            state.close();
        }
    };
    view! {
        <dialog
            class="palette" aria-label="Command palette" node_ref=state.dialog
            on:close=move |_| state.reset() on:click=on_backdrop
        >
            <div class="palette-field">
                {move || state.page.get().map(|page| view! { <span class="palette-page">{page}</span> })}
                <input
                    class="palette-input" type="text" role="combobox" aria-label="Search, or run a command"
                    aria-autocomplete="list" aria-expanded="true" aria-controls="palette-list" aria-activedescendant=chosen
                    autocomplete="off" autocapitalize="off" spellcheck="false" autofocus=true
                    placeholder="Search, or run a command" node_ref=state.input prop:value=state.query
                    on:input=move |event| state.type_in(event_target_value(&event))
                    on:keydown=move |event| state.on_key(&event)
                />
                <kbd>"Esc"</kbd>
            </div>
            <div
                class="palette-list" id="palette-list" role="listbox" aria-label="Commands"
                on:click=move |event| state.on_click(&event)
                on:pointermove=move |event| {
                    if let Some(index) = browser::option_of(&event) {
                        state.active.set(index);
                    }
                }
            >
                {move || state.open.get().then(|| groups(state))}
            </div>
            <p class="palette-status" role="status">{move || status(state)}</p>
        </dialog>
    }
}

fn groups(state: State) -> Vec<impl IntoView> {
    let rows = state.rows.get();
    let mut first = 0;
    let mut groups = Vec::new();
    for group in rows.chunk_by(|one, next| one.group == next.group) {
        let options: Vec<_> = group.iter().enumerate().map(|(nth, row)| option(state, first + nth, row)).collect();
        let name = group.first().map(|row| row.group.clone());
        let label = name.clone();
        groups.push(view! {
            <div role="group" aria-label=label>
                <div class="palette-group" aria-hidden="true">{name}</div>
                {options}
            </div>
        });
        first += group.len();
    }
    groups
}

fn option(state: State, index: usize, row: &Command) -> impl IntoView + use<> {
    let selected = move || if state.active.get() == index { "true" } else { "false" };
    let id = browser::option_id(index);
    let label = row.label.clone();
    let keys: Vec<_> =
        row.keys.split(' ').filter(|key| !key.is_empty()).map(|key| view! { <kbd>{key.to_owned()}</kbd> }).collect();
    let inner = view! {
        <span class="palette-label">{label}</span>
        <span class="palette-keys">{keys}</span>
    };
    if row.kind == Kind::Link {
        let href = row.href.clone();
        Either::Left(view! {
            <a class="palette-option" role="option" tabindex="-1" id=id href=href aria-selected=selected>{inner}</a>
        })
    } else {
        Either::Right(view! {
            <button class="palette-option" role="option" tabindex="-1" type="button" id=id aria-selected=selected>{inner}</button>
        })
    }
}

fn status(state: State) -> String {
    let count = state.rows.with(Vec::len);
    if !state.open.get() {
        return String::new();
    }
    match (state.search.get(), count) {
        (Search::Unreachable, 1) => "Search is not reachable; press Enter for the search page.".to_owned(),
        (Search::Unreachable, _) => "Search is not reachable; the last line leads to the search page.".to_owned(),
        (_, 0) => "Nothing here fits. Esc leads back.".to_owned(),
        _ if state.query.with(String::is_empty) => "Arrow keys move, Enter chooses.".to_owned(),
        (_, 1) => "1 result".to_owned(),
        (_, count) => format!("{count} results"),
    }
}
