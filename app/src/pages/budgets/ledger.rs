//! The ledger: every call's worst case held back, and what came of it.

use leptos::prelude::*;
use orchestrator::budgets::{EntryKind, LedgerEntry, LedgerUse};

use super::figures::grouped;
use crate::{
    components::{
        button::Button,
        empty::{Empty, empty},
        error_summary::error_summary,
        field::Field,
        icon::Icon,
        money::fine,
        pagination::{Pages, pagination},
        section::page_head,
        select::{Choice, select},
        status::State,
        time::moment,
        who::Who,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// A page of the ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub entries: Vec<LedgerEntry>,
    pub choices: Choices,
    pub filter: Filter,
    /// None: nothing was looked for, as `errors` say.
    pub pages: Option<Pages>,
    /// The filter as a query, for exports.
    pub query: String,
    pub errors: Errors,
}

/// Who may have spent, and on what; the first of each stands for all.
#[derive(Clone, Debug)]
pub struct Choices {
    pub projects: Vec<Choice>,
    pub squads: Vec<Choice>,
    pub agents: Vec<Choice>,
}

/// The filter as it was typed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub task: String,
    pub project: String,
    pub squad: String,
    pub agent: String,
    pub model: String,
    pub kind: String,
    pub from: String,
    pub to: String,
}

impl Filter {
    fn is_set(&self) -> bool {
        let all = [&self.task, &self.project, &self.squad, &self.agent, &self.model, &self.kind, &self.from, &self.to];
        all.iter().any(|text| !text.trim().is_empty())
    }
}

#[must_use]
pub fn page(shell: &Shell, data: &Ledger) -> String {
    let export = |kind: &str| shell.link(&format!("/budgets/ledger.{kind}?{}", data.query));
    let actions = view! {
        {Button::new("CSV").icon(Icon::Download).link(export("csv"))}
        {Button::new("JSON lines").icon(Icon::Download).link(export("jsonl"))}
    };
    let sub = "Rows are added and never changed. Times are UTC, amounts US dollars.";
    let main = view! {
        {page_head("Ledger", sub, Some(actions.into_any()))}
        {error_summary(&data.errors)}
        <div class="pile">
            {filters(shell, data)}
            {data.pages.as_ref().map(|pages| view! { {table(shell, &data.entries)}{pagination(pages)} })}
        </div>
    };
    shell::page(shell, "Ledger", !data.errors.is_empty(), main.into_any())
}

fn filters(shell: &Shell, data: &Ledger) -> AnyView {
    let filter = &data.filter;
    let kinds: Vec<Choice> = std::iter::once(Choice::new("", "All entries"))
        .chain(EntryKind::ALL.iter().map(|kind| Choice::new(kind.as_str(), word(*kind))))
        .collect();
    let (choices, errors) = (&data.choices, &data.errors);
    let text = |name: &'static str, label: &str, value: &str, most| {
        Field::new(name, label).value(value).error(errors.of(name)).max_length(most).view()
    };
    view! {
        <search>
            <form class="tools" data-even=true method="get" action=shell.link("/budgets/ledger")>
                {text("from", "First day (2026-11-21)", &filter.from, 10)}
                {text("to", "Last day", &filter.to, 10)}
                {text("task", "Task number", &filter.task, 10)}
                {select("project", "Project", &choices.projects, &filter.project, None)}
                {select("squad", "Squad", &choices.squads, &filter.squad, None)}
                {select("agent", "Agent", &choices.agents, &filter.agent, None)}
                {text("model", "Model", &filter.model, 200)}
                {select("kind", "Entry", &kinds, &filter.kind, errors.of("kind"))}
                {Button::new("Apply").submit()}
                {filter.is_set().then(|| Button::new("Clear").plain().link(shell.link("/budgets/ledger")))}
            </form>
        </search>
    }
    .into_any()
}

const HEADS: [&str; 8] = ["Time", "Task", "Agent", "Model", "Entry", "Why", "Held", "Cost"];

pub(super) fn table(shell: &Shell, entries: &[LedgerEntry]) -> AnyView {
    if entries.is_empty() {
        let text = "Each model call makes two rows: what is held back for it, and what it came to.".to_owned();
        return empty(Empty { title: "No rows".to_owned(), text, actions: Vec::new() });
    }
    let heads = HEADS.iter().enumerate().map(|(at, head)| {
        let number = at > 5;
        view! { <th scope="col" data-num=number>{*head}</th> }
    });
    let rows = entries.iter().map(|entry| row(shell, entry)).collect_view();
    view! {
        <div class="table__scroll" tabindex="0" role="group" aria-label="Ledger">
            <table class="table">
                <thead><tr>{heads.collect_view()}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(shell: &Shell, entry: &LedgerEntry) -> AnyView {
    let task = entry.task.as_ref().map(|(number, title)| {
        let href = shell.link(&format!("/tasks/{number}"));
        view! { <a class="id" href=href title=title.clone()>{format!("#{number}")}</a> }
    });
    let agent = entry.agent.as_ref().map(|name| {
        let letters: String = name.chars().take(2).collect::<String>().to_uppercase();
        view! { <span class="table__name">{Who::agent(name.clone(), letters).avatar()}{name.clone()}</span> }
    });
    let sign = if entry.kind == EntryKind::Held { "+" } else { "−" };
    let cost = entry.used.as_ref().map(|used| match used.cost {
        Some(cost) => fine(cost),
        None => view! { {fine(used.counted)}<span class="sub">"price unknown"</span> }.into_any(),
    });
    view! {
        <tr>
            <th scope="row" class="clock">{moment(entry.at)}</th>
            <td>{task}</td>
            <td>{agent}</td>
            <td class="muted">{entry.model.clone()}</td>
            <td>{kind(entry.kind)}</td>
            <td class="muted small">{why(entry)}{content(shell, entry)}</td>
            <td data-num=true class="money muted">{sign}{fine(entry.held)}</td>
            <td data-num=true>{cost}</td>
        </tr>
    }
    .into_any()
}

fn content(shell: &Shell, entry: &LedgerEntry) -> Option<AnyView> {
    entry.has_content.then(|| {
        let href = shell.link(&format!("/budgets/ledger/{}", entry.reservation));
        view! { " "<a class="link" href=href>"Content"<span class="visually-hidden">" of the call"</span></a> }
            .into_any()
    })
}

const fn word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Held => "Held",
        EntryKind::Settled => "Settled",
        EntryKind::Released => "Released",
        EntryKind::Lost => "Lost",
    }
}

fn kind(kind: EntryKind) -> AnyView {
    match kind {
        EntryKind::Lost => State::Blocked.worded(word(kind)),
        _ => word(kind).into_any(),
    }
}

fn why(entry: &LedgerEntry) -> String {
    match (&entry.used, entry.kind) {
        (Some(used), EntryKind::Lost) => format!("no sign of life, counted as the worst case of {}", tokens(used)),
        (Some(used), _) => tokens(used),
        (None, EntryKind::Released) => "the call was not made".to_owned(),
        (None, _) if entry.priced => format!("{} tokens at most", grouped(entry.tokens)),
        (None, _) => format!("{} tokens at most, price unknown", grouped(entry.tokens)),
    }
}

fn tokens(used: &LedgerUse) -> String {
    let input = used.uncached + used.cache_read + used.cache_write;
    let cached = if used.cache_read > 0 && input > 0 {
        format!(", {} % cached", used.cache_read.saturating_mul(100) / input)
    } else {
        String::new()
    };
    let counted = if used.estimated { " (our count)" } else { "" };
    format!("{} in{cached} · {} out{counted}", grouped(input), grouped(used.output))
}
