use leptos::prelude::*;
use orchestrator::budgets::BudgetView;
use types::MicroUsd;

use super::{Budgets, per_cent, thousandths};
use crate::{
    components::{money::amount_text, time::day},
    layout::shell::Shell,
};

/// Spent, held, left and forecast of the team's own limit.
pub(super) fn figures(shell: &Shell, data: &Budgets) -> AnyView {
    let Some(team) = data.views.first() else { return ().into_any() };
    let (forecast_head, forecast, forecast_note) = forecast(data);
    let list = [
        ("Spent".to_owned(), amount_text(team.spent), spent_note(team)),
        (
            "Held for calls under way".to_owned(),
            amount_text(team.reserved),
            "worst case, settles when they end".to_owned(),
        ),
        ("Left".to_owned(), team.left().map_or_else(|| "No limit".to_owned(), amount_text), left_note(shell, team)),
        (forecast_head, forecast, forecast_note),
    ];
    let list = list.map(|(head, value, note)| view! { <div><dt>{head}</dt><dd>{value}</dd><dd>{note}</dd></div> });
    view! { <dl class="figures">{list.collect_view()}</dl> }.into_any()
}

fn spent_note(team: &BudgetView) -> String {
    let tokens = format!("{} tokens", grouped(team.tokens_spent));
    match team.limit {
        Some(limit) => format!("{} of the limit · {tokens}", per_cent(thousandths(team.spent, limit))),
        None => tokens,
    }
}

fn left_note(shell: &Shell, team: &BudgetView) -> String {
    let (Some(left), Some(end)) = (team.left(), team.window.end) else {
        return "set a limit to have some left".to_owned();
    };
    let days = (end - shell.now).whole_days() + 1;
    let a_day = MicroUsd::from_micros(left.micros() / days.max(1));
    format!("{} a day until {}", amount_text(a_day), day(end.date()))
}

fn forecast(data: &Budgets) -> (String, String, String) {
    let head =
        data.burn.window.end.map_or_else(|| "Forecast".to_owned(), |end| format!("Forecast for {}", day(end.date())));
    match data.burn.forecast {
        Some(forecast) => {
            let range = format!("{} to {}", amount_text(forecast.low), amount_text(forecast.high));
            (head, amount_text(forecast.likely), range)
        }
        None => (head, "Not yet".to_owned(), "needs three full days of work".to_owned()),
    }
}

/// “12 480”: groups of three digits.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}
