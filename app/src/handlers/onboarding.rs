use axum::{
    Form,
    extract::{Query, State},
};
use orchestrator::{
    Error, Grant,
    grants::{ExecuteRuns, ManageSquads, ManageTeam, ReadTasks, ReadTeam, WriteProjects, WriteTasks},
    squads::Template,
    work::{NewTask, Source, Step},
};
use serde::Deserialize;
use uuid::Uuid;

use super::{Answer, again, done, form_errors, html, redirect, shell};
use crate::{
    failure::Failure,
    forms::Errors,
    layout::shell::Section,
    pages::onboarding::{Input, Onboarding, Progress, page as view},
    request::Inside,
    state::App,
};

/// The set-up page as it stands, with what was typed and what is wrong with it.
async fn draw<G: Grant>(
    app: &App,
    member: &Inside<G>,
    renaming: bool,
    input: Input,
    errors: Errors,
) -> Result<String, Failure> {
    let Some(reader) = member.also::<ReadTeam>() else {
        return Err(Error::Denied(types::Permission::ReadTeam).into());
    };
    let progress = app.muster.onboarding(&reader).await?;
    let projects = match member.also() {
        Some(can) => app.muster.projects(&can).await?,
        None => Vec::new(),
    };
    let squads = match member.also() {
        Some(can) => app.muster.squads(&can).await?,
        None => Vec::new(),
    };
    let tasks = match member.also() {
        Some(can) => app.muster.tasks(&can).await?,
        None => Vec::new(),
    };
    let runs = match member.also::<ReadTasks>() {
        Some(can) => app.muster.runs(&can, None, 1).await?,
        None => Vec::new(),
    };
    let may_run = member.also::<ExecuteRuns>().is_some();
    let state = |done: bool, skipped: bool, what: Option<String>| match (done, skipped) {
        (true, _) => Progress::Done(what.unwrap_or_default()),
        (false, true) => Progress::Skipped,
        (false, false) => Progress::Open,
    };
    let shell = shell::inside(app, member, Section::Other, "Set up").await?;
    let data = Onboarding {
        host: shell::host(app),
        renaming,
        project: state(
            progress.project,
            progress.project_skipped,
            projects.first().map(|project| project.name.clone()),
        ),
        squad: state(progress.squad, progress.squad_skipped, squads.first().map(|squad| squad.name.clone())),
        task: state(progress.task, progress.task_skipped, tasks.first().map(|task| task.title.clone())),
        input: Input {
            name: if input.name.is_empty() { member.team.name.clone() } else { input.name },
            slug: if input.slug.is_empty() { member.team.slug.clone() } else { input.slug },
            ..input
        },
        errors,
        key: Uuid::now_v7().to_string(),
        sample: may_run && runs.is_empty(),
    };
    Ok(view(&shell, &data))
}

#[derive(Deserialize)]
pub(crate) struct ChangeQuery {
    change: Option<String>,
}

pub(crate) async fn page(member: Inside<ReadTeam>, State(app): State<App>, Query(query): Query<ChangeQuery>) -> Answer {
    html(draw(&app, &member, query.change.as_deref() == Some("team"), Input::default(), Errors::new()).await?)
}

/// After a step: the next one, or the dashboard when nothing is left.
async fn onward<G: Grant>(app: &App, member: &Inside<G>, word: &str) -> Answer {
    let left = match member.also::<ReadTeam>() {
        Some(reader) => app.muster.onboarding(&reader).await?.next().is_some(),
        None => false,
    };
    done(app, &member.link(if left { "/onboarding" } else { "" }), word)
}

#[derive(Deserialize)]
pub(crate) struct TeamForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    slug: String,
}

pub(crate) async fn name_team(
    member: Inside<ManageTeam>,
    State(app): State<App>,
    Form(form): Form<TeamForm>,
) -> Answer {
    match app.muster.rename_team(&member, &form.name, &form.slug).await {
        Ok(team) => redirect(&format!("/{}/onboarding", team.slug)),
        Err(error) => {
            let errors = form_errors(error)?;
            let input = Input { name: form.name, slug: form.slug, ..Input::default() };
            again(draw(&app, &member, true, input, errors).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct ProjectForm {
    #[serde(default)]
    source: String,
    #[serde(default)]
    url: String,
}

pub(crate) async fn bring_project(
    member: Inside<WriteProjects>,
    State(app): State<App>,
    Form(form): Form<ProjectForm>,
) -> Answer {
    let source = if form.source == "sample" {
        Ok(Source::Sample)
    } else {
        Source::git(&form.url, app.muster.settings().allow_local_repositories)
    };
    let made = match source {
        Ok(source) => app.muster.create_project(&member, &source.default_name(), &source).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(_) => onward(&app, &member, "project_added").await,
        Err(error) => {
            let errors = form_errors(error)?.renamed("name", "url");
            again(draw(&app, &member, false, Input { url: form.url, ..Input::default() }, errors).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct SquadForm {
    #[serde(default)]
    template: String,
}

pub(crate) async fn form_squad(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Form(form): Form<SquadForm>,
) -> Answer {
    let made = match Template::parse(&form.template) {
        Some(template) => app.muster.form_squad(&member, template.name(), template).await,
        None => Err(field("template", "Choose one of the squads.")),
    };
    match made {
        Ok(_) => onward(&app, &member, "squad_formed").await,
        Err(error) => {
            // Nobody typed a name here: what is wrong with it stands at the choice.
            let errors = form_errors(error)?.renamed("name", "template");
            again(draw(&app, &member, false, Input { template: form.template, ..Input::default() }, errors).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct TaskForm {
    #[serde(default)]
    title: String,
    /// Made with the form: sent twice, it makes one task.
    #[serde(default, deserialize_with = "crate::handlers::key")]
    key: Option<Uuid>,
}

/// Puts the first task into the newest project.
pub(crate) async fn first_task(
    member: Inside<WriteTasks>,
    State(app): State<App>,
    Form(form): Form<TaskForm>,
) -> Answer {
    let project = match member.also() {
        Some(can) => app.muster.projects(&can).await?.first().map(|project| project.id),
        None => None,
    };
    let made = match project {
        Some(project) => {
            app.muster.create_task(&member, project, &NewTask::quick(&form.title).keyed(form.key)).await.map(|_| ())
        }
        None => Err(field("title", "A task belongs to a project. Add one in step 2 first.")),
    };
    match made {
        Ok(_) => onward(&app, &member, "task_added").await,
        Err(error) => {
            let errors = form_errors(error)?;
            again(draw(&app, &member, false, Input { title: form.title, ..Input::default() }, errors).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct SkipForm {
    #[serde(default)]
    step: String,
}

pub(crate) async fn skip(member: Inside<WriteProjects>, State(app): State<App>, Form(form): Form<SkipForm>) -> Answer {
    let step = Step::parse(&form.step).ok_or(Error::NotFound)?;
    app.muster.skip_step(&member, step).await?;
    onward(&app, &member, "skipped").await
}

fn field(name: &str, sentence: &str) -> Error {
    Error::Invalid(vec![types::FieldError { field: name.to_owned(), message: sentence.to_owned() }])
}
