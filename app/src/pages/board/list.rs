use leptos::prelude::*;

use super::{Board, Sorting, tasks};
use crate::{
    components::{
        label::label,
        priority::priority,
        table::{cell, row, table},
        task_state::task_state,
        time::relative,
    },
    layout::shell::Shell,
};

/// The tasks as a table, state by state.
pub(super) fn list(shell: &Shell, data: &Board) -> AnyView {
    let rows = data.columns.iter().flat_map(|column| column.cards.iter().map(|card| (column.state, card)));
    let rows = rows.map(|(state, card)| {
        let href = shell.link(&format!("/tasks/{}", card.number));
        let name = view! {
            <span class="table__name"><span class="id">{card.key.clone()}</span><a class="link" href=href>{card.title.clone()}</a></span>
        };
        let labels = view! { <span class="cluster">{card.labels.iter().map(|word| label(word)).collect_view()}</span> };
        let who = card.assignee.as_ref().map_or("Nobody", |who| who.name()).to_owned();
        let cells = vec![
            cell("State", task_state(state)),
            cell("Priority", priority(card.priority)),
            cell("Labels", labels.into_any()),
            cell("Assignee", who.into_any()),
            cell("Changed", relative(card.updated_at, shell.now)),
        ];
        row(name.into_any(), cells)
    });
    let shown: usize = data.columns.iter().map(|column| column.cards.len()).sum();
    let hidden = data.matching() - i64::try_from(shown).unwrap_or(0);
    let more = (hidden > 0).then(|| {
        format!("{} more: the list shows the first 50 of each state. Narrow it down with a filter.", tasks(hidden))
    });
    let order = (data.filter.sort == Sorting::Manual).then(|| "Within a state they stand as on the board.".to_owned());
    let notes = [more, order].into_iter().flatten().map(|text| view! { <p class="section__note">{text}</p> });
    let heads = ["Task", "State", "Priority", "Labels", "Assignee", "Changed"];
    view! { <div id="task-list">{table("Tasks", &heads, rows.collect())}{notes.collect_view()}</div> }.into_any()
}
