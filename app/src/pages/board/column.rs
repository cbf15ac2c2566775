use leptos::prelude::*;
use types::TaskState;

use super::{Board, Column, Sorting, card::card};
use crate::{
    components::{
        button::Button,
        icon::{Icon, icon},
        task_state::column_icon,
    },
    layout::shell::Shell,
};

/// A column of tasks that are still open.
pub(super) fn open(shell: &Shell, data: &Board, column: &Column, writes: bool) -> AnyView {
    let id = format!("c-{}", column.state);
    let id_ref = id.clone();
    view! {
        <section class="column" aria-labelledby=id_ref data-column=column.state.as_str()>
            <div class="column__head">
                <h2 id=id>{column_icon(column.state)}{column.state.label()}</h2>
                {count(column)}
                {writes.then(|| quick(shell, data, column.state))}
            </div>
            {cards(shell, data, column)}
        </section>
    }
    .into_any()
}

/// The ways to the ends of tasks.
pub(super) fn tabs(shell: &Shell, data: &Board, column: &Column) -> AnyView {
    let tabs = data.ended().map(|other| {
        let href = shell.link(&format!("{}{}", data.project.path(""), data.filter.with_ended(other.state).query()));
        let current = (other.state == column.state).then_some("true");
        view! { <a href=href aria-current=current>{other.state.label()}" "<span>{other.matching}</span></a> }
    });
    view! { <nav class="column__tabs" id="ended-tabs" aria-label="Ended tasks">{tabs.collect_view()}</nav> }.into_any()
}

/// The column of what has ended, with a tab for each end.
pub(super) fn ended(shell: &Shell, data: &Board, column: &Column) -> AnyView {
    view! {
        <section class="column" aria-labelledby="c-ended" data-column=column.state.as_str()>
            <div class="column__head">
                <h2 id="c-ended" class="visually-hidden">{format!("Ended: {}", column.state.label())}</h2>
                {tabs(shell, data, column)}
            </div>
            {cards(shell, data, column)}
        </section>
    }
    .into_any()
}

pub(super) fn count(column: &Column) -> AnyView {
    let said = if column.matching == column.total {
        column.total.to_string()
    } else {
        format!("{} of {}", column.matching, column.total)
    };
    let id = format!("count-{}", column.state);
    view! { <span class="column__count" id=id>{said}<span class="visually-hidden">" tasks"</span></span> }.into_any()
}

pub(super) fn cards(shell: &Shell, data: &Board, column: &Column) -> AnyView {
    let manual = data.filter.sort == Sorting::Manual;
    let shown = column.cards.iter().enumerate().map(|(at, one)| {
        let neighbour = |at: Option<usize>| at.and_then(|at| column.cards.get(at)).filter(|_| manual);
        card(shell, data, column.state, one, [neighbour(at.checked_sub(1)), neighbour(Some(at + 1))])
    });
    let hidden = column.matching - i64::try_from(column.cards.len()).unwrap_or(column.matching);
    let more = (hidden > 0).then(|| {
        let href = shell.link(&format!("{}{}", data.project.path(""), data.filter.with_whole(column.state).query()));
        view! { <li class="column__rest"><a class="column__more" href=href>{format!("Show {hidden} more")}</a></li> }
    });
    let id = format!("cards-{}", column.state);
    view! {
        <ol class="column__cards" id=id data-cards=column.state.as_str()>{shown.collect_view()}{more}</ol>
    }
    .into_any()
}

/// The line at the top of a column that makes a task of what is typed.
fn quick(shell: &Shell, data: &Board, state: TaskState) -> AnyView {
    let id = format!("line-{state}");
    let (typed, opened) = match &data.quick {
        Some((of, typed)) if *of == state => (typed.clone(), true),
        _ => (String::new(), false),
    };
    let (error_id, hint_id) = (format!("{id}-error"), format!("{id}-hint"));
    let error = data.errors.of(&id).map(str::to_owned);
    let described = if error.is_some() { format!("{error_id} {hint_id}") } else { hint_id.clone() };
    let invalid = error.is_some().then_some("true");
    let error = error
        .map(|text| view! { <p class="field__error" id=error_id>{icon(Icon::CircleAlert)}<span>{text}</span></p> });
    let label = format!("Add a task to {}", state.label());
    let key = TaskState::ALL.iter().position(|other| *other == state).and_then(|at| data.keys.get(at)).cloned();
    let value = (!typed.is_empty()).then_some(typed);
    view! {
        <details class="quick" open=opened data-menu=true>
            <summary class="button" data-kind="plain" data-icon=true data-size="xs" aria-label=label.clone()>{icon(Icon::Plus)}</summary>
            <form class="quick__form" method="post" action=shell.link(&data.project.path("/tasks"))>
                <input type="hidden" name="state" value=state.as_str()/>
                <input type="hidden" name="key" value=key/>
                <input type="hidden" name="back" value=data.here(shell)/>
                <label class="field__label" for=id.clone()>{label}</label>
                {error}
                <input
                    class="input"
                    id=id.clone()
                    name="line"
                    r#type="text"
                    value=value
                    maxlength="700"
                    required=true
                    autocomplete="off"
                    aria-invalid=invalid
                    aria-describedby=described
                />
                <p class="field__hint" id=hint_id>"At the end: #label, and !high, !low or !0 to !10."</p>
                <div class="cluster">{Button::new("Add").primary().busy("Adding…").submit()}</div>
            </form>
        </details>
    }
    .into_any()
}
