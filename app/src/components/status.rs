use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// What a thing is doing. Each state has its own icon, so that colour never carries it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Todo,
    Queued,
    /// A person works on it, or nobody yet.
    InProgress,
    Running,
    NeedsYou,
    InReview,
    Paused,
    Blocked,
    Failed,
    Done,
    Cancelled,
}

impl State {
    pub const ALL: &[Self] = &[
        Self::Todo,
        Self::Queued,
        Self::InProgress,
        Self::Running,
        Self::NeedsYou,
        Self::InReview,
        Self::Paused,
        Self::Blocked,
        Self::Failed,
        Self::Done,
        Self::Cancelled,
    ];

    /// The value of `data-state`, the word people read, the icon.
    const fn shown(self) -> (&'static str, &'static str, Icon) {
        match self {
            Self::Todo => ("todo", "To do", Icon::Todo),
            Self::Queued => ("queued", "Queued", Icon::Clock),
            Self::InProgress => ("queued", "In progress", Icon::Progress),
            Self::Running => ("running", "Running", Icon::Running),
            Self::NeedsYou => ("needs", "Needs you", Icon::Hand),
            Self::InReview => ("review", "In review", Icon::Eye),
            Self::Paused => ("paused", "Paused", Icon::Pause),
            Self::Blocked => ("blocked", "Blocked", Icon::OctagonMinus),
            Self::Failed => ("failed", "Failed", Icon::CircleX),
            Self::Done => ("done", "Done", Icon::CircleCheck),
            Self::Cancelled => ("off", "Cancelled", Icon::Ban),
        }
    }

    #[must_use]
    pub fn view(self) -> AnyView {
        self.worded(self.shown().1)
    }

    /// The state in other words: “Holds a seat”.
    #[must_use]
    pub fn worded(self, words: impl Into<String>) -> AnyView {
        let (state, _, sign) = self.shown();
        view! { <span class="status" data-state=state>{icon(sign)}{words.into()}</span> }.into_any()
    }

    /// For the head of a page: larger, on a ground of its own where a person must look.
    #[must_use]
    pub fn large(self) -> AnyView {
        let (state, words, sign) = self.shown();
        view! { <span class="status" data-size="md" data-state=state>{icon(sign)}{words}</span> }.into_any()
    }

    /// The icon alone, with the word read out: where a name stands beside it.
    #[must_use]
    pub fn sign(self) -> AnyView {
        let (state, words, sign) = self.shown();
        view! { <span class="status" data-state=state>{icon(sign)}<span class="visually-hidden">{words}</span></span> }
            .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fragment;

    #[test]
    fn no_two_states_share_an_icon_or_a_word() {
        let shown: Vec<_> = State::ALL.iter().map(|state| fragment(false, state.view())).collect();
        for (index, html) in shown.iter().enumerate() {
            assert!(html.contains("<svg"), "{html}");
            assert!(!shown[..index].contains(html));
        }
        let mut words: Vec<_> = State::ALL.iter().map(|state| state.shown().1).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), State::ALL.len());
    }
}
