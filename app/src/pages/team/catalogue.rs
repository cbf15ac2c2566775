//! The models of the team's providers: what they cost, and how much they can read.

use leptos::prelude::*;
use orchestrator::models::{ModelPrice, PricedProvider};
use types::MicroUsd;

use crate::{
    components::{
        icon::{Icon, icon},
        money::sum,
        time::day,
    },
    pages::budgets::grouped,
};

const HEADS: [&str; 5] = ["Model", "Input", "Output", "From the cache", "Context"];

/// Those that the team has chosen or agreed a price for, and behind a fold all of each provider.
pub(super) fn catalogue(providers: &[PricedProvider]) -> AnyView {
    let all = providers.iter().flat_map(|provider| provider.models.iter().map(move |model| (provider, model)));
    let mut chosen: Vec<_> = all.filter(|(_, model)| model.agreed_at.is_some() || model.is_default).collect();
    chosen.sort_by_key(|(_, model)| model.agreed_at.is_none());
    let chosen = chosen.into_iter().map(|(provider, model)| row(model, Some(&provider.name))).collect();
    let folds = providers.iter().filter(|provider| provider.models.len() > 1).map(|provider| {
        let rows = provider.models.iter().map(|model| row(model, None)).collect();
        view! {
            <details class="reveal">
                <summary>{icon(Icon::ChevronRight)}{format!("All {} models of {}", provider.models.len(), provider.name)}</summary>
                {table(format!("Models of {}", provider.name), rows)}
            </details>
        }
    });
    view! {
        <div class="pile">
            {table("Models that the team uses".to_owned(), chosen)}
            <p class="section__note">
                "US dollars for a million tokens, context in tokens. Some models cost more for very long prompts. Where a price is unknown, budgets count a rate that the team sets; it is never taken as free."
            </p>
            {folds.collect_view()}
        </div>
    }
    .into_any()
}

fn table(label: String, rows: Vec<AnyView>) -> AnyView {
    let heads = HEADS.iter().map(|head| view! { <th scope="col" data-num=*head != "Model">{*head}</th> });
    view! {
        <div class="table__scroll" tabindex="0" role="group" aria-label=label>
            <table class="table">
                <thead><tr>{heads.collect_view()}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(model: &ModelPrice, provider: Option<&str>) -> AnyView {
    let agreed = model.agreed_at.map(|at| format!("Price agreed {}", day(at.date())));
    let default = model.is_default.then(|| "Default".to_owned()).filter(|_| provider.is_none());
    let notes = [provider.map(str::to_owned), default, agreed].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let note = (!notes.is_empty()).then(|| view! { <span class="sub">{notes}</span> });
    let prices = match model.rates {
        Some(rates) => [rates.input, rates.output, rates.cache_read]
            .map(|rate| view! { <td data-num=true>{sum(MicroUsd::from_micros(rate))}</td> }.into_any())
            .into_iter()
            .collect_view()
            .into_any(),
        None => view! { <td data-num=true colspan="3" class="muted">"unknown"</td> }.into_any(),
    };
    let context =
        model.context.map_or_else(|| "–".to_owned(), |tokens| grouped(i64::try_from(tokens).unwrap_or(i64::MAX)));
    view! {
        <tr>
            <th scope="row"><span class="mono">{model.model.clone()}</span>{note}</th>
            {prices}
            <td data-num=true>{context}</td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use orchestrator::models::Rates;
    use time::macros::datetime;
    use types::BuiltinRole;

    use super::*;
    use crate::{
        layout::shell::tests::shell,
        pages::team::models::{Models, page},
    };

    fn model(name: &str, input: Option<i64>) -> ModelPrice {
        let rates = input.map(|input| Rates { input, cache_read: input / 10, cache_write: input, output: input * 5 });
        ModelPrice { model: name.to_owned(), rates, agreed_at: None, context: Some(200_000), is_default: false }
    }

    #[test]
    fn agreed_prices_stand_first_and_the_rest_behind_a_fold() {
        let agreed = ModelPrice { agreed_at: Some(datetime!(2026-11-19 14:00 UTC)), ..model("ours", Some(1_500_000)) };
        let chosen = ModelPrice { is_default: true, ..model("big", Some(3_000_000)) };
        let open = ModelPrice { is_default: true, context: None, ..model("qwen", None) };
        let providers = [
            PricedProvider { name: "Ollama".to_owned(), models: vec![open] },
            PricedProvider { name: "Anthropic".to_owned(), models: vec![agreed, chosen, model("small", Some(75_000))] },
        ];
        let html = page(&shell(BuiltinRole::Reader), &Models { prices: providers.into(), ..Models::default() });
        let (used, all) = html.split_once("All 3 models of Anthropic").expect("a fold");
        let at = |text: &str| used.find(text).unwrap_or_else(|| panic!("{text}: {used}"));
        assert!(at("ours") < at("qwen") && at("qwen") < at("big"), "{used}");
        assert!(at("Anthropic · Price agreed") > at("ours") && !used.contains("small"), "{used}");
        assert!(used.contains("$1.50") && used.contains("$7.50") && used.contains("$0.15"), "{used}");
        assert!(used.contains("unknown") && used.contains("200\u{202f}000"), "{used}");
        assert!(all.contains("small") && all.contains("$0.0750") && !html.contains("models of Ollama"), "{all}");
    }
}
