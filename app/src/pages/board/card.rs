use leptos::prelude::*;
use types::TaskState;

use super::{Board, Card};
use crate::{
    components::{
        button::Button,
        icon::{Icon, icon},
        label::label,
        menu::menu_link,
        priority::priority,
        time::relative,
    },
    layout::shell::Shell,
};

/// A task on the board. `neighbours` are the cards above and below it, where people arrange them.
pub(super) fn card(
    shell: &Shell,
    data: &Board,
    state: TaskState,
    card: &Card,
    neighbours: [Option<&Card>; 2],
) -> AnyView {
    let (anchor, title) = (format!("task-{}", card.number), format!("task-{}-title", card.number));
    let title_ref = title.clone();
    let labels = (!card.labels.is_empty())
        .then(|| view! { <p class="card__labels">{card.labels.iter().map(|word| label(word)).collect_view()}</p> });
    let who = card.assignee.as_ref().map(|who| {
        let name = who.name().to_owned();
        view! {
            <span class="avatars" title=name.clone()>{who.avatar()}<span class="visually-hidden">{format!("Assigned to {name}")}</span></span>
        }
    });
    let menu = card.changeable.then(|| actions(shell, data, state, card, neighbours));
    let moves = card.changeable.then(|| card.moves.iter().map(|to| to.as_str()).collect::<Vec<_>>().join(" "));
    view! {
        <li>
            <article
                class="card"
                id=anchor
                aria-labelledby=title_ref
                data-done=state.ended()
                data-card=card.number.to_string()
                data-task=card.id.clone()
                data-moves=moves
            >
                <div class="card__top"><span class="id">{card.key.clone()}</span>{priority(card.priority)}{who}{menu}</div>
                <h3 class="card__title" id=title><a href=shell.link(&format!("/tasks/{}", card.number))>{card.title.clone()}</a></h3>
                {labels}
                <p class="card__foot"><span>{relative(card.updated_at, shell.now)}</span></p>
            </article>
        </li>
    }
    .into_any()
}

fn actions(shell: &Shell, data: &Board, state: TaskState, card: &Card, neighbours: [Option<&Card>; 2]) -> AnyView {
    let path = |verb: &str| shell.link(&format!("/tasks/{}/{verb}", card.number));
    let back = data.here(shell);
    let to = format!("to-{}", card.number);
    let choices = card.moves.iter().filter(|to| **to != state).map(|to| {
        view! { <option value=to.as_str()>{to.label()}</option> }
    });
    view! {
        <details class="menu card__menu" data-kind="icon" data-menu=true>
            <summary aria-label=format!("Actions for {}", card.key)>{icon(Icon::Ellipsis)}</summary>
            <div class="menu__list">
                <form class="menu__form" method="post" action=path("move") data-move=true>
                    <input type="hidden" name="back" value=back.clone()/>
                    <label class="field__label" for=to.clone()>"Move to"</label>
                    <select class="input" data-size="sm" id=to name="to">{choices.collect_view()}</select>
                    {Button::new("Move").small().about(&card.key).submit()}
                </form>
                {steps(&path("move"), &back, state, neighbours)}
                <div class="menu__group">{menu_link("Edit", path("edit"), Some(Icon::Pencil), false)}</div>
                <form class="menu__group" method="post" action=path("delete")>
                    <input type="hidden" name="back" value=back/>
                    <button class="menu__item" type="submit" data-tone="danger">"Delete"</button>
                </form>
            </div>
        </details>
    }
    .into_any()
}

/// One place up or down, for who does not drag.
fn steps(action: &str, back: &str, state: TaskState, [above, below]: [Option<&Card>; 2]) -> Option<AnyView> {
    let step = |word: &'static str, sign: Icon, place: String| {
        view! { <button class="menu__item" type="submit" name="place" value=place>{icon(sign)}<span>{word}</span></button> }
    };
    let up = above.map(|card| step("Move up", Icon::ArrowUp, format!("before:{}", card.id)));
    let down = below.map(|card| step("Move down", Icon::ArrowDown, format!("after:{}", card.id)));
    if up.is_none() && down.is_none() {
        return None;
    }
    Some(
        view! {
            <form class="menu__group" method="post" action=action.to_owned()>
                <input type="hidden" name="to" value=state.as_str()/>
                <input type="hidden" name="back" value=back.to_owned()/>
                {up}
                {down}
            </form>
        }
        .into_any(),
    )
}
