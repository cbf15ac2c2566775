//! Asking for a higher limit.

use leptos::prelude::*;
use orchestrator::budgets::BudgetView;
use types::BudgetId;

use super::names;
use crate::{
    components::{
        button::Button,
        error_summary::error_summary,
        field::Field,
        money::amount_text,
        section::page_head,
        select::{Choice, select},
        text_area::TextArea,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// What is asked for, as it was typed.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Those with a limit of their own.
    pub budgets: Vec<BudgetView>,
    pub budget: Option<BudgetId>,
    /// Where the one that was asked about has no amount of its own.
    pub instead: Option<Instead>,
    /// Who decides, by name.
    pub managers: Vec<String>,
    pub amount: String,
    pub reason: String,
    pub errors: Errors,
}

/// A budget whose limit cannot be asked for, and the one of which it is a share, if any.
#[derive(Clone, Debug)]
pub struct Instead {
    pub name: String,
    pub budget: Option<BudgetId>,
    pub whole: Option<String>,
}

#[must_use]
pub fn page(shell: &Shell, data: &Ask) -> String {
    let sub = format!(
        "{} may change budgets and get a mail with your reason; you get one with the answer. Granting it changes the limit at \
         once, and runs that waited go on by themselves.",
        names(&data.managers)
    );
    let main = view! {
        {page_head("Ask for a higher budget", &sub, None)}
        {error_summary(&data.errors)}
        {data.instead.as_ref().map(|instead| view! { <p>{explained(instead)}</p> })}
        {form(shell, data)}
    };
    shell::page(shell, "Ask for a higher budget", !data.errors.is_empty(), main.into_any())
}

fn explained(instead: &Instead) -> String {
    let name = &instead.name;
    match &instead.whole {
        Some(whole) => format!(
            "The limit of {name} is a share of what {whole} allows. Ask for more of {whole}, and the share grows with it."
        ),
        None => {
            format!("{name} has no amount in dollars as its limit, so there is none to raise. Another limit holds it.")
        }
    }
}

fn form(shell: &Shell, data: &Ask) -> AnyView {
    let choice = |view: &BudgetView| {
        let limit = view.limit.map(amount_text).unwrap_or_default();
        Choice::new(view.node.id.to_string(), format!("{}, now {limit}", view.node.name))
    };
    // Nothing is chosen for somebody who came without a budget in mind.
    let none = data.budget.is_none().then(|| Choice::new("", "Choose a budget"));
    let choices: Vec<Choice> = none.into_iter().chain(data.budgets.iter().map(choice)).collect();
    let chosen = data.budget.map(|id| id.to_string()).unwrap_or_default();
    let amount = Field::new("amount", "What should it be, in US dollars?")
        .value(&data.amount)
        .error(data.errors.of("amount"))
        .required()
        .max_length(20)
        .view();
    let reason = TextArea {
        name: "reason",
        label: "What is it for?",
        value: data.reason.clone(),
        error: data.errors.of("reason").map(str::to_owned),
        rows: 3,
        max_length: Some(500),
        ..TextArea::default()
    };
    if data.budgets.is_empty() {
        return view! { <p>"No budget of this team has an amount as its limit, so there is nothing to raise."</p> }
            .into_any();
    }
    view! {
        <form class="form" method="post" action=shell.link("/budgets/ask")>
            {select("budget", "Budget", &choices, &chosen, data.errors.of("budget"))}
            {amount}{reason.view()}
            <p class="section__note">"Only amounts in dollars are asked for here. Limits on tokens, on one task, on one run and on runs at once are changed by those who may change budgets."</p>
            <div class="cluster">
                {Button::new("Ask").primary().busy("Sending…").submit()}
                {Button::new("Cancel").plain().link(shell.link("/budgets"))}
            </div>
        </form>
    }
    .into_any()
}
