//! What every page is made of.

use leptos::prelude::*;
use types::MicroUsd;

use super::Part;
use crate::{
    components::{
        avatar::{agent, person, person_line},
        banner::{Banner, Tone, banner},
        bar::{budget_bar, progress, share_bar},
        button::Button,
        dialog::{Confirm, confirm},
        empty::{Empty, empty},
        error_summary::error_summary,
        fact_table::fact_table,
        field::Field,
        icon::{Icon, icon},
        menu::{menu, menu_link, menu_opens},
        money::{fine, money},
        pagination::{Pages, pagination},
        role::role,
        section::section,
        select::{Choice, select},
        skeleton::skeleton,
        status::State,
        table::{cell, row, table},
        tabs::{Tab, tabs},
        text_area::TextArea,
        time::{absolute, relative},
        toast::{Flash, toast},
    },
    forms::Errors,
    layout::shell::Shell,
};

pub(super) fn parts(shell: &Shell) -> Vec<Part> {
    let states = State::ALL.iter().map(|state| state.view()).collect_view();
    let icons = Icon::ALL.iter().map(|one| icon(*one)).collect_view();
    vec![
        Part::new("Buttons", &["button"], buttons()),
        Part::new("States", &["status"], view! { <div class="cluster">{states}</div> }.into_any()),
        Part::new("Fields", &["field", "select", "text_area"], fields()),
        Part::new("Error summary", &["error_summary"], error_summary(&errors()).into_any()),
        Part::new("Banners", &["banner"], tones(banner_in)),
        Part::new(
            "Toasts",
            &["toast"],
            tones(|tone| toast(&Flash { tone, text: "Invitation sent again".to_owned(), undo: Some("#".to_owned()) })),
        ),
        Part::new("People and agents", &["avatar", "role"], people()),
        Part::new(
            "Table",
            &["table", "time", "money"],
            table("Sample", &["Name", "State", "When", "Cost"], vec![sample_row(shell)]),
        ),
        Part::new("Table of facts", &["fact_table"], facts()),
        Part::new("Menu and dialog", &["menu", "dialog"], menus()),
        Part::new("Tabs", &["tabs"], sample_tabs()),
        Part::new(
            "Section",
            &["section"],
            section("gallery-section", "A part of a page", Some(3), None, ().into_any()),
        ),
        Part::new(
            "Empty",
            &["empty"],
            empty(Empty {
                title: "Nothing here yet".to_owned(),
                text: "What the place is for.".to_owned(),
                actions: vec![Button::new("Begin").primary().link("#main")],
            }),
        ),
        Part::new("Loading", &["skeleton"], skeleton("members", 4)),
        Part::new("Bars", &["bar"], bars()),
        Part::new(
            "Pages",
            &["pagination"],
            pagination(&Pages {
                shown: "Rows 21 to 40".to_owned(),
                newer: Some("#main".to_owned()),
                older: Some("#main".to_owned()),
            }),
        ),
        Part::new("Icons", &["icon"], view! { <div class="cluster">{icons}</div> }.into_any()),
    ]
}

fn banner_in(tone: Tone) -> AnyView {
    banner(&Banner {
        tone,
        lead: "What is so.".to_owned(),
        text: "And what follows from it.".to_owned(),
        action: Some(("Way out".to_owned(), "#main".to_owned())),
    })
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
    let lines = TextArea {
        name: "lines",
        label: "Instructions",
        value: "Small steps.\nTests first.".to_owned(),
        hint: Some("Several lines."),
        rows: 3,
        ..TextArea::default()
    };
    view! {
        <div class="form">
            {Field::new("plain", "Name").value("Quayside").hint("A hint stands below.").view()}
            {Field::new("broken", "Address").value("quayside").error(errors().of("broken")).view()}
            {select("role", "Role", &roles, "admin", None)}
            {lines.view()}
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
    view! { <div class="cluster">{person("Mira Okafor")}{agent("C1")}{person_line("Mira Okafor", true, "mira@quayside.example")}{role("owner")}</div> }.into_any()
}

fn sample_row(shell: &Shell) -> AnyView {
    let cells = vec![
        cell("State", State::Running.view()),
        cell("When", view! { {relative(shell.now, shell.now)}", "{absolute(shell.now)} }.into_any()),
        cell("Cost", view! { {money(MicroUsd::from_cents(2400))}" "{fine(MicroUsd::from_micros(41_200))} }.into_any()),
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

fn facts() -> AnyView {
    let line = |part: &'static str, what: &'static str| vec![part.into_any(), what.into_any()];
    let rows = vec![line("Postgres", "Started beside the server"), line("Mail", "An outbox page in development")];
    fact_table("A sample of facts", &["Part", "Out of the box"], rows)
}

fn sample_tabs() -> AnyView {
    let tab = |word, count, current| Tab { word, href: "#main".to_owned(), count, current };
    tabs("Parts of a sample", vec![tab("Overview", None, true), tab("Changes", Some(3), false)])
}

fn bars() -> AnyView {
    let steps = [0, 1, 3, 4].map(|done| progress(&format!("{done} of 4 done"), done, 4));
    let budgets = [(400, None), (850, Some("warn")), (1_000, Some("over"))]
        .map(|(spent, state)| budget_bar(format!("{spent} thousandths spent"), spent, 60, &[80], state));
    view! { {steps.into_iter().collect_view()}{budgets.into_iter().collect_view()}{share_bar("A third".to_owned(), 333)} }
        .into_any()
}
