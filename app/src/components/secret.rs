use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// A long text to be taken along, such as a key or a command. `what` is read with the button: “Copy the token”.
#[must_use]
pub fn secret(what: &str, text: &str) -> AnyView {
    let label = format!("Copy {what}");
    view! {
        <div class="secret">
            <code class="secret__text">{text.to_owned()}</code>
            <button class="copy" type="button" data-copy=text.to_owned() aria-label=label>
                <span data-copy-said=true>"Copy"</span>{icon(Icon::Copy)}
            </button>
        </div>
    }
    .into_any()
}
