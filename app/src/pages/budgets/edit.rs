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

/// The form of a limit, as it stands or as it was typed. A field that was not sent is none; one that was sent empty takes its limit
/// away.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Input {
    pub amount: Option<String>,
    pub share: Option<String>,
    pub period: String,
    pub reset_day: String,
    pub time_zone: String,
    pub tokens: Option<String>,
    pub per_task: Option<String>,
    pub per_run: Option<String>,
    pub concurrent_runs: Option<String>,
    pub warn_at: Option<String>,
}

impl Input {
    #[must_use]
    pub fn of(settings: &BudgetSettings) -> Self {
        let money = |amount: Option<MicroUsd>| Some(amount.map(plain).unwrap_or_default());
        let number = |number: Option<i64>| Some(number.map(|number| number.to_string()).unwrap_or_default());
        let (amount, share) = match settings.limit {
            Limit::None => (String::new(), String::new()),
            Limit::Amount(amount) => (plain(amount), String::new()),
            Limit::Share(share) => (String::new(), plain(MicroUsd::from_micros(i64::from(share) * 10_000))),
        };
        let steps: Vec<String> = settings.warn_at.iter().map(ToString::to_string).collect();
        Self {
            amount: Some(amount),
            share: Some(share),
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

    /// What was typed, with what `now` says where nothing was sent: for a form that is drawn again.
    #[must_use]
    pub fn over(self, now: &BudgetSettings) -> Self {
        let old = Self::of(now);
        let or = |typed: String, old: String| if typed.is_empty() { old } else { typed };
        // An amount and a share exclude each other: one that was typed leaves nothing of the other.
        let typed = self.amount.is_some() || self.share.is_some();
        let (amount, share) = if typed { (self.amount, self.share) } else { (old.amount, old.share) };
        Self {
            amount,
            share,
            period: or(self.period, old.period),
            reset_day: or(self.reset_day, old.reset_day),
            time_zone: or(self.time_zone, old.time_zone),
            tokens: self.tokens.or(old.tokens),
            per_task: self.per_task.or(old.per_task),
            per_run: self.per_run.or(old.per_run),
            concurrent_runs: self.concurrent_runs.or(old.concurrent_runs),
            warn_at: self.warn_at.or(old.warn_at),
        }
    }

    /// What was typed, as far as it can be read; the rest is told in `errors`. Fields that were not sent keep what `now` says.
    #[must_use]
    pub fn read(&self, now: &BudgetSettings, errors: &mut Errors) -> BudgetSettings {
        let limit = self.limit(now, errors);
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
            tokens: sent(&self.tokens, now.tokens, |text| optional(errors, "tokens", text)),
            calendar,
            per_task: sent(&self.per_task, now.per_task, |text| money(errors, "per_task", text)),
            per_run: sent(&self.per_run, now.per_run, |text| money(errors, "per_run", text)),
            concurrent_runs: sent(&self.concurrent_runs, now.concurrent_runs, |text| {
                optional(errors, "concurrent_runs", text)
            }),
            warn_at: self.warn_at.as_deref().map_or_else(|| now.warn_at.clone(), |text| steps(errors, text)),
        }
    }

    fn limit(&self, now: &BudgetSettings, errors: &mut Errors) -> Limit {
        if self.amount.is_none() && self.share.is_none() {
            return now.limit;
        }
        match (text(&self.amount).trim(), text(&self.share).trim()) {
            ("", "") => Limit::None,
            (amount, "") => money(errors, "amount", amount).map_or(Limit::None, Limit::Amount),
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

fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or_default()
}

/// What a field says, or what holds now where it was not sent.
fn sent<T>(field: &Option<String>, now: Option<T>, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    field.as_deref().map_or(now, read)
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
    let amount = field("amount", "Limit in US dollars", text(&input.amount), data)
        .hint("Calls that could pass it wait. Empty: it only counts.")
        .view();
    let share = (data.draft.subject != Subject::TEAM).then(|| {
        field("share", "Or a share of the budget above it, in per cent", text(&input.share), data)
            .hint("It then follows the period of the budget above it.")
            .view()
    });
    let tokens = field("tokens", "Tokens in each period", text(&input.tokens), data)
        .hint("Of any kind. Empty: no limit.")
        .view();
    let warn = field("warn_at", "Warn at, in per cent", text(&input.warn_at), data)
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
    let task = field("per_task", "Any one task may cost, in US dollars", text(&input.per_task), data).view();
    let run = field("per_run", "Any one run may cost, in US dollars", text(&input.per_run), data).view();
    let at_once = field("concurrent_runs", "Runs at once", text(&input.concurrent_runs), data)
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

    fn typed(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let settings = full();
        let input = Input::of(&settings);
        assert_eq!((text(&input.share), text(&input.per_task), text(&input.per_run)), ("12.5", "0.5", "0.000001"));
        assert_eq!(read(&input), (settings, Errors::new()));
    }

    fn full() -> BudgetSettings {
        BudgetSettings {
            limit: Limit::Share(1_250),
            tokens: Some(5_000_000),
            calendar: Calendar { period: Period::Week, reset_day: 3, time_zone: "Europe/Berlin".to_owned() },
            per_task: Some(MicroUsd::from_cents(50)),
            per_run: Some(MicroUsd::from_micros(1)),
            concurrent_runs: Some(2),
            warn_at: vec![50, 80],
        }
    }

    #[test]
    fn a_short_form_keeps_the_rest() {
        let input = Input { amount: typed("5"), period: "day".to_owned(), ..Input::default() };
        let mut errors = Errors::new();
        let settings = input.read(&full(), &mut errors);
        assert!(errors.is_empty());
        let amount = Limit::Amount(MicroUsd::from_cents(500));
        let calendar = Calendar { period: Period::Day, ..full().calendar };
        assert_eq!(settings, BudgetSettings { limit: amount, calendar, ..full() });
        assert_eq!(Input::default().read(&full(), &mut errors), full(), "nothing was sent");

        let again = input.over(&full());
        assert_eq!((text(&again.amount), text(&again.share), text(&again.concurrent_runs)), ("5", "", "2"));
        assert_eq!(Input::default().over(&full()).read(&full(), &mut errors), full());
    }

    #[test]
    fn an_empty_field_takes_its_limit_away() {
        let empty = || typed(" ");
        let input = Input {
            amount: empty(),
            tokens: empty(),
            per_task: empty(),
            per_run: empty(),
            concurrent_runs: empty(),
            ..Input::default()
        };
        let none = BudgetSettings { calendar: full().calendar, warn_at: full().warn_at, ..BudgetSettings::default() };
        assert_eq!(input.read(&full(), &mut Errors::new()), none);
    }

    #[test]
    fn each_field_says_what_is_wrong_with_it() {
        let input = Input {
            amount: typed("five"),
            period: "year".to_owned(),
            reset_day: "x".to_owned(),
            tokens: typed("1.5"),
            per_task: typed("-1"),
            warn_at: typed("half"),
            ..Input::default()
        };
        let (_, errors) = read(&input);
        for field in ["amount", "period", "reset_day", "tokens", "per_task", "warn_at"] {
            assert!(errors.of(field).is_some(), "{field}");
        }
        let both = Input { amount: typed("5"), share: typed("40"), ..Input::default() };
        assert!(read(&both).1.of("share").is_some());
        let much = Input { share: typed("40.123"), ..Input::default() };
        assert!(read(&much).1.of("share").is_some());
    }
}
