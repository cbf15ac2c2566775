use leptos::prelude::*;
use orchestrator::budgets::Burn;
use time::OffsetDateTime;
use types::MicroUsd;

use super::{per_cent, thousandths};
use crate::{
    components::{
        icon::{Icon, icon},
        money::{amount_text, sum},
        time::day,
    },
    layout::shell::Shell,
};

/// Pixels above the plot, and of the plot.
const TOP: i64 = 10;
const HEIGHT: i64 = 166;

/// From money and time to thousandths of the plot.
struct Plot {
    most: i128,
    start: OffsetDateTime,
    end: OffsetDateTime,
}

impl Plot {
    fn of(burn: &Burn, now: OffsetDateTime) -> Self {
        let limit = burn.limit.map_or(0, |limit| limit.micros().saturating_mul(7) / 6);
        let high = burn.forecast.map_or(0, |forecast| forecast.high.micros().saturating_mul(21) / 20);
        let spent = burn.spent().micros().saturating_mul(6) / 5;
        let start = burn.days.first().map_or(now, |day| day.start);
        Self { most: i128::from(limit.max(high).max(spent).max(1)), start, end: burn.window.end.unwrap_or(now) }
    }

    fn x(&self, at: OffsetDateTime) -> i128 {
        let whole = (self.end - self.start).whole_seconds().max(1);
        (i128::from((at - self.start).whole_seconds()) * 1000 / i128::from(whole)).clamp(0, 1000)
    }

    fn y(&self, amount: MicroUsd) -> i128 {
        1000 - (i128::from(amount.micros()) * 1000 / self.most).clamp(0, 1000)
    }

    fn pixel(&self, amount: MicroUsd) -> i128 {
        i128::from(TOP) + self.y(amount) * i128::from(HEIGHT) / 1000
    }
}

/// How spending grew, against the limit, with the same as a table.
pub(super) fn burn(shell: &Shell, burn: &Burn) -> AnyView {
    let whose = burn.node.parent.map(|_| {
        view! { <a class="section__more" href=shell.link("/budgets")>"Back to the team"</a> }
    });
    view! {
        <div class="section__head"><h2 id="burn">{title(burn)}</h2>{whose}</div>
        {drawing(shell, burn)}
        <details class="reveal">
            <summary>{icon(Icon::ChevronRight)}{legend(burn)}</summary>
            {table(burn)}
        </details>
    }
    .into_any()
}

fn title(burn: &Burn) -> String {
    let name = &burn.node.name;
    match (burn.forecast, burn.limit) {
        (Some(forecast), Some(limit)) if forecast.likely > limit => {
            let over = MicroUsd::from_micros(forecast.likely.micros() - limit.micros());
            format!("At this pace {name} would need {} more than its limit", amount_text(over))
        }
        (Some(forecast), Some(limit)) => {
            let under = MicroUsd::from_micros(limit.micros() - forecast.likely.micros());
            format!("At this pace {name} ends {} under its limit", amount_text(under))
        }
        _ => format!("What {name} has spent"),
    }
}

fn legend(burn: &Burn) -> &'static str {
    if burn.forecast.is_some() {
        "Line: spent. Cone: four of five outcomes. Show as a table"
    } else {
        "Line: spent. Show as a table"
    }
}

fn drawing(shell: &Shell, burn: &Burn) -> AnyView {
    let plot = Plot::of(burn, shell.now);
    let (start, end) = (burn.days.first().map_or(shell.now, |day| day.start), plot.end);
    let now_at = plot.x(shell.now);
    let anchor = if now_at < 120 {
        "start"
    } else if now_at > 880 {
        "end"
    } else {
        "middle"
    };
    let x = format!("{}.{}%", now_at / 10, now_at % 10);
    let last = burn.window.end.filter(|_| now_at < 820).map(|_| {
        view! { <text x="100%" y="196" text-anchor="end">{day(end.date())}</text> }
    });
    let first = (now_at > 180).then(|| view! { <text x="0" y="196">{day(start.date())}</text> });
    view! {
        <svg class="chart" height="200" role="img" aria-label=spoken(burn)>
            <svg x="0" y=TOP.to_string() width="100%" height=HEIGHT.to_string() viewBox="0 0 1000 1000" preserveAspectRatio="none" overflow="visible">
                {lines(shell, burn, &plot)}
            </svg>
            <line class="chart__axis" x1="0" x2="100%" y1="176.5" y2="176.5"></line>
            {labels(burn, &plot)}
            {first}{last}
            <text data-strong=true x=x y="196" text-anchor=anchor>{format!("Now, {}", amount_text(burn.spent()))}</text>
        </svg>
    }
    .into_any()
}

