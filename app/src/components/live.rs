use leptos::prelude::*;
use time::OffsetDateTime;

use crate::components::{
    button::Button,
    clock,
    icon::{Icon, icon},
};

/// Says whether a page follows what happens. As sent it is a snapshot of `now`; the script says otherwise. `here` leads to the
/// page again, for who has no script.
#[must_use]
pub fn indicator(now: OffsetDateTime, here: String) -> AnyView {
    view! {
        <span class="live" id="live" data-state="still">{icon(Icon::Dot)}<span data-live-word=true>"As of "{clock::of_day(now)}</span></span>
        <span class="visually-hidden" id="live-said" role="status"></span>
        <noscript>{Button::new("Refresh").small().link(here)}</noscript>
    }
    .into_any()
}

/// When a page was drawn, in the form that its script reads.
#[must_use]
pub fn stamp(now: OffsetDateTime) -> Option<String> {
    now.format(&time::format_description::well_known::Rfc3339).ok()
}
