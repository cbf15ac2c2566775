//! One limit: set, changed, taken away.

use leptos::prelude::*;
use orchestrator::budgets::{BudgetDraft, BudgetSettings, Calendar, Limit, Period, Subject};
use serde::Deserialize;
use types::MicroUsd;

use super::{periods, query};
use crate::{
    components::{
        button::Button,
        dialog::{Confirm, confirm},
        error_summary::error_summary,
        field::Field,
        money::amount_text,
        section::page_head,
        select::select,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// The form of a limit, as it stands or as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Input {
    #[serde(default)]
    pub amount: String,
    #[serde(default)]
    pub share: String,
    #[serde(default)]
    pub period: String,
    #[serde(default)]
    pub reset_day: String,
    #[serde(default)]
    pub time_zone: String,
    #[serde(default)]
    pub tokens: String,
    #[serde(default)]
    pub per_task: String,
    #[serde(default)]
    pub per_run: String,
    #[serde(default)]
    pub concurrent_runs: String,
    #[serde(default)]
    pub warn_at: Option<String>,
}

impl Input {
    #[must_use]
    pub fn of(settings: &BudgetSettings) -> Self {
        let money = |amount: Option<MicroUsd>| amount.map(plain).unwrap_or_default();
        let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        let (amount, share) = match settings.limit {
            Limit::None => (String::new(), String::new()),
            Limit::Amount(amount) => (plain(amount), String::new()),
            Limit::Share(share) => (String::new(), plain(MicroUsd::from_micros(i64::from(share) * 10_000))),
        };
        let steps: Vec<String> = settings.warn_at.iter().map(ToString::to_string).collect();
        Self {
            amount,
            share,
            period: settings.calendar.period.as_str().to_owned(),
            reset_day: settings.calendar.reset_day.to_string(),
            time_zone: settings.calendar.time_zone.clone(),
            tokens: number(settings.tokens),
            per_task: money(settings.per_task),
            per_run: money(settings.per_run),
            concurrent_runs: number(settings.concurrent_runs.map(i64::from)),
            warn_at: Some(steps.join(", ")),
        }
    }

    /// What was typed, as far as it can be read; the rest is told in `errors`. Fields that were not sent keep what `now` says.
    #[must_use]
    pub fn read(&self, now: &BudgetSettings, errors: &mut Errors) -> BudgetSettings {
        let limit = self.limit(errors);
        let period = if self.period.is_empty() { Some(now.calendar.period) } else { Period::parse(&self.period) };
        if period.is_none() {
            errors.add("period", "Choose one of the periods.");
        }
        let calendar = Calendar {
            period: period.unwrap_or(now.calendar.period),
            reset_day: optional(errors, "reset_day", &self.reset_day).unwrap_or(now.calendar.reset_day),
            time_zone: if self.time_zone.trim().is_empty() {
                now.calendar.time_zone.clone()
            } else {
                self.time_zone.trim().to_owned()
            },
        };
        BudgetSettings {
            limit,
            tokens: optional(errors, "tokens", &self.tokens),
            calendar,
            per_task: money(errors, "per_task", &self.per_task),
            per_run: money(errors, "per_run", &self.per_run),
            concurrent_runs: optional(errors, "concurrent_runs", &self.concurrent_runs),
            warn_at: self.warn_at.as_deref().map_or_else(|| now.warn_at.clone(), |text| steps(errors, text)),
        }
    }

    fn limit(&self, errors: &mut Errors) -> Limit {
        match (self.amount.trim(), self.share.trim()) {
            ("", "") => Limit::None,
            (_, "") => money(errors, "amount", &self.amount).map_or(Limit::None, Limit::Amount),
            ("", share) => {
                let share = share.strip_suffix('%').unwrap_or(share).trim();
                // Two decimals of a per cent are the ten-thousandths that a share is kept in.
                let read = MicroUsd::parse_dollars(share).filter(|share| share.micros() % 10_000 == 0);
                match read.and_then(|share| u16::try_from(share.micros() / 10_000).ok()) {
                    Some(share) => Limit::Share(share),
                    None => {
                        errors.add("share", "Use a number such as 40 or 12.5, at most 100.");
                        Limit::None
                    }
                }
            }
            _ => {
                errors.add("share", "Give an amount or a share, not both.");
                Limit::None
            }
        }
    }
}

/// An amount as one would type it: “5”, “0.05”.
fn plain(amount: MicroUsd) -> String {
    let text = amount.dollars(6);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An amount in dollars; None for an empty field.
pub(crate) fn money(errors: &mut Errors, field: &'static str, text: &str) -> Option<MicroUsd> {
    if text.trim().is_empty() {
        return None;
    }
    let amount = MicroUsd::parse_dollars(text);
    if amount.is_none() {
        errors.add(field, "Use an amount in dollars such as 25 or 0.50.");
    }
    amount
}

fn optional<N: std::str::FromStr + Default>(errors: &mut Errors, field: &'static str, text: &str) -> Option<N> {
    (!text.trim().is_empty()).then(|| errors.whole(field, text))
}

fn steps(errors: &mut Errors, text: &str) -> Vec<i16> {
    let parts = text.split([',', ' ']).map(|part| part.trim().trim_end_matches('%')).filter(|part| !part.is_empty());
    let read: Result<Vec<i16>, _> = parts.map(str::parse).collect();
    read.unwrap_or_else(|_| {
        errors.add("warn_at", "Use numbers such as 50, 80.");
        Vec::new()
    })
}

/// A limit with its form.
#[derive(Clone, Debug)]
pub struct Edit {
    pub draft: BudgetDraft,
    pub input: Input,
    pub errors: Errors,
}

#[must_use]
pub fn page(shell: &Shell, data: &Edit) -> String {
    let draft = &data.draft;
    let title = format!("Budget of {}", draft.name);
    let sub = match &draft.parent {
        Some((name, Some(most))) => {
            format!("It stands under the budget of {name}, which allows {}.", amount_text(*most))
        }
        Some((name, None)) => format!("It stands under the budget of {name}, which only counts."),
        None => "It holds for everything the team does.".to_owned(),
    };
    let main = view! {
        {page_head(&title, &sub, None)}
        {error_summary(&data.errors)}
        {form(shell, data)}
        {removal(shell, draft)}
    };
    shell::page(shell, &title, !data.errors.is_empty(), main.into_any())
}

fn form(shell: &Shell, data: &Edit) -> AnyView {
    let part = query(data.draft.subject);
    let action =
        shell.link(&if part.is_empty() { "/budgets/edit".to_owned() } else { format!("/budgets/edit?{part}") });
    view! {
        <form class="form" method="post" action=action>
            {limits(data)}
            {calendar(data)}
            {caps(data)}
            <div class="cluster">
                {Button::new("Save the budget").primary().busy("Saving…").submit()}
                {Button::new("Cancel").plain().link(shell.link("/budgets"))}
            </div>
        </form>
    }
    .into_any()
}

fn field(name: &'static str, label: &'static str, value: &str, data: &Edit) -> Field {
    Field::new(name, label).value(value).error(data.errors.of(name)).max_length(60)
}

fn limits(data: &Edit) -> AnyView {
    let input = &data.input;
    let amount = field("amount", "Limit in US dollars", &input.amount, data)
        .hint("Calls that could pass it wait. Empty: it only counts.")
        .view();
    let share = (data.draft.subject != Subject::TEAM).then(|| {
        field("share", "Or a share of the budget above it, in per cent", &input.share, data)
            .hint("It then follows the period of the budget above it.")
            .view()
    });
    let tokens =
        field("tokens", "Tokens in each period", &input.tokens, data).hint("Of any kind. Empty: no limit.").view();
    let warn = field("warn_at", "Warn at, in per cent", input.warn_at.as_deref().unwrap_or_default(), data)
        .hint("Up to five steps: 50, 80. Everybody who may change budgets gets one mail for each step of a period.")
        .view();
    view! { {amount}{share}{tokens}{warn} }.into_any()
}

fn calendar(data: &Edit) -> AnyView {
    let input = &data.input;
    let day = field("reset_day", "Begins anew on day", &input.reset_day, data)
        .hint("Of the week, 1 is Monday; of the month, a shorter one begins on its last day. No meaning for days.")
        .view();
    let zone = field("time_zone", "Time zone", &input.time_zone, data).hint("Such as Europe/Berlin or UTC.").view();
    view! {
        {select("period", "Period", &periods(), &input.period, data.errors.of("period"))}
        {day}{zone}
    }
    .into_any()
}

fn caps(data: &Edit) -> AnyView {
    let input = &data.input;
    let task = field("per_task", "Any one task may cost, in US dollars", &input.per_task, data).view();
    let run = field("per_run", "Any one run may cost, in US dollars", &input.per_run, data).view();
    let at_once = field("concurrent_runs", "Runs at once", &input.concurrent_runs, data)
        .hint("More runs wait in the queue until one ends.")
        .view();
    view! { {task}{run}{at_once} }.into_any()
}

fn removal(shell: &Shell, draft: &BudgetDraft) -> Option<AnyView> {
    let id = draft.id.filter(|_| draft.subject != Subject::TEAM)?;
    let ask = Confirm {
        id: "remove",
        question: format!("Remove the budget of {}?", draft.name),
        consequence:
            "What it spent stays in the ledger, and the budgets above it still hold. Runs that waited for it go on."
                .to_owned(),
        action: shell.link(&format!("/budgets/{id}/remove")),
        verb: "Remove",
        keep: "Keep it".to_owned(),
    };
    let button = Button::new("Remove this budget…").danger().opens("remove");
    Some(view! { <div class="cluster">{button}</div>{confirm(ask)} }.into_any())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &Input) -> (BudgetSettings, Errors) {
        let mut errors = Errors::new();
        let settings = input.read(&BudgetSettings::default(), &mut errors);
        (settings, errors)
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let settings = BudgetSettings {
            limit: Limit::Share(1_250),
            tokens: Some(5_000_000),
            calendar: Calendar { period: Period::Week, reset_day: 3, time_zone: "Europe/Berlin".to_owned() },
            per_task: Some(MicroUsd::from_cents(50)),
            per_run: Some(MicroUsd::from_micros(1)),
            concurrent_runs: Some(2),
            warn_at: vec![50, 80],
        };
        let input = Input::of(&settings);
        assert_eq!(
            (input.share.as_str(), input.per_task.as_str(), input.per_run.as_str()),
            ("12.5", "0.5", "0.000001")
        );
        assert_eq!(read(&input), (settings, Errors::new()));
    }

    #[test]
    fn a_short_form_keeps_the_rest() {
        let input = Input { amount: "5".to_owned(), period: "day".to_owned(), ..Input::default() };
        let (settings, errors) = read(&input);
        assert!(errors.is_empty());
        assert_eq!(settings.limit, Limit::Amount(MicroUsd::from_cents(500)));
        assert_eq!((settings.calendar.period, settings.warn_at.as_slice()), (Period::Day, &[80][..]));
    }

    #[test]
    fn each_field_says_what_is_wrong_with_it() {
        let input = Input {
            amount: "five".to_owned(),
            period: "year".to_owned(),
            reset_day: "x".to_owned(),
            tokens: "1.5".to_owned(),
            per_task: "-1".to_owned(),
            warn_at: Some("half".to_owned()),
            ..Input::default()
        };
        let (_, errors) = read(&input);
        for field in ["amount", "period", "reset_day", "tokens", "per_task", "warn_at"] {
            assert!(errors.of(field).is_some(), "{field}");
        }
        let both = Input { amount: "5".to_owned(), share: "40".to_owned(), ..Input::default() };
        assert!(read(&both).1.of("share").is_some());
        let much = Input { share: "40.123".to_owned(), ..Input::default() };
        assert!(read(&much).1.of("share").is_some());
    }
}
