mod sections;

use leptos::prelude::*;

use crate::{
    appearance::Theme,
    assets,
    components::icon::{Icon, icon},
    layout::public::{Public, public_page},
};

const SHOT_DARK: &str = "shot-task-dark.png";
const SHOT_LIGHT: &str = "shot-task-light.png";
const SHOT_ALT: &str = "The page of a task whose change waits for a person. On the left what each agent of the squad said, read, \
                        ran and edited, by the second; on the right the plan, the cost and fourteen steps from prepare to \
                        deliver, of which one check failed and was mended.";

#[must_use]
pub fn page(chrome: &Public) -> String {
    let main = view! {
        <section class="hero wrap" aria-labelledby="t-hero">
            {words()}
            {picture(chrome.appearance.theme)}
            {index()}
        </section>
        {sections::start()}
        {sections::isolation()}
        {sections::audit()}
        {sections::pages()}
        {sections::scope()}
        {sections::prices()}
        {sections::questions()}
        <section class="section" aria-labelledby="t-close"><div class="wrap closing">
            <h2 id="t-close">"Start it and look for yourself."</h2>
            {actions()}
        </div></section>
    };
    let about =
        "Muster is where teams run squads of coding agents on a budget. What this version does, and how to check it.";
    public_page(chrome, "Squads of coding agents, on a budget", about, main.into_any())
}

fn words() -> AnyView {
    view! {
        <div class="hero__text">
            <h1 id="t-hero">"A place for teams to run squads of coding agents, on a budget."</h1>
            <p class="hero__lead">
                "A squad plans, writes, tests and reviews in a sandbox; you look at the change and merge it. \
                 Teams, roles, isolation and an audit log you can verify, in one binary beside one Postgres."
            </p>
            {actions()}
            <p class="hero__note">
                "Try it without a key: a squad works on a sample while you watch. "<a href="#scope">"What is here, and what is not"</a>"."
            </p>
        </div>
    }
    .into_any()
}

fn actions() -> AnyView {
    view! {
        <div class="hero__act">
            <a class="button" data-kind="primary" data-size="large" href="/sign-up">"Start free"</a>
            <span class="muted">"or self-host"</span>
            <span class="command"><code>"make start"</code></span>
        </div>
    }
    .into_any()
}

/// A real run in the visitor's theme; left out when the pictures were not built.
fn picture(theme: Theme) -> Option<AnyView> {
    if !(assets::has(SHOT_DARK) && assets::has(SHOT_LIGHT)) {
        return None;
    }
    let by_system = (theme == Theme::System)
        .then(|| view! { <source media="(prefers-color-scheme: light)" srcset=assets::url(SHOT_LIGHT)/> });
    let shot = if theme == Theme::Light { SHOT_LIGHT } else { SHOT_DARK };
    Some(
        view! {
            <figure class="figure hero__shot">
                <div class="figure__frame">
                    <picture>
                        {by_system}
                        <img src=assets::url(shot) width="1440" height="900" alt=SHOT_ALT/>
                    </picture>
                </div>
                <figcaption class="figure__caption">"A run of this version: the sample task, with the demo model, waiting for its review."</figcaption>
            </figure>
        }
        .into_any(),
    )
}

const INDEX: &[(&str, &str, &str)] = &[
    ("#start", "One command", "From a bare machine to a page you can open"),
    ("#isolation", "Isolation", "Another team's data is not found"),
    ("#audit", "Audit", "A hash chain that shows edits"),
    ("#pages", "Plain pages", "No script needed, no third party asked"),
    ("#scope", "Scope", "What is here, and what is not yet"),
];

fn index() -> AnyView {
    let links = INDEX.iter().map(|(href, name, what)| {
        view! { <li><a href=*href><b>{*name}</b><span>{*what}</span></a></li> }
    });
    view! { <nav aria-label="On this page"><ol class="index">{links.collect_view()}</ol></nav> }.into_any()
}

/// A line with a mark before it, and how to check it under it.
fn marked(sign: Icon, text: &'static str, check: Option<&'static str>) -> AnyView {
    let check = check.map(|check| view! { <small>{check}</small> });
    view! { <li>{icon(sign)}<span>{text}{check}</span></li> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_and_prices_are_the_catalogues() {
        let html = page(&Public::default());
        assert!(html.contains("Try it without a key") && html.contains("Not there yet"), "{html}");
        assert!(html.contains(r#"<data value="24.00">$24.00</data>"#), "{html}");
    }

    #[test]
    fn what_is_to_be_typed_is_what_the_tests_run() {
        let html = page(&Public::default());
        for typed in [orchestrator::db::UNFENCED_TABLES, orchestrator::audit::TAMPERING] {
            assert!(html.replace("&#x27;", "'").contains(typed), "{typed}\n{html}");
        }
    }

    #[test]
    fn every_link_inside_the_page_has_its_place() {
        let html = page(&Public::default());
        for (href, ..) in INDEX {
            assert!(html.contains(&format!(r#"id="{}""#, &href[1..])), "{href}");
        }
    }

    #[test]
    fn without_built_pictures_there_is_no_broken_one() {
        assert!(!page(&Public::default()).contains("<img"));
    }
}
