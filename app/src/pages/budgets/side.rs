use leptos::prelude::*;
use orchestrator::budgets::{AlertView, BudgetRequest, Measure};
use types::MicroUsd;

use super::{Budgets, figures::grouped, query};
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
    if data.alerts.is_empty() && data.requests.is_empty() {
        return view! {
            <p class="section__note">"Nothing came near a limit. Everybody who may change budgets gets a mail when it does."</p>
        }
        .into_any();
    }
    view! { <ol class="alerts">{open}{told}{done}</ol> }.into_any()
}

fn line(shell: &Shell, data: &Budgets, alert: &AlertView, manages: bool) -> AnyView {
    let stopped = alert.step >= 100;
    let (what, passed, note) = match alert.measure {
        Measure::Money => {
            let amount = |micros| amount_text(MicroUsd::from_micros(micros));
            ("limit", "", format!("{} of {} spent", amount(alert.spent), amount(alert.limit)))
        }
        Measure::Tokens => {
            let note = format!("{} of {} tokens spent", grouped(alert.spent), grouped(alert.limit));
            ("limit of tokens", " of its tokens", note)
        }
    };
    let (state, words) = if stopped {
        (State::Blocked, format!("{} has reached its {what}", alert.name))
    } else {
        (State::NeedsYou, format!("{} passed {} %{passed}", alert.name, alert.step))
    };
    let node = data.views.iter().find(|view| view.node.id == alert.budget);
    let way = if manages {
        node.map(|view| (format!("/budgets/edit?{}", query(view.node.subject)), "Raise"))
    } else {
        Some((format!("/budgets/ask?budget={}", alert.budget), "Ask for more"))
    };
    let button = way.map(|(path, word)| Button::new(word).small().about(&alert.name).link(shell.link(&path)));
    view! {
        <li>
            {state.worded(format!("{} %", alert.step))}
            <span>{words}<small>{note}" · "{relative(alert.at, shell.now)}</small></span>
            {button}
        </li>
    }
    .into_any()
}

fn asked(shell: &Shell, request: &BudgetRequest, manages: bool) -> AnyView {
    let post = |verb: &str, button: AnyView| {
        let action = shell.link(&format!("/budgets/requests/{}/{verb}", request.id));
        view! { <form method="post" action=action>{button}</form> }
    };
    let buttons = manages.then(|| {
        let grant = Button::new("Grant").small().busy("Saving…").about(&request.name).submit();
        let decline = Button::new("Decline").small().plain().busy("Saving…").about(&request.name).submit();
        view! { <div class="cluster">{post("grant", grant)}{post("decline", decline)}</div> }
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
    Some(view! { <li>{state.worded(word)}<span>{words}<small>{relative(at, shell.now)}</small></span></li> }.into_any())
}
