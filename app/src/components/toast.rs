use leptos::prelude::*;

use crate::components::{
    banner::Tone,
    icon::{Icon, icon},
};

/// What came of the last form, shown once on the page after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    pub tone: Tone,
    pub text: String,
    /// Where a POST takes it back.
    pub undo: Option<String>,
}

impl Flash {
    #[must_use]
    pub fn done(text: impl Into<String>) -> Self {
        Self { tone: Tone::Success, text: text.into(), undo: None }
    }
}

/// The place of toasts. It is always there, because a live region that is inserted with its text is not read out.
#[must_use]
pub fn toasts(flash: Option<&Flash>) -> AnyView {
    view! { <div class="toasts" role="status">{flash.map(toast)}</div> }.into_any()
}

#[must_use]
pub fn toast(flash: &Flash) -> AnyView {
    let undo = flash.undo.clone().map(|action| {
        view! { <form method="post" action=action><button class="button" type="submit">"Undo"</button></form> }
    });
    // A failure stays until it is put away.
    let seconds = (flash.tone == Tone::Success).then_some("10");
    view! {
        <div class="toast" data-toast=true data-seconds=seconds data-tone=flash.tone.as_str()>
            {icon(flash.tone.icon())}
            <span>{flash.text.clone()}</span>
            {undo}
            <button class="button" data-kind="plain" data-icon=true type="button" data-toast-close=true aria-label="Dismiss">{icon(Icon::Cross)}</button>
        </div>
    }
    .into_any()
}
