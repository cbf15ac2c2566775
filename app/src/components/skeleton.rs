use leptos::prelude::*;

/// The shape of a list that is on its way.
#[must_use]
pub fn skeleton(what: &str, rows: usize) -> AnyView {
    let lines = (0..rows).map(|_| view! { <div class="skeleton__row"></div> }).collect_view();
    view! {
        <div role="status">
            <p class="visually-hidden">{format!("Loading {what}")}</p>
            <div class="skeleton" aria-hidden="true">{lines}</div>
        </div>
    }
    .into_any()
}
