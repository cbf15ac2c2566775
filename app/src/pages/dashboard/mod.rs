pub(super) mod needs;
mod runs;
pub(crate) mod setup;

use leptos::prelude::*;
use time::OffsetDateTime;
use types::Permission;

pub use self::{
    needs::{Need, NeedKind},
    runs::{Finished, Running},
};
use crate::{
    components::{
        avatar::person,
        button::Button,
        empty::{Empty, empty},
        live,
        section::{HEAD_LINE, head_line, live_head, section},
        status::State,
        table::{cell, row, table},
        time::relative,
    },
    layout::{
        needs_count,
        shell::{self, Frame, Shell},
    },
    pages::Fragment,
};

/// What a team sees first.
#[derive(Clone, Debug, Default)]
pub struct Dashboard {
    /// Whether to offer the sample task, which needs no model key: until the team's first run.
    pub sample: bool,
    /// None once every step is done.
    pub checklist: Option<Checklist>,
    /// What waits for this person; the longest wait first.
    pub needs: Vec<Need>,
    pub running: Vec<Running>,
    /// The newest first.
    pub finished: Vec<Finished>,
    pub projects: Vec<Project>,
    pub tasks: Vec<Task>,
    /// The newest first.
    pub activity: Vec<Activity>,
    pub live: bool,
}

/// The steps of setting up, ticked from what really exists.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checklist {
    pub project: bool,
    pub squad: bool,
    pub task: bool,
    pub invited: bool,
}