fn lines(shell: &Shell, burn: &Burn, plot: &Plot) -> AnyView {
    let mut spent = burn.before.micros();
    let mut points = vec![(0, plot.y(burn.before))];
    for (at, one) in burn.days.iter().enumerate() {
        spent += one.spent.micros();
        let end = burn.days.get(at + 1).map_or(shell.now, |next| next.start);
        points.push((plot.x(end), plot.y(MicroUsd::from_micros(spent))));
    }
    let (now_x, now_y) = points.last().copied().unwrap_or((0, 1000));
    let joined = |separator: &str| points.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(separator);
    let area = format!("M0,1000 L{} L{now_x},1000 Z", joined(" L"));
    let cone = burn.forecast.map(|forecast| {
        let (low, mid, high) = (plot.y(forecast.low), plot.y(forecast.likely), plot.y(forecast.high));
        let cone = format!("M{now_x},{now_y} L1000,{high} L1000,{low} Z");
        view! {
            <path class="chart__cone" d=cone></path>
            <line class="chart__mid" vector-effect="non-scaling-stroke" x1=now_x.to_string() y1=now_y.to_string() x2="1000" y2=mid.to_string()></line>
        }
    });
    let flat = |class: &'static str, amount: MicroUsd| {
        let y = plot.y(amount).to_string();
        view! { <line class=class vector-effect="non-scaling-stroke" x1="0" x2="1000" y1=y.clone() y2=y></line> }
    };
    let steps = burn.limit.map(|limit| {
        let warns = burn.node.warn_at.iter().map(|step| flat("chart__warn", step_of(limit, *step)));
        view! { {flat("chart__limit", limit)}{warns.collect_view()} }
    });
    view! {
        <path class="chart__area" d=area></path>
        {cone}
        <polyline class="chart__line" vector-effect="non-scaling-stroke" points=joined(" ")></polyline>
        {steps}
        <line class="chart__now" vector-effect="non-scaling-stroke" x1=now_x.to_string() x2=now_x.to_string() y1=now_y.to_string() y2="1000"></line>
    }
    .into_any()
}

fn step_of(limit: MicroUsd, step: i16) -> MicroUsd {
    MicroUsd::from_micros(i64::try_from(i128::from(limit.micros()) * i128::from(step) / 100).unwrap_or(i64::MAX))
}

/// Words at the lines; only the highest warning, which is the one that comes next before the limit, has room.
fn labels(burn: &Burn, plot: &Plot) -> Option<AnyView> {
    let limit = burn.limit?;
    let at = |amount: MicroUsd| (plot.pixel(amount) - 5).to_string();
    let warn = burn.node.warn_at.last().filter(|step| **step <= 90).map(|step| {
        let amount = step_of(limit, *step);
        view! { <text data-tone="warning" x="0" y=at(amount)>{format!("{step} %, {}: warns", amount_text(amount))}</text> }
    });
    let stop = format!("Limit {}: calls wait", amount_text(limit));
    Some(view! { <text data-tone="danger" x="0" y=at(limit)>{stop}</text>{warn} }.into_any())
}

fn spoken(burn: &Burn) -> String {
    let mut words = format!("{} has spent {}", burn.node.name, amount_text(burn.spent()));
    if let Some(limit) = burn.limit {
        words.push_str(&format!(" of {}", amount_text(limit)));
    }
    if let (Some(forecast), Some(end)) = (burn.forecast, burn.window.end) {
        let (low, likely, high) = (amount_text(forecast.low), amount_text(forecast.likely), amount_text(forecast.high));
        words.push_str(&format!(". Forecast for {}: {likely}, between {low} and {high}", day(end.date())));
    }
    words.push_str(". A table of the days follows.");
    words
}

fn table(burn: &Burn) -> AnyView {
    let mut spent = burn.before.micros();
    let rows = burn.days.iter().map(|one| {
        spent += one.spent.micros();
        let so_far = MicroUsd::from_micros(spent);
        let of_limit = burn.limit.map_or_else(|| "–".to_owned(), |limit| per_cent(thousandths(so_far, limit)));
        view! {
            <tr><th scope="row">{day(one.date)}</th><td data-num=true>{sum(one.spent)}</td><td data-num=true>{sum(so_far)}</td><td data-num=true>{of_limit}</td></tr>
        }
    });
    view! {
        <table class="table">
            <caption class="visually-hidden">"Spending by day, and what it is measured by"</caption>
            <thead><tr><th scope="col">"Day"</th><th scope="col" data-num=true>"On the day"</th><th scope="col" data-num=true>"So far"</th><th scope="col" data-num=true>"Of the limit"</th></tr></thead>
            <tbody>{rows.collect_view()}</tbody>
            <tfoot>{measures(burn)}</tfoot>
        </table>
    }
    .into_any()
}

/// The other lines of the drawing: warnings, the limit, and the forecast with its range.
fn measures(burn: &Burn) -> AnyView {
    let row = |name: String, amount: MicroUsd, range: Option<String>| {
        let of_limit = burn.limit.map_or_else(|| "–".to_owned(), |limit| per_cent(thousandths(amount, limit)));
        let range = range.map(|range| view! { <span class="sub">{range}</span> });
        view! {
            <tr><th scope="row">{name}</th><td data-num=true>"–"</td><td data-num=true>{sum(amount)}{range}</td><td data-num=true>{of_limit}</td></tr>
        }
    };
    let limits = burn.limit.map(|limit| {
        let warns = burn.node.warn_at.iter();
        let warns = warns.map(|step| row(format!("Warns at {step} %"), step_of(limit, *step), None)).collect_view();
        view! { {warns}{row("Limit".to_owned(), limit, None)} }
    });
    let forecast = burn.forecast.zip(burn.window.end).map(|(forecast, end)| {
        let range = format!("{} to {}", amount_text(forecast.low), amount_text(forecast.high));
        row(format!("Forecast for {}", day(end.date())), forecast.likely, Some(range))
    });
    view! { {limits}{forecast} }.into_any()
}
