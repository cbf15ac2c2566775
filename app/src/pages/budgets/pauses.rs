//! The emergency stop, and the proof of what it stopped.

use leptos::prelude::*;
use orchestrator::budgets::{BudgetPart, PauseView};
use types::Permission;

use super::key;
use crate::{
    components::{
        button::Button,
        error_summary::error_summary,
        section::{page_head, section},
        select::{Choice, select},
        status::State,
        text_area::TextArea,
        time::{absolute, relative},
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

#[derive(Clone, Debug)]
pub struct Pauses {
    pub pauses: Vec<PauseView>,
    pub parts: Vec<BudgetPart>,
    /// As typed: what to pause, and why.
    pub part: String,
    pub reason: String,
    pub errors: Errors,
}

#[must_use]
pub fn page(shell: &Shell, data: &Pauses) -> String {
    let manages = shell.may(Permission::ManageBudgets);
    let sub = "A pause lets no model call begin after it, and ends the processes of agents within ten seconds. Each run keeps its place \
               and goes on at the same step when a person resumes.";
    let alive: Vec<&PauseView> = data.pauses.iter().filter(|pause| pause.resumed.is_none()).collect();
    let past: Vec<&PauseView> = data.pauses.iter().filter(|pause| pause.resumed.is_some()).collect();
    let list =
        |pauses: &[&PauseView]| pauses.iter().map(|pause| proof(shell, pause, manages)).collect_view().into_any();
    let now = if alive.is_empty() { view! { <p>"Nothing is paused."</p> }.into_any() } else { list(&alive) };
    let main = view! {
        {page_head("Emergency pause", sub, None)}
        {error_summary(&data.errors)}
        <div class="pile" data-gap="large">
            {section("now", "Paused now", Some(alive.len()), None, now)}
            {manages.then(|| section("pause", "Pause work", None, None, form(shell, data)))}
            {(!past.is_empty()).then(|| section("past", "Earlier", Some(past.len()), None, list(&past)))}
        </div>
    };
    shell::page(shell, "Emergency pause", !data.errors.is_empty(), main.into_any())
}

fn form(shell: &Shell, data: &Pauses) -> AnyView {
    let kind = |part: &BudgetPart| match super::kind(part.subject) {
        "agent" => "Agent",
        "squad" => "Squad",
        _ => "Project",
    };
    let parts = data.parts.iter().map(|part| Choice::new(key(part.subject), format!("{} {}", kind(part), part.name)));
    let choices: Vec<Choice> = std::iter::once(Choice::new("", "The whole team")).chain(parts).collect();
    let reason = TextArea {
        name: "reason",
        label: "Why?",
        value: data.reason.clone(),
        hint: Some("Everybody whose run stops reads it."),
        error: data.errors.of("reason").map(str::to_owned),
        rows: 2,
        max_length: Some(500),
    };
    view! {
        <form class="form" method="post" action=shell.link("/budgets/pauses")>
            {select("part", "What to pause", &choices, &data.part, data.errors.of("part"))}
            {reason.view()}
            <div class="cluster">{Button::new("Pause now").grave().busy("Pausing…").submit()}</div>
        </form>
    }
    .into_any()
}

fn proof(shell: &Shell, pause: &PauseView, manages: bool) -> AnyView {
    let state = match &pause.resumed {
        None => State::Paused.worded(format!("{} is paused", pause.name)),
        Some((by, at)) => view! { {State::Done.worded(format!("{} was resumed", pause.name))}" "<span class="muted small">{by.clone()}", "{absolute(*at)}</span> }.into_any(),
    };
    let resume = (manages && pause.resumed.is_none()).then(|| {
        let action = shell.link(&format!("/budgets/pauses/{}/resume", pause.id));
        let button = Button::new("Resume").primary().busy("Resuming…").about(&pause.name).submit();
        view! { <form method="post" action=action>{button}</form> }
    });
    let under_way = (pause.under_way > 0).then(|| {
        view! { <p class="small">{format!("{} more are coming to a stop.", pause.under_way)}</p> }
    });
    view! {
        <article class="box">
            <div class="pile" data-gap="small">
                <p>{state}</p>
                <p>{format!("“{}”", pause.reason)}</p>
                <p class="muted small">{pause.by.clone()}", "{absolute(pause.at)}" ("{relative(pause.at, shell.now)}")"</p>
                {stopped(shell, pause)}
                {under_way}
                {resume}
            </div>
        </article>
    }
    .into_any()
}

/// What stood still, and how long after the order.
fn stopped(shell: &Shell, pause: &PauseView) -> AnyView {
    if pause.stopped.is_empty() {
        return view! { <p class="small">"No run was under way."</p> }.into_any();
    }
    let rows = pause.stopped.iter().map(|run| {
        let after = (run.at - pause.at).whole_milliseconds().max(0);
        let href = shell.link(&format!("/tasks/{}", run.task));
        view! {
            <tr>
                <th scope="row"><a href=href>{format!("#{} {}", run.task, run.title)}</a></th>
                <td>{absolute(run.at)}</td>
                <td data-num=true>{format!("{}.{} s", after / 1000, after % 1000 / 100)}</td>
            </tr>
        }
    });
    view! {
        <div class="table__scroll" tabindex="0" role="group" aria-label=format!("Runs that stopped with {}", pause.name)>
            <table class="table">
                <thead><tr><th scope="col">"Run that stood still"</th><th scope="col">"When"</th><th scope="col" data-num=true>"After the order"</th></tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use orchestrator::budgets::{Stopped, Subject};
    use time::{Duration, macros::datetime};
    use types::{BuiltinRole, PauseId, RunId};

    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn the_proof_says_what_stood_still_and_how_soon() {
        let at = datetime!(2026-11-19 14:00 UTC);
        let run =
            Stopped { run: RunId::new(), task: 7, title: "Weights".to_owned(), at: at + Duration::milliseconds(1_340) };
        let pause = PauseView {
            id: PauseId::new(),
            subject: Subject::TEAM,
            name: "Quayside".to_owned(),
            reason: "A runaway loop".to_owned(),
            by: "Mira".to_owned(),
            at,
            resumed: None,
            stopped: vec![run],
            under_way: 2,
        };
        let (parts, part, reason) = (Vec::new(), String::new(), String::new());
        let data = Pauses { pauses: vec![pause], parts, part, reason, errors: Errors::new() };
        let html = page(&shell(BuiltinRole::Owner), &data);
        for shown in ["#7 Weights", "1.3 s", "Run that stood still", "2 more are coming to a stop", "A runaway loop"] {
            assert!(html.contains(shown), "{shown}: {html}");
        }
        assert!(!html.contains("No run was under way"), "{html}");
    }
}
