use leptos::prelude::*;
use time::OffsetDateTime;
use types::Permission;

use super::Repository;
use crate::{
    components::{
        button::Button,
        empty::{Empty, empty},
        icon::Icon,
        section::{page_head, section},
        status::State,
        table::{actions, cell, row, table},
        time::relative,
    },
    layout::shell::{self, Shell},
};

/// The team's projects, and those that are put away.
#[derive(Clone, Debug, Default)]
pub struct Projects {
    pub projects: Vec<Project>,
    pub archived: Vec<Project>,
}

#[derive(Clone, Debug)]
pub struct Project {
    pub id: String,
    pub name: String,
    /// Where its code is: a git address, or the kind of source.
    pub source: String,
    pub repository: Repository,
    pub open: i64,
    pub in_progress: i64,
    pub in_review: i64,
    /// When a task last changed, or the project was added.
    pub last_change: OffsetDateTime,
}

#[must_use]
pub fn page(shell: &Shell, data: &Projects) -> String {
    let new = shell.may(Permission::WriteProjects).then(|| new_button().primary().link(shell.link("/projects/new")));
    let count = data.projects.len();
    let sub = format!("{count} {} in {}.", if count == 1 { "project" } else { "projects" }, shell.team_name());
    let main = if data.projects.is_empty() {
        view! { {page_head("Projects", "", None)}{nothing(shell)} }.into_any()
    } else {
        view! { {page_head("Projects", &sub, new)}{projects(shell, &data.projects)} }.into_any()
    };
    let archived = (!data.archived.is_empty())
        .then(|| section("archived", "Archived", Some(data.archived.len()), None, archived(shell, &data.archived)));
    shell::page(shell, "Projects", false, view! { {main}{archived} }.into_any())
}

fn new_button() -> Button {
    Button::new("New project").icon(Icon::Plus)
}

fn nothing(shell: &Shell) -> AnyView {
    let new = shell.may(Permission::WriteProjects).then(|| new_button().primary().link(shell.link("/projects/new")));
    empty(Empty {
        title: "No projects yet".to_owned(),
        text: "A project is code and a board of tasks for it: a git repository of yours, an archive, the sample, or an empty start."
            .to_owned(),
        actions: new.into_iter().collect(),
    })
}

fn name(shell: &Shell, project: &Project) -> AnyView {
    let href = shell.link(&format!("/projects/{}", project.id));
    view! { <a class="link" href=href>{project.name.clone()}</a> }.into_any()
}

fn projects(shell: &Shell, projects: &[Project]) -> AnyView {
    let rows = projects.iter().map(|project| {
        let source = view! { <span class="id" data-wrap=true>{project.source.clone()}</span> };
        let repository = match &project.repository {
            Repository::Ready => State::Done.worded("Ready"),
            Repository::Pending => State::Queued.worded("Not fetched yet"),
            Repository::Failed(_) => State::Failed.worded("Not fetched"),
        };
        let cells = vec![
            cell("Code", source.into_any()),
            cell("State", repository),
            cell("Open", project.open.to_string().into_any()),
            cell("In progress", project.in_progress.to_string().into_any()),
            cell("In review", project.in_review.to_string().into_any()),
            cell("Last change", relative(project.last_change, shell.now)),
        ];
        row(name(shell, project), cells)
    });
    let heads = ["Project", "Code", "State", "Open", "In progress", "In review", "Last change"];
    table("Projects", &heads, rows.collect())
}

fn archived(shell: &Shell, projects: &[Project]) -> AnyView {
    let writes = shell.may(Permission::WriteProjects);
    let rows = projects.iter().map(|project| {
        let mut cells = vec![cell("Last change", relative(project.last_change, shell.now))];
        if writes {
            let action = shell.link(&format!("/projects/{}/restore", project.id));
            let button = Button::new("Restore").small().about(&project.name).submit();
            cells.push(actions(view! { <form method="post" action=action>{button}</form> }.into_any()));
        }
        row(name(shell, project), cells)
    });
    let heads: &[&str] = if writes { &["Project", "Last change", "Actions"] } else { &["Project", "Last change"] };
    table("Archived projects", heads, rows.collect())
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    fn project(name: &str) -> Project {
        Project {
            id: "p1".to_owned(),
            name: name.to_owned(),
            source: "https://git.example/a/b.git".to_owned(),
            repository: Repository::Failed("It does not answer.".to_owned()),
            open: 3,
            in_progress: 1,
            in_review: 0,
            last_change: shell(BuiltinRole::Owner).now,
        }
    }

    #[test]
    fn readers_see_projects_and_nothing_to_press() {
        let data = Projects { projects: vec![project("ledger")], archived: vec![project("old")] };
        let (reader, owner) = (page(&shell(BuiltinRole::Reader), &data), page(&shell(BuiltinRole::Owner), &data));
        assert!(reader.contains(r#"href="/quayside/projects/p1""#) && reader.contains("Not fetched"), "{reader}");
        for action in ["/projects/new", "/restore"] {
            assert!(owner.contains(action) && !reader.contains(action), "{action}");
        }
    }

    #[test]
    fn the_first_project_has_one_thing_to_press() {
        let html = page(&shell(BuiltinRole::Owner), &Projects::default());
        assert!(html.contains("No projects yet") && !html.contains("0 projects"), "{html}");
        assert_eq!(html.matches(r#"data-kind="primary""#).count(), 1, "{html}");
    }
}
