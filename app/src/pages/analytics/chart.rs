use leptos::prelude::*;
use orchestrator::analytics::SpendingRow;

use super::{Analytics, Found, tokens};
use crate::{
    components::{
        icon::{Icon, icon},
        money::{amount_text, sum},
        time::day,
    },
    layout::shell::Shell,
    pages::budgets::grouped,
};

/// Pixels above the plot, and of the plot.
const TOP: u64 = 18;
const HEIGHT: u64 = 158;

/// What the bars measure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Money,
    Tokens,
}

impl Measure {
    /// Money, unless tokens are asked for, or nothing has cost anything.
    fn of(data: &Analytics, found: &Found) -> Self {
        match data.asked.of("show") {
            "tokens" => Self::Tokens,
            "" if found.spending.total.counted.micros() == 0 => Self::Tokens,
            _ => Self::Money,
        }
    }

    /// A day in its own unit, and how much of it has no known price.
    fn value(self, row: &SpendingRow) -> (u64, u64) {
        let micros = |amount: types::MicroUsd| u64::try_from(amount.micros()).unwrap_or(0);
        match self {
            Self::Money => (micros(row.spent.counted), micros(row.spent.unknown)),
            Self::Tokens => (row.spent.tokens(), 0),
        }
    }

    fn words(self, value: u64) -> String {
        match self {
            Self::Money => amount_text(types::MicroUsd::from_micros(i64::try_from(value).unwrap_or(i64::MAX))),
            Self::Tokens => format!("{} tokens", tokens(value)),
        }
    }
}

/// A bar for each day, with the same as a table.
pub(super) fn chart(shell: &Shell, data: &Analytics, found: &Found) -> AnyView {
    let measure = Measure::of(data, found);
    let link = |show: &str, word: &'static str, current: Measure| {
        let href = shell.link(&format!("/analytics{}", data.asked.query(&[("show", show)])));
        view! { <a href=href aria-current=(current == measure).then_some("true")>{word}</a> }
    };
    let unknown = measure == Measure::Money && found.spending.total.unknown_calls > 0;
    let legend =
        if unknown { "Pale: no price is known. Show as a table" } else { "A bar for each day. Show as a table" };
    view! {
        <div class="section__head">
            <h2 id="days">{title(measure, found)}</h2>
            <nav class="segmented section__end" aria-label="Bars show">
                {link("cost", "Cost", Measure::Money)}{link("tokens", "Tokens", Measure::Tokens)}
            </nav>
        </div>
        {drawing(measure, found)}
        <details class="reveal">
            <summary>{icon(Icon::ChevronRight)}{legend}</summary>
            {table(found)}
        </details>
    }
    .into_any()
}

fn title(measure: Measure, found: &Found) -> String {
    let total = match measure {
        Measure::Money => amount_text(found.spending.total.counted),
        Measure::Tokens => format!("{} tokens", tokens(found.spending.total.tokens())),
    };
    let days = found.span.days().len();
    if days == 1 { format!("{total} on {}", day(found.span.to())) } else { format!("{total} in {days} days") }
}

fn drawing(measure: Measure, found: &Found) -> AnyView {
    let values: Vec<(u64, u64)> = found.days.rows.iter().map(|row| measure.value(row)).collect();
    let most = values.iter().map(|value| value.0).max().unwrap_or(0);
    let scale = u128::from(most.max(1));
    let height = |value: u64| u128::from(value) * 1000 / scale;
    let count = values.len().max(1);
    let x = |at: usize| 1000 * at / count;
    // A gap of a fifth, as long as bars stay wide enough to see.
    let gap = if count > 120 { 0 } else { 200 / count };
    let bars = values.iter().enumerate().filter(|(_, value)| value.0 > 0).map(|(at, (whole, unknown))| {
        let (left, width) = (x(at) + gap / 2, (x(at + 1) - x(at)).saturating_sub(gap).max(1));
        // A day with anything shows at least a hair.
        let (all, pale) = (height(*whole).max(8), height(*unknown));
        let bar = |class: &'static str, y: u128, height: u128| {
            view! { <rect class=class x=left.to_string() width=width.to_string() y=y.to_string() height=height.to_string()></rect> }
        };
        let pale_bar = (pale > 0).then(|| bar("chart__bar-pale", 1000 - all, pale));
        view! { {bar("chart__bar", 1000 - all + pale, all - pale)}{pale_bar} }
    });
    let last = (found.span.from() != found.span.to()).then(|| {
        view! { <text x="100%" y="194" text-anchor="end">{day(found.span.to())}</text> }
    });
    view! {
        <svg class="chart" height="200" role="img" aria-label=spoken(measure, found)>
            <line class="chart__grid" x1="0" x2="100%" y1=format!("{TOP}.5") y2=format!("{TOP}.5")></line>
            <text x="0" y="11">{(most > 0).then(|| measure.words(most))}</text>
            <svg x="0" y=TOP.to_string() width="100%" height=HEIGHT.to_string() viewBox="0 0 1000 1000" preserveAspectRatio="none">
                {bars.collect_view()}
            </svg>
            <line class="chart__axis" x1="0" x2="100%" y1="176.5" y2="176.5"></line>
            <text x="0" y="194">{day(found.span.from())}</text>
            {last}
        </svg>
    }
    .into_any()
}

fn spoken(measure: Measure, found: &Found) -> String {
    let dearest = found.days.rows.iter().zip(found.span.days()).max_by_key(|(row, _)| measure.value(row).0);
    let most = dearest.filter(|(row, _)| measure.value(row).0 > 0).map_or_else(String::new, |(row, (date, _))| {
        format!(", most on {}: {}", day(*date), measure.words(measure.value(row).0))
    });
    format!("{}{most}. A table of the days follows.", title(measure, found))
}

fn table(found: &Found) -> AnyView {
    let rows = found.days.rows.iter().zip(found.span.days()).map(|(row, (date, _))| {
        let spent = &row.spent;
        view! {
            <tr>
                <th scope="row">{day(*date)}</th><td data-num=true>{sum(spent.counted)}</td><td data-num=true>{sum(spent.unknown)}</td>
                <td data-num=true>{grouped(i64::try_from(spent.tokens()).unwrap_or(i64::MAX))}</td><td data-num=true>{grouped(spent.calls)}</td>
            </tr>
        }
    });
    let heads = ["Spent", "Of it at no known price", "Tokens", "Calls"]
        .map(|head| view! { <th scope="col" data-num=true>{head}</th> });
    view! {
        <div class="table__scroll" tabindex="0" role="group" aria-label="Spending by day">
            <table class="table">
                <caption class="visually-hidden">"Spending by day"</caption>
                <thead><tr><th scope="col">"Day"</th>{heads.collect_view()}</tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}
