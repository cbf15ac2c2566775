use leptos::prelude::*;

/// A table whose rows turn into cards on narrow screens.
///
/// The head of a column of buttons, “Actions” or “Action”, is read but not seen. Roles are written out: some browsers drop those of table elements once their `display` changes.
#[must_use]
pub fn table(caption: &str, heads: &[&str], rows: Vec<AnyView>) -> AnyView {
    let heads = heads.iter().map(|head| {
        let class = head.starts_with("Action").then_some("visually-hidden");
        view! { <th role="columnheader" scope="col"><span class=class>{(*head).to_owned()}</span></th> }
    });
    view! {
        <table class="table" role="table" data-cards=true data-tall=true>
            <caption class="visually-hidden">{caption.to_owned()}</caption>
            <thead role="rowgroup"><tr role="row">{heads.collect_view()}</tr></thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
    .into_any()
}

/// A row: its head, then its cells.
#[must_use]
pub fn row(head: AnyView, cells: Vec<AnyView>) -> AnyView {
    view! { <tr role="row"><th role="rowheader" scope="row">{head}</th>{cells}</tr> }.into_any()
}

/// A cell. `label` is the head of its column, which a card shows beside the value.
#[must_use]
pub fn cell(label: &'static str, value: AnyView) -> AnyView {
    view! { <td role="cell" data-label=label>{value}</td> }.into_any()
}

/// The last cell of a row: what can be done with it.
#[must_use]
pub fn actions(buttons: AnyView) -> AnyView {
    view! { <td role="cell" class="table__actions">{buttons}</td> }.into_any()
}
