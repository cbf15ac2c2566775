//! The tasks behind a row of analytics.

use leptos::prelude::*;
use orchestrator::analytics::{Cause, EndedRun, Span, TaskSpending, TaskSpendingRow, Waste};

use super::{Asked, outcome, rows::unknown, share, stretch, tokens};
use crate::{
    components::{
        button::Button,
        empty::{Empty, empty},
        error_summary::error_summary,
        icon::Icon,
        money::sum,
        section::page_head,
        task_state::task_state,
        time::relative,
    },
    forms::Errors,
    layout::shell::{self, Shell},
    pages::budgets::grouped,
};

#[derive(Clone, Debug)]
pub struct Tasks {
    pub asked: Asked,
    /// None where the address asks for days that cannot be.
    pub span: Option<Span>,
    /// What the filter keeps: a field and a name.
    pub narrowed: Vec<(&'static str, String)>,
    pub listed: Listed,
    pub errors: Errors,
}

#[derive(Clone, Debug)]
pub enum Listed {
    Tasks { waste: Option<Waste>, tasks: TaskSpending },
    Runs { cause: Cause, runs: Vec<EndedRun> },
}

impl Listed {
    #[must_use]
    pub const fn nothing() -> Self {
        Self::Tasks { waste: None, tasks: TaskSpending { rows: Vec::new(), all: 0 } }
    }

    fn title(&self) -> String {
        match self {
            Self::Tasks { waste: None, .. } => "Tasks by cost".to_owned(),
            Self::Tasks { waste: Some(kind), .. } => format!("Waste: {}", outcome::kind(*kind).0.to_lowercase()),
            Self::Runs { cause, .. } => format!("Runs: {}", outcome::cause(*cause).to_lowercase()),
        }
    }

    const fn is_empty(&self) -> bool {
        match self {
            Self::Tasks { tasks, .. } => tasks.rows.is_empty(),
            Self::Runs { runs, .. } => runs.is_empty(),
        }
    }
}

#[must_use]
pub fn page(shell: &Shell, data: &Tasks) -> String {
    let query = data.asked.query(&[]);
    let actions = (!data.listed.is_empty())
        .then(|| Button::new("CSV").icon(Icon::Download).link(shell.link(&format!("/analytics/tasks.csv{query}"))));
    let mut facts: Vec<String> = data.span.iter().map(stretch).collect();
    facts.extend(data.narrowed.iter().map(|(field, name)| format!("{field}: {name}")));
    let title = data.listed.title();
    let body = data.span.as_ref().map(|_| match &data.listed {
        listed if listed.is_empty() => nothing(shell, data),
        Listed::Tasks { tasks, .. } => table(shell, tasks),
        Listed::Runs { runs, .. } => ended(shell, runs),
    });
    let main = view! {
        {page_head(&title, &facts.join(" · "), actions)}
        {error_summary(&data.errors)}
        <div class="pile">{body}</div>
    };
    shell::page(shell, &title, !data.errors.is_empty(), main.into_any())
}

fn nothing(shell: &Shell, data: &Tasks) -> AnyView {
    let back = shell.link(&format!("/analytics{}", data.asked.without(&["cause", "waste"]).query(&[])));
    empty(Empty {
        title: "Nothing in these days".to_owned(),
        text: "No call fits what the address asks for.".to_owned(),
        actions: vec![Button::new("Back to analytics").link(back)],
    })
}

fn heads(names: &[&'static str], numbers: &[&'static str]) -> AnyView {
    let heads = names.iter().map(|head| {
        let number = numbers.contains(head);
        view! { <th scope="col" data-num=number>{*head}</th> }
    });
    view! { <thead><tr>{heads.collect_view()}</tr></thead> }.into_any()
}

fn table(shell: &Shell, tasks: &TaskSpending) -> AnyView {
    let names = ["Task", "Project", "State", "Last call", "Runs", "Calls", "Tokens", "From caches", "Spent"];
    let numbers = ["Runs", "Calls", "Tokens", "From caches", "Spent"];
    let shown = i64::try_from(tasks.rows.len()).unwrap_or(i64::MAX);
    let more = (tasks.all > shown).then(|| {
        let words = format!("The {} dearest of {} are shown.", grouped(shown), grouped(tasks.all));
        view! { <p class="section__note">{words}</p> }
    });
    view! {
        <div class="table__scroll" tabindex="0" role="group" aria-label="Tasks by cost">
            <table class="table analytics">
                {heads(&names, &numbers)}
                <tbody>{tasks.rows.iter().map(|row| line(shell, row)).collect_view()}</tbody>
            </table>
        </div>
        {more}
    }
    .into_any()
}

fn line(shell: &Shell, row: &TaskSpendingRow) -> AnyView {
    let spent = &row.spent;
    let (title, project, state) = match &row.task {
        Some(task) => {
            (linked(shell, task.number, &task.title, task.deleted), task.project.clone(), Some(task_state(task.state)))
        }
        None if row.of_task => ("A task that is gone".into_any(), String::new(), None),
        None => ("Calls without a task".into_any(), String::new(), None),
    };
    let runs = if row.runs == 0 { "–".to_owned() } else { grouped(row.runs) };
    view! {
        <tr>
            <th scope="row">{title}</th>
            <td class="muted">{project}</td>
            <td>{state}</td>
            <td class="muted">{relative(row.last_at, shell.now)}</td>
            <td data-num=true>{runs}</td>
            <td data-num=true>{grouped(spent.calls)}</td>
            <td data-num=true>{tokens(spent.tokens())}</td>
            <td data-num=true>{share(spent.cache_share())}</td>
            <td data-num=true>{sum(spent.counted)}{unknown(spent)}</td>
        </tr>
    }
    .into_any()
}

/// Number and title, as a link while the task is there.
fn linked(shell: &Shell, number: i32, title: &str, deleted: bool) -> AnyView {
    let id = view! { <span class="id">{format!("#{number}")}</span> };
    if deleted {
        return view! { {id}" "{title.to_owned()}<span class="sub">"deleted"</span> }.into_any();
    }
    view! { {id}" "<a href=shell.link(&format!("/tasks/{number}"))>{title.to_owned()}</a> }.into_any()
}

fn ended(shell: &Shell, runs: &[EndedRun]) -> AnyView {
    let rows = runs.iter().map(|run| {
        view! {
            <tr>
                <th scope="row">{linked(shell, run.number, &run.title, run.deleted)}</th>
                <td data-num=true>{run.attempt}</td>
                <td class="muted analytics__why">{run.sentence.clone()}</td>
                <td class="muted">{relative(run.ended_at, shell.now)}</td>
                <td data-num=true>{sum(run.counted)}</td>
            </tr>
        }
    });
    view! {
        <div class="table__scroll" tabindex="0" role="group" aria-label="Runs that ended without a merge">
            <table class="table analytics">
                {heads(&["Task", "Run", "Why", "Ended", "Spent"], &["Run", "Spent"])}
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}
