use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// How urgent a message is; also the order in which banners stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    Danger,
    Warning,
    Info,
    Success,
}

impl Tone {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Danger => "danger",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Success => "success",
        }
    }

    pub(crate) const fn icon(self) -> Icon {
        match self {
            Self::Danger => Icon::CircleX,
            Self::Warning => Icon::TriangleAlert,
            Self::Info => Icon::CircleAlert,
            Self::Success => Icon::CircleCheck,
        }
    }
}

/// A message that stays until its cause is gone.
#[derive(Clone, Debug)]
pub struct Banner {
    pub tone: Tone,
    /// The finding, in bold: “Chain intact.”
    pub lead: String,
    pub text: String,
    /// Word and address of the way out.
    pub action: Option<(String, String)>,
}

#[must_use]
pub fn banner(banner: &Banner) -> AnyView {
    let action = banner.action.clone();
    framed(banner, action.map(|(word, href)| view! { <a class="button" href=href>{word}</a> }.into_any()))
}

/// A banner whose action is a form.
#[must_use]
pub fn framed(banner: &Banner, action: Option<AnyView>) -> AnyView {
    view! {
        <div class="banner" data-tone=banner.tone.as_str()>
            {icon(banner.tone.icon())}
            <p><strong>{banner.lead.clone()}</strong>" "{banner.text.clone()}</p>
            {action}
        </div>
    }
    .into_any()
}

/// All banners of a page, the gravest first; nothing without any.
#[must_use]
pub fn banners(list: &[Banner]) -> Option<AnyView> {
    if list.is_empty() {
        return None;
    }
    let mut sorted = list.to_vec();
    sorted.sort_by_key(|banner| banner.tone);
    let shown = sorted.iter().map(banner).collect_view();
    Some(view! { <section class="banners" aria-label="Announcements">{shown}</section> }.into_any())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fragment;

    #[test]
    fn the_gravest_banner_stands_first() {
        let one = |tone, lead: &str| Banner { tone, lead: lead.to_owned(), text: String::new(), action: None };
        let html = fragment(false, banners(&[one(Tone::Info, "later"), one(Tone::Danger, "first")]));
        assert!(html.find("first") < html.find("later"), "{html}");
        assert!(banners(&[]).is_none());
    }
}
