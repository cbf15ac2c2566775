use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// A button of a form, or a link that looks like one. Quiet unless told otherwise; one primary per view.
#[derive(Clone, Debug)]
pub struct Button {
    word: String,
    kind: Option<&'static str>,
    size: Option<&'static str>,
    icon: Option<Icon>,
    busy: Option<&'static str>,
    grave: bool,
    about: Option<String>,
}

impl Button {
    #[must_use]
    pub fn new(word: impl Into<String>) -> Self {
        Self { word: word.into(), kind: None, size: Some("md"), icon: None, busy: None, grave: false, about: None }
    }

    #[must_use]
    pub fn primary(mut self) -> Self {
        self.kind = Some("primary");
        self
    }

    /// Without a frame: for the way one seldom takes.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.kind = Some("plain");
        self
    }

    /// Opens something that takes away.
    #[must_use]
    pub fn danger(mut self) -> Self {
        self.kind = Some("danger");
        self
    }

    /// Filled red: takes away at once. Only inside a confirm dialog.
    #[must_use]
    pub fn grave(mut self) -> Self {
        self.grave = true;
        self
    }

    /// For rows and heads of sections.
    #[must_use]
    pub fn small(mut self) -> Self {
        self.size = None;
        self
    }

    #[must_use]
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// What the button says while its form is on its way: “Saving…”.
    #[must_use]
    pub fn busy(mut self, word: &'static str) -> Self {
        self.busy = Some(word);
        self
    }

    /// What it acts on, where the word alone would be the same in each row. Read out, not shown.
    #[must_use]
    pub fn about(mut self, thing: &str) -> Self {
        self.about = Some(thing.to_owned());
        self
    }

    #[must_use]
    pub fn submit(self) -> AnyView {
        let (kind, size, busy, tone) = (self.kind, self.size, self.busy, self.tone());
        view! {
            <button class="button" type="submit" data-kind=kind data-size=size data-tone=tone data-busy=busy>{self.inner()}</button>
        }
        .into_any()
    }

    #[must_use]
    pub fn link(self, href: impl Into<String>) -> AnyView {
        let (kind, size, href) = (self.kind, self.size, href.into());
        view! { <a class="button" href=href data-kind=kind data-size=size>{self.inner()}</a> }.into_any()
    }

    /// Opens or closes the popover with this id, without script.
    #[must_use]
    pub fn opens(self, popover: &str) -> AnyView {
        let (kind, size, tone) = (self.kind, self.size, self.tone());
        view! {
            <button class="button" type="button" popovertarget=popover.to_owned() data-kind=kind data-size=size data-tone=tone>
                {self.inner()}
            </button>
        }
        .into_any()
    }

    fn tone(&self) -> Option<&'static str> {
        self.grave.then_some("danger")
    }

    fn inner(self) -> AnyView {
        let about = self.about.map(|thing| view! { <span class="visually-hidden">{format!(" {thing}")}</span> });
        view! { {self.icon.map(icon)}{self.word}{about} }.into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fragment;

    #[test]
    fn rows_tell_their_buttons_apart() {
        let html = fragment(false, Button::new("Revoke").small().danger().about("felix@quayside.example").submit());
        assert!(html.contains(r#"Revoke<span class="visually-hidden"> felix@quayside.example</span>"#), "{html}");
        assert!(html.contains(r#"data-kind="danger""#) && !html.contains("data-size"), "{html}");
    }
}
