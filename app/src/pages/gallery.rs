use leptos::prelude::*;
use time::macros::datetime;
use types::{MicroUsd, PermissionSet};

use crate::{
    appearance::Appearance,
    components::{
        avatar::{agent, person, person_line},
        banner::{Banner, Tone, banner},
        bar::progress,
        breadcrumb::Crumb,
        button::Button,
        dialog::{Confirm, confirm},
        empty::{Empty, empty},
        error_summary::error_summary,
        field::Field,
        icon::{Icon, icon},
        menu::{menu, menu_link, menu_opens},
        money::money,
        pagination::{Pages, pagination},
        section::page_head,
        select::{Choice, select},
        skeleton::skeleton,
        status::State,
        table::{cell, row, table},
        time::{absolute, relative},
        toast::{Flash, toast},
    },
    forms::Errors,
    layout::{
        shell::{self, Section, Shell},
        theme_form::theme_form,
    },
};

/// Every component in its states. Development servers only.
#[must_use]
pub fn page(appearance: Appearance) -> String {
    let shell = &visitor(appearance);
    let parts: Vec<(&'static str, AnyView)> = vec![
        ("Theme", theme_form(shell.appearance, &shell.path)),
        ("Buttons", buttons()),
        (
            "States",
            view! { <div class="cluster">{State::ALL.iter().map(|state| state.view()).collect_view()}</div> }
                .into_any(),
        ),
        ("Fields", fields()),
        ("Error summary", error_summary(&errors()).into_any()),
        (
            "Banners",
            tones(|tone| {
                banner(&Banner {
                    tone,
                    lead: "What is so.".to_owned(),
                    text: "And what follows from it.".to_owned(),
                    action: Some(("Way out".to_owned(), "#main".to_owned())),
                })
            }),
        ),
        (
            "Toasts",
            tones(|tone| toast(&Flash { tone, text: "Invitation sent again".to_owned(), undo: Some("#".to_owned()) })),
        ),
        ("People and agents", people()),
        ("Table", table("Sample", &["Name", "State", "When", "Cost"], vec![sample_row(shell)])),
        ("Menu and dialog", menus()),
        (
            "Empty",
            empty(Empty {
                title: "Nothing here yet".to_owned(),
                text: "What the place is for.".to_owned(),
                actions: vec![Button::new("Begin").primary().link("#main")],
            }),
        ),
        ("Loading", skeleton("members", 4)),
        (
            "Progress",
            [0, 1, 3, 4]
                .map(|done| progress(&format!("{done} of 4 done"), done, 4))
                .into_iter()
                .collect_view()
                .into_any(),
        ),
        (
            "Pages",
            pagination(&Pages {
                shown: "Rows 21 to 40".to_owned(),
                newer: Some("#main".to_owned()),
                older: Some("#main".to_owned()),
            }),
        ),
        (
            "Icons",
            view! { <div class="cluster">{Icon::ALL.iter().map(|one| icon(*one)).collect_view()}</div> }.into_any(),
        ),
    ];
    let items = parts.into_iter().map(|(name, part)| {
        let id = format!("part-{}", name.to_lowercase().replace(' ', "-"));
        let heading = id.clone();
        view! {
            <section class="gallery__item" aria-labelledby=heading>
                <header><h2 id=id>{name}</h2></header>
                <div class="pile">{part}</div>
            </section>
        }
    });
    let main = view! {
        {page_head("Components", "Every component in its states, for those who build the pages.", None)}
        <div class="gallery">{items.collect_view()}</div>
    };
    shell::page(shell, "Components", false, main.into_any())
}

/// Nobody in particular: the components are what is looked at.
fn visitor(appearance: Appearance) -> Shell {
    Shell {
        team: None,
        teams: Vec::new(),
        user_name: "Mira Okafor".to_owned(),
        user_email: "mira@quayside.example".to_owned(),
        role: String::new(),
        permissions: PermissionSet::NONE,
        section: Section::Other,
        crumbs: vec![Crumb::new("Components", "/gallery")],
        appearance,
        banners: Vec::new(),
        flash: None,
        path: "/gallery".to_owned(),
        commands: Vec::new(),
        needs: 0,
        now: datetime!(2026-11-19 14:32 UTC),
        budget_step: 0,
        outbox: None,
    }
}

fn buttons() -> AnyView {
    let all = |small: bool| {
        let made = |word: &str| if small { Button::new(word).small() } else { Button::new(word) };
        view! {
            <div class="cluster">
                {made("Primary").primary().submit()}{made("Usual").submit()}{made("Plain").plain().submit()}
                {made("Takes away").danger().submit()}{made("With icon").icon(Icon::Plus).submit()}{made("A link").link("#main")}
            </div>
        }
    };
    view! { {all(false)}{all(true)} }.into_any()
}

fn errors() -> Errors {
    let mut errors = Errors::new();
    errors.add("broken", "This address is taken.");
    errors
}

fn fields() -> AnyView {
    let roles = [Choice::new("reader", "Reader"), Choice::new("admin", "Admin")];
    view! {
        <div class="form">
            {Field::new("plain", "Name").value("Quayside").hint("A hint stands below.").view()}
            {Field::new("broken", "Address").value("quayside").error(errors().of("broken")).view()}
            {select("role", "Role", &roles, "admin", None)}
            <label class="check"><input type="checkbox" checked=true/><span>"Ticked"</span></label>
            <label class="check"><input type="radio" name="one" checked=true/><span>"Chosen"<small>"With a word more"</small></span></label>
        </div>
    }
    .into_any()
}

fn tones(draw: fn(Tone) -> AnyView) -> AnyView {
    [Tone::Danger, Tone::Warning, Tone::Info, Tone::Success].map(draw).into_iter().collect_view().into_any()
}

fn people() -> AnyView {
    view! { <div class="cluster">{person("Mira Okafor")}{agent("C1")}{person_line("Mira Okafor", true, "mira@quayside.example")}</div> }.into_any()
}

fn sample_row(shell: &Shell) -> AnyView {
    let cells = vec![
        cell("State", State::Running.view()),
        cell("When", view! { {relative(shell.now, shell.now)}", "{absolute(shell.now)} }.into_any()),
        cell("Cost", money(MicroUsd::from_cents(2400))),
    ];
    row("A row".into_any(), cells)
}

fn menus() -> AnyView {
    let items = vec![
        menu_link("A link", "#main", Some(Icon::Settings), false),
        menu_link("Where one is", "#main", None, true),
        menu_opens("Opens a dialog", "gallery-dialog", true),
    ];
    let ask = Confirm {
        id: "gallery-dialog",
        question: "Remove Tove Voss?".to_owned(),
        consequence: "Names the thing and what follows.".to_owned(),
        action: "#".to_owned(),
        verb: "Remove",
        keep: "Keep".to_owned(),
    };
    view! { <div class="cluster">{menu("Actions", items)}{Button::new("Open the dialog").opens("gallery-dialog")}</div>{confirm(ask)} }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gallery_shows_every_state_and_icon() {
        let html = page(Appearance::default());
        for state in State::ALL {
            assert!(html.contains(&crate::document::fragment(false, state.view())), "{state:?}");
        }
        assert!(html.matches("<svg").count() > Icon::ALL.len());
    }
}
