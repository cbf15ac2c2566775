use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// How urgent a task is, 0 to 10, as bars and a word.
#[must_use]
pub fn priority(level: u8) -> AnyView {
    let (kind, word, sign) = shown(level);
    view! {
        <span class="prio" data-prio=kind>{icon(sign)}<span class="prio__word">{word}<span class="visually-hidden">" priority"</span></span></span>
    }
    .into_any()
}

const fn shown(level: u8) -> (&'static str, &'static str, Icon) {
    match level {
        0..=3 => ("low", "Low", Icon::PriorityLow),
        4..=6 => ("medium", "Medium", Icon::PriorityMedium),
        _ => ("high", "High", Icon::PriorityHigh),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_medium() {
        for (level, kind) in [(0, "low"), (3, "low"), (5, "medium"), (7, "high"), (10, "high")] {
            assert_eq!(shown(level).0, kind, "{level}");
        }
    }
}
