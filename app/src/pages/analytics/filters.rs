use leptos::prelude::*;

use super::{Analytics, CLEARED, PRESETS};
use crate::{
    components::{
        button::Button,
        field::Field,
        icon::{Icon, icon},
        select::{Choice, select},
    },
    layout::shell::Shell,
};

/// The days, and which calls count.
pub(super) fn filters(shell: &Shell, data: &Analytics) -> AnyView {
    let asked = &data.asked;
    let open = asked.narrows() || !asked.of("from").is_empty() || !asked.of("to").is_empty() || !data.errors.is_empty();
    let word = if asked.narrows() { "Filter: on" } else { "Other days, or a filter" };
    view! {
        <div class="analytics__filters">
            {presets(shell, data)}
            <details class="reveal" open=open>
                <summary>{icon(Icon::ChevronRight)}{word}</summary>
                {form(shell, data)}
            </details>
        </div>
    }
    .into_any()
}

fn presets(shell: &Shell, data: &Analytics) -> AnyView {
    let own_days = !data.asked.of("from").is_empty() || !data.asked.of("to").is_empty();
    let asked = match data.asked.of("range") {
        "" => "30d",
        range => range,
    };
    let links = PRESETS.iter().map(|(name, word, _)| {
        let href = shell.link(&format!("/analytics{}", data.asked.query(&[("range", name)])));
        let current = (!own_days && *name == asked).then_some("true");
        view! { <a href=href aria-current=current>{*word}</a> }
    });
    view! { <nav class="segmented" aria-label="Days">{links.collect_view()}</nav> }.into_any()
}

fn form(shell: &Shell, data: &Analytics) -> AnyView {
    let (asked, errors) = (&data.asked, &data.errors);
    let shown = |field: &str, of: fn(&super::Found) -> time::Date| match (asked.of(field), &data.found) {
        ("", Some(found)) => of(found).to_string(),
        (typed, _) => typed.to_owned(),
    };
    let list = |name: &'static str, label: &'static str, choices: &[Choice]| {
        let chosen = asked.of(name);
        let mut choices = choices.to_vec();
        if !chosen.is_empty() && !choices.iter().any(|choice| choice.value == chosen) {
            choices.push(Choice::new(chosen, "Without calls in these days"));
        }
        (choices.len() > 1).then(|| select(name, label, &choices, chosen, None))
    };
    let day = |name: &'static str, label: &str, of| {
        Field::new(name, label).value(&shown(name, of)).error(errors.of(name)).max_length(10).view()
    };
    let choices = &data.choices;
    let clear = asked.narrows().then(|| {
        Button::new("Clear the filter").plain().link(shell.link(&format!("/analytics{}", asked.query(&CLEARED))))
    });
    view! {
        <search>
            <form class="tools" data-even=true method="get" action=shell.link("/analytics")>
                {day("from", "First day (2026-11-21)", |found| found.span.from())}
                {day("to", "Last day", |found| found.span.to())}
                {list("project", "Project", &choices.projects)}
                {list("squad", "Squad", &choices.squads)}
                {list("agent", "Agent", &choices.agents)}
                {list("model", "Model", &choices.models)}
                {kept(data, &["range", "from", "to", "project", "squad", "agent", "model"])}
                {Button::new("Apply").submit()}
                {clear}
            </form>
        </search>
    }
    .into_any()
}

/// What else the address asks for, which a form of its own must not lose.
pub(super) fn kept(data: &Analytics, form: &[&str]) -> AnyView {
    let fields = data.asked.others(form).into_iter();
    fields.map(|(name, value)| view! { <input type="hidden" name=name value=value/> }).collect_view().into_any()
}
