use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// The mark and the name, as a link home.
pub(super) fn logo() -> AnyView {
    view! {
        <a class="logo" href="/" aria-label="Muster, home">
            <span class="logo__mark">{icon(Icon::Mark)}</span>
            "Muster"
        </a>
    }
    .into_any()
}
