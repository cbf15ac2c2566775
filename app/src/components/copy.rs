use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// A short text that people paste elsewhere, as a button that copies it. `what` is read: “Copy id QUA-1”.
#[must_use]
pub fn copy(what: &str, text: &str, sign: Option<Icon>) -> AnyView {
    let label = format!("{what} {text}");
    view! {
        <button class="copy" type="button" data-copy=text.to_owned() aria-label=label>
            {sign.map(icon)}<span data-copy-said=true>{text.to_owned()}</span>{icon(Icon::Copy)}
        </button>
    }
    .into_any()
}
