use leptos::prelude::*;

/// A place with nothing in it: what it is for, and the one thing to do. Never an apology.
#[derive(Debug)]
pub struct Empty {
    pub title: String,
    pub text: String,
    pub actions: Vec<AnyView>,
}

#[must_use]
pub fn empty(state: Empty) -> AnyView {
    let actions = (!state.actions.is_empty()).then(|| view! { <div class="cluster">{state.actions}</div> });
    view! {
        <div class="box" data-flush=true>
            <div class="empty"><p class="empty__title">{state.title}</p><p>{state.text}</p>{actions}</div>
        </div>
    }
    .into_any()
}