#[derive(Clone, Debug)]
pub struct Project {
    pub name: String,
    /// Its board below the team, “/projects/…”.
    pub path: String,
    /// Where its code is: a git address, or the words “Sample”.
    pub source: String,
    pub tasks: usize,
    pub created_at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct Task {
    /// The short id that people say: “QUA-1”.
    pub number: String,
    /// Its page below the team, “/tasks/1”.
    pub path: String,
    pub title: String,
    pub project: String,
    pub state: State,
    pub created_at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct Activity {
    pub who: String,
    /// What they did, after the name: “invited felix@quayside.example”.
    pub what: String,
    pub at: OffsetDateTime,
}

#[must_use]
pub fn page(shell: &Shell, data: &Dashboard) -> String {
    let url = data.live.then(|| shell.link("/live"));
    let heads = data.live.then(|| live::indicator(shell.now, shell.link("")));
    let main = view! {
        <div class="pile" data-gap="large" data-live=url data-now=live::stamp(shell.now)>
            {live_head("Dashboard", &summary(data), heads)}
            <div class="cols">
                <div class="pile" data-gap="large">
                    {data.sample.then(|| setup::sample(shell, true))}
                    {data.checklist.map(|steps| setup::checklist(shell, steps, !data.sample))}
                    {needs_section(shell, data)}
                    {running_section(shell, data)}
                    {finished_section(shell, data)}
                    {tasks_section(shell, data)}
                    {projects_section(shell, data)}
                </div>
                {activity_section(shell, data)}
            </div>
        </div>
    };
    let frame = Frame { live: data.live, ..Frame::default() };
    shell::framed(shell, "Dashboard", false, frame, main.into_any())
}

/// What of the page can change while somebody looks at it.
#[must_use]
pub fn fragments(shell: &Shell, data: &Dashboard) -> Vec<Fragment> {
    vec![
        Fragment::new(HEAD_LINE, head_line(&summary(data))),
        Fragment::new("needs-count", needs_count(shell)),
        Fragment::new("needs-you", needs_section(shell, data)),
        Fragment::new("running-now", running_section(shell, data)),
        Fragment::new("finished-runs", finished_section(shell, data)),
        Fragment::new("all-tasks", tasks_section(shell, data)),
        Fragment::new("all-projects", projects_section(shell, data)),
        Fragment::new("newest-activity", activity_section(shell, data)),
    ]
}

/// A new team sees what to do first; what runs comes with its first run.
fn idle(data: &Dashboard) -> bool {
    data.needs.is_empty() && data.running.is_empty() && data.finished.is_empty()
}

fn needs_section(shell: &Shell, data: &Dashboard) -> AnyView {
    let list = || needs::list(shell, &data.needs);
    let inbox = || view! { <a class="section__more" href=shell.link("/inbox")>"Open inbox"</a> }.into_any();
    let body = (!idle(data)).then(|| section("needs", "Needs you", Some(data.needs.len()), Some(inbox()), list()));
    view! { <div id="needs-you" hidden=idle(data)>{body}</div> }.into_any()
}

fn running_section(shell: &Shell, data: &Dashboard) -> AnyView {
    let list = || runs::running(shell, &data.running);
    let body = (!idle(data)).then(|| section("running", "Running now", Some(data.running.len()), None, list()));
    view! { <div id="running-now" hidden=idle(data)>{body}</div> }.into_any()
}

fn finished_section(shell: &Shell, data: &Dashboard) -> AnyView {
    let list = || runs::finished(shell, &data.finished);
    let body = (!idle(data)).then(|| section("finished", "Finished", None, None, list()));
    view! { <div id="finished-runs" hidden=idle(data)>{body}</div> }.into_any()
}

fn tasks_section(shell: &Shell, data: &Dashboard) -> AnyView {
    let body = section("tasks", "Tasks", Some(data.tasks.len()), None, tasks(shell, &data.tasks));
    view! { <div id="all-tasks">{body}</div> }.into_any()
}

fn projects_section(shell: &Shell, data: &Dashboard) -> AnyView {
    let body = section("projects", "Projects", Some(data.projects.len()), None, projects(shell, &data.projects));
    view! { <div id="all-projects">{body}</div> }.into_any()
}

fn activity_section(shell: &Shell, data: &Dashboard) -> AnyView {
    let body = section("activity", "Activity", None, audit_link(shell), activity(shell, &data.activity));
    view! { <div id="newest-activity">{body}</div> }.into_any()
}

fn summary(data: &Dashboard) -> String {
    let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let stock = format!("{}, {}", count(data.projects.len(), "project"), count(data.tasks.len(), "task"));
    let waiting = (!data.needs.is_empty()).then(|| needs::waiting(data.needs.len()));
    let running = match data.running.len() {
        0 => None,
        1 => Some("1 task runs".to_owned()),
        more => Some(format!("{more} tasks run")),
    };
    [waiting, running, Some(stock)].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn audit_link(shell: &Shell) -> Option<AnyView> {
    let link = || view! { <a class="section__more" href=shell.link("/audit")>"Audit log"</a> }.into_any();
    shell.may(Permission::ReadAudit).then(link)
}

fn tasks(shell: &Shell, tasks: &[Task]) -> AnyView {
    if tasks.is_empty() {
        return empty(Empty {
            title: "No tasks yet".to_owned(),
            text: "A task says what should be true at the end. A squad works until it is.".to_owned(),
            actions: setup(shell, Permission::WriteTasks, "Write a task"),
        });
    }
    let rows = tasks.iter().map(|task| {
        let name = view! { <span class="table__name"><span class="id">{task.number.clone()}</span><a class="link" href=shell.link(&task.path)>{task.title.clone()}</a></span> };
        let cells = vec![
            cell("State", task.state.view()),
            cell("Project", task.project.clone().into_any()),
            cell("Written", relative(task.created_at, shell.now)),
        ];
        row(name.into_any(), cells)
    });
    table("Tasks", &["Task", "State", "Project", "Written"], rows.collect())
}

fn projects(shell: &Shell, projects: &[Project]) -> AnyView {
    if projects.is_empty() {
        return empty(Empty {
            title: "No projects yet".to_owned(),
            text: "A project is where the code of a task comes from: a git address of yours, or the sample.".to_owned(),
            actions: setup(shell, Permission::WriteProjects, "Add a project"),
        });
    }
    let rows = projects.iter().map(|project| {
        let source = view! { <span class="id" data-wrap=true>{project.source.clone()}</span> };
        let cells = vec![
            cell("Code", source.into_any()),
            cell("Tasks", project.tasks.to_string().into_any()),
            cell("Added", relative(project.created_at, shell.now)),
        ];
        let name = view! { <a class="link" href=shell.link(&project.path)>{project.name.clone()}</a> };
        row(name.into_any(), cells)
    });
    table("Projects", &["Project", "Code", "Tasks", "Added"], rows.collect())
}

fn setup(shell: &Shell, needs: Permission, verb: &str) -> Vec<AnyView> {
    shell.may(needs).then(|| Button::new(verb).link(shell.link("/onboarding"))).into_iter().collect()
}

fn activity(shell: &Shell, list: &[Activity]) -> AnyView {
    if list.is_empty() {
        return view! { <p class="lede">"Nothing has happened yet. What people do here is listed as they do it."</p> }
            .into_any();
    }
    let lines = list.iter().map(|one| {
        view! {
            <li>
                {person(&one.who)}
                <span><b>{one.who.clone()}</b>" "{one.what.clone()}</span>
                {relative(one.at, shell.now)}
            </li>
        }
    });
    view! { <ul class="feed">{lines.collect_view()}</ul> }.into_any()
}

#[cfg(test)]
mod tests;
