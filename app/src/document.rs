use std::sync::Arc;

use hydration_context::{SharedContext, SsrSharedContext};
use leptos::prelude::*;

use crate::{appearance::Appearance, assets};

/// What stands around a page's `<body>`.
#[derive(Clone, Debug)]
pub struct Head {
    /// “object · section · team”, without the product's name.
    pub title: String,
    pub description: Option<&'static str>,
    pub sheet: Sheet,
    pub appearance: Appearance,
    /// Whether the page holds islands: only then are the boot script and the wasm named.
    pub islands: bool,
    /// Whether the page follows an event stream.
    pub live: bool,
}

/// Public and signed-in pages share tokens, not components; a page loads one sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    Public,
    App,
}

impl Sheet {
    const fn file(self) -> &'static str {
        match self {
            Self::Public => "public.css",
            Self::App => "app.css",
        }
    }
}

/// Renders a whole page. `body` is the `<body>` element.
#[must_use]
pub fn document(head: &Head, body: impl IntoView) -> String {
    let page = view! {
        <html lang="en" data-theme=head.appearance.theme.as_str() data-contrast=head.appearance.contrast.as_str()>
            {head_element(head)}
            {body}
        </html>
    };
    format!("<!doctype html>{}", fragment(head.islands, page))
}

/// Renders a view outside a page, for instance as the payload of an event.
#[must_use]
pub fn fragment(islands: bool, view: impl IntoView) -> String {
    // Islands need a shared context to write their props; plain views render without one.
    let context = islands.then(|| Arc::new(SsrSharedContext::new_islands()) as Arc<dyn SharedContext + Send + Sync>);
    let owner = Owner::new_root(context);
    let html = owner.with(|| view.into_view().to_html());
    owner.unset_with_forced_cleanup();
    settle_markers(&html)
}

/// `<!>` marks where hydration finds a text or an empty place, and is a parse error in HTML. Inside islands the same
/// comment stands in its valid form; elsewhere there is none, so that a part of a page reads the same whether it came
/// with the page or later. Text and attributes are escaped, so a marker is never a person's words.
fn settle_markers(html: &str) -> String {
    let mut settled = String::with_capacity(html.len());
    let (mut depth, mut kept) = (0_u32, 0);
    for (at, _) in html.match_indices('<') {
        let rest = &html[at..];
        if rest.starts_with("<!>") {
            settled.push_str(&html[kept..at]);
            if depth > 0 {
                settled.push_str("<!---->");
            }
            kept = at + "<!>".len();
        } else if rest.starts_with("<leptos-island") {
            depth += 1;
        } else if rest.starts_with("</leptos-island") {
            depth = depth.saturating_sub(1);
        }
    }
    settled.push_str(&html[kept..]);
    settled
}

fn head_element(head: &Head) -> impl IntoView {
    view! {
        <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
            <meta name="color-scheme" content="dark light"/>
            <title>{format!("{} · Muster", head.title)}</title>
            {head.description.map(|text| view! { <meta name="description" content=text/> })}
            <link rel="icon" href=assets::url("icon.svg") type="image/svg+xml"/>
            <link rel="preload" href=assets::url("geist.woff2") r#as="font" r#type="font/woff2" crossorigin="anonymous"/>
            <link rel="stylesheet" href=assets::url(head.sheet.file())/>
            {(head.sheet == Sheet::App).then(|| view! { <script type="module" src=assets::url("page.js")></script> })}
            {head.live.then(|| view! { <script type="module" src=assets::url("live.js")></script> })}
            {head.islands.then(|| view! {
                <script type="module" src=assets::url("boot.js") data-module=assets::url("islands.js") data-wasm=assets::url("islands.wasm")></script>
            })}
        </head>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_valid_or_gone_and_words_of_people_stay() {
        let page = || view! { <p title="<!>">{"<!>".to_owned()}{None::<String>}</p> };
        let (plain, islands) = (fragment(false, page()), fragment(true, page()));
        assert!(!plain.contains("<!"), "{plain}");
        assert_eq!(plain.matches("&lt;!&gt;").count(), 2, "{plain}");
        assert_eq!(plain, islands, "a part outside islands is the same in every page");

        let island = "<p><!>a</p><leptos-island><b><!>b<leptos-island>c<!></leptos-island><!></b></leptos-island><!>";
        let settled =
            "<p>a</p><leptos-island><b><!---->b<leptos-island>c<!----></leptos-island><!----></b></leptos-island>";
        assert_eq!(settle_markers(island), settled);
    }
}
