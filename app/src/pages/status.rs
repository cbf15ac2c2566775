use leptos::prelude::*;

use crate::{
    components::{
        fact_table::fact_table,
        icon::{Icon, icon},
    },
    layout::public::{Public, public_page},
};

/// How the parts of this installation answer just now.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Name, state and a note in words, in the order of the page.
    pub components: Vec<(String, State, String)>,
    /// When the parts were asked, RFC 3339 in UTC.
    pub checked_at: String,
    pub version: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Works,
    Degraded,
    Down,
}

impl State {
    const fn shown(self) -> (&'static str, &'static str, Icon) {
        match self {
            Self::Works => ("done", "Works", Icon::Check),
            Self::Degraded => ("needs", "Slow or partly down", Icon::TriangleAlert),
            Self::Down => ("failed", "Down", Icon::OctagonX),
        }
    }
}

#[must_use]
pub fn page(chrome: &Public, status: &Status) -> String {
    let rows = status.components.iter().map(|(name, state, note)| {
        let (data, word, sign) = state.shown();
        let state = view! { <span class="status" data-state=data>{icon(sign)}{word}</span> };
        vec![name.clone().into_any(), state.into_any(), note.clone().into_any()]
    });
    let main = view! {
        <div class="wrap">
            <div class="page-intro">
                <h1>{summary(&status.components)}</h1>
                <p>
                    "Asked at "<time datetime=status.checked_at.clone()>{status.checked_at.clone()}</time>
                    ", version "{status.version.clone()}". Load the page again to ask again."
                </p>
            </div>
            {fact_table("Parts of this installation", &["Part", "State", "Note"], rows.collect())}
            <p class="page-end">
                "This page shows this moment only; it keeps no history. A machine can ask "<a href="/readyz">"/readyz"</a>"."
            </p>
        </div>
    };
    public_page(chrome, "Status", "How the parts of this Muster installation answer just now.", main.into_any())
}

fn summary(components: &[(String, State, String)]) -> String {
    let troubled = components.iter().filter(|(_, state, _)| *state != State::Works).count();
    match (components.len(), troubled) {
        (0, _) => "No part has been asked yet".to_owned(),
        (_, 0) => "Every part works".to_owned(),
        (all, 1) => format!("1 of {all} parts has trouble"),
        (all, some) => format!("{some} of {all} parts have trouble"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_in_the_heading_and_in_words() {
        let status = Status {
            components: vec![
                ("Database".to_owned(), State::Works, "3 ms".to_owned()),
                ("Mail".to_owned(), State::Down, "Refused the connection".to_owned()),
            ],
            checked_at: "2026-11-19T14:32:00Z".to_owned(),
            version: "0.1.0".to_owned(),
        };
        let html = page(&Public::default(), &status);
        assert!(html.contains("1 of 2 parts has trouble") && html.contains("Down"), "{html}");
        assert!(html.contains(r#"<time datetime="2026-11-19T14:32:00Z">"#), "{html}");
    }

    #[test]
    fn nothing_asked_is_not_called_fine() {
        assert_eq!(summary(&[]), "No part has been asked yet");
    }
}
