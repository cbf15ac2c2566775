use leptos::prelude::*;

use super::{logo::logo, theme_form::theme_form};
use crate::{
    appearance::Appearance,
    components::icon::{Icon, icon},
    document::{Head, Sheet, document},
};

/// What a page without an account needs to know about its visitor.
#[derive(Clone, Debug, Default)]
pub struct Public {
    pub appearance: Appearance,
    /// The visitor's name, when a session is open: the header then leads back to their work.
    pub signed_in: Option<String>,
    /// Path and query of this page; the theme form comes back here.
    pub path: String,
}

const LINKS: &[(&str, &str)] = &[("/pricing", "Pricing"), ("/security", "Security"), ("/status", "Status")];

/// A page with header and footer around the content of `<main>`.
#[must_use]
pub fn public_page(chrome: &Public, title: &str, description: &'static str, main: AnyView) -> String {
    let body = view! {
        <body>
            <a class="skip-link" href="#main">"Skip to content"</a>
            {header(chrome)}
            <main id="main" tabindex="-1">{main}</main>
            {footer(chrome)}
        </body>
    };
    document(&head(chrome, title, Some(description)), body)
}

pub(super) fn head(chrome: &Public, title: &str, description: Option<&'static str>) -> Head {
    Head {
        title: title.to_owned(),
        description,
        sheet: Sheet::Public,
        appearance: chrome.appearance,
        islands: false,
        live: false,
    }
}

fn header(chrome: &Public) -> AnyView {
    let (main, menu) = (links(&chrome.path), links(&chrome.path));
    let (side, action, menu_end) = match &chrome.signed_in {
        Some(name) => (
            view! { <span class="muted wide-only">{format!("Signed in as {name}")}</span> }.into_any(),
            view! { <a class="button" data-kind="primary" href="/teams">"Open Muster"</a> }.into_any(),
            None,
        ),
        None => (
            view! { <a class="button wide-only" data-kind="plain" href="/sign-in">"Sign in"</a> }.into_any(),
            view! { <a class="button" data-kind="primary" href="/sign-up">"Start free"</a> }.into_any(),
            Some(view! { <a href="/sign-in">"Sign in"</a> }),
        ),
    };
    view! {
        <header class="site-header">
            <div class="wrap site-header__in">
                {logo()}
                <nav class="site-header__nav" aria-label="Main">{main}</nav>
                <div class="site-header__end">
                    {side}
                    {action}
                    <details class="site-header__menu">
                        <summary class="button" data-kind="plain">
                            {icon(Icon::Menu)}<span class="visually-hidden">"Menu"</span>
                        </summary>
                        <nav aria-label="Menu">{menu}{menu_end}</nav>
                    </details>
                </div>
            </div>
        </header>
    }
    .into_any()
}

fn links(path: &str) -> AnyView {
    let here = path.split('?').next().unwrap_or(path).to_owned();
    LINKS
        .iter()
        .map(|(href, word)| view! { <a href=*href aria-current=(here == *href).then_some("page")>{*word}</a> })
        .collect_view()
        .into_any()
}

fn footer(chrome: &Public) -> AnyView {
    view! {
        <footer class="site-footer">
            <div class="wrap">
                <div class="site-footer__cols">
                    <div class="site-footer__about">
                        {logo()}
                        <p>"Squads of coding agents on real tasks, inside a budget."</p>
                    </div>
                    {column("product", "Product", &[("/", "What it is"), ("/pricing", "Pricing"), ("/status", "Status")])}
                    {column("trust", "Trust", &[
                        ("/security", "Security"),
                        ("/security#report", "Report a vulnerability"),
                        ("/accessibility", "Accessibility"),
                    ])}
                    {column("account", "Account", &[
                        ("/sign-up", "Start free"),
                        ("/sign-in", "Sign in"),
                        ("/reset", "Reset a password"),
                    ])}
                </div>
                <div class="site-footer__end">
                    <p>
                        "Accessible to WCAG 2.2 AA is our target. "
                        <a href="/accessibility#contact">"Tell us where it fails"</a>"."
                    </p>
                    {theme_form(chrome.appearance, &chrome.path)}
                </div>
            </div>
        </footer>
    }
    .into_any()
}

fn column(id: &'static str, title: &'static str, links: &'static [(&'static str, &'static str)]) -> AnyView {
    let heading = format!("footer-{id}");
    let links = links.iter().map(|(href, word)| view! { <li><a href=*href>{*word}</a></li> }).collect_view();
    view! {
        <nav aria-labelledby=heading>
            <h2 id=heading.clone()>{title}</h2>
            <ul class="site-footer__list">{links}</ul>
        </nav>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(chrome: &Public) -> String {
        public_page(chrome, "Pricing", "Prices.", view! { <h1>"x"</h1> }.into_any())
    }

    #[test]
    fn the_page_one_is_on_is_marked_whatever_its_query() {
        let chrome = Public { path: "/pricing?period=yearly".to_owned(), ..Public::default() };
        assert_eq!(html(&chrome).matches(r#"href="/pricing" aria-current="page""#).count(), 2);
    }

    #[test]
    fn somebody_signed_in_is_led_back_to_their_work() {
        let chrome = Public { signed_in: Some("Mira <Okafor>".to_owned()), ..Public::default() };
        let html = html(&chrome);
        assert!(html.contains("Signed in as Mira &lt;Okafor&gt;"), "{html}");
        assert!(html.contains(r#"href="/teams""#) && !html.contains(r#"data-kind="plain" href="/sign-in""#), "{html}");
    }

    #[test]
    fn public_pages_carry_no_script_and_no_inline_style() {
        let html = html(&Public::default());
        assert!(!html.contains("<script") && !html.contains(" style=") && !html.contains(" onclick"), "{html}");
    }
}
