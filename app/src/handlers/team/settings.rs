use axum::{Form, extract::State};
use orchestrator::grants::ManageTeam;
use serde::Deserialize;

use crate::{
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, done, form_errors, html, shell},
    layout::shell::Section,
    pages::team::settings::{Settings, page},
    request::Inside,
    state::App,
};

async fn draw(
    app: &App,
    member: &Inside<ManageTeam>,
    name: &str,
    slug: &str,
    errors: Errors,
) -> Result<String, Failure> {
    let shell = shell::inside(app, member, Section::Settings, "Settings").await?;
    let data = Settings { host: shell::host(app), name: name.to_owned(), slug: slug.to_owned(), errors };
    Ok(page(&shell, &data))
}

pub(crate) async fn settings(member: Inside<ManageTeam>, State(app): State<App>) -> Answer {
    html(draw(&app, &member, &member.team.name, &member.team.slug, Errors::new()).await?)
}

#[derive(Deserialize)]
pub(crate) struct SettingsForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    slug: String,
}

pub(crate) async fn rename_team(
    member: Inside<ManageTeam>,
    State(app): State<App>,
    Form(form): Form<SettingsForm>,
) -> Answer {
    match app.muster.rename_team(&member, &form.name, &form.slug).await {
        Ok(team) => done(&app, &format!("/{}/settings", team.slug), "team_renamed"),
        Err(error) => {
            let errors = form_errors(error)?;
            again(draw(&app, &member, &form.name, &form.slug, errors).await?)
        }
    }
}
