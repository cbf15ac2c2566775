use leptos::prelude::*;
use orchestrator::analytics::{By, PricedModel, WhatIf as IfSo};
use types::MicroUsd;

use super::{
    Analytics, Found, WhatIf,
    filters::kept,
    rows::{named, word},
};
use crate::{
    components::{
        button::Button,
        money::{amount_text, sum},
        section::section,
        select::{Choice, select},
    },
    layout::shell::Shell,
};

/// What the same tokens would have cost with another model.
pub(super) fn instead(shell: &Shell, data: &Analytics, found: &Found) -> Option<AnyView> {
    let what_if = found.what_if.as_ref()?;
    let body = view! {
        {form(shell, data, what_if)}
        {what_if.chosen.as_ref().map(|(if_so, model)| table(shell, data, found, if_so, model))}
    };
    Some(section("instead-of", "What if another model had done it?", None, None, body.into_any()))
}

fn form(shell: &Shell, data: &Analytics, what_if: &WhatIf) -> AnyView {
    let choices: Vec<Choice> = std::iter::once(Choice::new("", "Choose a model"))
        .chain(what_if.models.iter().map(|model| Choice::new(model.key.clone(), label(model))))
        .collect();
    view! {
        <form class="tools" method="get" action=format!("{}#instead-of", shell.link("/analytics"))>
            {select("instead", "Model with a known price", &choices, data.asked.of("instead"), data.errors.of("instead"))}
            {kept(data, &["instead"])}
            {Button::new("Compare").submit()}
        </form>
    }
    .into_any()
}

fn label(model: &PricedModel) -> String {
    let connected = if model.connected { "" } else { ", not connected" };
    format!("{} · {}{connected}", model.provider, model.name)
}

/// Dollars for a million tokens, from micro-dollars for a million.
fn rate(micros: i64) -> String {
    amount_text(MicroUsd::from_micros(micros))
}

fn difference(now: MicroUsd, then: MicroUsd) -> String {
    let change = then.micros() - now.micros();
    let amount = amount_text(MicroUsd::from_micros(change.abs()));
    match change {
        0 => "the same".to_owned(),
        1.. => format!("{amount} more"),
        _ => format!("{amount} less"),
    }
}

fn table(shell: &Shell, data: &Analytics, found: &Found, if_so: &IfSo, model: &PricedModel) -> AnyView {
    let pairs = found.spending.rows.iter().zip(&if_so.rows).filter(|(row, _)| row.spent.calls > 0);
    let rows = pairs.map(|(row, then)| {
        let now = row.spent.counted;
        view! {
            <tr>
                <th scope="row">{named(shell, data, row)}</th><td data-num=true>{sum(now)}</td><td data-num=true>{sum(*then)}</td>
                <td data-num=true>{difference(now, *then)}</td>
            </tr>
        }
    });
    let now = found.spending.total.counted;
    let rates = &model.rates;
    let note = format!(
        "For a million tokens: {} fresh input, {} read from a cache, {} written to it, {} output ({}). The tokens are those that were \
         really used, where another model would use other amounts of them, do it in fewer or more rounds, or fail. Prices of long \
         prompts are not counted.",
        rate(rates.input),
        rate(rates.cache_read),
        rate(rates.cache_write),
        rate(rates.output),
        model.source,
    );
    let first = if data.by == By::Day { "Day" } else { word(data.by) };
    view! {
        <div class="table__scroll" tabindex="0" role="group" aria-labelledby="instead-of">
            <table class="table">
                <thead><tr><th scope="col">{first}</th><th scope="col" data-num=true>"Spent"</th><th scope="col" data-num=true>{format!("With {}", model.name)}</th><th scope="col" data-num=true>"Difference"</th></tr></thead>
                <tbody>{rows.collect_view()}</tbody>
                <tfoot><tr><th scope="row">"All"</th><td data-num=true>{sum(now)}</td><td data-num=true>{sum(if_so.total)}</td><td data-num=true>{difference(now, if_so.total)}</td></tr></tfoot>
            </table>
        </div>
        <p class="section__note">{note}</p>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_says_its_direction() {
        let cents = MicroUsd::from_cents;
        assert_eq!(difference(cents(100), cents(250)), "$1.50 more");
        assert_eq!(difference(cents(250), cents(100)), "$1.50 less");
        assert_eq!(difference(cents(1), cents(1)), "the same");
    }
}
