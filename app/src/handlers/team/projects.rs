use axum::{
    Form,
    extract::{Multipart, Query, State, multipart::MultipartRejection},
};
use islands::Command;
use orchestrator::{
    Error, Grant,
    grants::{ReadProjects, WriteProjects},
    work::{Archive, Project, RepositoryCredential, RepositoryState, Source},
};
use serde::Deserialize;
use types::{Permission, ProjectId};

use crate::{
    components::breadcrumb::Crumb,
    failure::Failure,
    handlers::{Answer, again, done, form_errors, html, shell},
    layout::shell::{Section, Shell},
    pages::projects::{
        Head, Repository,
        list::{self, Projects},
        new::{self, From, NewProject},
    },
    request::Inside,
    state::App,
};

#[derive(Deserialize)]
pub(crate) struct ProjectPath {
    project: String,
}

impl ProjectPath {
    pub(super) fn id(&self) -> Result<ProjectId, Error> {
        self.project.parse().map_err(|_| Error::NotFound)
    }
}

pub(super) fn repository(state: &RepositoryState) -> Repository {
    match state {
        RepositoryState::Pending => Repository::Pending,
        RepositoryState::Ready => Repository::Ready,
        RepositoryState::Failed(problem) => Repository::Failed(problem.clone()),
    }
}

pub(super) fn head(project: &Project) -> Head {
    Head {
        id: project.id.to_string(),
        name: project.name.clone(),
        repository: repository(&project.repository),
        archived: project.archived_at.is_some(),
    }
}

/// The shell of a page under the list of projects; the crumbs lead back to it.
pub(super) async fn shell_under<G: Grant>(
    app: &App,
    member: &Inside<G>,
    project: Option<&Project>,
    page: &str,
) -> Result<Shell, Failure> {
    let mut shell = shell::inside(app, member, Section::Projects, page).await?;
    let mut crumbs = vec![Crumb::new("Projects", member.link("/projects"))];
    if let Some(project) = project {
        crumbs.push(Crumb::new(project.name.clone(), member.link(&format!("/projects/{}", project.id))));
        shell.commands.extend(commands(member, project));
    }
    crumbs.append(&mut shell.crumbs);
    shell.crumbs = crumbs;
    Ok(shell)
}

/// What the palette offers on the pages of a project.
fn commands<G: Grant>(member: &Inside<G>, project: &Project) -> Vec<Command> {
    let below = |path: &str| member.link(&format!("/projects/{}{path}", project.id));
    let may = |permission| member.scope().permissions().contains(permission);
    let mut commands = vec![
        Command::link(&project.name, "Board", below("")),
        Command::link(&project.name, "Tasks as a list", below("/list")),
    ];
    if may(Permission::WriteTasks) && project.archived_at.is_none() {
        commands.insert(0, Command::link(&project.name, "Write a task", below("/tasks/new")).alias(&["new task"]));
    }
    if may(Permission::WriteProjects) {
        let settings = Command::link(&project.name, "Project settings", below("/settings"));
        commands.push(settings.alias(&["commands", "limits", "token", "network"]));
    }
    commands
}

fn row(project: &Project) -> list::Project {
    list::Project {
        id: project.id.to_string(),
        name: project.name.clone(),
        source: project.repository_url.clone().unwrap_or_else(|| project.source.label().to_owned()),
        repository: repository(&project.repository),
        open: project.counts.open,
        in_progress: project.counts.in_progress,
        in_review: project.counts.in_review,
        last_change: project.counts.last_change.unwrap_or(project.created_at),
    }
}

pub(crate) async fn projects(member: Inside<ReadProjects>, State(app): State<App>) -> Answer {
    let projects = app.muster.projects(&member).await?;
    let archived = app.muster.archived_projects(&member).await?;
    let shell = shell::inside(&app, &member, Section::Projects, "Projects").await?;
    let data = Projects { projects: projects.iter().map(row).collect(), archived: archived.iter().map(row).collect() };
    html(list::page(&shell, &data))
}

async fn draw_new(app: &App, member: &Inside<WriteProjects>, data: NewProject) -> Result<String, Failure> {
    let shell = shell_under(app, member, None, "New project").await?;
    let local = app.muster.settings().allow_local_repositories;
    Ok(new::page(&shell, &NewProject { local, ..data }))
}

