use leptos::prelude::*;
use time::OffsetDateTime;
use types::Permission;

use crate::{
    components::{
        avatar::person,
        bar::progress,
        button::Button,
        empty::{Empty, empty},
        icon::{Icon, icon},
        section::{page_head, section},
        status::State,
        table::{cell, row, table},
        time::relative,
    },
    layout::shell::{self, Shell},
};

/// What a team sees first.
#[derive(Clone, Debug, Default)]
pub struct Dashboard {
    /// None once every step is done.
    pub checklist: Option<Checklist>,
    pub projects: Vec<Project>,
    pub tasks: Vec<Task>,
    /// The newest first.
    pub activity: Vec<Activity>,
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
    /// Where its code is: a git address, or the words “Sample”.
    pub source: String,
    pub tasks: usize,
    pub created_at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct Task {
    /// The short id that people say: “QUA-1”.
    pub number: String,
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
    let main = view! {
        {page_head("Dashboard", &summary(data), None)}
        <div class="cols">
            <div class="pile" data-gap="large">
                {data.checklist.map(|steps| checklist(shell, steps))}
                {section("tasks", "Tasks", Some(data.tasks.len()), None, tasks(shell, &data.tasks))}
                {section("projects", "Projects", Some(data.projects.len()), None, projects(shell, &data.projects))}
            </div>
            {section("activity", "Activity", None, audit_link(shell), activity(shell, &data.activity))}
        </div>
    };
    shell::page(shell, "Dashboard", false, main.into_any())
}

fn summary(data: &Dashboard) -> String {
    let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    format!("{}, {}", count(data.projects.len(), "project"), count(data.tasks.len(), "task"))
}

fn audit_link(shell: &Shell) -> Option<AnyView> {
    let link = || view! { <a class="section__more" href=shell.link("/audit")>"Audit log"</a> }.into_any();
    shell.may(Permission::ReadAudit).then(link)
}

fn checklist(shell: &Shell, steps: Checklist) -> AnyView {
    let setup = shell.link("/onboarding");
    let members = shell.link("/members");
    let lines = [
        (true, "Name the team", "People and work belong to it.", setup.clone(), ""),
        (
            steps.project,
            "Bring code, or take the sample",
            "A project says where the code is.",
            setup.clone(),
            "Add a project",
        ),
        (steps.squad, "Muster a squad", "Who plans, writes, tests and reviews.", setup.clone(), "Muster a squad"),
        (steps.task, "Write the first task", "Say what should be true at the end.", setup, "Write a task"),
        (steps.invited, "Invite a teammate", "Reviews want a second pair of eyes.", members, "Invite"),
    ];
    let done = lines.iter().map(|line| u32::from(line.0)).sum::<u32>();
    // One primary action: the first step that is open.
    let first = lines.iter().position(|line| !line.0);
    let rows = lines.into_iter().enumerate().map(|(at, (ticked, title, why, href, verb))| {
        let button = if Some(at) == first { Button::new(verb).small().primary() } else { Button::new(verb).small() };
        let (state, sign, said) =
            if ticked { ("done", Icon::CircleCheck, " (done)") } else { ("open", Icon::Circle, "") };
        view! {
            <li data-state=state>
                {icon(sign)}
                <span><b>{title}<span class="visually-hidden">{said}</span></b><small>{why}</small></span>
                {(!ticked).then(|| button.link(href))}
            </li>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section class="checklist" aria-labelledby="setup">
            <div class="checklist__head">
                <h2 id="setup">{format!("Set up {}", shell.team_name())}</h2>
                <p>{format!("{done} of 5 done")}</p>
                {progress(&format!("{done} of 5 steps done"), done, 5)}
            </div>
            <ol>{rows}</ol>
        </section>
    }
    .into_any()
}

fn tasks(shell: &Shell, tasks: &[Task]) -> AnyView {
    if tasks.is_empty() {
        return empty(Empty {
            title: "No tasks yet".to_owned(),
            text: "A task says what should be true at the end. It is kept here as to do; this version does not run it."
                .to_owned(),
            actions: setup(shell, Permission::WriteTasks, "Write a task"),
        });
    }
    let rows = tasks.iter().map(|task| {
        let name = view! { <span class="table__name"><span class="id">{task.number.clone()}</span><span>{task.title.clone()}</span></span> };
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
        row(project.name.clone().into_any(), cells)
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
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn the_checklist_counts_what_is_done_and_leads_to_what_is_not() {
        let steps = Checklist { project: true, ..Checklist::default() };
        let html = page(&shell(BuiltinRole::Owner), &Dashboard { checklist: Some(steps), ..Dashboard::default() });
        assert!(html.contains("2 of 5 done"), "{html}");
        assert_eq!(html.matches(r#"data-kind="primary""#).count(), 1, "{html}");
        assert!(!html.contains(">Add a project</a></li>"), "{html}");
        assert!(html.contains(r#"href="/quayside/members""#), "{html}");
    }

    #[test]
    fn readers_are_not_asked_to_do_what_they_may_not() {
        let html = page(&shell(BuiltinRole::Reader), &Dashboard::default());
        assert!(html.contains("No tasks yet") && !html.contains("Write a task"), "{html}");
    }

    #[test]
    fn the_word_for_one_is_singular() {
        let task = Task {
            number: "QUA-1".to_owned(),
            title: "Fees round half to even".to_owned(),
            project: "ledger".to_owned(),
            state: State::Todo,
            created_at: shell(BuiltinRole::Owner).now,
        };
        let html = page(&shell(BuiltinRole::Owner), &Dashboard { tasks: vec![task], ..Dashboard::default() });
        assert!(html.contains("0 projects, 1 task<") && html.contains("QUA-1") && html.contains("To do"), "{html}");
    }
}
