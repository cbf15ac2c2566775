use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// Some lines to be taken along as they are: commands, a piece of a settings file. `what` is read with the button.
#[must_use]
pub fn snippet(what: &str, text: &str) -> AnyView {
    let label = format!("Copy {what}");
    view! {
        <div class="snippet">
            <pre class="snippet__text"><code>{text.to_owned()}</code></pre>
            <button class="copy" type="button" data-copy=text.to_owned() aria-label=label>
                <span data-copy-said=true>"Copy"</span>{icon(Icon::Copy)}
            </button>
        </div>
    }
    .into_any()
}