#[derive(Deserialize)]
pub(crate) struct NewQuery {
    #[serde(default)]
    source: String,
}

pub(crate) async fn new_project(
    member: Inside<WriteProjects>,
    State(app): State<App>,
    Query(query): Query<NewQuery>,
) -> Answer {
    let from = From::parse(&query.source).unwrap_or_default();
    html(draw_new(&app, &member, NewProject { from, ..NewProject::default() }).await?)
}

#[derive(Deserialize)]
pub(crate) struct NewForm {
    #[serde(default)]
    source: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    credential_user: String,
    #[serde(default)]
    credential_token: String,
}

/// Adds the project under the name that was typed, or the one its source suggests.
async fn add(
    app: &App,
    member: &Inside<WriteProjects>,
    name: &str,
    source: Result<Source, Error>,
    credential: Option<&RepositoryCredential>,
) -> Result<ProjectId, Error> {
    let source = source?;
    let name = if name.trim().is_empty() { source.default_name() } else { name.to_owned() };
    app.muster.create_project_with(member, &name, &source, credential).await
}

async fn added(app: &App, member: &Inside<WriteProjects>, made: Result<ProjectId, Error>, data: NewProject) -> Answer {
    match made {
        Ok(id) => done(app, &member.link(&format!("/projects/{id}")), "project_added"),
        Err(error) => {
            let errors = form_errors(error)?;
            again(draw_new(app, member, NewProject { errors, ..data }).await?)
        }
    }
}

pub(crate) async fn create_project(
    member: Inside<WriteProjects>,
    State(app): State<App>,
    Form(form): Form<NewForm>,
) -> Answer {
    let from = From::parse(&form.source).unwrap_or_default();
    let source = match from {
        From::Sample => Ok(Source::Sample),
        From::Empty => Ok(Source::Empty),
        From::Git => Source::git(&form.url, app.muster.settings().allow_local_repositories),
        // A file comes with the form of its own.
        From::Archive => Archive::new("", Vec::new()).map(Source::Archive),
    };
    let credential = match from {
        From::Git => RepositoryCredential::parse(&form.credential_user, &form.credential_token),
        From::Sample | From::Empty | From::Archive => Ok(None),
    };
    let made = match credential {
        Ok(credential) => add(&app, &member, &form.name, source, credential.as_ref()).await,
        Err(error) => Err(error),
    };
    let data = NewProject { from, name: form.name, url: form.url, user: form.credential_user, ..NewProject::default() };
    added(&app, &member, made, data).await
}

/// The fields of the form with the file: the name, and the archive.
async fn uploaded(form: Result<Multipart, MultipartRejection>) -> Result<(String, Result<Archive, Error>), Error> {
    let unreadable = || {
        Error::Invalid(vec![types::FieldError {
            field: "archive".to_owned(),
            message: "The upload broke off, or is larger than 32 MiB. Try it again.".to_owned(),
        }])
    };
    let mut form = form.map_err(|_| unreadable())?;
    let (mut name, mut archive) = (String::new(), Archive::new("", Vec::new()));
    while let Some(field) = form.next_field().await.map_err(|_| unreadable())? {
        match field.name() {
            Some("name") => name = field.text().await.map_err(|_| unreadable())?,
            Some("archive") => {
                let file = field.file_name().unwrap_or_default().to_owned();
                archive = Archive::new(&file, field.bytes().await.map_err(|_| unreadable())?.into());
            }
            _ => {}
        }
    }
    Ok((name, archive))
}

pub(crate) async fn upload_project(
    member: Inside<WriteProjects>,
    State(app): State<App>,
    form: Result<Multipart, MultipartRejection>,
) -> Answer {
    let (name, made) = match uploaded(form).await {
        Ok((name, archive)) => {
            let made = add(&app, &member, &name, archive.map(Source::Archive), None).await;
            (name, made)
        }
        Err(error) => (String::new(), Err(error)),
    };
    added(&app, &member, made, NewProject { from: From::Archive, name, ..NewProject::default() }).await
}
