//! Declining what somebody asks for, with the reason.

use leptos::prelude::*;
use orchestrator::budgets::BudgetRequest;

use crate::{
    components::{
        button::Button, error_summary::error_summary, money::amount_text, section::page_head, text_area::TextArea,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// A request, and the reason as it was typed.
#[derive(Clone, Debug)]
pub struct Declining {
    pub request: BudgetRequest,
    pub answer: String,
    pub errors: Errors,
}

#[must_use]
pub fn page(shell: &Shell, data: &Declining) -> String {
    let request = &data.request;
    let title = format!("Decline {} for {}", amount_text(request.amount), request.name);
    let sub = format!("{} asks for it: “{}”", request.by, request.reason);
    let answer = TextArea {
        name: "answer",
        label: "Why not?",
        value: data.answer.clone(),
        hint: Some("Whoever asked gets it by mail, and it stands on the page of budgets."),
        error: data.errors.of("answer").map(str::to_owned),
        rows: 3,
        max_length: Some(500),
    };
    let action = shell.link(&format!("/budgets/requests/{}/decline", request.id));
    let main = view! {
        {page_head(&title, &sub, None)}
        {error_summary(&data.errors)}
        <form class="form" method="post" action=action>
            {answer.view()}
            <div class="cluster">
                {Button::new("Decline").primary().busy("Saving…").submit()}
                {Button::new("Cancel").plain().link(shell.link("/budgets"))}
            </div>
        </form>
    };
    shell::page(shell, &title, !data.errors.is_empty(), main.into_any())
}
