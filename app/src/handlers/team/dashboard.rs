use axum::extract::State;
use orchestrator::{
    audit::Entry,
    grants::ReadTeam,
    work::{Project, Task},
};
use types::TaskState;

use crate::{
    components::status,
    handlers::{Answer, html, shell, words},
    layout::shell::Section,
    pages::dashboard::{self as view, Dashboard},
    request::Inside,
    state::App,
};

/// Lines of the activity list.
const ACTIVITY: i64 = 10;

pub(crate) async fn dashboard(member: Inside<ReadTeam>, State(app): State<App>) -> Answer {
    let progress = app.muster.onboarding(&member).await?;
    let projects = match member.also() {
        Some(can) => app.muster.projects(&can).await?,
        None => Vec::new(),
    };
    let tasks = match member.also() {
        Some(can) => app.muster.tasks(&can).await?,
        None => Vec::new(),
    };
    let activity = app.muster.activity(&member, ACTIVITY).await?;
    let shell = shell::inside(&app, &member, Section::Dashboard, "Dashboard").await?;
    let checklist = (!progress.finished()).then_some(view::Checklist {
        project: progress.project,
        squad: progress.squad,
        task: progress.task,
        invited: progress.invite,
    });
    let data = Dashboard {
        checklist,
        projects: projects.iter().map(|project| project_row(project, &tasks)).collect(),
        tasks: tasks.iter().map(|task| task_row(&member.team.slug, task)).collect(),
        activity: activity.into_iter().map(activity_row).collect(),
        ..Dashboard::default()
    };
    html(view::page(&shell, &data))
}

fn project_row(project: &Project, tasks: &[Task]) -> view::Project {
    view::Project {
        name: project.name.clone(),
        source: project.repository_url.clone().unwrap_or_else(|| project.source.label().to_owned()),
        tasks: tasks.iter().filter(|task| task.project == project.name).count(),
        created_at: project.created_at,
    }
}

fn task_row(slug: &str, task: &Task) -> view::Task {
    view::Task {
        number: format!("{}-{}", prefix(slug), task.number),
        title: task.title.clone(),
        project: task.project.clone(),
        state: match task.state {
            TaskState::InProgress => status::State::Running,
            TaskState::InReview => status::State::InReview,
            TaskState::Blocked => status::State::Blocked,
            TaskState::Completed => status::State::Done,
            TaskState::Failed => status::State::Failed,
            TaskState::Cancelled => status::State::Cancelled,
            TaskState::Todo => status::State::Todo,
        },
        created_at: task.created_at,
    }
}

/// What the team's tasks are called after: `QUA` of `quayside`.
fn prefix(slug: &str) -> String {
    slug.chars().filter(char::is_ascii_alphanumeric).take(3).collect::<String>().to_uppercase()
}

fn activity_row(entry: Entry) -> view::Activity {
    let target = words::target(&entry);
    let phrase = words::phrase(&entry.action);
    view::Activity {
        what: if target.is_empty() { phrase.to_owned() } else { format!("{phrase}: {target}") },
        who: entry.actor.unwrap_or_else(|| "Somebody".to_owned()),
        at: entry.at,
    }
}
