use leptos::prelude::*;
use orchestrator::budgets::{AlertView, BoundKind, BudgetRequest, Measure};
use types::MicroUsd;

use super::{Budgets, figures::grouped, names, query};
use crate::{
    components::{button::Button, money::amount_text, status::State, time::relative},
    layout::shell::Shell,
};

/// Alerts shown; the rest is older than anybody acts on.
const SHOWN: usize = 6;

/// What came near or was reached, and what people ask for.
pub(super) fn alerts(shell: &Shell, data: &Budgets, manages: bool) -> AnyView {
    let open = data.requests.iter().filter(|request| request.decided.is_none());
    let open = open.map(|request| asked(shell, request, manages)).collect_view();
    let told = data.alerts.iter().take(SHOWN).map(|alert| line(shell, data, alert, manages)).collect_view();
    let done = data.requests.iter().filter(|request| request.decided.is_some()).take(3);
    let done = done.map(|request| decided(shell, request)).collect_view();
    let list = if data.alerts.is_empty() && data.requests.is_empty() {
        view! { <p class="section__note">"Nothing came near a limit."</p> }.into_any()
    } else {
        view! { <ol class="alerts">{open}{told}{done}</ol> }.into_any()
    };
    let who = format!("Mail about limits that come near, and the decision on requests: {}.", names(&data.managers));
    view! { {list}<p class="section__note">{who}</p> }.into_any()
}

fn line(shell: &Shell, data: &Budgets, alert: &AlertView, manages: bool) -> AnyView {
    let note = match alert.measure {
        Measure::Money => {
            let amount = |micros| amount_text(MicroUsd::from_micros(micros));
            format!("{} of {} spent", amount(alert.spent), amount(alert.limit))
        }
        Measure::Tokens => format!("{} of {} tokens spent", grouped(alert.spent), grouped(alert.limit)),
    };
    let state = if alert.step >= 100 { State::Blocked } else { State::NeedsYou };
    let told = (!alert.told.is_empty()).then(|| format!(" · mail to {}", names(&alert.told)));
    let node = data.views.iter().find(|view| view.node.id == alert.budget);
    let way = if manages {
        node.map(|view| (format!("/budgets/edit?{}", query(view.node.subject)), "Raise"))
    } else {
        // What can be asked for is an amount, or what it is a share of.
        let asked = alert.measure == Measure::Money && alert.kind == BoundKind::Period;
        asked.then(|| (format!("/budgets/ask?budget={}", alert.budget), "Ask for more"))
    };
    let button = way.map(|(path, word)| Button::new(word).small().about(&alert.name).link(shell.link(&path)));
    view! {
        <li>
            {state.worded(format!("{} %", alert.step))}
            <span>{happened(shell, alert)}<small>{note}" · "{relative(alert.at, shell.now)}{told}</small></span>
            {button}
        </li>
    }
    .into_any()
}

/// Whose limit it is, and what came of it.
fn happened(shell: &Shell, alert: &AlertView) -> AnyView {
    let (name, step, reached) = (&alert.name, alert.step, alert.step >= 100);
    let of = match alert.kind {
        BoundKind::Period => {
            return match (alert.measure, reached) {
                (Measure::Money, true) => format!("{name} has reached its limit"),
                (Measure::Tokens, true) => format!("{name} has reached its limit of tokens"),
                (Measure::Money, false) => format!("{name} passed {step} %"),
                (Measure::Tokens, false) => format!("{name} passed {step} % of its tokens"),
            }
            .into_any();
        }
        BoundKind::Task(_) => "one task",
        BoundKind::Run(_) => "one run",
    };
    let did = if reached { "has reached the limit".to_owned() } else { format!("passed {step} % of the limit") };
    let did = format!(" {did} for {of} of {name}");
    let is_run = matches!(alert.kind, BoundKind::Run(_));
    let task = match &alert.task {
        Some((number, title)) => {
            let who = if is_run { "A run of task " } else { "Task " };
            let href = shell.link(&format!("/tasks/{number}"));
            view! { {who}<a class="link" href=href title=title.clone()>{format!("#{number}")}</a> }.into_any()
        }
        None => if is_run { "A run" } else { "A task" }.into_any(),
    };
    view! { {task}{did} }.into_any()
}

fn asked(shell: &Shell, request: &BudgetRequest, manages: bool) -> AnyView {
    let buttons = manages.then(|| {
        let path = |verb: &str| shell.link(&format!("/budgets/requests/{}/{verb}", request.id));
        let grant = Button::new("Grant").small().busy("Saving…").about(&request.name).submit();
        let decline = Button::new("Decline…").small().plain().about(&request.name).link(path("decline"));
        view! { <div class="cluster"><form method="post" action=path("grant")>{grant}</form>{decline}</div> }
    });
    let words = format!("{} asks for {} for {}", request.by, amount_text(request.amount), request.name);
    let now = request.now.map(|now| format!(" · now {}", amount_text(now)));
    view! {
        <li>
            {State::Queued.worded("Ask")}
            <span>{words}<small>{format!("“{}”", request.reason)}{now}" · "{relative(request.at, shell.now)}</small></span>
            {buttons}
        </li>
    }
    .into_any()
}

fn decided(shell: &Shell, request: &BudgetRequest) -> Option<AnyView> {
    let (granted, who, at) = request.decided.clone()?;
    let (state, word, verb) =
        if granted { (State::Done, "Granted", "granted") } else { (State::Cancelled, "Declined", "declined") };
    let words = format!("{who} {verb} {} for {}", amount_text(request.amount), request.name);
    let answer = request.answer.as_ref().map(|answer| format!("“{answer}” · "));
    Some(
        view! { <li>{state.worded(word)}<span>{words}<small>{answer}{relative(at, shell.now)}</small></span></li> }
            .into_any(),
    )
}
