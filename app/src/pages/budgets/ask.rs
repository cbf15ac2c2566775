//! Asking for a higher limit.

use leptos::prelude::*;
use orchestrator::budgets::BudgetView;
use types::BudgetId;

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
    pub amount: String,
    pub reason: String,
    pub errors: Errors,
}

#[must_use]
pub fn page(shell: &Shell, data: &Ask) -> String {
    let sub = "Everybody who may change budgets gets a mail with your reason. Granting it changes the limit at once, and runs that \
               waited go on by themselves.";
    let main = view! {
        {page_head("Ask for a higher budget", sub, None)}
        {error_summary(&data.errors)}
        {form(shell, data)}
    };
    shell::page(shell, "Ask for a higher budget", !data.errors.is_empty(), main.into_any())
}

fn form(shell: &Shell, data: &Ask) -> AnyView {
    let choice = |view: &BudgetView| {
        let limit = view.limit.map(amount_text).unwrap_or_default();
        Choice::new(view.node.id.to_string(), format!("{}, now {limit}", view.node.name))
    };
    let choices: Vec<Choice> = data.budgets.iter().map(choice).collect();
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
    if choices.is_empty() {
        return view! { <p>"No budget of this team has an amount as its limit, so there is nothing to raise."</p> }
            .into_any();
    }
    view! {
        <form class="form" method="post" action=shell.link("/budgets/ask")>
            {select("budget", "Budget", &choices, &chosen, data.errors.of("budget"))}
            {amount}{reason.view()}
            <div class="cluster">
                {Button::new("Ask").primary().busy("Sending…").submit()}
                {Button::new("Cancel").plain().link(shell.link("/budgets"))}
            </div>
        </form>
    }
    .into_any()
}
