//! What a project is set to, its credential, and putting it away.

use axum::{
    Form,
    extract::{Path, State},
};
use orchestrator::{
    Error,
    grants::{ReadProjects, WriteProjects},
    work::{Commands, Limits, Project, ProjectSettings, RepositoryCredential},
};
use serde::Deserialize;

use super::{
    projects::{ProjectPath, head, shell_under},
    require,
};
use crate::{
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, done, form_errors, html},
    pages::projects::settings::{self, Access, Input, Settings},
    request::Inside,
    state::App,
};

async fn draw_settings(
    app: &App,
    member: &Inside<WriteProjects>,
    project: &Project,
    typed: Option<(Input, Errors)>,
) -> Result<String, Failure> {
    let shell = shell_under(app, member, Some(project), "Settings").await?;
    let any = project.commands != Commands::default();
    let (input, errors) = typed.unwrap_or_else(|| (input(project), Errors::new()));
    let data = Settings {
        project: head(project),
        input,
        detected: any && project.commands_edited_at.is_none(),
        access: project.repository_url.clone().map(|url| access(project, url)),
        errors,
    };
    Ok(settings::page(&shell, &data))
}

fn access(project: &Project, url: String) -> Access {
    let kept = project.credential.as_ref().map(|kept| (kept.user.clone(), kept.hint.clone()));
    let user = kept.as_ref().map(|(user, _)| user.clone()).unwrap_or_default();
    Access { url, kept, user }
}

#[derive(Deserialize)]
pub(crate) struct CredentialForm {
    #[serde(default)]
    credential_user: String,
    #[serde(default)]
    credential_token: String,
}

pub(crate) async fn keep_credential(
    member: Inside<WriteProjects>,
    State(app): State<App>,
    Path(path): Path<ProjectPath>,
    Form(form): Form<CredentialForm>,
) -> Answer {
    let project = app.muster.project(&require::<_, ReadProjects>(&member)?, path.id()?).await?;
    let kept = match RepositoryCredential::parse(&form.credential_user, &form.credential_token) {
        Ok(Some(credential)) => app.muster.keep_credential(&member, project.id, &credential).await,
        Ok(None) => Err(Error::Invalid(vec![types::FieldError {
            field: "credential_token".to_owned(),
            message: "Enter a token.".to_owned(),
        }])),
        Err(error) => Err(error),
    };
    match kept {
        Ok(()) => done(&app, &member.link(&format!("/projects/{}/settings", project.id)), "credential_kept"),
        Err(error) => {
            let typed = (input(&project), form_errors(error)?);
            again(draw_settings(&app, &member, &project, Some(typed)).await?)
        }
    }
}

pub(crate) async fn remove_credential(
    member: Inside<WriteProjects>,
    State(app): State<App>,
    Path(path): Path<ProjectPath>,
) -> Answer {
    let id = path.id()?;
    app.muster.remove_credential(&member, id).await?;
    done(&app, &member.link(&format!("/projects/{id}/settings")), "credential_removed")
}

fn input(project: &Project) -> Input {
    let command = |command: &Option<String>| command.clone().unwrap_or_default();
    Input {
        name: project.name.clone(),
        description: project.description.clone(),
        default_branch: project.default_branch.clone(),
        setup_command: command(&project.commands.setup),
        build_command: command(&project.commands.build),
        test_command: command(&project.commands.test),
        egress_allow: project.egress_allow.join("\n"),
        models_inside: project.models_inside,
        allowed_models: project.allowed_models.join("\n"),
        cpu_millis: project.limits.cpu_millis.to_string(),
        memory_mb: project.limits.memory_mb.to_string(),
        pids: project.limits.pids.to_string(),
        disk_mb: project.limits.disk_mb.to_string(),
        wall_minutes: project.limits.wall_minutes.to_string(),
    }
}

pub(crate) async fn project_settings(
    member: Inside<WriteProjects>,
    State(app): State<App>,
    Path(path): Path<ProjectPath>,
) -> Answer {
    let project = app.muster.project(&require::<_, ReadProjects>(&member)?, path.id()?).await?;
    html(draw_settings(&app, &member, &project, None).await?)
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct SettingsForm {
    name: String,
    description: String,
    default_branch: String,
    setup_command: String,
    build_command: String,
    test_command: String,
    egress_allow: String,
    models_inside: String,
    allowed_models: String,
    cpu_millis: String,
    memory_mb: String,
    pids: String,
    disk_mb: String,
    wall_minutes: String,
}

impl SettingsForm {
    fn settings(&self) -> ProjectSettings {
        // What is no number is out of every range, and refused with the range beside its field.
        let number = |text: &str| text.trim().parse().unwrap_or(i32::MIN);
        let command = |text: &str| Some(text.to_owned());
        ProjectSettings {
            name: self.name.clone(),
            description: self.description.clone(),
            default_branch: self.default_branch.clone(),
            commands: Commands {
                setup: command(&self.setup_command),
                build: command(&self.build_command),
                test: command(&self.test_command),
            },
            egress_allow: self.egress_allow.split([',', '\n']).map(str::to_owned).collect(),
            models_inside: self.models_inside == "yes",
            allowed_models: self.allowed_models.split([',', '\n']).map(str::to_owned).collect(),
            limits: Limits {
                cpu_millis: number(&self.cpu_millis),
                memory_mb: number(&self.memory_mb),
                pids: number(&self.pids),
                disk_mb: number(&self.disk_mb),
                wall_minutes: number(&self.wall_minutes),
            },
        }
    }

    fn into_input(self) -> Input {
        Input {
            name: self.name,
            description: self.description,
            default_branch: self.default_branch,
            setup_command: self.setup_command,
            build_command: self.build_command,
            test_command: self.test_command,
            egress_allow: self.egress_allow,
            models_inside: self.models_inside == "yes",
            allowed_models: self.allowed_models,
            cpu_millis: self.cpu_millis,
            memory_mb: self.memory_mb,
            pids: self.pids,
            disk_mb: self.disk_mb,
            wall_minutes: self.wall_minutes,
        }
    }
}

pub(crate) async fn update_project(
    member: Inside<WriteProjects>,
    State(app): State<App>,
    Path(path): Path<ProjectPath>,
    Form(form): Form<SettingsForm>,
) -> Answer {
    let project = app.muster.project(&require::<_, ReadProjects>(&member)?, path.id()?).await?;
    match app.muster.update_project(&member, project.id, &form.settings()).await {
        Ok(()) => done(&app, &member.link(&format!("/projects/{}/settings", project.id)), "project_saved"),
        Err(error) => {
            let errors = form_errors(error)?;
            again(draw_settings(&app, &member, &project, Some((form.into_input(), errors))).await?)
        }
    }
}

pub(crate) async fn archive_project(
    member: Inside<WriteProjects>,
    State(app): State<App>,
    Path(path): Path<ProjectPath>,
) -> Answer {
    app.muster.archive_project(&member, path.id()?).await?;
    done(&app, &member.link("/projects"), "project_archived")
}

pub(crate) async fn restore_project(
    member: Inside<WriteProjects>,
    State(app): State<App>,
    Path(path): Path<ProjectPath>,
) -> Answer {
    let id = path.id()?;
    app.muster.restore_project(&member, id).await?;
    done(&app, &member.link(&format!("/projects/{id}")), "project_restored")
}
