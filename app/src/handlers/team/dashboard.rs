use axum::extract::State;
use futures::future::BoxFuture;
use orchestrator::{
    audit::Entry,
    grants::ReadTeam,
    work::{Overview, Project, Signals, Task},
};
use types::Permission;

use super::{
    at_work::AtWork,
    live::{Draw, follow},
};
use crate::{
    components::task_state,
    failure::Failure,
    handlers::{Answer, html, shell, words},
    layout::shell::{Section, Shell},
    pages::{
        Fragment,
        dashboard::{self as view, Dashboard},
    },
    request::Inside,
    state::App,
};

/// Lines of the activity list.
const ACTIVITY: i64 = 10;
/// Runs that are listed as finished.
const FINISHED: usize = 8;

pub(crate) async fn dashboard(member: Inside<ReadTeam>, State(app): State<App>) -> Answer {
    let (shell, data) = gather(&app, &member).await?;
    html(view::page(&shell, &data))
}

struct Live;

impl Draw<ReadTeam> for Live {
    fn draw<'a>(&'a self, app: &'a App, member: &'a Inside<ReadTeam>) -> BoxFuture<'a, Result<Vec<Fragment>, Failure>> {
        Box::pin(async move {
            let (mut shell, data) = gather(app, member).await?;
            // Where forms come back to: the page, and not its stream.
            shell.path = member.link("");
            Ok(view::fragments(&shell, &data))
        })
    }
}

pub(crate) async fn dashboard_live(member: Inside<ReadTeam>, State(app): State<App>) -> Answer {
    Ok(follow(app, member, Live))
}

async fn gather(app: &App, member: &Inside<ReadTeam>) -> Result<(Shell, Dashboard), Failure> {
    let Overview { progress, projects, tasks, runs, activity, signal } =
        app.muster.overview(member, shell::RUNS, ACTIVITY).await?;
    let may_run = member.scope().permissions().contains(Permission::ExecuteRuns);
    let sample = runs.is_empty() && may_run;
    let work = AtWork::of(&member.team.slug, runs, may_run, app.muster.clock().now());
    let signals = Signals { budget: signal, waiting: u32::try_from(work.needs.len()).unwrap_or(u32::MAX) };
    let shell = shell::with_signals(app, member, Section::Dashboard, "Dashboard", &signals);
    let checklist = (!progress.finished()).then_some(view::Checklist {
        project: progress.project,
        squad: progress.squad,
        task: progress.task,
        invited: progress.invite,
    });
    let data = Dashboard {
        sample,
        checklist,
        needs: work.needs,
        running: work.running,
        finished: work.finished.into_iter().take(FINISHED).collect(),
        projects: projects.iter().map(|project| project_row(project, &tasks)).collect(),
        tasks: tasks.iter().map(|task| task_row(&member.team.slug, task)).collect(),
        activity: activity.into_iter().map(activity_row).collect(),
        live: true,
    };
    Ok((shell, data))
}

fn project_row(project: &Project, tasks: &[Task]) -> view::Project {
    view::Project {
        path: format!("/projects/{}", project.id),
        name: project.name.clone(),
        source: project.repository_url.clone().unwrap_or_else(|| project.source.label().to_owned()),
        tasks: tasks.iter().filter(|task| task.project_id == project.id).count(),
        created_at: project.created_at,
    }
}

fn task_row(slug: &str, task: &Task) -> view::Task {
    view::Task {
        path: format!("/tasks/{}", task.number),
        number: words::task_key(slug, task.number),
        title: task.title.clone(),
        project: task.project.clone(),
        state: task_state::look(task.state),
        created_at: task.created_at,
    }
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
